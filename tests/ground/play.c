/* SPDX-License-Identifier: MIT
 *
 * What the steps share: choosing processes and sockets, addresses, and the calls that most of them begin with.
 */
#include "tests/ground/play.h"

#include "tests/ground/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

static const char *folder;
static unsigned names_made;

void play_open(const char *given_folder)
{
    folder = given_folder;
}

bool play_chance(unsigned percent)
{
    return step_random(100) < percent;
}

int play_must(int process, const struct order *order)
{
    int result = cast_do(process, order).result;
    if (result < 0)
        cast_fail("actor %d: order %d (%d, %d): %s", process, order->kind, order->a, order->b, strerror(-result));
    return result;
}

int play(int process, enum order_kind kind, int a, int b, int c, int d)
{
    return play_must(process, &(struct order){.kind = kind, .a = a, .b = b, .c = c, .d = d});
}

int play_result(int process, enum order_kind kind, int a, int b)
{
    return cast_do(process, &(struct order){.kind = kind, .a = a, .b = b}).result;
}

int play_living(void)
{
    int living = 0;
    for (int i = 0; i < world.processes_count; i++)
        living += world.processes[i].alive;
    return living;
}

int play_process(void)
{
    int living[ACTORS_MAX] = {0}, count = 0;
    for (int i = 0; i < world.processes_count; i++)
        if (world.processes[i].alive)
            living[count++] = i;
    return living[step_random((unsigned)count)];
}

int play_process_in(int net)
{
    int living[ACTORS_MAX] = {0}, count = 0;
    for (int i = 0; i < world.processes_count; i++)
        if (world.processes[i].alive && world.processes[i].net == net)
            living[count++] = i;
    return count ? living[step_random((unsigned)count)] : -1;
}

static int process_with(int mounts, bool any)
{
    int living[ACTORS_MAX] = {0}, count = 0;
    for (int i = 0; i < world.processes_count; i++)
        if (world.processes[i].alive && (any || world.processes[i].mounts == mounts))
            living[count++] = i;
    return count ? living[step_random((unsigned)count)] : -1;
}

int play_process_near(const struct sock *sock)
{
    if (sock->folder || sock->apart)
        return process_with(sock->mounts, sock->folder != 0);
    return sock->local.text[0] == '/' ? play_process() : play_process_in(sock->net);
}

static int any_holder(const struct sock *sock, bool (*may)(int process, const struct sock *sock))
{
    int holders[ACTORS_MAX], count = 0;
    for (int i = 0; i < world.processes_count; i++)
        if (world.processes[i].alive && world_fd(i, sock) >= 0 && (!may || may(i, sock)))
            holders[count++] = i;
    return count ? holders[step_random((unsigned)count)] : -1;
}

int play_holder(const struct sock *sock)
{
    return any_holder(sock, NULL);
}

int play_user(struct sock *sock)
{
    bool one_only = sock->type == SOCK_DGRAM || strcmp(sock->role, "pair") == 0;
    if (!one_only)
        return any_holder(sock, world_may_use);
    if (sock->user < 0)
        sock->user = play_holder(sock);
    return sock->user >= 0 && world.processes[sock->user].alive && world_fd(sock->user, sock) >= 0 ? sock->user : -1;
}

int play_fork(int parent, int channel)
{
    play(parent, ORDER_FORK, channel, 0, 0, 0);
    pid_t pid = cast_expect(channel);
    struct cast_span start = {cast_span(parent).from, cast_span(channel).to};
    world_enter(channel, pid, parent, start);
    world_fork(parent, channel);
    return channel;
}

int play_channel(void)
{
    return world.processes_count < ACTORS_MAX ? world.processes_count : -1;
}

bool play_may_fork(int parent)
{
    return play_channel() >= 0 && !world.processes[parent].inner;
}

static void make_folder(int number, char *out, size_t capacity)
{
    snprintf(out, capacity, "%s/f%d", folder, number);
    if (mkdir(out, 0700) < 0 && errno != EEXIST)
        cast_fail("%s: %s", out, strerror(errno));
}

void play_folder(int process, enum order_kind kind, int number)
{
    struct order order = {.kind = kind, .size = sizeof(struct sockaddr_un)};
    struct sockaddr_un *name = (struct sockaddr_un *)&order.address;
    name->sun_family = AF_UNIX;
    make_folder(number, name->sun_path, sizeof name->sun_path);
    play_must(process, &order);
}

