/* SPDX-License-Identifier: MIT
 *
 * What an ENDED record says of a TCP connection's bytes and end. The kernel counts a FIN that came as a byte, and the
 * record's state is always closed: which of them came is concluded from what was acknowledged and what was not read.
 */
#include "analyzer/model/internal.h"

/* Whether the peer acknowledged our FIN; a client's SYN is acknowledged, too. False where that is not known. */
static bool fin_acked(const struct sockatlas_body_ended *body, enum side side, bool *known)
{
    unsigned syn = side == SIDE_CLIENT;
    *known = body->acked <= 2 && (side != SIDE_UNKNOWN || body->acked != 1);
    if (side == SIDE_UNKNOWN)
        return body->acked == 2;
    return *known && body->acked > syn;
}

/* Of a socket that was closed with nothing unread, and whose FIN was acknowledged: whether the peer's FIN is among what
 * came. One that was over before the peer sent it leaves what waits for it. Where that has it by now, it came later,
 * unless the program had ended its side itself before it closed. */
static bool fin_came(const struct sockatlas_body_ended *body, bool shut, bool *known)
{
    *known = body->left == SOCKATLAS_LEFT_FIN_WAIT2 || body->left == SOCKATLAS_LEFT_NOTHING ||
             (body->left == SOCKATLAS_LEFT_TIME_WAIT && !shut);
    return body->left == SOCKATLAS_LEFT_NOTHING;
}

struct ended_counts ended_counts(const struct sockatlas_body_ended *body, const struct sockatlas_tcp *tcp,
                                 enum side side, bool shut)
{
    bool known, acked = fin_acked(body, side, &known);
    bool unread = body->unread > 1; /* more than a FIN: the kernel answered with a reset */
    struct ended_counts counts = {.bytes_sent = body->bytes_sent, .bytes_received = body->bytes_received};
    if (body->bytes_received == SOCKATLAS_BYTES_UNKNOWN)
        return counts;
    counts.in_order = known && acked;
    counts.torn = known && !acked;
    counts.torn_here = counts.torn && unread;
    /* With bytes that never went out a FIN may stand in the queue, and count as one. */
    counts.sent_known = body->bytes_sent != SOCKATLAS_BYTES_UNKNOWN && (tcp->notsent_bytes == 0 || unread);
    bool fin = body->unread == 1, fin_known = body->unread == 1;
    if (body->unread == 0)
        fin = fin_came(body, shut, &fin_known);
    counts.received_known = body->bytes_received == 0 || (counts.in_order && fin_known);
    if (body->bytes_received && counts.received_known && fin)
        counts.bytes_received--;
    return counts;
}
