/* SPDX-License-Identifier: MIT
 *
 * Closes a connection with SO_LINGER {on, 0}; nearly: {on, 1}.
 */
#include "tests/doctor/targets/doctor_target.h"

int main(int argc, char **argv)
{
    bool nearly = is_nearly(argc, argv);

    struct sockaddr_in address;
    struct linger linger = {.l_onoff = 1, .l_linger = nearly ? 1 : 0};
    int listener = serve(&address), client = connect_to(&address), server = accept_one(listener);
    must(setsockopt(client, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), "SO_LINGER");
    close(client);
    close(server);
    return close(listener);
}
