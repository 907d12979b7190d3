/* SPDX-License-Identifier: MIT
 *
 * shutdown() of one half, and of a socket that has no peer.
 */
#include "tests/targets/target.h"

int main(void)
{
    struct sockaddr_in address;
    int listener = listen_loopback(&address);
    int client = connect_to(&address);
    must(shutdown(client, SHUT_WR), "shutdown");
    int alone = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    must_fail(shutdown(alone, SHUT_RDWR), ENOTCONN, "shutdown");
    must(close(alone), "close");
    must(close(client), "close");
    must(close(listener), "close");
    return 0;
}
