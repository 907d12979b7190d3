/* SPDX-License-Identifier: MIT
 *
 * Asks a server that answers after 1.1 s; nearly: after 0.1 s.
 */
#include "tests/doctor/targets/doctor_target.h"

#include <time.h>

int main(int argc, char **argv)
{
    bool nearly = is_nearly(argc, argv);

    struct timespec thought = {.tv_sec = nearly ? 0 : 1, .tv_nsec = 100000000};
    struct sockaddr_in address;
    int listener = serve(&address), client = connect_to(&address), server = accept_one(listener);
    char byte = 'x';
    if (write(client, &byte, 1) != 1 || read(server, &byte, 1) != 1 || nanosleep(&thought, NULL) != 0 ||
        write(server, &byte, 1) != 1 || read(client, &byte, 1) != 1)
        return 1;
    close(client);
    close(server);
    return close(listener);
}
