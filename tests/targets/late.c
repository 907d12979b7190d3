/* SPDX-License-Identifier: MIT
 *
 * late READY GO: makes a socket, opens the fifo READY for writing, waits until something is written to the fifo GO,
 * binds and closes the socket.
 */
#include "tests/targets/target.h"

#include <fcntl.h>

int main(int argc, char **argv)
{
    struct sockaddr_in address;
    char byte;
    if (argc != 3)
        return 2;
    int reserved = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    must(close(must(open(argv[1], O_WRONLY), argv[1])), "close");
    int fifo = must(open(argv[2], O_RDONLY), argv[2]);
    must((int)read(fifo, &byte, 1), "read");
    bind_loopback(reserved, &address);
    must(close(reserved), "close");
    return 0;
}
