/* SPDX-License-Identifier: MIT
 *
 * The true map's rules: what holding, using and letting go mean.
 */
#include "tests/ground/world.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

struct world world;

struct name world_name(const struct sockaddr_storage *address, socklen_t size)
{
    struct name name = {.known = size > 0, .port = -1};
    const struct sockaddr_in *in = (const void *)address;
    const struct sockaddr_in6 *in6 = (const void *)address;
    const struct sockaddr_un *un = (const void *)address;
    if (!size)
        return name;
    if (address->ss_family == AF_INET) {
        inet_ntop(AF_INET, &in->sin_addr, name.text, sizeof name.text);
        name.port = ntohs(in->sin_port);
    } else if (address->ss_family == AF_INET6) {
        bool mapped = IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);
        inet_ntop(mapped ? AF_INET : AF_INET6, in6->sin6_addr.s6_addr + (mapped ? 12 : 0), name.text, sizeof name.text);
        if (IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr))
            snprintf(name.text + strlen(name.text), sizeof name.text - strlen(name.text), "%%%u", in6->sin6_scope_id);
        name.port = ntohs(in6->sin6_port);
    } else {
        size_t length = size - offsetof(struct sockaddr_un, sun_path);
        if (length && un->sun_path[0])
            length = strnlen(un->sun_path, length);
        memcpy(name.text, un->sun_path, length);
        if (length && !name.text[0])
            name.text[0] = '@';
    }
    return name;
}

const char *world_transport(const struct sock *sock)
{
    return sock->family == AF_UNIX ? "unix" : sock->type == SOCK_DGRAM ? "udp" : sock->protocol ? "mptcp" : "tcp";
}

void world_local(int process, int fd)
{
    struct sock *sock = world.processes[process].fds[fd].sock;
    struct cast_look look = cast_look(process, fd);
    sock->local = world_name(&look.local, look.local_size);
    sock->address = look.local;
    sock->address_size = look.local_size;
}

struct sock *world_socket(int process, int fd, int family, int type, int protocol, bool cloexec)
{
    if (fd < 0 || fd >= DESCRIPTORS || world.sockets_count == SOCKETS_MAX)
        cast_fail("socket %d of actor %d: cannot be kept", fd, process);
    struct sock *sock = calloc(1, sizeof *sock);
    *sock = (struct sock){.cookie = cast_look(process, fd).cookie,
                          .family = family,
                          .type = type,
                          .protocol = protocol,
                          .net = world.processes[process].net,
                          .role = "unused",
                          .state = "created",
                          .user = -1,
                          .opened = cast_span(process)};
    world.sockets[world.sockets_count++] = sock;
    world_hold(process, fd, sock, cloexec);
    world_touch(process, sock);
    world_own(process, sock, RANK_CREATED);
    return sock;
}

struct talk *world_talk_between(int from, struct sock *client, struct sock *server, const char *match)
{
    if (world.talks_count == TALKS_MAX)
        cast_fail("too many talks");
    struct talk *talk = calloc(1, sizeof *talk);
    *talk = (struct talk){.client = client,
                          .server = server,
                          .from = from,
                          .to = server ? server->owner : -1,
                          .transport = world_transport(client),
                          .match = match,
                          .served = client->peer,
                          .net = client->net};
    world.talks[world.talks_count++] = talk;
    if (!client->talk)
        client->talk = talk;
    if (server && !server->talk)
        server->talk = talk;
    return talk;
}

struct talk *world_talk(struct sock *client, struct sock *server, const char *match)
{
    struct talk *talk = world_talk_between(client->owner, client, server, match);
    talk->begun = cast_span(client->owner);
    return talk;
}

bool world_held(const struct sock *sock)
{
    if (sock->in_flight)
        return true;
    for (int i = 0; i < world.processes_count; i++)
        if (world.processes[i].alive && world_fd(i, sock) >= 0)
            return true;
    return false;
}

int world_fd(int process, const struct sock *sock)
{
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        if (world.processes[process].fds[fd].sock == sock)
            return fd;
    return -1;
}

void world_hold(int process, int fd, struct sock *sock, bool cloexec)
{
    if (fd < 0 || fd >= DESCRIPTORS || world.processes[process].fds[fd].sock)
        cast_fail("descriptor %d of actor %d is not free", fd, process);
    world.processes[process].fds[fd].sock = sock;
    world.processes[process].fds[fd].cloexec = cloexec;
    world.processes[process].fds[fd].met = true;
    world.processes[process].fds[fd].handed = false;
    sock->renumbered = sock->renumbered || (sock->holders & 1u << process);
    sock->holders |= 1u << process;
}

static bool is_tcp(const struct sock *sock)
{
    return sock->family != AF_UNIX && sock->type == SOCK_STREAM;
}

static bool is_connection(const struct sock *sock)
{
    return sock->talk && (strcmp(sock->role, "client") == 0 || strcmp(sock->role, "server") == 0);
}

void world_touch_fd(int process, int fd)
{
    world.processes[process].silent = false;
    world.processes[process].known = true;
    world.processes[process].fds[fd].met = true;
    world.processes[process].fds[fd].uncounted = true;
}

void world_touch(int process, const struct sock *sock)
{
    world_touch_fd(process, world_fd(process, sock));
}

