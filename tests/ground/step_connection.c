/* SPDX-License-Identifier: MIT
 *
 * Steps about connections: listen, group, connect, accept, transfer, shutdown, refuse, self, pair.
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

static int flags(void)
{
    return play_chance(50) ? SOCK_CLOEXEC : 0;
}

static struct sock *make(int process, int family, int type, int extra, int *fd)
{
    *fd = play(process, ORDER_SOCKET, family, type | extra, 0, 0);
    return world_socket(process, *fd, family, type, 0, (extra & SOCK_CLOEXEC) != 0);
}

/* ---- Listeners ---- */

static void listens(int process, int fd, struct sock *sock, bool named)
{
    play(process, ORDER_LISTEN, fd, 64, 0, 0);
    if (!named)
        world_local(process, fd);
    world_own(process, sock, RANK_USED);
    sock->role = "listener";
    sock->state = "listening";
    sock->row = play_row(sock);
}

/* A path that somebody listened on before. */
static bool used_path(struct sockaddr_storage *out, socklen_t *size)
{
    for (unsigned i = 0; i < world.sockets_count; i++) {
        const struct sock *sock = world.sockets[i];
        if (sock->family != AF_UNIX || strcmp(sock->role, "listener") != 0 || world_held(sock) ||
            sock->local.text[0] != '/')
            continue;
        for (unsigned j = i + 1; j < world.sockets_count; j++)
            if (world_held(world.sockets[j]) && strcmp(world.sockets[j]->local.text, sock->local.text) == 0)
                return false;
        unlink(sock->local.text);
        *out = sock->address;
        *size = sock->address_size;
        return true;
    }
    return false;
}

static void listen_unix(int process)
{
    int fd, type = play_chance(70) ? SOCK_STREAM : SOCK_SEQPACKET;
    struct sockaddr_storage address;
    socklen_t size;
    struct sock *sock = make(process, AF_UNIX, type, flags(), &fd);
    if (!play_chance(30) || !used_path(&address, &size))
        size = play_unix_address(&address, play_chance(40));
    play_bind(process, fd, &address, size);
    listens(process, fd, sock, true);
}

