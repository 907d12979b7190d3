/* SPDX-License-Identifier: MIT
 *
 * Rule: a program set SO_SNDBUF so small that its transfers wait for acknowledgements. The kernel measures the time in
 * which all that the buffer holds is under way while the program waits to write more (TCP_INFO's sndbuf_limited).
 */
#include "analyzer/doctor/internal.h"

/* Short transfers are over before a larger buffer could help. */
#define LEAST_NS       (SECOND_NS / 2)
#define LEAST_BUFFERS  8
#define LEAST_PERMILLE 200

/* Whether the congestion window would have let go at least twice as much in a round trip. */
static bool window_is_larger(const struct socket *socket, uint64_t ns)
{
    double used = (double)socket->bytes_sent * socket->tcp.rtt_us * 1e3 / (double)ns;
    return (double)socket->tcp.snd_cwnd * socket->tcp.snd_mss > 2 * used;
}

static void see(struct doctor *doctor, const struct rule *rule, const struct socket *socket, struct chart *chart)
{
    const struct sockatlas_tcp *tcp = &socket->tcp;
    uint64_t size = chart->send_buffer;
    uint64_t ns =
        socket->connected_ns && socket->closed_ns > socket->connected_ns ? socket->closed_ns - socket->connected_ns : 0;
    if (!size || !chart->tcp || !socket->tcp_known || tcp->sndbuf_limited < LEAST_PERMILLE || !socket->sent_known ||
        socket->bytes_sent < LEAST_BUFFERS * size || ns < LEAST_NS || !window_is_larger(socket, ns))
        return;
    char peer[ADDRESS_TEXT_MAX];
    address_text(&socket->peer, peer);
    struct finding *finding = finding_see(doctor, rule, socket->owner, socket->id, peer);
    if (finding->times == 1)
        finding_say(finding,
                    "SO_SNDBUF %llu: while %llu bytes went to %s, all that the buffer holds was under way and the "
                    "program waited to write more for %.0f %% of the time; a round trip takes %.1f ms",
                    (unsigned long long)size, (unsigned long long)socket->bytes_sent, peer, tcp->sndbuf_limited / 10.0,
                    tcp->rtt_us / 1e3);
    finding_evidence(doctor, finding, socket->host, socket->closed_ns, socket->id,
                     "%llu bytes in %.2f s; the congestion window was %u segments of %u bytes",
                     (unsigned long long)socket->bytes_sent, (double)ns / 1e9, tcp->snd_cwnd, tcp->snd_mss);
}

const struct rule_row rule_small_send_buffer = {
    .rule = {.name = "small-send-buffer",
             .severity = SEVERITY_WARNING,
             .title = "a small send buffer makes a transfer slow",
             .why = "What was sent stays in the buffer until it is acknowledged: a connection sends no more than one "
                    "buffer in a round trip, however fast the path is.",
             .remedy = "Set no SO_SNDBUF at all and let the kernel tune it (up to net.ipv4.tcp_wmem), or set at least "
                       "bandwidth x round trip: 1 Gbit/s over 40 ms are 5 MB."},
    .on_socket = see,
};
