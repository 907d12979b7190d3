/* SPDX-License-Identifier: MIT
 *
 * static_client PORT MS: statically linked; sends "hello" to a server on the loopback, reads until it has 3 bytes, and
 * holds the connection for so many milliseconds more. No server: status 1.
 */
#include "tests/targets/target.h"

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char answer[3];
    if (argc != 3)
        return 2;
    address.sin_port = htons((uint16_t)atoi(argv[1]));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) < 0)
        return 1;
    if (send(fd, "hello", 5, 0) != 5 || recv(fd, answer, sizeof answer, MSG_WAITALL) != sizeof answer)
        return 1;
    usleep((useconds_t)atoi(argv[2]) * 1000);
    return close(fd);
}
