/* SPDX-License-Identifier: MIT
 *
 * What two ends of one conversation tell of each other.
 */
#include "analyzer/pair/internal.h"

#include <sys/socket.h>

bool learn_initiates(const struct half *a, const struct half *b, enum match match)
{
    if (match == MATCH_PAIR) {
        bool lower = a->socket < b->socket;
        const struct half *first = lower ? a : b, *second = lower ? b : a;
        bool second_made = second->process == second->creator && first->process != first->creator;
        return lower != second_made;
    }
    if (a->side != b->side)
        return a->side == SIDE_CLIENT || b->side == SIDE_SERVER;
    if (a->start_ns != b->start_ns)
        return a->start_ns < b->start_ns;
    return a->socket < b->socket;
}

static enum side opposite(enum side side)
{
    return side == SIDE_CLIENT ? SIDE_SERVER : side == SIDE_SERVER ? SIDE_CLIENT : SIDE_UNKNOWN;
}

/* TCP counts what reaches a socket: what comes after that was closed is lost, and where it had heard the end of all
 * that was sent, a difference is none that either knows of; so is what came and was not read. Other transports count
 * what is read. */
static void learn_undelivered(struct half *half, const struct half *mate)
{
    bool tcp = half->tcp_known && mate->tcp_known;
    half->undelivered_known = half->sent_known && mate->received_known && !half->open && !mate->open &&
                              (tcp || half->family == AF_UNIX) && half->bytes_sent >= mate->bytes_received &&
                              (!mate->heard_end || half->bytes_sent == mate->bytes_received);
    uint64_t unread = mate->unread < mate->bytes_received ? mate->unread : mate->bytes_received;
    half->undelivered = half->undelivered_known ? half->bytes_sent - mate->bytes_received + unread : 0;
}

/* A reset that no call told of, after the other end was closed: nobody else was there to send it. */
static bool reset_by_close(const struct half *half, const struct half *mate)
{
    return half->end == END_RESET && half->reset_by == RESET_UNKNOWN && mate->end == END_CLOSED && !mate->open &&
           half->host == mate->host && mate->closed_ns && half->closed_ns >= mate->closed_ns;
}

void learn_other(struct half *half, const struct half *mate)
{
    bool by_peer = mate->end == END_RESET && (mate->reset_by == RESET_PEER || reset_by_close(mate, half));
    bool by_mate = (mate->end == END_RESET && mate->reset_by == RESET_LOCAL) || reset_by_close(half, mate);
    if (half->datagram)
        return;
    learn_undelivered(half, mate);
    half->outcome = OUTCOME_ESTABLISHED;
    if (half->end == END_UNKNOWN)
        half->end = half->open ? END_OPEN : END_CLOSED;
    if (by_peer && half->end == END_CLOSED)
        half->end = END_RESET;
    if (half->end == END_RESET && half->reset_by == RESET_UNKNOWN)
        half->reset_by = by_peer ? RESET_LOCAL : by_mate ? RESET_PEER : RESET_UNKNOWN;
}

void learn_sides(struct half *a, struct half *b, enum match match)
{
    if (a == b || a->datagram || a->pair_socket)
        return;
    if (a->side == SIDE_UNKNOWN && b->side == SIDE_UNKNOWN) {
        enum side by_a = a->likely, by_b = opposite(b->likely);
        bool agree = by_a == by_b || by_a == SIDE_UNKNOWN || by_b == SIDE_UNKNOWN;
        a->side = agree ? by_a ? by_a : by_b : SIDE_UNKNOWN;
        if (a->side == SIDE_UNKNOWN)
            a->side = learn_initiates(a, b, match) ? SIDE_CLIENT : SIDE_SERVER;
    }
    if (a->side == SIDE_UNKNOWN)
        a->side = opposite(b->side);
    if (b->side == SIDE_UNKNOWN)
        b->side = opposite(a->side);
}
