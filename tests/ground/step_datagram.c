/* SPDX-License-Identifier: MIT
 *
 * Steps about datagrams: to bound sockets of all families, connected or not, with and without answers; to groups.
 */
#include "tests/ground/play.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

static struct sock *make(int process, int family, int *fd)
{
    struct sock *sock = play_new(process, family, SOCK_DGRAM, play_flags(), fd);
    sock->user = process;
    return sock;
}

static bool serves(const struct sock *sock)
{
    return sock->type == SOCK_DGRAM && sock->grouped && world.processes[sock->user].alive &&
           world_fd(sock->user, sock) >= 0;
}

static struct sock *new_server(void)
{
    static const int families[] = {AF_INET, AF_INET6, AF_UNIX};
    int process = play_process(), family = families[step_random(3)], fd;
    struct sockaddr_storage address;
    struct sock *sock = make(process, family, &fd);
    socklen_t size = family == AF_UNIX ? play_unix_address(&address, play_chance(40))
                                       : play_inet_address(&address, family, play_chance(30));
    play_bind(process, fd, &address, size);
    sock->grouped = true; /* marks a server */
    return sock;
}

static struct talk *talk_of(struct sock *client, struct sock *server, const struct order *order)
{
    struct name served = world_name(&order->address, order->size);
    for (unsigned i = 0; i < world.talks_count; i++)
        if (world.talks[i]->client == client && strcmp(world.talks[i]->served.text, served.text) == 0 &&
            world.talks[i]->served.port == served.port)
            return world.talks[i];
    struct talk *talk = world_talk(client, server, client->family == AF_UNIX ? "path" : "exact");
    talk->datagrams = true;
    talk->served = served;
    return talk;
}

static bool is_named(const struct sock *sock)
{
    return sock->family != AF_UNIX || sock->local.text[0];
}

/* The server's address as a sender of its own host says it. */
static socklen_t way_to(const struct sock *server, struct sockaddr_storage *out)
{
    struct sockaddr_in *in = (struct sockaddr_in *)out;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
    *out = server->address;
    if (server->family == AF_INET && in->sin_addr.s_addr == htonl(INADDR_ANY))
        in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (server->family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr))
        in6->sin6_addr = in6addr_loopback;
    return server->address_size;
}

static void receive(struct sock *sock, int bytes)
{
    int got = play(sock->user, ORDER_RECVFROM, world_fd(sock->user, sock), 0, 0, 0);
    if (got != bytes)
        cast_fail("actor %d: a datagram of %d bytes, not %d", sock->user, got, bytes);
    world_touch(sock->user, sock);
    world_own(sock->user, sock, RANK_RECEIVED);
    sock->received += (unsigned)bytes;
}

static void sent(struct sock *sock, int bytes)
{
    world_touch(sock->user, sock);
    world_own(sock->user, sock, RANK_SENT);
    sock->role = "datagram";
    sock->sent += (unsigned)bytes;
}

/* The address that a client's datagram comes from, which it sent to `to`. */
static socklen_t came_from(const struct sock *client, const struct sockaddr_storage *to, struct sockaddr_storage *out)
{
    const struct sockaddr_in6 *in6 = (const void *)&client->address;
    const struct sockaddr_in *in = (const void *)&client->address;
    bool any = client->family == AF_INET6  ? IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr)
               : client->family == AF_INET ? in->sin_addr.s_addr == htonl(INADDR_ANY)
                                           : false;
    *out = any ? *to : client->address;
    if (any) /* at the same place in both families */
        ((struct sockaddr_in *)out)->sin_port = in->sin_port;
    return client->address_size;
}

/* Another network namespace's abstract names cannot be reached. */
static bool can_answer(const struct sock *server, const struct sock *client)
{
    return server->net == client->net || client->local.text[0] == '/';
}

