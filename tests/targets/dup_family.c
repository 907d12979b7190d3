/* SPDX-License-Identifier: MIT
 *
 * One socket under many numbers; dup2() over another socket closes that.
 */
#include "tests/targets/target.h"

#include <fcntl.h>

int main(void)
{
    int first = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
    int other = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
    int copy = must(dup(first), "dup");
    must(dup2(first, other), "dup2");
    must(dup3(first, copy + 10, O_CLOEXEC), "dup3");
    must(fcntl(first, F_DUPFD_CLOEXEC, copy + 20), "F_DUPFD_CLOEXEC");
    must(close(first), "close");
    must(close(copy), "close");
    return 0;
}
