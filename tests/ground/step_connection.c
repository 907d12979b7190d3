/* SPDX-License-Identifier: MIT
 *
 * Steps about connections to listeners: connect, accept.
 */
#include "tests/ground/play.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static bool is_listener(const struct sock *sock)
{
    return strcmp(sock->role, "listener") == 0 && sock->backlog_count < 60;
}

/* Which of a SO_REUSEPORT group the kernel gave a connection to: they have no other waiting. */
static struct sock *chosen_of_group(struct sock *listener)
{
    for (unsigned i = 0; i < world.sockets_count; i++) {
        struct sock *member = world.sockets[i];
        if (!member->grouped || !world_held(member) || member->local.port != listener->local.port ||
            member->net != listener->net)
            continue;
        int process = play_holder(member);
        if (cast_look(process, world_fd(process, member)).readable)
            return member;
    }
    cast_fail("no member of the group has the connection");
}

/* ---- Connecting ---- */

/* Addresses that lead to the listener. */
static socklen_t way_to(const struct sock *listener, struct sockaddr_storage *out)
{
    *out = listener->address;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
    struct sockaddr_in *in = (struct sockaddr_in *)out;
    if (listener->family == AF_INET && in->sin_addr.s_addr == htonl(INADDR_ANY))
        in->sin_addr.s_addr = htonl(play_chance(70) ? INADDR_LOOPBACK : INADDR_LOOPBACK + 1);
    if (listener->family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr)) {
        in_port_t port = in6->sin6_port;
        if (!listener->only6 && play_chance(40)) {
            *in = (struct sockaddr_in){
                .sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
            return sizeof *in;
        }
        if (!listener->only6 && play_chance(50))
            inet_pton(AF_INET6, "::ffff:127.0.0.1", &in6->sin6_addr);
        else
            in6->sin6_addr = in6addr_loopback;
    }
    return listener->address_size;
}

/* Clients that ended with a reset left their tuple free. */
static bool used_tuple(const struct sock *listener, const struct name *served, struct sockaddr_storage *out,
                       socklen_t *size)
{
    for (unsigned i = 0; i < world.sockets_count; i++) {
        const struct sock *sock = world.sockets[i];
        /* Of a FIN and a reset, which the same tuple brings on the old one, the kernel leaves no trace but a byte too
         * many where data was received. */
        if (sock->other && world_held(sock->other) && (sock->other->received || sock->other->grabbed))
            continue;
        if (!play_is_tcp(sock) || !sock->connected || strcmp(sock->role, "client") != 0 || world_held(sock) ||
            sock->net != listener->net || sock->peer.port != served->port ||
            strcmp(sock->peer.text, served->text) != 0 || listener->local.port != served->port)
            continue;
        *out = sock->address;
        *size = sock->address_size;
        return true;
    }
    return false;
}

/* Binds the client's end; false where the kernel does not let it. */
static bool bind_client(int process, int fd, struct sock *client, const struct sock *listener,
                        const struct sockaddr_storage *to)
{
    struct sockaddr_storage address;
    socklen_t size = 0;
    if (client->family == AF_UNIX) {
        size = play_unix_address(&address, play_chance(50));
    } else {
        play(process, ORDER_OPTION, fd, SOL_SOCKET, SO_REUSEADDR, 1);
        if (!used_tuple(listener, &client->peer, &address, &size) || address.ss_family != to->ss_family) {
            size = play_inet_address(&address, to->ss_family, false);
            if (to->ss_family == AF_INET6) {
                address = *to;
                ((struct sockaddr_in6 *)&address)->sin6_port = 0;
            }
        }
    }
    struct order order = {.kind = ORDER_BIND, .a = fd, .size = size, .address = address};
    int result = cast_do(process, &order).result;
    if (result < 0) {
        client->error = -result;
        return false;
    }
    world_local(process, fd);
    client->state = "bound";
    return true;
}

static void give_up(int process, int fd)
{
    play(process, ORDER_CLOSE, fd, 0, 0, 0);
    world_drop(process, fd, true);
}

static void count_accepted(struct row *row)
{
    row->accepted++;
    if (++row->now > row->peak)
        row->peak = row->now;
    for (unsigned i = 0; i < world.sockets_count; i++)
        if (world.sockets[i]->accepted && world.sockets[i]->row == row && !world_openness(world.sockets[i]))
            row->peak_open = true;
}

