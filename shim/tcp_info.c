/* SPDX-License-Identifier: MIT
 *
 * What the trace keeps of struct tcp_info, see tcp_info.h. Calls nothing.
 */
#include "shim/tcp_info.h"

/* A FIN that waits behind unsent data stands in the queue as a byte: there is one in the states after our end. */
static uint64_t queued(const struct tcp_info *info)
{
    enum { FIN_WAIT1 = 4, LAST_ACK = 9, CLOSING = 11 }; /* include/net/tcp_states.h */
    bool fin = info->tcpi_state == FIN_WAIT1 || info->tcpi_state == LAST_ACK || info->tcpi_state == CLOSING;
    return info->tcpi_notsent_bytes - (fin && info->tcpi_notsent_bytes);
}

/* Whether the kernel told so much of struct tcp_info that `member` is in it. */
#define TELLS(size, member)                                                                                            \
    ((size) >= offsetof(struct tcp_info, member) + sizeof(((const struct tcp_info *)NULL)->member))

/* tcpi_bytes_sent counts every transmission (Linux 4.19). Without a segment of data, the one byte received is the
 * FIN's. */
static void count_bytes(const struct tcp_info *info, size_t size, uint64_t *sent, uint64_t *received)
{
    bool no_data = TELLS(size, tcpi_data_segs_in) && !info->tcpi_data_segs_in;
    *received = !TELLS(size, tcpi_bytes_received) ? SOCKATLAS_BYTES_UNKNOWN : no_data ? 0 : info->tcpi_bytes_received;
    if (TELLS(size, tcpi_bytes_retrans))
        *sent = info->tcpi_bytes_sent - info->tcpi_bytes_retrans + queued(info);
    else
        *sent = TELLS(size, tcpi_notsent_bytes) ? info->tcpi_bytes_acked + queued(info) : SOCKATLAS_BYTES_UNKNOWN;
}

/* sndbuf_limited: since Linux 4.10. In 32 bits: a microsecond more or less changes nothing. */
static uint16_t send_buffer_limited(const struct tcp_info *info, size_t size)
{
    uint64_t busy = info->tcpi_busy_time, limited = info->tcpi_sndbuf_limited;
    if (!TELLS(size, tcpi_sndbuf_limited) || !limited)
        return 0;
    for (; busy > UINT32_MAX / 1000; busy >>= 1)
        limited >>= 1;
    uint32_t part = limited < busy ? (uint32_t)limited * 1000 / (uint32_t)busy : 1000;
    return (uint16_t)(part ? part : 1);
}

bool tcp_info_tell(const struct tcp_info *info, size_t size, struct sockatlas_tcp *out, uint64_t *bytes_sent,
                   uint64_t *bytes_received)
{
    enum { UNKNOWN = -1 };
    if (!TELLS(size, tcpi_total_retrans))
        return false;
    count_bytes(info, size, bytes_sent, bytes_received);
    *out = (struct sockatlas_tcp){
        .state = info->tcpi_state,
        .ca_state = info->tcpi_ca_state,
        .options = info->tcpi_options,
        .wscale = (uint8_t)(info->tcpi_snd_wscale | info->tcpi_rcv_wscale << 4),
        .rtt_us = info->tcpi_rtt,
        .rttvar_us = info->tcpi_rttvar,
        .min_rtt_us = TELLS(size, tcpi_min_rtt) ? info->tcpi_min_rtt : (uint32_t)UNKNOWN,
        .snd_mss = (uint16_t)(info->tcpi_snd_mss < UINT16_MAX ? info->tcpi_snd_mss : UINT16_MAX),
        .rcv_mss = (uint16_t)(info->tcpi_rcv_mss < UINT16_MAX ? info->tcpi_rcv_mss : UINT16_MAX),
        .pmtu = info->tcpi_pmtu,
        .retransmits = info->tcpi_total_retrans,
        .lost = info->tcpi_lost,
        .snd_cwnd = info->tcpi_snd_cwnd,
        .unacked = info->tcpi_unacked,
        .notsent_bytes = TELLS(size, tcpi_notsent_bytes) ? info->tcpi_notsent_bytes : (uint32_t)UNKNOWN,
        .last_data_sent_ms = info->tcpi_last_data_sent,
        .last_data_recv_ms = info->tcpi_last_data_recv,
        .segs_out = TELLS(size, tcpi_segs_out) ? info->tcpi_segs_out : (uint32_t)UNKNOWN,
        .segs_in = TELLS(size, tcpi_segs_in) ? info->tcpi_segs_in : (uint32_t)UNKNOWN,
        .sndbuf_limited = send_buffer_limited(info, size),
    };
    return true;
}
