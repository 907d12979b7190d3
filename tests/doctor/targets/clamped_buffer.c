/* SPDX-License-Identifier: MIT
 *
 * Asks for a gigabyte of buffer; nearly: for what it gets.
 */
#include "tests/doctor/targets/doctor_target.h"

int main(int argc, char **argv)
{
    bool nearly = is_nearly(argc, argv);

    int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    set_option(fd, SOL_SOCKET, SO_RCVBUF, nearly ? 16384 : 0x3fffffff);
    return close(fd);
}
