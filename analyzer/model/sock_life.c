/* SPDX-License-Identifier: MIT
 *
 * What becomes of a kernel socket: handed over, let go, over, reported. One that nobody is known to hold waits only
 * where another holder may still turn up; how many may, is bounded. Called by descriptor_hold.c, replay*.c and model.c.
 */
#include "analyzer/model/internal.h"

/* About a kilobyte each. The one that has waited longest is taken for closed. */
#define WAITING_MAX (1u << 16)

/* ---- States ---- */

enum change { CHANGE_HELD, CHANGE_LET_GO, CHANGE_OVER, CHANGES };

static const enum stage stages[STAGES][CHANGES] = {
    [STAGE_HELD] = {[CHANGE_HELD] = STAGE_HELD, [CHANGE_LET_GO] = STAGE_NO_HOLDER, [CHANGE_OVER] = STAGE_OVER},
    [STAGE_NO_HOLDER] = {[CHANGE_HELD] = STAGE_HELD, [CHANGE_LET_GO] = STAGE_NO_HOLDER, [CHANGE_OVER] = STAGE_OVER},
    [STAGE_OVER] = {[CHANGE_HELD] = STAGE_OVER, [CHANGE_LET_GO] = STAGE_OVER, [CHANGE_OVER] = STAGE_OVER},
};

/* False: nothing changes. */
static bool change(struct sock *sock, enum change change)
{
    enum stage former = sock->stage;
    sock->stage = stages[former][change];
    return sock->stage != former;
}

/* ---- Waiting for a holder ---- */

static void wait_leave(struct model *model, struct sock *sock)
{
    if (!sock->waiting)
        return;
    *(sock->waiting_previous ? &sock->waiting_previous->waiting_next : &model->waiting_first) = sock->waiting_next;
    *(sock->waiting_next ? &sock->waiting_next->waiting_previous : &model->waiting_last) = sock->waiting_previous;
    model->waiting--;
    sock->waiting = false;
    sock->waiting_next = sock->waiting_previous = NULL;
}

static void wait_enter(struct model *model, struct sock *sock)
{
    wait_leave(model, sock);
    sock->waiting = true;
    model->waiting++;
    sock->waiting_previous = model->waiting_last;
    *(model->waiting_last ? &model->waiting_last->waiting_next : &model->waiting_first) = sock;
    model->waiting_last = sock;
}

/* ---- Over ---- */

static void report(struct model *model, struct sock *sock)
{
    if (model->callbacks.socket_done)
        model->callbacks.socket_done(model->callbacks.context, &sock->socket);
    sock_free(model, sock);
}

void sock_decided(struct model *model, struct sock *sock)
{
    if (!--sock->undecided && sock->stage == STAGE_OVER && !model->finishing)
        report(model, sock);
}

/* Its halves go on as rows. The socket itself is kept only where its own row is wanted, which says who its peer was. */
static void over(struct model *model, struct sock *sock)
{
    wait_leave(model, sock);
    listener_unlisted(model, sock);
    if (!sock_is_tcp(sock) && half_holder_lost(model, sock))
        sock->lost = LOST_SENT | LOST_RECEIVED; /* what each sent and received adds up */
    if (sock->under_way > 0)
        sock->lost |= LOST_SENT;
    sock->socket.sent_known = sock_sent_known(sock);
    sock->socket.received_known = sock_received_known(sock);
    sock->undecided++; /* so that it stays until all of its halves are told */
    half_over_all(model, sock);
    change(sock, CHANGE_OVER);
    ended_over(model, sock);
    sock_leave_tables(sock);
    table_remove(&model->cookies, &sock->by_cookie);
    sock_decided(model, sock);
}

/* ---- Handed over ---- */

void sock_hand_over(struct sock *sock, struct task *task, int32_t fd)
{
    sock->rank = RANK_TRANSFERRED;
    sock->owner_left = sock->owner_passed = false;
    if (sock->socket.owner == &task->process)
        return;
    sock->socket.owner = &task->process;
    sock->socket.fd = fd;
}

/* The last of them to get it. */
void sock_user(const struct model *model, struct sock *sock)
{
    struct socket *socket = &sock->socket;
    if (socket->role != ROLE_PAIR || sock->rank > RANK_CREATED)
        return;
    for (unsigned i = socket->holders_count; i-- > 0;) {
        struct process *process = model->processes[socket->holders[i]];
        int32_t fd = process->kind == PROCESS_TRACED ? descriptor_number((const struct task *)process, sock) : -1;
        if (fd < 0)
            continue;
        socket->fd = process == socket->owner ? socket->fd : fd;
        socket->owner = process;
        return;
    }
}

/* ---- Letting go ---- */

static void let_go(struct sock *sock)
{
    struct socket *socket = &sock->socket;
    sock->open_state = socket->state;
    change(sock, CHANGE_LET_GO);
    socket->closed_ns = sock->weak_refs ? 0 : sock->last_close_ns; /* 0: nobody knows when that image let go */
    if (socket->state != STATE_FAILED)
        socket->state = STATE_CLOSED;
    listener_closed(sock);
}

void sock_unheld(struct model *model, struct sock *sock)
{
    if (sock->stage == STAGE_HELD)
        let_go(sock);
    else if (sock->last_close_ns > sock->socket.closed_ns)
        sock->socket.closed_ns = sock->last_close_ns;
    if (sock->half)
        sock->half->closed_ns = sock->socket.closed_ns;
    if (model->finishing)
        return;
    if (sock->open_state == STATE_LISTENING) {
        if (sock->weak_refs)
            return; /* an image that still waits in accept() logs nothing */
        listener_unlisted(model, sock);
    }
    if (!sock->weak_refs && !sock->in_flight && sock->under_way <= 0) {
        over(model, sock);
        return;
    }
    wait_enter(model, sock);
    if (model->waiting <= WAITING_MAX)
        return;
    model->waiting_first->weak_refs = 0; /* images that have logged nothing may have it: taken for gone */
    over(model, model->waiting_first);
}

void sock_held_again(struct model *model, struct sock *sock)
{
    wait_leave(model, sock);
    if (!change(sock, CHANGE_HELD))
        return;
    sock->socket.state = sock->open_state;
    sock->socket.closed_ns = 0;
    if (sock->half)
        sock->half->closed_ns = 0;
    listener_reopened(model, sock);
    if (sock->open_state == STATE_LISTENING)
        listener_listed(model, sock);
}

/* ---- The end ---- */

void sock_finish(struct model *model)
{
    for (struct sock *sock = model->first; sock; sock = sock->next)
        if (sock->stage == STAGE_NO_HOLDER && sock->weak_refs)
            sock_held_again(model, sock);
    for (struct sock *sock = model->first; sock; sock = sock->next)
        sock_user(model, sock);
    /* All rows are filled before the first socket leaves: who is served last may be known first. */
    for (struct sock *sock = model->first; sock; sock = sock->next)
        half_update_all(model, sock);
    for (struct sock *sock = model->first; sock; sock = sock->next)
        if (sock->stage != STAGE_OVER)
            over(model, sock);
}

void sock_report_all(struct model *model)
{
    while (model->first)
        report(model, model->first);
}
