/* SPDX-License-Identifier: MIT
 *
 * Reading the kernel's notices of sockets that are no more, see notice.h. What comes is checked as anything that comes
 * from outside: other processes may write to a netlink socket.
 */
#include "analyzer/cmd/notice.h"

#include "analyzer/cmd/diag.h"
#include "shim/tcp_info.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

enum {
    BUFFER_BYTES = 8 << 20, /* some 8,000 notices */
    READ_MAX = 256,         /* datagrams at once */
    STATE_LISTEN = 10,      /* include/net/tcp_states.h */
    ECHO_MS = 100,
};

/* ---- One notice ---- */

/* tcpi_bytes_acked counts the SYN and the FIN as one byte each. While bytes of data are not acknowledged, the FIN
 * behind them is not, either. */
static uint8_t acknowledged(const struct tcp_info *info, size_t size)
{
    uint64_t data = info->tcpi_bytes_sent - info->tcpi_bytes_retrans;
    bool told = size >= offsetof(struct tcp_info, tcpi_bytes_retrans) + sizeof info->tcpi_bytes_retrans;
    if (!told || (info->tcpi_bytes_acked > data && info->tcpi_bytes_acked - data > 2))
        return UINT8_MAX;
    return info->tcpi_bytes_acked < data ? 0 : (uint8_t)(info->tcpi_bytes_acked - data);
}

static void take_tcp(struct notice *notice, const struct inet_diag_msg *body, const void *bytes, size_t size)
{
    struct tcp_info info = {0};
    size = size < sizeof info ? size : sizeof info;
    memcpy(&info, bytes, size);
    if (!address_known(&notice->peer) ||
        !tcp_info_tell(&info, size, &notice->tcp, &notice->bytes_sent, &notice->bytes_received))
        return;
    notice->tcp_known = notice->bytes_received != SOCKATLAS_BYTES_UNKNOWN;
    notice->acked = acknowledged(&info, size);
    if (notice->bytes_received)
        notice->unread = (uint8_t)(body->idiag_rqueue < UINT8_MAX ? body->idiag_rqueue : UINT8_MAX);
}

static bool take(struct notice *notice, const struct nlmsghdr *message)
{
    const struct inet_diag_msg *body = NLMSG_DATA(message);
    if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY || message->nlmsg_len < NLMSG_LENGTH(sizeof *body) ||
        (body->idiag_family != AF_INET && body->idiag_family != AF_INET6))
        return false;
    *notice = (struct notice){.cookie = (uint64_t)body->id.idiag_cookie[1] << 32 | body->id.idiag_cookie[0],
                              .acked = UINT8_MAX,
                              .bytes_sent = SOCKATLAS_BYTES_UNKNOWN,
                              .bytes_received = SOCKATLAS_BYTES_UNKNOWN};
    bool link_local =
        body->idiag_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL((const struct in6_addr *)body->id.idiag_src);
    uint32_t scope = link_local ? body->id.idiag_if : 0;
    diag_address(&notice->local, body->idiag_family, body->id.idiag_src, body->id.idiag_sport, scope);
    if (body->id.idiag_dport)
        diag_address(&notice->peer, body->idiag_family, body->id.idiag_dst, body->id.idiag_dport, scope);
    int left = (int)(message->nlmsg_len - NLMSG_LENGTH(sizeof *body));
    const struct rtattr *info = NULL;
    for (const struct rtattr *at = (const void *)((const char *)body + NLMSG_ALIGN(sizeof *body)); RTA_OK(at, left);
         at = RTA_NEXT(at, left)) {
        if (at->rta_type == INET_DIAG_PROTOCOL && RTA_PAYLOAD(at) == 1)
            notice->protocol = *(const uint8_t *)RTA_DATA(at);
        if (at->rta_type == INET_DIAG_INFO)
            info = at;
    }
    if (info && notice->protocol == IPPROTO_TCP)
        take_tcp(notice, body, RTA_DATA(info), RTA_PAYLOAD(info));
    return notice->cookie && (notice->protocol == IPPROTO_TCP || notice->protocol == IPPROTO_UDP);
}

