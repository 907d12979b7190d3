/* SPDX-License-Identifier: MIT
 *
 * Steps about processes and descriptors: start, fork, exec, spawn, kill, leave; dup, pass,
 * getfd, unshare, close.
 */
#include "tests/ground/network.h"
#include "tests/ground/play.h"

#include <errno.h>
#include <string.h>

void step_start(void)
{
    int channel = play_channel();
    if (channel >= 0) {
        pid_t pid = cast_start(channel, false);
        world_enter(channel, pid, -1, cast_span(channel));
    }
}

/* A program image that has not touched any socket has no log, so that nobody can know what its children hold. */
bool play_holds_unseen(int process)
{
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        if (world.processes[process].fds[fd].sock)
            return world.processes[process].silent;
    return false;
}

void step_fork(void)
{
    int channel = play_channel(), parent = play_process();
    if (!play_may_fork(parent) || play_holds_unseen(parent))
        return;
    play_fork(parent, channel);
}

/* Its counts tell who used an end of a pair; a kill or an exec would take them. */
static bool uses_pair(int process)
{
    for (unsigned i = 0; i < world.sockets_count; i++)
        if (strcmp(world.sockets[i]->role, "pair") == 0 && world.sockets[i]->user == process)
            return true;
    return false;
}

void step_exec(void)
{
    int process = play_process();
    if (uses_pair(process) || world.processes[process].inner) /* whose end nobody but its log could tell of */
        return;
    cast_send(process, &(struct order){.kind = ORDER_EXEC});
    cast_expect(process);
    world_exec(process);
}

void step_spawn(void)
{
    int channel = play_channel(), parent = play_process();
    if (!play_may_fork(parent) || play_holds_unseen(parent))
        return;
    bool by_vfork = play_chance(50);
    play(parent, ORDER_SPAWN, channel, by_vfork, 0, 0);
    pid_t pid = cast_expect(channel);
    struct cast_span start = {cast_span(parent).from, cast_span(channel).to};
    world_enter(channel, pid, parent, start);
    world_spawn(parent, channel, by_vfork);
}

/* One that has another pid than its neighbours know. */
void step_alone(void)
{
    int channel = play_channel();
    for (int i = 0; i < world.processes_count; i++)
        if (world.processes[i].inner)
            return; /* the next one would have the same pid */
    if (!network_is_own() || channel < 0)
        return;
    pid_t pid = cast_start(channel, true);
    world_enter(channel, pid, -1, cast_span(channel));
    world.processes[channel].inner = true;
    world.processes[channel].parent_told = false;
}

static int spare(void)
{
    return play_living() > 2 ? play_process() : -1;
}

int play_spare(void)
{
    int process = spare();
    bool may =
        process >= 0 && !uses_pair(process) && !world.processes[process].inner; /* whose end nobody can tell of */
    return may ? process : -1;
}

/* A connection one of whose ends is gone is not written to any more. */
void play_hush(void)
{
    for (unsigned i = 0; i < world.sockets_count; i++) {
        struct sock *sock = world.sockets[i];
        if (sock->other && !world_held(sock))
            sock->quiet = sock->other->quiet = true;
    }
}

/* It may be in accept() when it is killed. */
static void wait_for_nothing(int process)
{
    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        const struct sock *sock = world.processes[process].fds[fd].sock;
        if (!sock || strcmp(sock->role, "listener") != 0 || sock->backlog_count)
            continue;
        cast_send(process, &(struct order){.kind = ORDER_ACCEPT, .a = fd});
        return;
    }
}

void step_kill(void)
{
    int process = play_spare();
    if (process < 0)
        return;
    if (play_chance(40))
        wait_for_nothing(process);
    cast_kill(process);
    world_end(process, false);
    play_hush();
}

void step_leave(void)
{
    int process = spare();
    if (process < 0)
        return;
    cast_send(process, &(struct order){.kind = ORDER_EXIT, .a = play_chance(50)});
    cast_gone(process);
    world_end(process, true);
    play_hush();
}

/* Any descriptor of any process. */
static int any_descriptor(int process)
{
    int fds[DESCRIPTORS] = {0}, count = 0;
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        if (world.processes[process].fds[fd].sock)
            fds[count++] = fd;
    return count ? fds[step_random((unsigned)count)] : -1;
}

void step_dup(void)
{
    int process = play_process(), fd = any_descriptor(process);
    if (fd < 0)
        return;
    struct sock *sock = world.processes[process].fds[fd].sock;
    if ((sock->user >= 0 && sock->user != process) || !world_may_touch(process, sock))
        return;
    int copy = play(process, ORDER_DUP, fd, 0, 0, 0);
    world_hold(process, copy, sock, false);
    world_touch_fd(process, fd);
    world_touch_fd(process, copy);
    world.processes[process].fds[copy].handed = world.processes[process].fds[fd].handed;
}

