/* SPDX-License-Identifier: MIT
 *
 * Zeek's conn.log (tab-separated): one line per connection or datagram exchange over IP, written from the originator's
 * socket where that was traced, else from the responder's. conn_state and history are set only where system calls and
 * TCP_INFO prove them; packets and services are not seen here and unset.
 */
#include "analyzer/model/community_id.h"
#include "analyzer/trace/escape.h"
#include "analyzer/trace/hash.h"
#include "analyzer/view/export.h"
#include "analyzer/view/words.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* name, type, value of the columns, in conn.log's order. A value is an expression over `line`. */
#define ZEEK_COLUMNS(X)                                                                                                \
    X("ts", "time", put_time(out, line->first_us))                                                                     \
    X("uid", "string", put_uid(out, line))                                                                             \
    X("id.orig_h", "addr", put_address(out, &line->originator))                                                        \
    X("id.orig_p", "port", put_port(out, &line->originator))                                                           \
    X("id.resp_h", "addr", put_address(out, &line->responder))                                                         \
    X("id.resp_p", "port", put_port(out, &line->responder))                                                            \
    X("proto", "enum", put_text(out, line->transport))                                                                 \
    X("service", "string", put_text(out, NULL))                                                                        \
    X("duration", "interval", put_interval(out, line))                                                                 \
    X("orig_bytes", "count", put_count(out, line->originator_known, line->originator_bytes))                           \
    X("resp_bytes", "count", put_count(out, line->responder_known, line->responder_bytes))                             \
    X("conn_state", "string", put_text(out, line->state))                                                              \
    X("local_orig", "bool", put_text(out, line->originator_here ? "T" : NULL))                                         \
    X("local_resp", "bool", put_text(out, line->responder_here ? "T" : NULL))                                          \
    X("missed_bytes", "count", put_text(out, NULL))                                                                    \
    X("history", "string", put_text(out, line->history))                                                               \
    X("orig_pkts", "count", put_text(out, NULL))                                                                       \
    X("orig_ip_bytes", "count", put_text(out, NULL))                                                                   \
    X("resp_pkts", "count", put_text(out, NULL))                                                                       \
    X("resp_ip_bytes", "count", put_text(out, NULL))                                                                   \
    X("tunnel_parents", "set[string]", put_text(out, NULL))                                                            \
    X("community_id", "string", put_text(out, line->community_id))

struct line {
    int64_t first_us, last_us; /* last_us -1: unknown, or it goes on */
    uint64_t identity;         /* what uid is made of */
    struct address originator, responder;
    const char *transport, *state, *history, *community_id;
    bool originator_known, responder_known, originator_here, responder_here;
    uint64_t originator_bytes, responder_bytes;
};

/* What a datagram socket exchanged with one address. */
struct exchange {
    UT_hash_handle hh;
    struct address peer, local;
    uint64_t first_ns, last_ns;
    uint64_t bytes_sent, bytes_received;
    bool sent_first, totalled;
};

/* A datagram socket that exchanged something, until it is settled. */
struct datagrams {
    uint64_t socket;
    struct exchange *exchanges; /* by peer */
    UT_hash_handle hh;
};

/* ---- Columns ------------------------------------------------------------------------------------------------------
 */

static void put_text(FILE *out, const char *text)
{
    if (text)
        escape_put(ESCAPE_ZEEK, text, out);
    else
        putc('-', out);
}

static void put_time(FILE *out, int64_t us)
{
    fprintf(out, "%" PRId64 ".%06" PRId64, us / 1000000, us % 1000000);
}

static void put_interval(FILE *out, const struct line *line)
{
    if (line->last_us < line->first_us)
        put_text(out, NULL);
    else
        put_time(out, line->last_us - line->first_us);
}

static void put_uid(FILE *out, const struct line *line)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    char text[16] = "C";
    uint64_t rest = line->identity;
    for (int i = 1; i < 12; i++, rest /= 62)
        text[i] = digits[rest % 62];
    fputs(text, out);
}

