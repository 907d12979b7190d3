/* SPDX-License-Identifier: MIT
 *
 * Connects with a setting that was refused; nearly: sees it and asks for less.
 */
#include "tests/doctor/targets/doctor_target.h"

#include <netinet/tcp.h>

int main(int argc, char **argv)
{
    bool nearly = is_nearly(argc, argv);

    struct sockaddr_in address;
    int listener = serve(&address), value = 100000, less = 100;
    int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    must_fail(setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &value, sizeof value), EINVAL, "TCP_KEEPIDLE");
    if (nearly)
        must(setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &less, sizeof less), "TCP_KEEPIDLE");
    must(connect(fd, (struct sockaddr *)&address, sizeof address), "connect");
    close(fd);
    return close(listener);
}
