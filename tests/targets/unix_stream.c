/* SPDX-License-Identifier: MIT
 *
 * A unix stream connection by path.
 */
#include "tests/targets/target.h"

int main(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int listener = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    must(bind(listener, (struct sockaddr *)&address, sizeof address), "bind");
    must(listen(listener, 2), "listen");
    int client = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    must(connect(client, (struct sockaddr *)&address, sizeof address), "connect");
    int server = must(accept(listener, NULL, NULL), "accept");
    must((int)write(client, "hi", 2), "write");
    must(close(client), "close");
    must(close(server), "close");
    must(close(listener), "close");
    return 0;
}
