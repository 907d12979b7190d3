/* SPDX-License-Identifier: MIT
 *
 * Binds a port that another of its sockets listens on; nearly: then takes a free one.
 */
#include "tests/doctor/targets/doctor_target.h"

int main(int argc, char **argv)
{
    bool nearly = is_nearly(argc, argv);

    struct sockaddr_in address, other = loopback(0);
    int listener = serve(&address);
    int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    must_fail(bind(fd, (struct sockaddr *)&address, sizeof address), EADDRINUSE, "bind");
    if (nearly)
        must(bind(fd, (struct sockaddr *)&other, sizeof other), "bind");
    close(fd);
    return close(listener);
}
