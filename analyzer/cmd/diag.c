/* SPDX-License-Identifier: MIT
 *
 * sock_diag dumps and /proc/PID/fd.
 */
#include "analyzer/cmd/diag.h"

#include "analyzer/cmd/proc.h"

#include <ctype.h>
#include <dirent.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- Internet sockets ---- */

enum { PARTING = 1 << TCP_FIN_WAIT1 | 1 << TCP_CLOSING | 1 << TCP_LAST_ACK };

void diag_address(struct address *out, unsigned family, const __be32 *bytes, __be16 port, __be32 scope)
{
    unsigned char encoded[22];
    size_t size = family == AF_INET ? 4 : 16;
    memcpy(encoded, &port, 2);
    memcpy(encoded + 2, bytes, size);
    memcpy(encoded + 18, &scope, 4);
    address_decode(out, family, encoded, family == AF_INET ? 6 : 22);
}

static void inet_socket(const struct nlmsghdr *message, int protocol, diag_found *found, void *context)
{
    const struct inet_diag_msg *body = NLMSG_DATA(message);
    bool datagram = protocol == IPPROTO_UDP;
    if (message->nlmsg_len < NLMSG_LENGTH(sizeof *body) ||
        (body->idiag_family != AF_INET && body->idiag_family != AF_INET6))
        return;
    struct diag_socket socket = {.listening =
                                     datagram ? body->idiag_state != TCP_ESTABLISHED : body->idiag_state == TCP_LISTEN,
                                 .type = datagram ? SOCK_DGRAM : SOCK_STREAM,
                                 .parting = !datagram && !body->idiag_inode && body->idiag_state <= TCP_CLOSING &&
                                            ((unsigned)PARTING >> body->idiag_state & 1),
                                 .inode = body->idiag_inode,
                                 .cookie = (uint64_t)body->id.idiag_cookie[1] << 32 | body->id.idiag_cookie[0]};
    bool local = body->idiag_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL((const struct in6_addr *)body->id.idiag_src);
    uint32_t scope = local ? body->id.idiag_if : 0;
    diag_address(&socket.local, body->idiag_family, body->id.idiag_src, body->id.idiag_sport, scope);
    diag_address(&socket.peer, body->idiag_family, body->id.idiag_dst, body->id.idiag_dport, scope);
    found(context, &socket);
}

/* ---- Unix sockets ---- */

static void unix_socket(const struct nlmsghdr *message, diag_found *found, void *context)
{
    const struct unix_diag_msg *body = NLMSG_DATA(message);
    if (message->nlmsg_len < NLMSG_LENGTH(sizeof *body))
        return;
    int left = (int)(message->nlmsg_len - NLMSG_LENGTH(sizeof *body));
    struct diag_socket socket = {.listening = body->udiag_state == TCP_LISTEN || body->udiag_type == SOCK_DGRAM,
                                 .type = body->udiag_type,
                                 .inode = body->udiag_ino,
                                 .local = {.family = AF_UNIX},
                                 .peer = {.family = AF_UNIX}};
    for (const struct rtattr *at = (const void *)((const char *)body + NLMSG_ALIGN(sizeof *body)); RTA_OK(at, left);
         at = RTA_NEXT(at, left)) {
        size_t size = RTA_PAYLOAD(at);
        const char *bytes = RTA_DATA(at);
        if (at->rta_type == UNIX_DIAG_PEER && size == sizeof socket.peer_inode)
            memcpy(&socket.peer_inode, bytes, sizeof socket.peer_inode);
        if (at->rta_type == UNIX_DIAG_NAME &&
            !address_decode(&socket.local, AF_UNIX, bytes, size && bytes[0] ? strnlen(bytes, size) : size))
            return;
    }
    if (socket.local.size || socket.peer_inode)
        found(context, &socket);
}

/* ---- Dumps ---- */

static bool ask(int netlink, int family, int protocol)
{
    struct {
        struct nlmsghdr header;
        union {
            struct inet_diag_req_v2 inet;
            struct unix_diag_req un;
        };
    } request = {.header = {.nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
    if (family == AF_UNIX) {
        request.header.nlmsg_len = NLMSG_LENGTH(sizeof request.un);
        request.un = (struct unix_diag_req){
            .sdiag_family = AF_UNIX, .udiag_states = UINT32_MAX, .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER};
    } else {
        request.header.nlmsg_len = NLMSG_LENGTH(sizeof request.inet);
        request.inet = (struct inet_diag_req_v2){
            .sdiag_family = (uint8_t)family, .sdiag_protocol = (uint8_t)protocol, .idiag_states = UINT32_MAX};
    }
    return send(netlink, &request, request.header.nlmsg_len, 0) > 0;
}

bool diag_answer(const void *answer, size_t size, int family, int protocol, diag_found *found, void *context)
{
    const struct nlmsghdr *message = answer;
    for (ssize_t left = (ssize_t)size; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
        if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR)
            return false;
        if (family == AF_UNIX)
            unix_socket(message, found, context);
        else
            inet_socket(message, protocol, found, context);
    }
    return true;
}

/* One datagram; 0: there will be no more. What the kernel did not send is none: others may write to a netlink socket.
 */
static size_t receive(int netlink, void *answer, size_t capacity)
{
    struct sockaddr_nl from = {.nl_pid = 0};
    socklen_t from_size;
    ssize_t size;
    do {
        from_size = sizeof from;
        size = recvfrom(netlink, answer, capacity, 0, (struct sockaddr *)&from, &from_size);
    } while (size > 0 && (from_size != sizeof from || from.nl_pid != 0));
    return size > 0 ? (size_t)size : 0;
}

void diag_sockets(int family, int protocol, diag_found *found, void *context)
{
    static _Thread_local _Alignas(8) char answer[32768];
    int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (netlink < 0)
        return;
    bool more = ask(netlink, family, protocol);
    while (more) {
        size_t size = receive(netlink, answer, sizeof answer);
        more = size > 0 && diag_answer(answer, size, family, protocol, found, context);
    }
    close(netlink);
}

/* ---- Holders ---- */

static void holds(struct diag_holder *holders, unsigned count, bool latest, pid_t pid, uint32_t inode)
{
    for (unsigned i = 0; i < count; i++)
        if (holders[i].inode == inode && (!holders[i].pid || (latest ? pid > holders[i].pid : pid < holders[i].pid)))
            holders[i].pid = pid;
}

static void look_into(pid_t pid, struct diag_holder *holders, unsigned count, bool latest)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *folder = opendir(path);
    if (!folder)
        return;
    for (const struct dirent *entry; (entry = readdir(folder));) {
        char target[64];
        ssize_t size = readlinkat(dirfd(folder), entry->d_name, target, sizeof target - 1);
        if (size <= 0)
            continue;
        target[size] = '\0';
        uint32_t inode = proc_socket_inode(target);
        if (inode)
            holds(holders, count, latest, pid, inode);
    }
    closedir(folder);
}

void diag_holders(struct diag_holder *holders, unsigned count, bool latest)
{
    DIR *processes = opendir("/proc");
    if (!processes)
        return;
    for (const struct dirent *entry; (entry = readdir(processes));)
        if (isdigit((unsigned char)entry->d_name[0]))
            look_into((pid_t)strtol(entry->d_name, NULL, 10), holders, count, latest);
    closedir(processes);
}
