/* SPDX-License-Identifier: MIT
 *
 * A server that closes four connections with a request unread, so that the kernel resets them; nearly: one of four.
 */
#include "tests/doctor/targets/doctor_target.h"

enum { CONNECTIONS = 4 };

int main(int argc, char **argv)
{
    bool nearly = is_nearly(argc, argv);

    struct sockaddr_in address;
    int listener = serve(&address);
    for (int i = 0; i < CONNECTIONS; i++) {
        char text[8] = "request";
        int client = connect_to(&address), server = accept_one(listener);
        must((int)write(client, text, sizeof text), "write");
        if (nearly && i > 0)
            must((int)read(server, text, sizeof text), "read");
        close(server);
        ssize_t size = read(client, text, sizeof text);
        if (nearly && i > 0 ? size != 0 : size >= 0)
            return 1;
        close(client);
    }
    return close(listener);
}