void step_listen(void)
{
    int process = play_process(), fd;
    if (play_chance(40)) {
        listen_unix(process);
        return;
    }
    int family = play_chance(50) ? AF_INET : AF_INET6;
    struct sockaddr_storage address;
    struct sock *sock = make(process, family, SOCK_STREAM, flags(), &fd);
    bool named = play_chance(85); /* else listen() chooses */
    if (play_chance(50))
        play(process, ORDER_OPTION, fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (named) {
        socklen_t size = play_inet_address(&address, family, play_chance(50));
        play_bind(process, fd, &address, size);
    }
    listens(process, fd, sock, named);
}

void step_group(void)
{
    struct sockaddr_storage address;
    socklen_t size = play_inet_address(&address, AF_INET, false);
    unsigned members = 2 + step_random(2);
    for (unsigned i = 0; i < members; i++) {
        int process = play_process(), fd;
        struct sock *sock = make(process, AF_INET, SOCK_STREAM, flags(), &fd);
        play(process, ORDER_OPTION, fd, SOL_SOCKET, SO_REUSEPORT, 1);
        play_bind(process, fd, &address, size);
        listens(process, fd, sock, true);
        sock->grouped = true;
        address = sock->address;
    }
}

static bool is_listener(const struct sock *sock)
{
    return strcmp(sock->role, "listener") == 0 && sock->backlog_count < 60;
}

/* Which of a SO_REUSEPORT group the kernel gave a connection to: they have no other waiting. */
static struct sock *chosen_of_group(struct sock *listener)
{
    for (unsigned i = 0; i < world.sockets_count; i++) {
        struct sock *member = world.sockets[i];
        if (!member->grouped || !world_held(member) || member->local.port != listener->local.port)
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
        if (play_chance(40)) {
            *in = (struct sockaddr_in){
                .sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
            return sizeof *in;
        }
        if (play_chance(50))
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
        if (!play_is_tcp(sock) || !sock->connected || strcmp(sock->role, "client") != 0 || world_held(sock) ||
            sock->peer.port != served->port || strcmp(sock->peer.text, served->text) != 0 ||
            listener->local.port != served->port)
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
            if (to->ss_family == AF_INET6)
                ((struct sockaddr_in6 *)&address)->sin6_addr = ((const struct sockaddr_in6 *)to)->sin6_addr;
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

static void accepted(int process, int fd, struct sock *listener, struct talk *talk, bool cloexec)
{
    struct sock *client = talk->client;
    struct sock *server = world_socket(process, fd, listener->family, listener->type, listener->protocol, cloexec);
    world_touch(process, listener);
    server->role = "server";
    server->state = "established";
    server->connected = true;
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
    listener->row->accepted++;
    if (++listener->row->now > listener->row->peak)
        listener->row->peak = listener->row->now;
    if (!world_held(client))
        client->quiet = server->quiet = true;
    if (client->quiet)
        server->quiet = true;
}

/* What a connect() that went through means. */
static struct talk *connected(int process, int fd, struct sock *client, struct sock *listener)
{
    client->role = "client";
    client->state = "established";
    client->connected = true;
    world_own(process, client, RANK_USED);
    world_local(process, fd);
    struct talk *talk = world_talk(client, NULL, NULL);
    talk->to = listener->owner;
    return talk;
}

/* The former connection of that tuple is in TIME_WAIT. */
static void tuple_taken(int process, int fd, struct sock *client, struct sock *listener)
{
    client->role = "client";
    client->state = "failed";
    client->error = EADDRNOTAVAIL;
    world_own(process, client, RANK_USED);
    struct talk *talk = world_talk(client, NULL, "exact");
    talk->to = listener->owner;
    talk->failed = true;
    give_up(process, fd);
}

static bool is_over(int result)
{
    return result != -EINPROGRESS;
}

void step_connect(void)
{
    struct sock *listener = play_socket(is_listener);
    if (!listener)
        return;
    struct sockaddr_storage to;
    socklen_t size = way_to(listener, &to);
    int process = play_process(), fd, worker = play_holder(listener), extra = flags();
    bool now = listener->grouped || (!listener->backlog_count && play_chance(60));
    if (listener->family != AF_UNIX && play_chance(30))
        extra |= SOCK_NONBLOCK;
    struct sock *client = make(process, to.ss_family, listener->type, extra, &fd);
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
    struct order connect = {.kind = ORDER_CONNECT, .a = fd, .size = size, .address = to};
    int result = cast_do(process, &connect).result;
    if (!is_over(result))
        result = play(process, ORDER_FINISH, fd, 0, 0, 0);
    if (result == -EADDRNOTAVAIL && !before) {
        tuple_taken(process, fd, client, listener);
        return;
    }
    if (result < 0)
        cast_fail("actor %d: connect to %s %d: %s", process, client->peer.text, client->peer.port, strerror(-result));
    struct talk *talk = connected(process, fd, client, listener);
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

/* ---- Using ---- */

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

/* ---- Special cases ---- */

/* An address that is bound, so that nobody else can have it, but not listened on; or a path that is not there. */
static socklen_t dead_end(int process, int family, struct sockaddr_storage *out)
{
    int fd;
    socklen_t size =
        family == AF_UNIX ? play_unix_address(out, play_chance(30)) : play_inet_address(out, family, false);
    if (family == AF_UNIX && play_chance(50))
        return size;
    struct sock *sock = make(process, family, SOCK_STREAM, flags(), &fd);
    play_bind(process, fd, out, size);
    *out = sock->address;
    return family == AF_UNIX ? size : sock->address_size;
}

void step_refuse(void)
{
    static const int families[] = {AF_INET, AF_INET6, AF_UNIX};
    int process = play_process(), family = families[step_random(3)], fd, extra = flags();
    struct sockaddr_storage to;
    socklen_t size = dead_end(play_process(), family, &to);
    if (family != AF_UNIX && play_chance(50))
        extra |= SOCK_NONBLOCK;
    struct sock *client = make(process, family, SOCK_STREAM, extra, &fd);
    unsigned attempts = 1 + step_random(2);
    client->role = "client";
    client->state = "failed";
    client->peer = world_name(&to, size);
    if (family == AF_UNIX)
        client->local.known = true;
    client->local.port = -1;
    world_own(process, client, RANK_USED);
    while (attempts--) {
        int result =
            cast_do(process, &(struct order){.kind = ORDER_CONNECT, .a = fd, .size = size, .address = to}).result;
        if (!is_over(result))
            result = cast_do(process, &(struct order){.kind = ORDER_FINISH, .a = fd}).result;
        if (result >= 0)
            cast_fail("actor %d: nobody serves %s, and yet it answers", process, client->peer.text);
        client->error = -result;
        struct talk *talk = world_talk(client, NULL, "external");
        talk->failed = true;
        talk->external = client->peer;
    }
}

void step_self(void)
{
    int process = play_process(), fd;
    struct sockaddr_storage address;
    struct sock *sock = make(process, AF_INET, SOCK_STREAM, flags(), &fd);
    socklen_t size = play_inet_address(&address, AF_INET, false);
    play_bind(process, fd, &address, size);
    address = sock->address;
    play_must(process, &(struct order){.kind = ORDER_CONNECT, .a = fd, .size = size, .address = address});
    world_local(process, fd);
    sock->peer = sock->local;
    sock->role = "client";
    sock->state = "established";
    sock->connected = true;
    sock->other = sock;
    world_own(process, sock, RANK_USED);
    struct talk *talk = world_talk(sock, NULL, "exact");
    talk->to = process;
}

/* Both ends are used at once, by whoever is to use them. */
void step_pair(void)
{
    static const int types[] = {SOCK_STREAM, SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    int process = play_process(), type = types[step_random(4)], extra = flags();
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
    }
    ends[0]->other = ends[1];
    ends[1]->other = ends[0];
    int channel = play_channel();
    if (channel >= 0 && play_chance(60)) {
        play(process, ORDER_FORK, channel, 0, 0, 0);
        world.processes_count = channel + 1;
        world.processes[channel].pid = cast_expect(channel);
        world.processes[channel].alive = true;
        world_fork(process, channel);
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
}