/* Without the scope, for which Zeek's addresses have no space. */
static void put_address(FILE *out, const struct address *address)
{
    char text[ADDRESS_TEXT_MAX];
    struct address unscoped = *address;
    unscoped.scope = 0;
    put_text(out, address_text(&unscoped, text));
}

static void put_port(FILE *out, const struct address *address)
{
    if (address_known(address))
        fprintf(out, "%u", address->port);
    else
        put_text(out, NULL);
}

static void put_count(FILE *out, bool known, uint64_t count)
{
    if (known)
        fprintf(out, "%" PRIu64, count);
    else
        put_text(out, NULL);
}

static void put_line(FILE *out, const struct line *line)
{
    const char *tab = "";
#define X(name, type, value)                                                                                           \
    fputs(tab, out);                                                                                                   \
    tab = "\t";                                                                                                        \
    value;
    ZEEK_COLUMNS(X)
#undef X
    putc('\n', out);
}

/* When the log was opened and closed: the trace's first event and its last, so that one trace makes one log. */
static void put_moment(FILE *out, const char *key, int64_t us)
{
    char text[64];
    struct tm at;
    time_t seconds = (time_t)(us / 1000000);
    if (us > 0 && gmtime_r(&seconds, &at) && strftime(text, sizeof text, "%Y-%m-%d-%H-%M-%S", &at))
        fprintf(out, "#%s\t%s\n", key, text);
}

static void put_header(const struct export *report)
{
    fputs("#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n", report->out);
    put_moment(report->out, "open", model_origin_us(report->model));
    fputs("#fields", report->out);
#define X(name, type, value) fputs("\t" name, report->out);
    ZEEK_COLUMNS(X)
#undef X
    fputs("\n#types", report->out);
#define X(name, type, value) fputs("\t" type, report->out);
    ZEEK_COLUMNS(X)
#undef X
    putc('\n', report->out);
}

/* The header waits for the first line: before an event it is not known when the trace began. */
static void add_line(struct export *report, const struct line *line)
{
    if (!report->written++)
        put_header(report);
    put_line(report->out, line);
}

/* ---- From sockets to lines ----------------------------------------------------------------------------------------
 */

static int ip_protocol(const struct socket *socket)
{
    if (socket->protocol)
        return socket->protocol;
    return socket->type == SOCK_STREAM ? IPPROTO_TCP : socket->type == SOCK_DGRAM ? IPPROTO_UDP : 0;
}

/* Zeek's enum transport_proto. */
static const char *transport(const struct socket *socket)
{
    switch (ip_protocol(socket)) {
    case IPPROTO_TCP:
    case IPPROTO_MPTCP:
        return "tcp";
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE:
        return "udp";
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        return "icmp";
    default:
        return "unknown_transport";
    }
}

/* NULL where the calls do not tell: a close() does not say whether the other end had closed too, or was reset. */
static const char *connection_state(const struct socket *socket)
{
    bool originator = socket->role == ROLE_CLIENT;
    if (socket->outcome == OUTCOME_UNANSWERED || socket->outcome == OUTCOME_PENDING)
        return "S0";
    if (socket->outcome == OUTCOME_FAILED)
        return socket->error == ECONNREFUSED ? "REJ" : socket->error == ETIMEDOUT ? "S0" : NULL;
    if (socket->end == END_RESET && socket->reset_by)
        return originator == (socket->reset_by == RESET_LOCAL) ? "RSTO" : "RSTR";
    if (socket->end == END_OPEN)
        return "S1";
    /* The other end had closed, and was closed after in order. */
    return socket->end == END_CLOSED && socket->tcp_known && socket->tcp.state == TCP_CLOSE_WAIT ? "SF" : NULL;
}

/* A letter for each kind of packet, and of packets only one is certain: who was not answered had sent a SYN. Of all
 * others it is not known which acknowledgements came by themselves, nor whose data came first. */
