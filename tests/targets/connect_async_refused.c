/* SPDX-License-Identifier: MIT
 *
 * A non-blocking connect() that is refused, learnt from SO_ERROR.
 */
#include "tests/targets/target.h"

#include <poll.h>

int main(void)
{
    struct sockaddr_in address;
    int error;
    socklen_t size = sizeof error;
    int bound = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    bind_loopback(bound, &address);
    int client = must(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");
    must_fail(connect(client, (struct sockaddr *)&address, sizeof address), EINPROGRESS, "connect");
    must(poll(&(struct pollfd){.fd = client, .events = POLLOUT}, 1, 20000), "poll");
    must(getsockopt(client, SOL_SOCKET, SO_ERROR, &error, &size), "getsockopt");
    must(close(client), "close");
    must(close(bound), "close");
    return error == ECONNREFUSED ? 0 : 1;
}