void notice_answer(const void *datagram, size_t size, notice_found *found, void *context)
{
    struct notice notice;
    const struct nlmsghdr *message = datagram;
    for (ssize_t left = (ssize_t)size; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left))
        if (take(&notice, message))
            found(context, &notice);
}

/* ---- The reader ---- */

static int open_netlink(int flags)
{
    struct sockaddr_nl own = {.nl_family = AF_NETLINK};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_SOCK_DIAG);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&own, sizeof own) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool join(int fd)
{
    static const int groups[] = {SKNLGRP_INET_TCP_DESTROY, SKNLGRP_INET6_TCP_DESTROY, SKNLGRP_INET_UDP_DESTROY,
                                 SKNLGRP_INET6_UDP_DESTROY};
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i], sizeof groups[i]) < 0)
            return false;
    return true;
}

/* Where in `marks` the socket stands that is not announced yet; marks_count: nowhere. */
static unsigned mark_of(const struct notice_reader *reader, uint64_t cookie)
{
    unsigned at = 0;
    while (at < reader->marks_count && reader->marks[at] != cookie)
        at++;
    return at;
}

/* The error ENOBUFS cannot be counted by: it comes once until the buffer was empty, and what is dropped in between is
 * dropped silently. The kernel's counter (SO_MEMINFO) is exact, of the marks that were dropped as well. */
static bool count_lost(struct notice_reader *reader)
{
    uint32_t memory[SK_MEMINFO_VARS] = {0};
    socklen_t size = sizeof memory;
    if (getsockopt(reader->groups, SOL_SOCKET, SO_MEMINFO, memory, &size) < 0)
        return false;
    reader->dropped += memory[SK_MEMINFO_DROPS] - (uint32_t)reader->dropped;
    reader->lost = reader->dropped > reader->marks_count ? reader->dropped - reader->marks_count : 0;
    return true;
}

bool notice_open(struct notice_reader *reader, size_t buffer)
{
    int bytes = buffer ? (int)buffer : BUFFER_BYTES;
    socklen_t size = sizeof reader->netns_cookie;
    struct stat status;
    *reader = (struct notice_reader){.groups = open_netlink(SOCK_NONBLOCK), .question = -1};
    if (reader->groups < 0)
        return false;
    if (setsockopt(reader->groups, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) < 0)
        setsockopt(reader->groups, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    if (!join(reader->groups) || !count_lost(reader)) {
        int error = errno;
        notice_close(reader);
        errno = error;
        return false;
    }
    if (getsockopt(reader->groups, SOL_SOCKET, SO_NETNS_COOKIE, &reader->netns_cookie, &size) < 0)
        reader->netns_cookie = 0;
    reader->netns_inode = stat("/proc/thread-self/ns/net", &status) == 0 ? status.st_ino : 0;
    size = sizeof reader->buffer;
    getsockopt(reader->groups, SOL_SOCKET, SO_RCVBUF, &reader->buffer, &size);
    reader->question = open_netlink(0);
    return true;
}

struct told {
    struct notice_reader *reader;
    notice_found *found;
    void *context;
};

static void tell(void *context, const struct notice *notice)
{
    const struct told *told = context;
    struct notice_reader *reader = told->reader;
    unsigned mark = mark_of(reader, notice->cookie);
    if (mark == reader->marks_count)
        told->found(told->context, notice);
    else
        reader->marks[mark] = reader->marks[--reader->marks_count];
}

bool notice_read(struct notice_reader *reader, notice_found *found, void *context)
{
    static _Thread_local _Alignas(8) char datagram[8192];
    struct told told = {reader, found, context};
    uint64_t lost = reader->lost;
    bool any = false;
    for (int i = 0; i < READ_MAX; i++) {
        struct sockaddr_nl from = {.nl_pid = 0};
        socklen_t from_size = sizeof from;
        ssize_t size = recvfrom(reader->groups, datagram, sizeof datagram, 0, (struct sockaddr *)&from, &from_size);
        if (size < 0 && errno != EINTR && errno != ENOBUFS)
            break;
        if (size > 0 && from_size == sizeof from && from.nl_pid == 0) {
            notice_answer(datagram, (size_t)size, tell, &told);
            any = true;
        }
    }
    count_lost(reader);
    return any || reader->lost != lost;
}

/* ---- Marks ---- */

/* What this CPU has sent to itself over loopback before, is there when this is: ends of connections above all. */
static void echo(int fd)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof own;
    if (bind(fd, (const struct sockaddr *)&own, sizeof own) == 0 &&
        getsockname(fd, (struct sockaddr *)&own, &size) == 0 &&
        sendto(fd, "", 1, 0, (const struct sockaddr *)&own, sizeof own) == 1)
        poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, ECHO_MS);
}

