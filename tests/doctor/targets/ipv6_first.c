/* SPDX-License-Identifier: MIT
 *
 * Tries ::1, where nobody listens, before 127.0.0.1; nearly: another port of it.
 */
#include "tests/doctor/targets/doctor_target.h"

#include <netinet/in.h>

int main(int argc, char **argv)
{
    bool nearly = is_nearly(argc, argv);

    struct sockaddr_in address, unrelated;
    int listener = serve(&address), other = serve(&unrelated);
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    six.sin6_port = nearly ? unrelated.sin_port : address.sin_port;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return 77; /* no IPv6 here */
    if (connect(fd, (struct sockaddr *)&six, sizeof six) == 0)
        return 77; /* somebody else listens there */
    close(fd);
    close(connect_to(&address));
    close(other);
    return close(listener);
}
