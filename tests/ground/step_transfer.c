/* SPDX-License-Identifier: MIT
 *
 * Steps about what goes over connections and pairs: transfer, shutdown, pair.
 */
#include "tests/ground/play.h"

#include <string.h>

static bool can_talk(const struct sock *sock)
{
    return sock->other && !sock->quiet && (sock->type != SOCK_DGRAM || strcmp(sock->role, "pair") == 0);
}

static void transfer(struct sock *from)
{
    struct sock *to = from->other;
    int sender = play_user(from), receiver = to == from ? sender : play_user(to);
    int bytes = 1 + (int)step_random(4000);
    if (sender < 0 || receiver < 0)
        return;
    play(sender, ORDER_SEND, world_fd(sender, from), bytes, 0, 0);
    int received = play(receiver, ORDER_RECEIVE, world_fd(receiver, to), bytes, 0, 0);
    if (received != bytes)
        cast_fail("actor %d: received %d of %d bytes", receiver, received, bytes);
    world_use(sender, from);
    world_use(receiver, to);
    world_own(sender, from, RANK_SENT);
    world_own(receiver, to, RANK_RECEIVED);
    from->sent += (unsigned)bytes;
    to->received += (unsigned)bytes;
}

void step_transfer(void)
{
    struct sock *sock = play_socket(can_talk);
    if (sock)
        transfer(sock);
}

static bool can_shut(const struct sock *sock)
{
    return sock->other && !sock->quiet && sock->type == SOCK_STREAM && sock->other != sock &&
           strcmp(sock->role, "pair") != 0;
}

void step_shutdown(void)
{
    struct sock *sock = play_socket(can_shut);
    int process = sock ? play_user(sock) : -1;
    if (process < 0 || !world_held(sock->other))
        return;
    play(process, ORDER_SHUTDOWN, world_fd(process, sock), SHUT_WR, 0, 0);
    world_use(process, sock);
    sock->quiet = sock->other->quiet = true;
    sock->shut = sock->other->shut = true;
}

/* Both ends are used at once, by whoever is to use them. */
void step_pair(void)
{
    static const int types[] = {SOCK_STREAM, SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    int process = play_process(), type = types[step_random(4)], extra = play_flags();
    struct answer made = cast_do(process, &(struct order){.kind = ORDER_PAIR, .a = type | extra});
    if (made.result < 0)
        cast_fail("socketpair: %s", strerror(-made.result));
    struct sock *ends[2];
    for (int i = 0; i < 2; i++) {
        ends[i] = world_socket(process, i ? made.second : made.result, AF_UNIX, type, 0, extra & SOCK_CLOEXEC);
        ends[i]->role = "pair";
        ends[i]->state = "established";
        ends[i]->local.known = ends[i]->peer.known = true;
        ends[i]->local.port = ends[i]->peer.port = -1;
        ends[i]->user = process;
        ends[i]->established = ends[i]->opened;
    }
    ends[0]->other = ends[1];
    ends[1]->other = ends[0];
    int channel = play_channel();
    if (play_may_fork(process) && play_chance(60)) {
        play_fork(process, channel);
        int theirs = (int)step_random(2);
        ends[theirs]->user = channel;
        if (play_chance(70)) {
            play(channel, ORDER_CLOSE, world_fd(channel, ends[1 - theirs]), 0, 0, 0);
            world_drop(channel, world_fd(channel, ends[1 - theirs]), true);
        }
        if (play_chance(70)) {
            play(process, ORDER_CLOSE, world_fd(process, ends[theirs]), 0, 0, 0);
            world_drop(process, world_fd(process, ends[theirs]), true);
        }
    }
    transfer(ends[step_random(2)]);
    bool second_begins = ends[1]->owner == process && ends[0]->owner != process;
    struct talk *talk = world_talk(ends[second_begins], ends[!second_begins], "pair");
    talk->served = (struct name){.known = false};
    talk->from = ends[second_begins]->owner;
    talk->to = ends[!second_begins]->owner;
    talk->begun = ends[0]->opened;
}
