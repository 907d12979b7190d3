/* SPDX-License-Identifier: MIT
 *
 * One event after the other: which handler it goes to, and what is said of it to who listens. Holds the handlers of
 * records that are about no particular call on a socket. Called by model.c; decides nothing about halves.
 */
#include "analyzer/model/replay.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

typedef void handler(struct model *model, struct task *task, const struct event *event);

static void on_option(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_option *body = event_body(event);
    bool set = body->level == SOL_SOCKET && !event->error;
    bool broadcasts = set && body->name == SO_BROADCAST, lingers = set && body->name == SO_LINGER;
    bool only6 = body->level == IPPROTO_IPV6 && body->name == IPV6_V6ONLY && !event->error;
    struct linger linger = {.l_onoff = 0};
    int value = 0;
    if (!model->callbacks.socket_done && !broadcasts && !lingers && !only6)
        return; /* options appear on sockets only */
    struct sock *sock = replay_sock(model, task, event);
    if (!sock)
        return;
    sock->broadcasts |= broadcasts;
    if (only6 && event_tail(event, sizeof *body, 0, &value, sizeof value))
        sock->only6 = value != 0;
    if (lingers && event_tail(event, sizeof *body, 0, &linger, sizeof linger))
        sock->aborts = linger.l_onoff && !linger.l_linger;
    if (!model->callbacks.socket_done)
        return;
    if (event->call == SOCKATLAS_CALL_NONE)
        sock_option_told(model, sock, event);
    else
        sock_option(model, sock, event);
}

static void on_shutdown(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_shutdown *body = event_body(event);
    struct sock *sock = replay_sock(model, task, event);
    if (sock && !event->error && body->how != SHUT_RD)
        sock->shut = true;
    if (sock && sock->half && sock->met_by == task)
        sock_hand_over(sock, task, event->fd);
    if (sock)
        sock->met_by = NULL;
}

static void on_error(struct model *model, struct task *task, const struct event *event)
{
    struct sock *sock = replay_sock(model, task, event);
    if (sock)
        sock->socket.error = event->error;
}

static void on_coverage(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_coverage *body = event_body(event);
    if (task && body->what == SOCKATLAS_COVERAGE_LOG_GONE && model->images[task->image].continues)
        return;
    char *detail = store_alloc(body->detail_size + 1u);
    if (event_tail(event, sizeof *body, 0, detail, body->detail_size))
        coverage_add(model, task ? &task->process : NULL, body->what, detail);
    if (task && body->what == SOCKATLAS_COVERAGE_CLONE_FILES)
        task->shares = task->process.incomplete = true;
    if (task && body->what == SOCKATLAS_COVERAGE_LOG_GONE)
        task->process.incomplete = true;
    free(detail);
}

static void on_netns(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_netns *body = event_body(event);
    task_enter_network(model, task, event->tid,
                       store_network(model, task->process.host, body->netns_cookie, body->netns_inode));
}

static void on_exec_failed(struct model *model, struct task *task, const struct event *event)
{
    (void)event;
    task_exec_failed(model, task);
}

static void on_process_exit(struct model *model, struct task *task, const struct event *event)
{
    task_end(model, task, event->time_ns);
}

static void on_io(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_io *body = event_body(event);
    struct sock *sock = replay_sock(model, task, event);
    if (sock && body->result > 0)
        sock_own(sock, task, event->fd, body->sent ? RANK_SENT : RANK_RECEIVED);
}

