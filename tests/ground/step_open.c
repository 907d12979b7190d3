/* SPDX-License-Identifier: MIT
 *
 * Steps about connections that nobody accepts: self, both.
 */
#include "tests/ground/play.h"

#include <errno.h>
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

/* A simultaneous open. A connect() to where nobody listens is refused at once on this machine; one whose socket does
 * not hear the refusal still waits when the other comes. */
void step_both(void)
{
    int family = play_chance(50) ? AF_INET : AF_INET6, processes[2], fds[2];
    int net = world.processes[play_process()].net;
    struct sock *ends[2];
    struct cast_span begun[2];
    for (int i = 0; i < 2; i++) {
        struct sockaddr_storage address;
        processes[i] = play_process_in(net);
        ends[i] = play_new(processes[i], family, SOCK_STREAM, play_flags() | SOCK_NONBLOCK, &fds[i]);
        socklen_t size = play_inet_address(&address, family, false);
        play_bind(processes[i], fds[i], &address, size);
    }
    for (int i = 0; i < 2; i++) {
        int deaf = cast_do(processes[0], &(struct order){.kind = ORDER_DEAF, .a = fds[0], .b = i == 0}).result;
        if (deaf == -EPERM)
            return; /* no space for an ordinary user's filters */
        if (deaf < 0)
            cast_fail("actor %d: SO_ATTACH_FILTER: %s", processes[0], strerror(-deaf));
        struct order connect = {.kind = ORDER_CONNECT, .a = fds[i], .size = ends[1 - i]->address_size};
        connect.address = ends[1 - i]->address;
        int result = cast_do(processes[i], &connect).result;
        begun[i] = cast_span(processes[i]);
        if (result != -EINPROGRESS)
            cast_fail("actor %d: connect: %s", processes[i], strerror(-result));
    }
    for (int i = 0; i < 2; i++) {
        play(processes[i], ORDER_FINISH, fds[i], 0, 0, 0);
        /* Whichever call of its process found it first. */
        ends[i]->established = (struct cast_span){begun[1].from, cast_span(processes[i]).to};
        ends[i]->role = "client";
        ends[i]->state = "established";
        ends[i]->connected = true;
        ends[i]->peer = ends[1 - i]->local;
        ends[i]->other = ends[1 - i];
        world_own(processes[i], ends[i], RANK_USED);
    }
    struct talk *talk = world_talk(ends[0], ends[1], "exact");
    talk->begun = begun[0];
}