static void answer(struct sock *server, struct sock *client, const struct sockaddr_storage *to, struct talk *talk)
{
    int bytes = 1 + (int)step_random(1000);
    struct order order = {.kind = ORDER_SENDTO, .a = world_fd(server->user, server), .b = bytes};
    order.size = came_from(client, to, &order.address);
    play_must(server->user, &order);
    sent(server, bytes);
    receive(client, bytes);
    talk->received += (unsigned)bytes;
}

static void has_met(struct sock *sock, struct name name)
{
    if (!sock->met.known)
        sock->met = name;
    else if (strcmp(sock->met.text, name.text) != 0 || sock->met.port != name.port)
        sock->several = true;
}

/* What the server learns of a sender with a name. */
static void meets(struct sock *server, const struct sock *client, const struct sockaddr_storage *to)
{
    struct sockaddr_storage seen;
    socklen_t size = came_from(client, to, &seen);
    has_met(server, world_name(&seen, size));
    if (!server->peer.known)
        server->peer = world_name(&seen, size);
}

static void exchange(struct sock *client, struct sock *server, const struct order *order, struct cast_span begun)
{
    int fd = order->a;
    struct order given = *order;
    if (order->kind == ORDER_SENDTO && order->address.ss_family == AF_INET && client->family == AF_INET &&
        play_chance(10))
        given.address.ss_family = AF_UNSPEC; /* which is as good */
    play_must(client->user, &given);
    if (!begun.from)
        begun = cast_span(client->user);
    sent(client, order->b);
    has_met(client, world_name(&order->address, order->size));
    world_local(client->user, fd);
    if (strcmp(client->state, "created") == 0 && client->local.port > 0)
        client->state = "bound";
    receive(server, order->b);
    bool first = !server->talk;
    struct talk *talk = talk_of(client, server, order);
    if (!talk->sent)
        talk->begun = begun;
    talk->sent += (unsigned)order->b;
    if (!client->other)
        client->other = server;
    if (is_named(client)) {
        meets(server, client, &order->address);
        if (!server->other)
            server->other = client;
        if (can_answer(server, client) && play_chance(50))
            answer(server, client, &order->address, talk);
    } else {
        talk->server = NULL; /* which cannot tell who that was */
        if (first)
            server->talk = NULL;
    }
}

static bool sends(const struct sock *sock)
{
    return sock->type == SOCK_DGRAM && !sock->grouped && strcmp(sock->role, "datagram") == 0 && !sock->announces &&
           strcmp(sock->state, "established") != 0 && sock->talk && world.processes[sock->user].alive &&
           world_fd(sock->user, sock) >= 0;
}

/* One that has sent elsewhere already. */
static bool sends_again(struct sock *server)
{
    struct sock *client = play_socket(sends);
    if (!client || client->family != server->family || (server->local.text[0] != '/' && client->net != server->net))
        return false;
    struct order order = {.kind = ORDER_SENDTO, .a = world_fd(client->user, client), .b = 1 + (int)step_random(1000)};
    order.size = way_to(server, &order.address);
    exchange(client, server, &order, (struct cast_span){0, 0});
    return true;
}

void step_datagram(void)
{
    struct sock *server = play_socket(serves);
    if (!server || play_chance(20))
        server = new_server();
    if (play_chance(40) && sends_again(server))
        return;
    int process = play_process_near(server), fd;
    if (process < 0)
        return;
    struct sock *client = make(process, server->family, &fd);
    struct cast_span begun = {0, 0}; /* when it was sent */
    struct order order = {.kind = ORDER_SENDTO, .a = fd, .b = 1 + (int)step_random(1000)};
    order.size = way_to(server, &order.address);
    client->peer = world_name(&order.address, order.size);
    if (server->family == AF_UNIX && play_chance(50)) {
        struct sockaddr_storage address;
        socklen_t size = play_unix_address(&address, play_chance(40));
        play_bind(process, fd, &address, size);
    }
    if (play_chance(50)) {
        struct order connect = order;
        connect.kind = ORDER_CONNECT;
        play_must(process, &connect);
        begun = cast_span(process);
        client->established = begun;
        client->role = "datagram";
        client->state = "established";
        world_local(process, fd);
        order.kind = ORDER_SEND;
    }
    exchange(client, server, &order, begun);
}

