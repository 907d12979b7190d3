/* SPDX-License-Identifier: MIT
 *
 * Steps about listeners: listen, group.
 */
#include "tests/ground/network.h"
#include "tests/ground/play.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

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
            sock->local.text[0] != '/' || sock->apart || sock->by_descriptor)
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
    struct sock *sock = play_new(process, AF_UNIX, type, play_flags(), &fd);
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
    struct sock *sock = play_new(process, family, SOCK_STREAM, play_flags(), &fd);
    bool named = play_chance(85); /* else listen() chooses */
    if (play_chance(50))
        play(process, ORDER_OPTION, fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (named) {
        socklen_t size = play_inet_address(&address, family, play_chance(50));
        play_bind(process, fd, &address, size);
    }
    if (play_chance(25))
        play(process, ORDER_OPTION, fd, IPPROTO_TCP, TCP_FASTOPEN, 5);
    listens(process, fd, sock, named);
}

/* How such a name is one: relative to where a process works, to a descriptor of it, or absolute, in its own mounts. */
enum twin { BY_FOLDER, BY_DESCRIPTOR, BY_MOUNT };

static void listen_as(int process, int folder, enum twin how)
{
    int fd;
    struct sockaddr_storage address;
    socklen_t size =
        how == BY_DESCRIPTOR ? play_name_by_descriptor(&address) : play_name_in(&address, how == BY_MOUNT ? folder : 0);
    struct sock *sock = play_new(process, AF_UNIX, SOCK_STREAM, play_flags(), &fd);
    struct order bind = {.kind = ORDER_BIND, .a = fd, .size = size, .address = address};
    int result = cast_do(process, &bind).result;
    if (result < 0) { /* that name was made before */
        sock->error = -result;
        play(process, ORDER_CLOSE, fd, 0, 0, 0);
        world_drop(process, fd, true);
        return;
    }
    world_local(process, fd);
    sock->state = "bound";
    sock->folder = how == BY_MOUNT ? 0 : folder;
    sock->by_descriptor = how == BY_DESCRIPTOR;
    sock->mounts = world.processes[process].mounts;
    sock->apart = how == BY_MOUNT;
    listens(process, fd, sock, true);
}

#define MOUNTED 9 /* the folder that another file system covers in some mount namespaces */

/* Two listeners of one name, which means another file to each: in another folder, or in another mount namespace. */
void step_twins(void)
{
    enum twin how = network_is_own() && play_chance(40) ? BY_MOUNT : play_chance(50) ? BY_DESCRIPTOR : BY_FOLDER;
    int folder = 1 + (int)step_random(3);
    for (int i = 0; i < 2; i++) {
        int process = play_process();
        if (how == BY_MOUNT && i && !world.processes[process].mounts) {
            play_folder(process, ORDER_MOUNT, MOUNTED);
            world.processes[process].mounts = ++world.mounts_count;
        } else if (how != BY_MOUNT) {
            play_folder(process, how == BY_DESCRIPTOR ? ORDER_OPENED : ORDER_FOLDER, folder + i);
        }
        listen_as(process, how == BY_MOUNT ? MOUNTED : folder + i, how);
    }
}

static bool bind_wild(int process, int fd, int family, int port)
{
    struct order bind = {.kind = ORDER_BIND, .a = fd};
    bind.size = play_inet_address(&bind.address, family, true);
    ((struct sockaddr_in *)&bind.address)->sin_port = htons((in_port_t)port); /* at the same place in both families */
    int result = cast_do(process, &bind).result;
    if (result >= 0) {
        world_local(process, fd);
        return true;
    }
    world.processes[process].fds[fd].sock->error = -result;
    play(process, ORDER_CLOSE, fd, 0, 0, 0);
    world_drop(process, fd, true);
    return false;
}

/* Two listeners of one port: 0.0.0.0 takes what comes by IPv4, and :: all else. */
void step_wild(void)
{
    int port = 0, net = world.processes[play_process()].net, family = play_chance(50) ? AF_INET : AF_INET6;
    for (int i = 0; i < 2; i++) {
        int process = play_process_in(net), fd;
        struct sock *sock = play_new(process, family, SOCK_STREAM, play_flags(), &fd);
        if (family == AF_INET6)
            play(process, ORDER_OPTION, fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
        sock->only6 = family == AF_INET6;
        if (!bind_wild(process, fd, family, port))
            return;
        listens(process, fd, sock, true);
        port = sock->local.port;
        family = family == AF_INET ? AF_INET6 : AF_INET;
    }
}

void step_group(void)
{
    struct sockaddr_storage address;
    socklen_t size = play_inet_address(&address, AF_INET, false);
    int net = world.processes[play_process()].net;
    unsigned members = 2 + step_random(2);
    for (unsigned i = 0; i < members; i++) {
        int process = play_process_in(net), fd;
        struct sock *sock = play_new(process, AF_INET, SOCK_STREAM, play_flags(), &fd);
        play(process, ORDER_OPTION, fd, SOL_SOCKET, SO_REUSEPORT, 1);
        play_bind(process, fd, &address, size);
        listens(process, fd, sock, true);
        sock->grouped = true;
        address = sock->address;
    }
}
