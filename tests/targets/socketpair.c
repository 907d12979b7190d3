/* SPDX-License-Identifier: MIT
 *
 * A pair of unix sockets and three bytes.
 */
#include "tests/targets/target.h"

int main(void)
{
    int pair[2];
    char bytes[4];
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "socketpair");
    must((int)send(pair[0], "abc", 3, 0), "send");
    must((int)recv(pair[1], bytes, sizeof bytes, 0), "recv");
    must(close(pair[0]), "close");
    must(close(pair[1]), "close");
    return 0;
}
