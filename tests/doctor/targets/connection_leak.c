/* SPDX-License-Identifier: MIT
 *
 * Opens 150 connections, reads a byte from each and closes none; nearly: closes two of three.
 */
#include "tests/doctor/targets/doctor_target.h"

#include <time.h>

enum { CONNECTIONS = 150, CLOSED_OF = 3 };

int main(int argc, char **argv)
{
    bool nearly = is_nearly(argc, argv);

    static const struct timespec between = {.tv_nsec = 2000000}; /* the kernel counts milliseconds */
    struct sockaddr_in address;
    int listener = serve(&address), clients[CONNECTIONS];
    char byte = 'x';
    for (int i = 0; i < CONNECTIONS; i++) {
        clients[i] = connect_to(&address);
        int server = accept_one(listener);
        if (write(server, &byte, 1) != 1 || read(clients[i], &byte, 1) != 1)
            return 1;
        if (nearly && i % CLOSED_OF != 0)
            close(clients[i]);
        nanosleep(&between, NULL);
    }
    return 0; /* with all that is left open */
}