socklen_t play_name_in(struct sockaddr_storage *out, int number)
{
    struct sockaddr_un *address = (struct sockaddr_un *)out;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (number)
        make_folder(number, address->sun_path, sizeof address->sun_path);
    size_t used = strlen(address->sun_path);
    int length = (int)used;
    length += snprintf(address->sun_path + used, sizeof address->sun_path - used, number ? "/s" : "s");
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)length + 1);
}

socklen_t play_name_by_descriptor(struct sockaddr_storage *out)
{
    struct sockaddr_un *address = (struct sockaddr_un *)out;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    int length = snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/s", OPENED_FD);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)length + 1);
}

struct sock *play_socket(bool (*fits)(const struct sock *))
{
    struct sock *found[SOCKETS_MAX];
    unsigned count = 0;
    for (unsigned i = 0; i < world.sockets_count; i++)
        if (world_held(world.sockets[i]) && fits(world.sockets[i]))
            found[count++] = world.sockets[i];
    return count ? found[step_random(count)] : NULL;
}

bool play_is_tcp(const struct sock *sock)
{
    return sock->family != AF_UNIX && sock->type == SOCK_STREAM;
}

socklen_t play_unix_address(struct sockaddr_storage *out, bool abstract)
{
    struct sockaddr_un *address = (struct sockaddr_un *)out;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    int length =
        snprintf(address->sun_path + abstract, sizeof address->sun_path - 1, "%s/%u.sock", folder, names_made++);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)length + 1);
}

socklen_t play_inet_address(struct sockaddr_storage *out, int family, bool any)
{
    *out = (struct sockaddr_storage){.ss_family = (sa_family_t)family};
    if (family == AF_INET) {
        ((struct sockaddr_in *)out)->sin_addr.s_addr = htonl(any ? INADDR_ANY : INADDR_LOOPBACK);
        return sizeof(struct sockaddr_in);
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
    in6->sin6_addr = any ? in6addr_any : in6addr_loopback;
    if (!any && network_is_own() && play_chance(25)) {
        inet_pton(AF_INET6, "fe80::1", &in6->sin6_addr);
        in6->sin6_scope_id = 1;
    }
    return sizeof(struct sockaddr_in6);
}

void play_bind(int process, int fd, const struct sockaddr_storage *address, socklen_t size)
{
    struct sock *sock = world.processes[process].fds[fd].sock;
    play_must(process, &(struct order){.kind = ORDER_BIND, .a = fd, .size = size, .address = *address});
    world_local(process, fd);
    if (strcmp(sock->state, "created") == 0)
        sock->state = "bound";
    if (sock->type == SOCK_DGRAM)
        sock->role = "datagram";
}

struct row *play_row(struct sock *listener)
{
    for (unsigned i = 0; i < world.rows_count; i++) {
        struct row *row = &world.rows[i];
        if (row->owner == listener->owner && strcmp(row->transport, world_transport(listener)) == 0 &&
            row->address.port == listener->local.port && strcmp(row->address.text, listener->local.text) == 0)
            return row;
    }
    if (world.rows_count == sizeof world.rows / sizeof world.rows[0])
        cast_fail("too many listeners");
    struct row *row = &world.rows[world.rows_count++];
    *row = (struct row){.owner = listener->owner, .transport = world_transport(listener), .address = listener->local};
    return row;
}

int play_flags(void)
{
    return play_chance(50) ? SOCK_CLOEXEC : 0;
}

struct sock *play_new_of(int process, int family, int type, int protocol, int flags, int *fd)
{
    *fd = play(process, ORDER_SOCKET, family, type | flags, protocol, 0);
    return world_socket(process, *fd, family, type, protocol, (flags & SOCK_CLOEXEC) != 0);
}

struct sock *play_new(int process, int family, int type, int flags, int *fd)
{
    return play_new_of(process, family, type, 0, flags, fd);
}

int play_connect(int process, int fd, const struct sockaddr_storage *to, socklen_t size, struct cast_span *begun)
{
    int result = cast_do(process, &(struct order){.kind = ORDER_CONNECT, .a = fd, .size = size, .address = *to}).result;
    *begun = cast_span(process);
    if (result == -EINPROGRESS)
        result = cast_do(process, &(struct order){.kind = ORDER_FINISH, .a = fd}).result;
    return result;
}

void play_failed(int process, struct sock *client, int error, struct cast_span begun, const char *match, int to)
{
    client->role = "client";
    client->state = "failed";
    client->error = error;
    world_own(process, client, RANK_USED);
    struct talk *talk = world_talk(client, NULL, match);
    talk->failed = true;
    talk->error = error;
    talk->to = to;
    talk->external = client->peer;
    talk->begun = begun;
    talk->ended = cast_span(process);
}
