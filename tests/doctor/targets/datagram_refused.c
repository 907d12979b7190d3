/* SPDX-License-Identifier: MIT
 *
 * Sends datagrams to a port that nobody has, and is told so; nearly: to one that somebody has.
 */
#include "tests/doctor/targets/doctor_target.h"

#include <errno.h>

int main(int argc, char **argv)
{
    struct sockaddr_in address;
    char text[] = "hello";
    int receiver = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
    bind_loopback(receiver, &address);
    int sender = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
    must(connect(sender, (const struct sockaddr *)&address, sizeof address), "connect");
    if (!is_nearly(argc, argv))
        close(receiver);
    must((int)send(sender, text, sizeof text, 0), "send");
    if (is_nearly(argc, argv))
        return 0;
    must_fail((int)send(sender, text, sizeof text, 0), ECONNREFUSED, "send");
    return close(sender);
}