static void accepted(int process, int fd, struct sock *listener, struct talk *talk, bool cloexec)
{
    struct sock *client = talk->client;
    struct sock *server = world_socket(process, fd, listener->family, listener->type, listener->protocol, cloexec);
    world_touch(process, listener);
    server->net = listener->net;
    server->role = "server";
    server->state = "established";
    server->connected = true;
    server->established = cast_span(process);
    server->local = listener->family == AF_UNIX ? listener->local : client->peer;
    server->peer = client->local;
    server->rank = RANK_USED;
    server->talk = talk;
    server->other = client;
    client->other = server;
    talk->server = server;
    talk->to = process;
    talk->match = listener->family == AF_UNIX ? "path" : "exact";
    server->accepted = true;
    server->row = listener->row;
    count_accepted(listener->row);
    if (!world_held(client))
        client->quiet = server->quiet = true;
    if (client->quiet)
        server->quiet = true;
}

/* What a connect() that went through means. */
static struct talk *connected(int process, int fd, struct sock *client, struct sock *listener, struct cast_span begun)
{
    client->role = "client";
    client->state = "established";
    client->connected = true;
    client->established = cast_span(process);
    world_own(process, client, RANK_USED);
    world_local(process, fd);
    struct talk *talk = world_talk(client, NULL, NULL);
    talk->to = listener->owner;
    talk->begun = begun;
    return talk;
}

/* A connection whose data comes with it, or before it is through; where the server takes that, and else after. */
static int connect_fast(int process, int fd, const struct order *order, struct cast_span *begun)
{
    int result = cast_do(process, order).result;
    *begun = cast_span(process);
    if (result == order->b || result == -EINPROGRESS) {
        int through = cast_do(process, &(struct order){.kind = ORDER_FINISH, .a = fd}).result;
        return through < 0 ? through : result == order->b ? result : 0;
    }
    return result;
}

static void receive_first(int process, struct talk *talk, int bytes)
{
    int received = play(process, ORDER_RECEIVE, world_fd(process, talk->server), bytes, 0, 0);
    if (received != bytes)
        cast_fail("actor %d: received %d of the first %d bytes", process, received, bytes);
    world_use(process, talk->server);
    talk->client->sent += (unsigned)bytes;
    talk->server->received += (unsigned)bytes;
}

void step_connect(void)
{
    struct sock *listener = play_socket(is_listener);
    if (!listener)
        return;
    struct sockaddr_storage to;
    socklen_t size = way_to(listener, &to);
    int process = play_process_near(listener), fd, worker = play_holder(listener), extra = play_flags();
    if (process < 0)
        return;
    if (listener->folder)
        play_folder(process, listener->by_descriptor ? ORDER_OPENED : ORDER_FOLDER, listener->folder);
    bool now = listener->grouped || (!listener->backlog_count && play_chance(60));
    if (listener->family != AF_UNIX && play_chance(30))
        extra |= SOCK_NONBLOCK;
    struct sock *client = play_new(process, to.ss_family, listener->type, extra, &fd);
    client->peer = world_name(&to, size);
    if (!listener->grouped && play_chance(25) && !bind_client(process, fd, client, listener, &to)) {
        client->peer = (struct name){.known = false};
        give_up(process, fd);
        return;
    }
    /* A worker may wait in accept() already; not where a tuple used again may be refused. */
    bool before =
        now && !listener->grouped && worker != process && strcmp(client->state, "created") == 0 && play_chance(40);
    bool cloexec = play_chance(50);
    struct order accept = {.kind = ORDER_ACCEPT, .b = cloexec ? SOCK_CLOEXEC : 0};
    accept.a = world_fd(worker, listener);
    if (before)
        cast_send(worker, &accept);
    struct cast_span begun;
    bool fast = now && !before && play_is_tcp(client) && play_chance(20);
    struct order first = {.kind = ORDER_FASTOPEN, .a = fd, .b = 1 + (int)step_random(1000), .size = size};
    first.address = to;
    int result = fast ? connect_fast(process, fd, &first, &begun) : play_connect(process, fd, &to, size, &begun);
    if (result == -EADDRNOTAVAIL && !before) { /* the former connection of that tuple is in TIME_WAIT */
        play_failed(process, client, EADDRNOTAVAIL, begun, "exact", listener->owner);
        give_up(process, fd);
        return;
    }
    if (result < 0)
        cast_fail("actor %d: connect to %s %d: %s", process, client->peer.text, client->peer.port, strerror(-result));
    struct talk *talk = connected(process, fd, client, listener, begun);
    if (fast)
        client->established.from = begun.from; /* by its first call, or the second */
    if (!now) {
        listener->backlog_talks[listener->backlog_count++] = talk;
        return;
    }
    if (listener->grouped) {
        listener = chosen_of_group(listener);
        talk->to = listener->owner;
        worker = play_holder(listener);
        accept.a = world_fd(worker, listener);
    }
    if (!before)
        cast_send(worker, &accept);
    int taken = cast_answer(worker).result;
    if (taken < 0)
        cast_fail("actor %d: accept: %s", worker, strerror(-taken));
    accepted(worker, taken, listener, talk, cloexec);
    if (fast && result > 0)
        receive_first(worker, talk, result);
}

