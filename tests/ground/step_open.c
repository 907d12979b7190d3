/* SPDX-License-Identifier: MIT
 *
 * Steps about connections that nobody accepts: self.
 */
#include "tests/ground/play.h"

#include <netinet/in.h>
#include <string.h>

void step_self(void)
{
    int process = play_process(), fd;
    struct sockaddr_storage address;
    struct sock *sock = play_new(process, AF_INET, SOCK_STREAM, play_flags(), &fd);
    socklen_t size = play_inet_address(&address, AF_INET, false);
    play_bind(process, fd, &address, size);
    address = sock->address;
    struct cast_span begun;
    int result = play_connect(process, fd, &address, size, &begun);
    if (result < 0)
        cast_fail("actor %d: connect to itself: %s", process, strerror(-result));
    sock->established = cast_span(process);
    world_local(process, fd);
    sock->peer = sock->local;
    sock->role = "client";
    sock->state = "established";
    sock->connected = true;
    sock->other = sock;
    world_own(process, sock, RANK_USED);
    struct talk *talk = world_talk(sock, NULL, "exact");
    talk->to = process;
    talk->begun = begun;
}
