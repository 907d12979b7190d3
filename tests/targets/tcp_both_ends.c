/* SPDX-License-Identifier: MIT
 *
 * One process, both ends of a TCP connection: five bytes one way.
 */
#include "tests/targets/target.h"

int main(void)
{
    struct sockaddr_in address;
    char bytes[8];
    int listener = listen_loopback(&address);
    int client = connect_to(&address);
    int server = must(accept4(listener, NULL, NULL, SOCK_NONBLOCK), "accept4");
    must((int)write(client, "hello", 5), "write");
    must((int)read(server, bytes, sizeof bytes), "read");
    must(close(client), "close");
    must(close(server), "close");
    must(close(listener), "close");
    return 0;
}
