/* SPDX-License-Identifier: MIT
 *
 * A unix stream connection by an abstract name that the kernel chose (autobind).
 */
#include "tests/targets/target.h"

int main(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t size = sizeof address;
    int listener = must(socket(AF_UNIX, SOCK_SEQPACKET, 0), "socket");
    must(bind(listener, (struct sockaddr *)&address, sizeof(sa_family_t)), "bind");
    must(listen(listener, 2), "listen");
    must(getsockname(listener, (struct sockaddr *)&address, &size), "getsockname");
    int client = must(socket(AF_UNIX, SOCK_SEQPACKET, 0), "socket");
    must(connect(client, (struct sockaddr *)&address, size), "connect");
    must(close(client), "close");
    must(close(listener), "close");
    return 0;
}
