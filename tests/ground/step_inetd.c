/* SPDX-License-Identifier: MIT
 *
 * Steps about a program that finds its connection as descriptor 0: inetd, service.
 */
#include "tests/ground/network.h"
#include "tests/ground/play.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_served(const struct sock *sock)
{
    return strcmp(sock->role, "server") == 0 && sock->other && sock->other != sock && !sock->quiet;
}

static void close_in(int process, int fd)
{
    play(process, ORDER_CLOSE, fd, 0, 0, 0);
    world_drop(process, fd, true);
}

/* A server forks for a connection, and its child becomes another image with the connection as descriptor 0. */
void step_inetd(void)
{
    struct sock *sock = play_socket(is_served);
    int process = sock ? play_user(sock) : -1, child = play_channel();
    if (process < 0 || !play_may_fork(process) || play_holds_unseen(process) || sock->owner != process ||
        world.processes[process].fds[0].sock)
        return;
    play_fork(process, child);
    int fd = world_fd(child, sock);
    play(child, ORDER_DUPTO, fd, 0, 0, 0);
    world_hold(child, 0, sock, false);
    world_touch_fd(child, fd);
    world_touch_fd(child, 0);
    world.processes[child].fds[0].handed = true;
    close_in(child, fd);
    if (play_chance(80)) {
        cast_send(child, &(struct order){.kind = ORDER_EXEC});
        cast_expect(child);
        world_exec(child);
    }
    if (play_chance(70))
        close_in(process, world_fd(process, sock));
    play_transfer(play_chance(50) ? sock : sock->other);
}

/* ---- One that is not traced starts the program ---- */

static void must(bool done, const char *what)
{
    if (!done)
        cast_fail("%s: %s", what, strerror(errno));
}

/* Below the ports that clients get, as services' are. */
static int listen_low(struct sockaddr_in *address)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    do
        address->sin_port = htons((in_port_t)(2000 + step_random(20000)));
    while (bind(listener, (struct sockaddr *)address, sizeof *address) < 0 && errno == EADDRINUSE);
    must(listen(listener, 5) == 0, "listen");
    return listener;
}

/* The socket that a new process was given as descriptor 0. */
static struct sock *given(int process, const struct sockaddr_in *address, const struct name *peer)
{
    struct sockaddr_storage local = {.ss_family = AF_INET};
    memcpy(&local, address, sizeof *address);
    struct sock *sock = calloc(1, sizeof *sock);
    *sock = (struct sock){.cookie = cast_look(process, 0).cookie,
                          .family = AF_INET,
                          .type = SOCK_STREAM,
                          .role = "server",
                          .state = "established",
                          .connected = true,
                          .given = true,
                          .user = -1,
                          .owner = process,
                          .rank = RANK_USED,
                          .local = world_name(&local, sizeof *address),
                          .peer = *peer};
    world.sockets[world.sockets_count++] = sock;
    world_hold(process, 0, sock, false);
    return sock;
}

static void receive_at(int process, struct sock *sock, int bytes)
{
    int received = play(process, ORDER_RECEIVE, world_fd(process, sock), bytes, WAY_PLAIN, 0);
    if (received != bytes)
        cast_fail("actor %d: received %d of %d bytes", process, received, bytes);
    world_use(process, sock);
    sock->received += (unsigned)bytes;
}

/* A client that is not traced either: an address in the map. */
static struct sock *stranger(const struct sockaddr_in *address, int *fd)
{
    struct sockaddr_storage own = {.ss_family = AF_INET};
    socklen_t size = sizeof own;
    struct sock *client = calloc(1, sizeof *client);
    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(connect(*fd, (const struct sockaddr *)address, sizeof *address) == 0, "connect");
    must(getsockname(*fd, (struct sockaddr *)&own, &size) == 0, "getsockname");
    *client = (struct sock){.family = AF_INET, .type = SOCK_STREAM, .role = "client", .owner = -1, .given = true};
    client->local = world_name(&own, size);
    return client;
}

/* A traced one. */
static struct sock *acquaintance(int process, const struct sockaddr_in *address)
{
    int fd;
    struct sockaddr_storage to = {.ss_family = AF_INET};
    struct cast_span begun;
    memcpy(&to, address, sizeof *address);
    struct sock *client = play_new(process, AF_INET, SOCK_STREAM, play_flags(), &fd);
    client->peer = world_name(&to, sizeof *address);
    must(play_connect(process, fd, &to, sizeof *address, &begun) == 0, "connect");
    client->role = "client";
    client->state = "established";
    client->connected = true;
    client->established = cast_span(process);
    world_own(process, client, RANK_USED);
    world_local(process, fd);
    return client;
}

void step_service(void)
{
    struct sockaddr_in address;
    int process = play_chance(50) ? play_process_in(0) : -1, channel = play_channel(), fd = -1;
    int bytes = 1 + (int)step_random(3000);
    if (channel < 0 || world.sockets_count + 2 >= SOCKETS_MAX)
        return;
    struct cast_span begun = {cast_now(), 0};
    int listener = listen_low(&address);
    struct sock *client = process >= 0 ? acquaintance(process, &address) : stranger(&address, &fd);
    int accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    must(accepted >= 0, "accept");
    pid_t pid = cast_start_with(channel, accepted);
    world_enter(channel, pid, -1, cast_span(channel));
    struct sock *server = given(channel, &address, &client->local);
    close(accepted);
    close(listener);
    if (process >= 0) {
        play(process, ORDER_SEND, world_fd(process, client), bytes, WAY_PLAIN, 0);
        world_use(process, client);
        client->sent += (unsigned)bytes;
        client->other = server;
        server->other = client;
    } else {
        char *sent = calloc(1, (size_t)bytes);
        must(write(fd, sent, (size_t)bytes) == bytes, "write");
        free(sent);
    }
    receive_at(channel, server, bytes);
    begun.to = cast_span(channel).to;
    server->opened = begun;
    struct talk *talk = world_talk_between(process, client, server, process >= 0 ? "exact" : "external");
    talk->served = server->local;
    talk->external = client->local;
    talk->begun = begun;
    if (fd >= 0)
        close(fd);
}