static const char *history(const struct socket *socket, const char *state)
{
    return ip_protocol(socket) == IPPROTO_TCP && socket->role == ROLE_CLIENT && state && strcmp(state, "S0") == 0
               ? "S"
               : NULL;
}

/* One number per boot, socket and peer: FNV-1a. */
static uint64_t identity(const struct export *report, const struct socket *socket, const struct address *peer)
{
    const struct sockatlas_header *header = &model_host(report->model, socket->host)->header;
    uint64_t hash = address_digest(peer, 0xcbf29ce484222325u ^ (socket->cookie ? socket->cookie : ~socket->id));
    for (size_t i = 0; i < sizeof header->boot_id; i++)
        hash = (hash ^ (unsigned char)header->boot_id[i]) * 0x100000001b3u;
    return hash;
}

/* Fills in the ends and what follows from them, `here` being the socket's. False when there is nothing to write. */
static bool set_ends(struct line *line, const struct socket *socket, const struct address *here,
                     const struct address *peer, bool originated)
{
    static char id[COMMUNITY_ID_MAX];
    line->originator = originated ? *here : *peer;
    line->responder = originated ? *peer : *here;
    line->originator_here = originated;
    line->responder_here = !originated;
    line->transport = transport(socket);
    line->community_id = community_id(here, peer, ip_protocol(socket), id);
    return peer->family == AF_INET || peer->family == AF_INET6;
}

static void write_connection(struct export *report, const struct socket *socket)
{
    bool originated = socket->role != ROLE_SERVER;
    uint64_t first = originated && socket->connect_started_ns ? socket->connect_started_ns : socket->connected_ns;
    uint64_t last = socket->closed_ns;
    if (socket->state == STATE_FAILED && socket->connect_ns != UINT64_MAX)
        last = first + socket->connect_ns;
    first = first ? first : socket->opened_ns;
    /* The responder's half says the same again. */
    if (!first || (socket->role == ROLE_SERVER && socket->peer_socket))
        return;
    struct line line = {
        .first_us = model_time_us(report->model, socket->host, first),
        .last_us = last ? model_time_us(report->model, socket->host, last) : -1,
        .identity = identity(report, socket, &socket->peer),
        .state = connection_state(socket),
        .originator_known = originated ? socket->sent_known : socket->received_known,
        .responder_known = originated ? socket->received_known : socket->sent_known,
        .originator_bytes = originated ? socket->bytes_sent : socket->bytes_received,
        .responder_bytes = originated ? socket->bytes_received : socket->bytes_sent,
    };
    line.history = history(socket, line.state);
    if (set_ends(&line, socket, &socket->local, &socket->peer, originated))
        add_line(report, &line);
}

static void write_exchange(struct export *report, const struct socket *socket, const struct exchange *exchange)
{
    bool sent = exchange->sent_first;
    /* Who was sent to first, and has its sender in the trace, would say the same again. */
    if (!sent && socket->peer_process && socket->peer_process->kind == PROCESS_TRACED)
        return;
    struct line line = {
        .first_us = model_time_us(report->model, socket->host, exchange->first_ns),
        .last_us = socket->closed_ns ? model_time_us(report->model, socket->host, exchange->last_ns) : -1,
        .identity = identity(report, socket, &exchange->peer),
        .originator_known = exchange->totalled,
        .responder_known = exchange->totalled,
        .originator_bytes = sent ? exchange->bytes_sent : exchange->bytes_received,
        .responder_bytes = sent ? exchange->bytes_received : exchange->bytes_sent,
    };
    const struct address *local = address_known(&exchange->local) ? &exchange->local : &socket->local;
    if (set_ends(&line, socket, local, &exchange->peer, sent))
        add_line(report, &line);
}

/* ---- The format ---------------------------------------------------------------------------------------------------
 */

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