/* Connects to a listener, is accepted at once, and sends. NULL where there is none. */
static struct talk *connect_and_send(int process, int fd, struct sock *client, struct sock *listener)
{
    struct sockaddr_storage to;
    struct cast_span begun;
    socklen_t size = way_to(listener, &to);
    int worker = play_holder(listener), bytes = 1 + (int)step_random(3000);
    client->peer = world_name(&to, size);
    int result = play_connect(process, fd, &to, size, &begun);
    if (result < 0)
        cast_fail("actor %d: connect to %s: %s", process, client->peer.text, strerror(-result));
    struct talk *talk = connected(process, fd, client, listener, begun);
    int taken = play(worker, ORDER_ACCEPT, world_fd(worker, listener), 0, 0, 0);
    accepted(worker, taken, listener, talk, false);
    play(process, ORDER_SEND, fd, bytes, 0, 0);
    receive_first(worker, talk, bytes);
    return talk;
}

static bool is_simple(const struct sock *sock)
{
    return is_listener(sock) && sock->family == AF_INET && !sock->backlog_count && !sock->grouped;
}

/* One socket has two connections, one after the other: connect() to AF_UNSPEC dissolves the first. */
void step_again(void)
{
    struct sock *listeners[] = {play_socket(is_simple), play_socket(is_simple)};
    int process = listeners[0] ? play_process_in(listeners[0]->net) : -1, fd;
    if (process < 0 || listeners[1]->net != listeners[0]->net)
        return;
    struct sock *client = play_new(process, AF_INET, SOCK_STREAM, play_flags(), &fd);
    struct talk *first = connect_and_send(process, fd, client, listeners[0]);
    struct order dissolve = {.kind = ORDER_CONNECT, .a = fd, .size = sizeof(struct sockaddr_in)};
    play_must(process, &dissolve);
    first->dissolved = cast_span(process);
    first->server->quiet = first->server->shut = true;
    client->dissolved = true;
    client->sent = client->received = 0;
    client->talk = NULL;
    connect_and_send(process, fd, client, listeners[1]);
}

/* Children of one process that do all the same, and end: in the map one arrow may stand for all of them. */
void step_repeat(void)
{
    struct sock *listener = play_socket(is_simple);
    int process = listener ? play_process_in(listener->net) : -1;
    for (unsigned i = 0; process >= 0 && i < 2; i++) {
        int child = play_channel(), fd;
        if (!play_may_fork(process) || play_holds_unseen(process))
            return;
        play_fork(process, child);
        for (unsigned times = 1 + step_random(3); times; times--) {
            struct sock *client = play_new(child, AF_INET, SOCK_STREAM, play_flags(), &fd);
            connect_and_send(child, fd, client, listener);
            give_up(child, fd);
        }
        cast_send(child, &(struct order){.kind = ORDER_EXIT});
        cast_gone(child);
        world_end(child, true);
        play_hush();
    }
}

static void send_over(struct sock *from, struct sock *to)
{
    int bytes = 1 + (int)step_random(4000);
    play(from->owner, ORDER_SEND, world_fd(from->owner, from), bytes, WAY_PLAIN, 0);
    if (play(to->owner, ORDER_RECEIVE, world_fd(to->owner, to), bytes, WAY_PLAIN, 0) != bytes)
        cast_fail("actor %d: not all of %d bytes came", to->owner, bytes);
    world_use(from->owner, from);
    world_use(to->owner, to);
    from->sent += (unsigned)bytes;
    to->received += (unsigned)bytes;
}

