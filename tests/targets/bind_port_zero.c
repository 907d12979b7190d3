/* SPDX-License-Identifier: MIT
 *
 * A port that the kernel chooses; a bind() refused because of it.
 */
#include "tests/targets/target.h"

int main(void)
{
    struct sockaddr_in address;
    int listener = listen_loopback(&address);
    int second = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    must_fail(bind(second, (struct sockaddr *)&address, sizeof address), EADDRINUSE, "bind");
    must(close(second), "close");
    must(close(listener), "close");
    return 0;
}
