/* SPDX-License-Identifier: MIT
 *
 * Which socket a record is about, and the steps that several handlers share. Called by the handlers alone; looks at no
 * record's body.
 */
#include "analyzer/model/replay.h"

#include <string.h>
#include <sys/socket.h>

struct sock *replay_sock(struct model *model, struct task *task, const struct event *event)
{
    struct sock *sock = descriptor_get(task, event->fd);
    if (sock && (!event->cookie || sock->socket.cookie == event->cookie))
        return sock;
    struct sock *other = sock_find(model, task->process.host, event->cookie);
    if (sock && !sock->socket.cookie && !other) {
        sock_learn_cookie(model, sock, event->cookie);
        return sock;
    }
    if (sock) { /* the number means another socket now: a close that no wrapper saw */
        descriptor_drop(model, task, event->fd, event->time_ns);
        other = sock_find(model, task->process.host, event->cookie); /* it may have waited for that one alone */
    }
    if (other && event->fd >= 0)
        descriptor_put(model, task, event->fd, other, false, event->time_ns);
    return other;
}

struct sock *replay_make(struct model *model, struct task *task, const struct event *event, int32_t fd, uint64_t cookie,
                         struct network *network, bool cloexec)
{
    struct sock *sock = sock_find(model, task->process.host, cookie);
    if (!sock) {
        sock = sock_new(model, task->process.host, cookie, network, event->time_ns);
        sock->socket.fd = fd;
    }
    sock_own(sock, task, fd, RANK_CREATED);
    descriptor_put(model, task, fd, sock, cloexec, event->time_ns);
    descriptor_untold(task, fd);
    if (fd < 0)
        sock_hold(sock, task);
    return sock;
}

struct sock *replay_known(struct model *model, struct task *task, const struct event *event, unsigned family)
{
    struct sock *sock = replay_sock(model, task, event);
    if (sock || event->fd < 0)
        return sock;
    sock = replay_make(model, task, event, event->fd, event->cookie, task_network(model, task, event->tid, 0), false);
    sock->socket.family = (uint16_t)family;
    sock->socket.type = SOCK_STREAM;
    sock->socket.seen_first = true;
    sock->socket.opened_ns = 0;
    return sock;
}

void replay_serve(struct model *model, struct sock *sock)
{
    if (sock_is_datagram(sock) && address_known(&sock->socket.local))
        listener_listed(model, sock);
}

void replay_wildcard(struct address *peer, const struct address *local)
{
    if (!address_is_any(peer))
        return;
    if (local->family == peer->family && !address_is_any(local)) {
        memcpy(peer->bytes, local->bytes, peer->size);
    } else if (peer->family == AF_INET) {
        memcpy(peer->bytes, (unsigned char[]){127, 0, 0, 1}, 4);
    } else {
        peer->bytes[15] = 1;
    }
}
