/* SPDX-License-Identifier: MIT
 *
 * Listens with a backlog of 1; nearly: of SOMAXCONN.
 */
#include "tests/doctor/targets/doctor_target.h"

int main(int argc, char **argv)
{
    bool nearly = is_nearly(argc, argv);

    struct sockaddr_in address;
    int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    bind_loopback(fd, &address);
    must(listen(fd, nearly ? SOMAXCONN : 1), "listen");
    return close(fd);
}
