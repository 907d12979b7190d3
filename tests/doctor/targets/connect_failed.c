/* SPDX-License-Identifier: MIT
 *
 * Connects to a port of 127.0.0.1 that nobody listens on; nearly: tries it again when somebody does.
 */
#include "tests/doctor/targets/doctor_target.h"

int main(int argc, char **argv)
{
    bool nearly = is_nearly(argc, argv);

    struct sockaddr_in address;
    int bound = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    bind_loopback(bound, &address);
    int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    must_fail(connect(fd, (struct sockaddr *)&address, sizeof address), ECONNREFUSED, "connect");
    close(fd);
    if (nearly) {
        must(listen(bound, SOMAXCONN), "listen");
        close(connect_to(&address));
    }
    return close(bound);
}