/* A server in a seccomp sandbox, of whose sockets nothing is known but what its calls were given and told. */
void step_sandbox(void)
{
    int process = play_process_in(0), server = play_channel(), fd;
    struct sockaddr_storage address;
    if (process < 0 || server < 0)
        return;
    pid_t pid = cast_start(server, false);
    world_enter(server, pid, -1, cast_span(server));
    int before = play(server, ORDER_SOCKET, AF_INET, SOCK_STREAM, 0, 0); /* a process without sockets has no log */
    world_socket(server, before, AF_INET, SOCK_STREAM, 0, false);
    play(server, ORDER_SANDBOX, 0, 0, 0, 0);
    world.processes[server].sandboxed = true;
    struct sock *listener = play_new(server, AF_INET, SOCK_STREAM, 0, &fd);
    int listener_fd = fd;
    listener->sandboxed = listener->nameless = true;
    play_bind(server, fd, &address, play_inet_address(&address, AF_INET, false));
    play(server, ORDER_LISTEN, fd, 5, 0, 0);
    play(server, ORDER_NAME, fd, 0, 0, 0);
    world_own(server, listener, RANK_USED);
    listener->role = "listener";
    listener->state = "listening";
    listener->row = play_row(listener);
    struct sock *client = play_new(process, AF_INET, SOCK_STREAM, play_flags(), &fd);
    struct cast_span begun;
    client->peer = listener->local;
    if (play_connect(process, fd, &listener->address, listener->address_size, &begun) < 0)
        cast_fail("actor %d: connect to a sandbox", process);
    struct talk *talk = connected(process, fd, client, listener, begun);
    int taken = play(server, ORDER_ACCEPT, listener_fd, 0, 0, 0);
    accepted(server, taken, listener, talk, false);
    talk->server->sandboxed = talk->server->nameless = true;
    play(server, ORDER_PEERNAME, taken, 0, 0, 0);
    for (unsigned i = step_random(4); i; i--)
        send_over(i % 2 ? client : talk->server, i % 2 ? talk->server : client);
    cast_send(server, &(struct order){.kind = ORDER_EXIT});
    cast_gone(server);
    world_end(server, true);
    play_hush();
}

/* Whether this kernel has it. */
static bool has_mptcp(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* MPTCP, from the listener to the end: Linux gives what is accepted its listener's cookie, so that nobody could say
 * which is which if it lived on. */
void step_mptcp(void)
{
    int fd, family = play_chance(50) ? AF_INET : AF_INET6, process = play_process();
    int other = play_process_in(world.processes[process].net);
    struct sockaddr_storage address, loopback;
    if (!has_mptcp())
        return;
    struct sock *listener = play_new_of(process, family, SOCK_STREAM, IPPROTO_MPTCP, play_flags(), &fd);
    int listener_fd = fd;
    play_bind(process, fd, &address, play_inet_address(&address, family, true));
    play(process, ORDER_LISTEN, fd, 5, 0, 0);
    world_own(process, listener, RANK_USED);
    listener->role = "listener";
    listener->state = "listening";
    listener->row = play_row(listener);
    struct sock *client = play_new_of(other, family, SOCK_STREAM, IPPROTO_MPTCP, play_flags(), &fd);
    loopback = listener->address;
    if (family == AF_INET)
        ((struct sockaddr_in *)&loopback)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        ((struct sockaddr_in6 *)&loopback)->sin6_addr = in6addr_loopback;
    client->peer = world_name(&loopback, listener->address_size);
    struct cast_span begun;
    if (play_connect(other, fd, &loopback, listener->address_size, &begun) < 0)
        cast_fail("actor %d: connect by MPTCP", other);
    struct talk *talk = connected(other, fd, client, listener, begun);
    int taken = play(process, ORDER_ACCEPT, listener_fd, 0, 0, 0);
    accepted(process, taken, listener, talk, false);
    talk->server->nameless = true;
    for (unsigned i = step_random(4); i; i--)
        send_over(i % 2 ? client : talk->server, i % 2 ? talk->server : client);
    bool first = play_chance(50);
    give_up(first ? other : process, first ? fd : taken);
    give_up(first ? process : other, first ? taken : fd);
    give_up(process, listener_fd);
}

static bool has_backlog(const struct sock *sock)
{
    return sock->backlog_count > 0;
}

void step_accept(void)
{
    struct sock *listener = play_socket(has_backlog);
    if (!listener)
        return;
    int worker = play_holder(listener);
    if (worker < 0)
        return;
    bool cloexec = play_chance(50);
    int fd = play(worker, ORDER_ACCEPT, world_fd(worker, listener), cloexec ? SOCK_CLOEXEC : 0, 0, 0);
    struct talk *talk = listener->backlog_talks[0];
    memmove(listener->backlog_talks, listener->backlog_talks + 1,
            --listener->backlog_count * sizeof *listener->backlog_talks);
    accepted(worker, fd, listener, talk, cloexec);
}