static handler *const handlers[256] = {
    [SOCKATLAS_SOCKET] = replay_on_socket,
    [SOCKATLAS_SOCKETPAIR] = replay_on_socketpair,
    [SOCKATLAS_SEEN] = replay_on_seen,
    [SOCKATLAS_BIND] = replay_on_bind,
    [SOCKATLAS_FILE] = replay_on_file,
    [SOCKATLAS_LISTEN] = replay_on_listen,
    [SOCKATLAS_CONNECT] = replay_on_connect,
    [SOCKATLAS_CONNECTING] = replay_on_connecting,
    [SOCKATLAS_CONNECTED] = replay_on_connected,
    [SOCKATLAS_ACCEPT] = replay_on_accept,
    [SOCKATLAS_OPTION] = on_option,
    [SOCKATLAS_SHUTDOWN] = on_shutdown,
    [SOCKATLAS_CLOSE] = replay_on_close,
    [SOCKATLAS_STATE] = replay_on_state,
    [SOCKATLAS_DUP] = replay_on_dup,
    [SOCKATLAS_FLAGS] = replay_on_flags,
    [SOCKATLAS_PROCESS] = task_process,
    [SOCKATLAS_EXEC] = task_exec,
    [SOCKATLAS_EXEC_FAILED] = on_exec_failed,
    [SOCKATLAS_SPAWN] = task_spawn,
    [SOCKATLAS_EXIT] = on_process_exit,
    [SOCKATLAS_PASS] = replay_on_pass,
    [SOCKATLAS_TRANSFER] = replay_on_transfer,
    [SOCKATLAS_PEER] = replay_on_peer,
    [SOCKATLAS_PEER_TOTAL] = replay_on_peer_total,
    [SOCKATLAS_ERROR] = on_error,
    [SOCKATLAS_NAME] = note_name,
    [SOCKATLAS_COVERAGE] = on_coverage,
    [SOCKATLAS_NETNS] = on_netns,
    [SOCKATLAS_IO] = on_io,
};

/* What `run` saw from outside is about processes that need not be traced. */
static void replay_outside(struct model *model, const struct event *event)
{
    bool notices = event->image->header.writer == SOCKATLAS_WRITER_KERNEL;
    if (event->kind == SOCKATLAS_UNTRACED && ((const struct sockatlas_body_untraced *)event_body(event))->own_cookie)
        ended_owner(model, event, untraced_holder(model, event));
    else if (event->kind == SOCKATLAS_UNTRACED)
        untraced_note(model, event);
    if (event->kind == SOCKATLAS_NAME)
        note_host_name(model, event);
    if (notices && event->kind == SOCKATLAS_NETNS)
        replay_network_watched(model, event);
    if (notices && event->kind == SOCKATLAS_ENDED)
        replay_on_ended(model, event);
    if (event->kind == SOCKATLAS_COVERAGE)
        on_coverage(model, NULL, event);
    if (event->kind != SOCKATLAS_GONE)
        return;
    struct task *task = task_find(model, event->image->host, event->image->header.pidns_inode, event->pid);
    if (task)
        task_end(model, task, event->time_ns);
}

/* The socket an event is about, without learning anything from it. */
static const struct sock *sock_meant(const struct model *model, const struct task *task, const struct event *event)
{
    int32_t fd = event->fd;
    uint64_t cookie = event->cookie;
    if (event->kind == SOCKATLAS_ACCEPT && fd < 0) {
        struct sockatlas_body_accept body;
        memcpy(&body, event_body(event), sizeof body);
        fd = body.listener_fd;
        cookie = body.listener_cookie;
    }
    const struct sock *sock = sock_find(model, task->process.host, cookie);
    if (sock)
        return sock;
    sock = descriptor_get(task, fd);
    return sock && (!cookie || !sock->socket.cookie) ? sock : NULL;
}

static void tell(const struct model *model, const struct task *task, const struct event *event)
{
    const struct sock *sock = sock_meant(model, task, event);
    model->callbacks.event_seen(model->callbacks.context, event, &task->process, sock ? &sock->socket : NULL);
}

/* Whether an event takes away what it is about. */
static bool ends(const struct event *event)
{
    return event->kind == SOCKATLAS_CLOSE || event->kind == SOCKATLAS_EXIT || event->kind == SOCKATLAS_EXEC;
}

void replay_event(struct model *model, const struct event *event)
{
    struct image *image = task_image(model, event->image);
    if (!event_of_program(&event->image->header)) {
        replay_outside(model, event);
        return;
    }
    if (event->kind == SOCKATLAS_START) {
        task_start(model, image, event);
        if (model->callbacks.event_seen)
            tell(model, image->last, event);
        return;
    }
    struct task *task = task_of(model, image, event);
    if (model->callbacks.event_seen && ends(event))
        tell(model, task, event);
    if (event->kind == SOCKATLAS_FORK)
        task_fork(model, image, task, event);
    else if (handlers[event->kind])
        handlers[event->kind](model, task, event);
    if (model->callbacks.event_seen && !ends(event))
        tell(model, task, event);
}