static struct sock *member(int net, const struct sockaddr_storage *address, bool multicast)
{
    int process = play_process_in(net), fd;
    struct sock *sock = make(process, AF_INET, &fd);
    play(process, ORDER_OPTION, fd, SOL_SOCKET, SO_REUSEADDR, 1);
    play_bind(process, fd, address, sizeof(struct sockaddr_in));
    if (multicast)
        play(process, ORDER_MEMBER, fd, 0, 0, 0);
    sock->announces = true;
    return sock;
}

/* What went to the group went to it; who got it has that of who sent it. */
static void got(struct sock *receiver, struct sock *sender, int bytes)
{
    struct sockaddr_storage from;
    struct sockaddr_storage loopback;
    play_inet_address(&loopback, AF_INET, false);
    receive(receiver, bytes);
    socklen_t size = came_from(sender, &loopback, &from);
    receiver->peer = world_name(&from, size);
    receiver->other = sender;
    struct talk *talk = world_talk(sender, receiver, "exact");
    talk->datagrams = talk->half = true;
    talk->served = receiver->local;
    talk->begun = cast_span(receiver->user);
    talk->sent = (unsigned)bytes;
}

void step_announce(void)
{
    int process = play_process(), fd, bytes = 1 + (int)step_random(1000);
    unsigned members = 1 + step_random(2);
    bool multicast = play_chance(50);
    struct sock *receivers[2], *sender = make(process, AF_INET, &fd);
    struct order order = {.kind = ORDER_SENDTO, .a = fd, .b = bytes};
    struct sockaddr_in *group = (struct sockaddr_in *)&order.address;
    order.size = play_inet_address(&order.address, AF_INET, true);
    for (unsigned i = 0; i < members; i++) {
        receivers[i] = member(sender->net, &order.address, multicast);
        order.address = receivers[i]->address;
    }
    group->sin_addr.s_addr = multicast ? inet_addr("239.1.2.3") : inet_addr("127.255.255.255");
    if (multicast)
        play(process, ORDER_GROUP, fd, 0, 0, 0);
    else
        play(process, ORDER_OPTION, fd, SOL_SOCKET, SO_BROADCAST, 1);
    play_must(process, &order);
    sent(sender, bytes);
    world_local(process, fd);
    sender->announces = true;
    sender->state = "bound";
    sender->peer = world_name(&order.address, order.size);
    struct talk *talk = world_talk(sender, NULL, "external");
    talk->datagrams = true;
    talk->external = sender->peer;
    talk->sent = (unsigned)bytes;
    for (unsigned i = 0; i < members; i++)
        got(receivers[i], sender, bytes);
}

/* A socket that several processes have, each of which serves a client of its own. */
void step_share(void)
{
    int process = play_process(), family = play_chance(50) ? AF_INET : AF_INET6, fd, child = play_channel();
    struct sockaddr_storage address;
    if (!play_may_fork(process) || play_holds_unseen(process))
        return;
    struct sock *server = make(process, family, &fd);
    play_bind(process, fd, &address, play_inet_address(&address, family, play_chance(30)));
    server->announces = true; /* nobody else may use it */
    server->shared = true;
    play_fork(process, child);
    int users[] = {process, child};
    for (unsigned i = 0; i < 2; i++) {
        int user = users[step_random(2)], from = play_process_in(server->net);
        struct sock *client = make(from, family, &fd);
        struct order order = {.kind = ORDER_SENDTO, .a = fd, .b = 1 + (int)step_random(1000)};
        order.size = way_to(server, &order.address);
        client->peer = world_name(&order.address, order.size);
        client->announces = true;
        server->user = user;
        exchange(client, server, &order, (struct cast_span){0, 0});
        client->talk->to = user;
    }
}