void world_use(int process, struct sock *sock)
{
    if (is_connection(sock) && sock->owner != process) {
        sock->owner = process;
        sock->fd = world_fd(process, sock);
        sock->talk->moved = true;
    }
    world.processes[process].fds[world_fd(process, sock)].handed = false;
    world_touch(process, sock);
}

bool world_may_use(int process, const struct sock *sock)
{
    return !is_connection(sock) || sock->owner == process ||
           world.processes[process].fds[world_fd(process, sock)].handed;
}

bool world_may_touch(int process, const struct sock *sock)
{
    return !is_connection(sock) || sock->owner == process ||
           (world.processes[sock->owner].alive && world_fd(sock->owner, sock) >= 0);
}

void world_own(int process, struct sock *sock, enum rank rank)
{
    if (rank <= sock->rank)
        return;
    sock->rank = rank;
    sock->owner = process;
    sock->fd = world_fd(process, sock);
}

void world_drop(int process, int fd, bool told)
{
    struct sock *sock = world.processes[process].fds[fd].sock;
    bool uncounted = world.processes[process].fds[fd].uncounted;
    world.processes[process].fds[fd].sock = NULL;
    world.processes[process].fds[fd].uncounted = false;
    if (uncounted && !told)
        sock->killed = true;
    if (uncounted && told && is_tcp(sock))
        sock->lost = false; /* the kernel's counts are the connection's */
    sock->counted = sock->counted || told;
    sock->unreleased = sock->unreleased || !told;
    sock->haunted = sock->haunted || (!told && !world.processes[process].silent);
    if (!sock->unreleased && sock->accepted && !sock->left && !world_held(sock)) {
        sock->left = true; /* a process may have ended that had it at two numbers */
        sock->row->now--;
    }
    if (told)
        sock->dropped = cast_span(process);
    sock->closed = sock->unreleased || world_held(sock) ? (struct cast_span){0, 0} : cast_span(process);
}

bool world_openness(const struct sock *sock)
{
    for (int i = 0; i < world.processes_count; i++)
        if (world.processes[i].alive && !world.processes[i].silent && world_fd(i, sock) >= 0)
            return true;
    return sock->haunted || (!sock->unreleased && !world_held(sock));
}

bool world_bytes(const struct sock *sock)
{
    if (is_tcp(sock) && !sock->connected)
        return false;
    if (sock->sandboxed || !sock->counted || sock->lost || sock->killed || sock->dissolved)
        return false;
    for (int i = 0; i < world.processes_count; i++)
        for (int fd = 0; world.processes[i].alive && fd < DESCRIPTORS; fd++)
            if (world.processes[i].fds[fd].sock == sock && world.processes[i].fds[fd].uncounted)
                return false;
    return true;
}

bool world_sent(const struct sock *sock)
{
    return world_bytes(sock) && !sock->flushed;
}

bool world_received(const struct sock *sock)
{
    return world_bytes(sock) && (!sock->flushed || is_tcp(sock)); /* the kernel's count */
}

void world_enter(int process, pid_t pid, int parent, struct cast_span start)
{
    world.processes_count = process + 1;
    world.processes[process].pid = pid;
    world.processes[process].parent = parent;
    world.processes[process].start = start;
    world.processes[process].alive = true;
    world.processes[process].silent = true;
    world.processes[process].net = parent < 0 ? 0 : world.processes[parent].net;
    world.processes[process].mounts = parent < 0 ? 0 : world.processes[parent].mounts;
    world.processes[process].comm = parent < 0 ? "actor" : world.processes[parent].comm;
    world.processes[process].parent_told = parent < 0 || !world.processes[parent].silent;
}

void world_fork(int parent, int child)
{
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        if (world.processes[parent].fds[fd].sock) {
            world_hold(child, fd, world.processes[parent].fds[fd].sock, world.processes[parent].fds[fd].cloexec);
            world.processes[child].fds[fd].met = world.processes[parent].fds[fd].met;
            world.processes[child].fds[fd].handed = true;
        }
    world.processes[child].silent = world.processes[parent].silent;
    world.processes[child].known = !world.processes[child].silent;
}

void world_exec(int process)
{
    world.processes[process].comm = "exe";
    world.processes[process].silent = true;
    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        struct sock *sock = world.processes[process].fds[fd].sock;
        if (!sock)
            continue;
        if (world.processes[process].fds[fd].uncounted)
            sock->lost = true;
        world.processes[process].fds[fd].uncounted = false;
        world.processes[process].fds[fd].met = false;
        world.processes[process].fds[fd].handed = true;
        if (world.processes[process].fds[fd].cloexec)
            world_drop(process, fd, true);
    }
}

void world_spawn(int parent, int child, bool by_vfork)
{
    bool known = !world.processes[parent].silent;
    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        struct sock *sock = world.processes[parent].fds[fd].sock;
        if (!sock || (world.processes[parent].fds[fd].cloexec && !by_vfork))
            continue;
        world_hold(child, fd, sock, world.processes[parent].fds[fd].cloexec);
    }
    world_exec(child);
    world.processes[child].known = known;
}

void world_end(int process, bool told)
{
    told = told && !world.processes[process].silent;
    world.processes[process].alive = false;
    if (told)
        world.processes[process].end = cast_span(process);
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        if (world.processes[process].fds[fd].sock)
            world_drop(process, fd, told);
}
