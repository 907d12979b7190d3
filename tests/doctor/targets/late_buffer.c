/* SPDX-License-Identifier: MIT
 *
 * Sets SO_RCVBUF after connect(); nearly: before.
 */
#include "tests/doctor/targets/doctor_target.h"

int main(int argc, char **argv)
{
    bool nearly = is_nearly(argc, argv);

    struct sockaddr_in address;
    int listener = serve(&address);
    int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    if (nearly)
        set_option(fd, SOL_SOCKET, SO_RCVBUF, 16384);
    must(connect(fd, (struct sockaddr *)&address, sizeof address), "connect");
    if (!nearly)
        set_option(fd, SOL_SOCKET, SO_RCVBUF, 16384);
    close(fd);
    return close(listener);
}
