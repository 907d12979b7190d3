/* SPDX-License-Identifier: MIT
 *
 * fcntl() as a program with 64-bit file offsets calls it.
 */
#define _FILE_OFFSET_BITS 64
#include "tests/targets/target.h"

#include <fcntl.h>

int main(void)
{
    int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    int copy = must(fcntl64(fd, F_DUPFD, 0), "F_DUPFD");
    must(fcntl64(fd, F_SETFL, O_NONBLOCK), "F_SETFL");
    must(close(copy), "close");
    must(close(fd), "close");
    return 0;
}