/* The same address with nothing behind its bytes. */
static struct address bare(const struct address *address)
{
    struct address out;
    memset(&out, 0, sizeof out);
    out.family = address->family;
    out.port = address->port;
    out.scope = address->scope;
    out.size = address->size;
    memcpy(out.bytes, address->bytes, address->size);
    return out;
}

static void zeek_begin(struct export *report)
{
    report->written = 0;
}

static struct exchange *find_exchange(struct export *report, const struct socket *socket, const struct address *peer)
{
    struct datagrams *known = report->state, *found = NULL;
    HASH_FIND(hh, known, &socket->id, sizeof socket->id, found);
    if (!found) {
        found = must(calloc(1, sizeof *found));
        found->socket = socket->id;
        HASH_ADD(hh, known, socket, sizeof found->socket, found);
        report->state = known;
    }
    struct exchange *exchange;
    struct address key = bare(peer);
    HASH_FIND(hh, found->exchanges, &key, sizeof key, exchange);
    if (!exchange) {
        exchange = must(calloc(1, sizeof *exchange));
        exchange->peer = key;
        HASH_ADD(hh, found->exchanges, peer, sizeof exchange->peer, exchange);
    }
    return exchange;
}

static void zeek_event(struct export *report, const struct event *event, const struct process *process,
                       const struct socket *socket)
{
    (void)process;
    struct address peer, local;
    if (!socket || (event->kind != SOCKATLAS_PEER && event->kind != SOCKATLAS_PEER_TOTAL))
        return;
    event_addresses(event, &peer, &local);
    if (peer.family != AF_INET && peer.family != AF_INET6)
        return;
    struct exchange *exchange = find_exchange(report, socket, &peer);
    exchange->last_ns = event->time_ns;
    if (address_known(&local))
        exchange->local = local;
    if (!exchange->first_ns) {
        exchange->first_ns = event->time_ns;
        exchange->sent_first =
            event->kind == SOCKATLAS_PEER && ((const struct sockatlas_body_peer *)event_body(event))->sent;
    }
    if (event->kind == SOCKATLAS_PEER_TOTAL) {
        const struct sockatlas_body_peer_total *total = event_body(event);
        exchange->totalled = true;
        exchange->bytes_sent += total->bytes_sent;
        exchange->bytes_received += total->bytes_received;
    }
}

static bool write_exchanges(struct export *report, const struct socket *socket)
{
    struct datagrams *known = report->state, *found = NULL;
    HASH_FIND(hh, known, &socket->id, sizeof socket->id, found);
    if (!found)
        return false;
    struct exchange *exchange = found->exchanges, *next;
    HASH_CLEAR(hh, found->exchanges);
    for (; exchange; exchange = next) {
        next = exchange->hh.next;
        write_exchange(report, socket, exchange);
        free(exchange);
    }
    HASH_DEL(known, found);
    free(found);
    report->state = known;
    return true;
}

static void zeek_socket(struct export *report, const struct socket *socket)
{
    if (socket->family != AF_INET && socket->family != AF_INET6)
        return;
    if (write_exchanges(report, socket))
        return;
    if (socket->role == ROLE_CLIENT || socket->role == ROLE_SERVER ||
        (socket->role == ROLE_DATAGRAM && address_known(&socket->peer)))
        write_connection(report, socket);
}

static void zeek_finish(struct export *report)
{
    struct datagrams *known = report->state, *each = NULL, *next = NULL;
    if (!report->written)
        put_header(report);
    put_moment(report->out, "close", model_latest_us(report->model));
    each = known;
    HASH_CLEAR(hh, known);
    for (; each; each = next) {
        next = each->hh.next;
        struct exchange *exchange = each->exchanges, *after;
        HASH_CLEAR(hh, each->exchanges);
        for (; exchange; exchange = after) {
            after = exchange->hh.next;
            free(exchange);
        }
        free(each);
    }
}

const struct export_format export_zeek = {
    .begin = zeek_begin, .event = zeek_event, .socket = zeek_socket, .finish = zeek_finish};