unsigned play_descriptors(const struct sock *sock)
{
    unsigned count = sock->in_flight;
    for (int i = 0; i < world.processes_count; i++)
        for (int fd = 0; world.processes[i].alive && fd < DESCRIPTORS; fd++)
            count += world.processes[i].fds[fd].sock == sock;
    return count;
}

void step_close(void)
{
    int process = play_process(), fd = any_descriptor(process);
    if (fd < 0)
        return;
    struct sock *sock = world.processes[process].fds[fd].sock;
    /* A reset after a FIN hides the FIN, which the kernel counts as a byte, from all but a sole holder; and who does
     * not know that he is none takes the reset away from the others. */
    if (play_is_tcp(sock) && sock->connected && !sock->shut && play_descriptors(sock) == 1 &&
        world_may_touch(process, sock) && !(sock->other && sock->other->grabbed) && play_chance(40)) {
        play(process, ORDER_ABORTIVE, fd, 0, 0, 0);
        world_touch_fd(process, fd);
    }
    if (!world.processes[process].fds[fd].met)
        world_touch_fd(process, fd);
    play(process, ORDER_CLOSE, fd, 0, 0, 0);
    world_drop(process, fd, true);
    play_hush();
}

static bool can_carry(const struct sock *sock)
{
    return sock->family == AF_UNIX && sock->type == SOCK_STREAM && sock->other && !sock->quiet;
}

void step_pass(void)
{
    struct sock *carrier = play_socket(can_carry);
    if (!carrier)
        return;
    int sender = play_user(carrier), taker = play_user(carrier->other);
    if (sender < 0 || taker < 0)
        return;
    int fd = any_descriptor(sender);
    struct sock *sock = world.processes[sender].fds[fd].sock;
    if (sock == carrier || sock == carrier->other || (sock->user >= 0 && sock->user != sender) ||
        !world_may_touch(sender, sock))
        return;
    world_use(sender, carrier);
    world_touch_fd(sender, fd);
    world_own(sender, carrier, RANK_SENT);
    play(sender, ORDER_PASS, world_fd(sender, carrier), fd, 0, 0);
    carrier->sent++;
    if (play_chance(30)) { /* it lives on in the message alone */
        sock->in_flight++;
        play(sender, ORDER_CLOSE, fd, 0, 0, 0);
        world_drop(sender, fd, true);
        sock->in_flight--;
    }
    bool cloexec = play_chance(50);
    int taken = play(taker, ORDER_TAKE, world_fd(taker, carrier->other), cloexec ? MSG_CMSG_CLOEXEC : 0, 0, 0);
    carrier->other->received++;
    world_use(taker, carrier->other);
    world_own(taker, carrier->other, RANK_RECEIVED);
    world_hold(taker, taken, sock, cloexec);
    world_touch_fd(taker, taken);
    world.processes[taker].fds[taken].handed = true;
}

/* All that it has stays where it was made. */
void step_unshare(void)
{
    int process = play_process(), others = 0;
    for (int i = 0; i < world.processes_count; i++)
        others += world.processes[i].alive && world.processes[i].net == world.processes[process].net;
    if (!network_is_own() || others < 2)
        return;
    play(process, ORDER_LEAVE, 0, 0, 0, 0);
    network_prepare(process);
    world.processes[process].net = ++world.nets_count;
    world.processes[process].silent = false; /* that alone is worth a log */
    world.processes[process].known = true;
}

/* Refused as a whole. */
void step_range(void)
{
    int process = play_process();
    int result = cast_do(process, &(struct order){.kind = ORDER_RANGE, .a = 3, .b = 200, .c = 1 << 20}).result;
    if (result != -EINVAL)
        cast_fail("actor %d: close_range: %s", process, strerror(-result));
}

void step_getfd(void)
{
    int holder = play_process(), taker = play_process(), fd = any_descriptor(holder);
    if (fd < 0 || holder == taker || world.processes[holder].inner || world.processes[taker].inner)
        return;
    struct sock *sock = world.processes[holder].fds[fd].sock;
    if (sock->user >= 0)
        return;
    int got = play(taker, ORDER_GETFD, world.processes[holder].pid, fd, 0, 0);
    world_hold(taker, got, sock, true);
    sock->grabbed = true;
    world_touch_fd(taker, got);
    world.processes[taker].fds[got].handed = true;
}
