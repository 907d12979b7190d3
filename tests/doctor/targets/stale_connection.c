/* SPDX-License-Identifier: MIT
 *
 * Asks again on a connection that its server closed 600 ms before; nearly: on one that it closed just now.
 */
#include "tests/doctor/targets/doctor_target.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>

enum { IDLE_MS = 600 };

int main(int argc, char **argv)
{
    bool nearly = is_nearly(argc, argv);

    struct sockaddr_in address;
    char text[8] = "request";
    int listener = serve(&address), client = connect_to(&address), server = accept_one(listener);
    signal(SIGPIPE, SIG_IGN);
    must((int)write(client, text, sizeof text), "write");
    must((int)read(server, text, sizeof text), "read");
    must((int)write(server, text, sizeof text), "write");
    must((int)read(client, text, sizeof text), "read");
    close(server);
    if (!nearly)
        poll(NULL, 0, IDLE_MS);
    must((int)write(client, text, sizeof text), "write");
    if (write(client, text, sizeof text) >= 0 || errno != EPIPE)
        return 1;
    close(client);
    return close(listener);
}
