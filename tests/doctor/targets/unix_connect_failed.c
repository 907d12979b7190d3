/* SPDX-License-Identifier: MIT
 *
 * Connects to a unix socket that its server has left; nearly: tries it again when somebody listens there. `stopped`:
 * it listened there first.
 */
#include "tests/doctor/targets/doctor_target.h"

int main(int argc, char **argv)
{
    bool nearly = is_nearly(argc, argv);

    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "left.%d", (int)getpid());
    int server = must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    must(bind(server, (struct sockaddr *)&address, sizeof address), "bind");
    if (argc > 1 && !nearly) {
        must(listen(server, 1), "listen");
        must(close(server), "close");
    }
    int client = must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    must_fail(connect(client, (struct sockaddr *)&address, sizeof address), ECONNREFUSED, "connect");
    if (nearly) {
        must(listen(server, 1), "listen");
        must(connect(client, (struct sockaddr *)&address, sizeof address), "connect");
    }
    close(client);
    if (argc < 2 || nearly)
        close(server);
    return unlink(address.sun_path);
}
