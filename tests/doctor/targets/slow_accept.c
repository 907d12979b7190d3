/* SPDX-License-Identifier: MIT
 *
 * Accepts 10 connections 150 ms after their clients are connected; nearly: 4 of them, and the others at once.
 */
#include "tests/doctor/targets/doctor_target.h"

#include <poll.h>

enum { CLIENTS = 10, LATE = 4, LATE_MS = 150 };

int main(int argc, char **argv)
{
    bool nearly = is_nearly(argc, argv);
    int clients[CLIENTS];
    struct sockaddr_in address;
    int listener = serve(&address);
    for (int i = 0; i < CLIENTS; i++)
        if (!nearly || i < LATE)
            clients[i] = connect_to(&address);
    poll(NULL, 0, LATE_MS);
    for (int i = 0; i < CLIENTS; i++) {
        if (nearly && i >= LATE)
            clients[i] = connect_to(&address);
        close(accept_one(listener));
        close(clients[i]);
    }
    return close(listener);
}