uint64_t notice_mark(struct notice_reader *reader)
{
    uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    int fd = reader->marks_count < NOTICE_MARKS_MAX ? socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
    if (fd < 0)
        return 0;
    if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 && cookie) {
        reader->marks[reader->marks_count++] = cookie;
        echo(fd);
    }
    close(fd);
    return cookie;
}

bool notice_mark_is_told(const struct notice_reader *reader, uint64_t mark)
{
    return mark_of(reader, mark) == reader->marks_count;
}

/* ---- What is left ---- */

static void put_address(__be32 *bytes, __be16 *port, const struct address *address)
{
    memcpy(bytes, address->bytes, address->size);
    *port = htons(address->port);
}

enum sockatlas_left notice_left(const struct notice_reader *reader, const struct notice *notice)
{
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 body;
    } request = {
        .header = {.nlmsg_len = sizeof request, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST},
        .body = {.sdiag_family = (uint8_t)notice->local.family,
                 .sdiag_protocol = IPPROTO_TCP,
                 .idiag_states = UINT32_MAX,
                 .id = {.idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}}};
    _Alignas(8) char answer[1024];
    put_address(request.body.id.idiag_src, &request.body.id.idiag_sport, &notice->local);
    put_address(request.body.id.idiag_dst, &request.body.id.idiag_dport, &notice->peer);
    request.body.id.idiag_if = notice->local.scope;
    if (reader->question < 0 || send(reader->question, &request, sizeof request, 0) < 0)
        return SOCKATLAS_LEFT_UNKNOWN;
    ssize_t size = recv(reader->question, answer, sizeof answer, 0);
    const struct nlmsghdr *header = (const void *)answer;
    if (size < (ssize_t)sizeof *header || !NLMSG_OK(header, size))
        return SOCKATLAS_LEFT_UNKNOWN;
    if (header->nlmsg_type == NLMSG_ERROR) {
        const struct nlmsgerr *error = NLMSG_DATA(header);
        bool none = header->nlmsg_len >= NLMSG_LENGTH(sizeof error->error) && error->error == -ENOENT;
        return none ? SOCKATLAS_LEFT_NOTHING : SOCKATLAS_LEFT_UNKNOWN;
    }
    const struct inet_diag_msg *body = NLMSG_DATA(header);
    if (header->nlmsg_len < NLMSG_LENGTH(sizeof *body))
        return SOCKATLAS_LEFT_UNKNOWN;
    switch (body->idiag_state) {
    case SOCKATLAS_LEFT_FIN_WAIT2:
    case SOCKATLAS_LEFT_TIME_WAIT:
        return (enum sockatlas_left)body->idiag_state;
    case STATE_LISTEN: /* who is found where there is no connection */
        return SOCKATLAS_LEFT_NOTHING;
    default: /* another connection by now */
        return SOCKATLAS_LEFT_UNKNOWN;
    }
}

void notice_close(struct notice_reader *reader)
{
    if (reader->groups >= 0)
        close(reader->groups);
    if (reader->question >= 0)
        close(reader->question);
    reader->groups = reader->question = -1;
}
