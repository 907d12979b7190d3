/* SPDX-License-Identifier: MIT
 *
 * connect() to a port where nothing listens.
 */
#include "tests/targets/target.h"

int main(void)
{
    struct sockaddr_in address;
    int bound = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    bind_loopback(bound, &address);
    int client = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    must_fail(connect(client, (struct sockaddr *)&address, sizeof address), ECONNREFUSED, "connect");
    must(close(client), "close");
    return 0;
}
