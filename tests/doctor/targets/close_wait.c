/* SPDX-License-Identifier: MIT
 *
 * Ends a second and more after its peer closed without closing too; nearly: closes.
 */
#include "tests/doctor/targets/doctor_target.h"

#include <poll.h>

int main(int argc, char **argv)
{
    bool nearly = is_nearly(argc, argv);

    struct sockaddr_in address;
    char byte;
    int listener = serve(&address), client = connect_to(&address), server = accept_one(listener);
    close(client);
    if (read(server, &byte, 1) != 0)
        return 1;
    if (nearly)
        close(server);
    poll(NULL, 0, 1200); /* what the rule takes for a leak */
    return 0;
}
