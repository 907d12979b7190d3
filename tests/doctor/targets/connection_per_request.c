/* SPDX-License-Identifier: MIT
 *
 * Asks 30 questions over as many connections; nearly: over one.
 */
#include "tests/doctor/targets/doctor_target.h"

static void ask(int client, int server)
{
    char byte = 'x';
    if (write(client, &byte, 1) != 1 || read(server, &byte, 1) != 1 || write(server, &byte, 1) != 1 ||
        read(client, &byte, 1) != 1)
        exit(1);
}

int main(int argc, char **argv)
{
    bool nearly = is_nearly(argc, argv);

    struct sockaddr_in address;
    int listener = serve(&address), client = -1, server = -1;
    for (int i = 0; i < 30; i++) {
        if (client < 0) {
            client = connect_to(&address);
            server = accept_one(listener);
        }
        ask(client, server);
        if (!nearly) {
            close(client);
            close(server);
            client = -1;
        }
    }
    return close(listener);
}
