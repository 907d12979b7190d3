/* SPDX-License-Identifier: MIT
 *
 * Steps about what goes over connections and pairs: transfer, shutdown, broken, flush, cross, pair.
 */
#include "tests/ground/play.h"

#include <errno.h>
#include <string.h>

static bool can_talk(const struct sock *sock)
{
    return sock->other && !sock->quiet && (sock->type != SOCK_DGRAM || strcmp(sock->role, "pair") == 0);
}

static int any_way(const struct sock *sock)
{
    enum way way = play_chance(40) ? WAY_PLAIN : (enum way)step_random(WAYS);
    bool whole = sock->type != SOCK_STREAM; /* a message, which these may split */
    return whole && (way == WAY_SENDFILE || way == WAY_SPLICE) ? WAY_PLAIN : (int)way;
}

void play_transfer(struct sock *from)
{
    struct sock *to = from->other;
    int sender = play_user(from), receiver = to == from ? sender : play_user(to);
    int bytes = 1 + (int)step_random(4000);
    if (sender < 0 || receiver < 0)
        return;
    play(sender, ORDER_SEND, world_fd(sender, from), bytes, any_way(from), 0);
    int received = play(receiver, ORDER_RECEIVE, world_fd(receiver, to), bytes, any_way(to), 0);
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
        play_transfer(sock);
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

/* ---- What is told late, or of nobody ---- */

static bool is_orphan(const struct sock *sock)
{
    return sock->other && sock->other != sock && sock->connected && sock->type == SOCK_STREAM && !sock->shut &&
           !sock->error && !world_held(sock->other);
}

/* What is sent to whoever is gone goes nowhere. */
void step_broken(void)
{
    struct sock *sock = play_socket(is_orphan);
    int process = sock ? play_user(sock) : -1;
    if (process < 0)
        return;
    int fd = world_fd(process, sock), bytes = 1 + (int)step_random(1000), result;
    if ((result = play_result(process, ORDER_SEND, fd, bytes)) == bytes) { /* it left, as far as anybody was told */
        sock->sent += (unsigned)bytes;
        play(process, ORDER_GONE, fd, 0, 0, 0);
        result = play_result(process, ORDER_SEND, fd, bytes);
    }
    if (result != -EPIPE && result != -ECONNRESET)
        cast_fail("actor %d: a send to nobody: %s", process, strerror(-result));
    world_use(process, sock);
    sock->error = -result;
    sock->quiet = sock->shut = true;
}

static bool can_flush(const struct sock *sock)
{
    return can_talk(sock) && sock->type == SOCK_STREAM && strcmp(sock->role, "pair") != 0 && sock->other != sock;
}

/* What a program writes by stdio goes when it ends. */
void step_flush(void)
{
    struct sock *sock = play_socket(can_flush);
    int process = sock ? play_user(sock) : -1, reader = sock ? play_user(sock->other) : -1;
    int bytes = 1 + (int)step_random(4000);
    if (process < 0 || reader < 0 || reader == process || play_living() <= 2 || sock->owner != process ||
        play_descriptors(sock) != 1) /* nobody sees what is flushed, nor that it takes a connection over */
        return;
    play(process, ORDER_BUFFER, world_fd(process, sock), bytes, 0, 0);
    world_use(process, sock);
    world_own(process, sock, RANK_SENT);
    cast_send(process, &(struct order){.kind = ORDER_EXIT});
    cast_gone(process);
    sock->flushed = true;
    world_end(process, true);
    int received = play(reader, ORDER_RECEIVE, world_fd(reader, sock->other), bytes, WAY_PLAIN, 0);
    if (received != bytes)
        cast_fail("actor %d: received %d of %d bytes", reader, received, bytes);
    world_use(reader, sock->other);
    world_own(reader, sock->other, RANK_RECEIVED);
    sock->other->received += (unsigned)bytes;
    play_hush();
}

static bool can_cross(const struct sock *sock)
{
    return can_talk(sock) && sock->family == AF_UNIX && sock->type == SOCK_STREAM && sock->other != sock;
}

/* While a thread still sends, its descriptor is closed and another socket gets the number. */
void step_cross(void)
{
    enum { MUCH = 1 << 20 };
    struct sock *sock = play_socket(can_cross);
    int sender = sock ? play_user(sock) : -1, receiver = sock ? play_user(sock->other) : -1;
    if (sender < 0 || receiver < 0 || sender == receiver || play_descriptors(sock) != 1 ||
        world.processes[sender].inner) /* whose /proc does not show its threads */
        return;
    int fd = world_fd(sender, sock);
    world_use(sender, sock);
    world_own(sender, sock, RANK_SENT);
    int other = play(sender, ORDER_CROSS, fd, MUCH, 0, 0);
    world_drop(sender, fd, true);
    world_socket(sender, other, AF_UNIX, SOCK_STREAM, 0, false);
    int received = play(receiver, ORDER_RECEIVE, world_fd(receiver, sock->other), MUCH, WAY_PLAIN, 0);
    int sent = play(sender, ORDER_JOIN, 0, 0, 0, 0);
    if (received != MUCH || sent != MUCH)
        cast_fail("actor %d: received %d of %d bytes", receiver, received, sent);
    sock->sent += MUCH;
    sock->other->received += MUCH;
    world_use(receiver, sock->other);
    world_own(receiver, sock->other, RANK_RECEIVED);
    play(sender, ORDER_CLOSE, other, 0, 0, 0);
    world_drop(sender, other, true);
    play_hush();
}

/* ---- Pairs ---- */

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
    play_transfer(ends[step_random(2)]);
    bool second_begins = ends[1]->owner == process && ends[0]->owner != process;
    struct talk *talk = world_talk(ends[second_begins], ends[!second_begins], "pair");
    talk->served = (struct name){.known = false};
    talk->from = ends[second_begins]->owner;
    talk->to = ends[!second_begins]->owner;
    talk->begun = ends[0]->opened;
}
