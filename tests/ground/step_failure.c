/* SPDX-License-Identifier: MIT
 *
 * Steps about connects that come to nothing: refuse, fail, abandon, leap, strike.
 */
#include "tests/ground/network.h"
#include "tests/ground/play.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

/* An address that is bound, so that nobody else can have it, but not listened on; or a path that is not there. */
static socklen_t dead_end(int process, int family, struct sockaddr_storage *out)
{
    int fd;
    socklen_t size =
        family == AF_UNIX ? play_unix_address(out, play_chance(30)) : play_inet_address(out, family, false);
    if (family == AF_UNIX && play_chance(50))
        return size;
    struct sock *sock = play_new(process, family, SOCK_STREAM, play_flags(), &fd);
    play_bind(process, fd, out, size);
    *out = sock->address;
    return family == AF_UNIX ? size : sock->address_size;
}

void step_refuse(void)
{
    static const int families[] = {AF_INET, AF_INET6, AF_UNIX};
    int process = play_process(), family = families[step_random(3)], fd, extra = play_flags();
    struct sockaddr_storage to;
    socklen_t size = dead_end(play_process_in(world.processes[process].net), family, &to);
    if (family != AF_UNIX && play_chance(50))
        extra |= SOCK_NONBLOCK;
    struct sock *client = play_new(process, family, SOCK_STREAM, extra, &fd);
    client->peer = world_name(&to, size);
    if (family == AF_UNIX)
        client->local.known = true;
    client->local.port = -1;
    for (unsigned attempts = 1 + step_random(2); attempts; attempts--) {
        struct cast_span begun;
        int result = play_connect(process, fd, &to, size, &begun);
        if (result >= 0)
            cast_fail("actor %d: nobody serves %s, and yet it answers", process, client->peer.text);
        play_failed(process, client, -result, begun, "external", -1);
    }
}

/* What does not depend on anybody else. */
static const struct {
    int family, error; /* the socket's */
    const char *to;
    bool own; /* only where there is no way out */
} failures[] = {
    {AF_INET, ENETUNREACH, "203.0.113.1", true}, {AF_INET6, ENETUNREACH, "2001:db8::1", true},
    {AF_INET, EAFNOSUPPORT, "::1", false},       {AF_UNIX, ENOTDIR, "/dev/null/none.sock", false},
    {AF_UNIX, ECONNREFUSED, "/dev/null", false}, {AF_UNIX, ENOENT, "/dev/none.sock", false},
};

static socklen_t destination(const char *text, struct sockaddr_storage *out)
{
    struct sockaddr_in *in = (struct sockaddr_in *)out;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
    struct sockaddr_un *un = (struct sockaddr_un *)out;
    memset(out, 0, sizeof *out);
    if (text[0] == '/') {
        un->sun_family = AF_UNIX;
        snprintf(un->sun_path, sizeof un->sun_path, "%s", text);
        return sizeof *un;
    }
    in->sin_port = htons(80); /* at the same place in both */
    if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        return sizeof *in;
    }
    inet_pton(AF_INET6, text, &in6->sin6_addr);
    in6->sin6_family = AF_INET6;
    return sizeof *in6;
}

void step_fail(void)
{
    unsigned which = step_random(sizeof failures / sizeof failures[0]);
    int process = play_process(), fd;
    if (failures[which].own && !network_is_own())
        return;
    struct sockaddr_storage to;
    struct cast_span begun;
    socklen_t size = destination(failures[which].to, &to);
    struct sock *client = play_new(process, failures[which].family, SOCK_STREAM, play_flags(), &fd);
    client->peer = world_name(&to, size);
    client->local = (struct name){.known = client->family == AF_UNIX, .port = -1};
    int result = play_connect(process, fd, &to, size, &begun);
    if (result != -failures[which].error)
        cast_fail("actor %d: connect to %s: %s", process, failures[which].to, strerror(-result));
    play_failed(process, client, -result, begun, "external", -1);
}

/* A socket that hears no answer, and a bound address to connect to; NULL where an ordinary user has no space for
 * filters.
 */
static struct sock *deaf_client(int process, int flags, struct order *connect)
{
    int fd;
    connect->size = dead_end(process, AF_INET, &connect->address);
    struct sock *client = play_new(process, AF_INET, SOCK_STREAM, play_flags() | flags, &fd);
    connect->a = fd;
    if (cast_do(process, &(struct order){.kind = ORDER_DEAF, .a = fd, .b = 1}).result < 0)
        return NULL;
    client->peer = world_name(&connect->address, connect->size);
    return client;
}

static void unanswered(int process, struct sock *client, struct cast_span begun)
{
    play_failed(process, client, 0, begun, "external", -1);
    client->state = "connecting";
}

static void give_up(int process, int fd, struct sock *client, struct cast_span begun)
{
    world_local(process, fd);
    play(process, ORDER_CLOSE, fd, 0, 0, 0);
    unanswered(process, client, begun);
    client->connected = true; /* its counts were asked for */
    world_drop(process, fd, true);
}

/* Given up while nobody has answered. */
void step_abandon(void)
{
    int process = play_process();
    struct order connect = {.kind = ORDER_CONNECT};
    struct sock *client = deaf_client(process, SOCK_NONBLOCK, &connect);
    if (!client)
        return;
    int result = cast_do(process, &connect).result;
    if (result != -EINPROGRESS)
        cast_fail("actor %d: connect: %s", process, strerror(-result));
    give_up(process, connect.a, client, cast_span(process));
}

/* Left by siglongjmp(): the call does not return, and the kernel goes on trying. */
void step_leap(void)
{
    int process = play_process();
    struct order connect = {.kind = ORDER_LEAP};
    struct sock *client = deaf_client(process, 0, &connect);
    if (!client)
        return;
    int result = cast_do(process, &connect).result;
    if (result != -EINTR)
        cast_fail("actor %d: connect: %s", process, strerror(-result));
    give_up(process, connect.a, client, cast_span(process));
}

/* Killed while nobody has answered. */
void step_strike(void)
{
    int process = play_spare();
    struct order connect = {.kind = ORDER_CONNECT};
    if (process < 0)
        return;
    struct sock *client = deaf_client(process, 0, &connect);
    if (!client)
        return;
    cast_send(process, &connect);
    struct cast_span begun = cast_span(process);
    while (!cast_look(process, connect.a).connecting)
        poll(NULL, 0, 1);
    cast_kill(process);
    begun.to = cast_span(process).to;
    unanswered(process, client, begun);
    client->talk->ended = (struct cast_span){0, 0};
    world_end(process, false);
    play_hush();
}
