/* SPDX-License-Identifier: MIT
 *
 * Halves as rows, see halves.h.
 */
#include "analyzer/view/halves.h"

#include "analyzer/names/names.h"
#include "analyzer/view/words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ---- Values ---- */

/* What a column holds. OR_NULL: unknown is NULL; the others are always known. NAME: one of few texts. */
enum type { TYPE_U8, TYPE_U16, TYPE_U32, TYPE_U64, TYPE_NAME, TYPE_TEXT, TYPES };
enum { OR_NULL = 1 };

static const struct type_row {
    const char *plain, *or_null;
    unsigned size; /* in RowBinary; 0: a text */
} types[TYPES] = {
    [TYPE_U8] = {"UInt8", "Nullable(UInt8)", 1},
    [TYPE_U16] = {"UInt16", "Nullable(UInt16)", 2},
    [TYPE_U32] = {"UInt32", "Nullable(UInt32)", 4},
    [TYPE_U64] = {"UInt64", "Nullable(UInt64)", 8},
    [TYPE_NAME] = {"LowCardinality(String)", "LowCardinality(Nullable(String))", 0},
    [TYPE_TEXT] = {"String", "Nullable(String)", 0},
};

struct value {
    bool known;
    uint64_t number;
    const char *text; /* `size` bytes */
    size_t size;
    char space[ADDRESS_TEXT_MAX];
};

static void number(struct value *value, bool known, uint64_t n)
{
    value->known = known;
    value->number = n;
}

static void bytes(struct value *value, const char *text, size_t size)
{
    value->known = text && size;
    value->text = text ? text : "";
    value->size = text ? size : 0;
}

static void text(struct value *value, const char *string)
{
    bytes(value, string, string ? strlen(string) : 0);
}

static void address(struct value *value, const struct address *of)
{
    const char *written = address_text(of, value->space); /* "" is known: a unix socket without a name */
    text(value, written);
    value->known = written != NULL;
}

static void port(struct value *value, const struct address *of)
{
    number(value, (of->family == AF_INET || of->family == AF_INET6) && of->port, of->port);
}

static void time_us(struct value *value, const struct halves_row *row, const struct half *half, uint64_t ns)
{
    number(value, ns != 0, ns ? (uint64_t)model_time_us(row->model, half->host, ns) : 0);
}

static void process_time(struct value *value, const struct halves_row *row, const struct process *process)
{
    bool known = process && process->start_ns;
    number(value, known, known ? (uint64_t)model_time_us(row->model, process->host, process->start_ns) : 0);
}

/* ---- Who and what it is ---- */

static const struct sockatlas_header *header_of(const struct halves_row *row, const struct half *half)
{
    static const struct sockatlas_header none;
    const struct trace_image *image =
        half->host < model_host_count(row->model) ? model_host(row->model, half->host) : NULL;
    return image ? &image->header : &none;
}

/* FNV-1a. */
static uint64_t mix(uint64_t hash, const void *from, size_t size)
{
    const unsigned char *at = from;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * 0x100000001b3u;
    return hash;
}

static uint64_t mix_number(uint64_t hash, uint64_t number)
{
    unsigned char out[8];
    for (int i = 0; i < 8; i++)
        out[i] = (unsigned char)(number >> (8 * i));
    return mix(hash, out, sizeof out);
}

static uint64_t mix_address(uint64_t hash, const struct address *of)
{
    hash = mix_number(hash, (uint64_t)of->family << 32 | (uint64_t)of->port << 16 | of->size);
    return mix(hash, of->bytes, of->size);
}

/* A socket without a cookie is known by whose it is. */
static uint64_t identity(const struct halves_row *row, const struct half *half)
{
    const struct sockatlas_header *header = header_of(row, half);
    uint64_t hash = mix(0xcbf29ce484222325u, header->boot_id, strnlen(header->boot_id, sizeof header->boot_id));
    hash = mix_number(mix_number(hash, half->cookie), half->start_ns);
    if (half->datagram)
        hash = mix_address(hash, &half->peer);
    if (!half->cookie && half->process)
        hash = mix_number(mix_number(hash, half->process->pid), half->process->start_ns);
    if (!half->cookie)
        hash = mix_address(hash, &half->local);
    return hash;
}

/* When it began; of one that was there before it was looked at, the least that is known of that. */
static uint64_t opened(const struct half *half)
{
    return half->start_ns       ? half->start_ns
           : half->connected_ns ? half->connected_ns
           : half->process      ? half->process->start_ns
                                : 0;
}

/* Both ends of a connection between hosts have it, also through a translator that keeps ports: what they meet by. */
static uint64_t meeting(const struct halves_row *row)
{
    const struct half *half = row->half;
    const struct address *client = half->side == SIDE_SERVER ? &half->peer : &half->local;
    const struct sockatlas_header *header = header_of(row, half);
    bool inet = client->family == AF_INET || client->family == AF_INET6;
    if (inet && client->port)
        return client->port;
    return mix(0xcbf29ce484222325u, header->boot_id, strnlen(header->boot_id, sizeof header->boot_id)) >> 48;
}

/* What is over counts before what was told of it while it was open. */
static uint64_t version(const struct halves_row *row)
{
    uint64_t seen = row->seen_us ? row->seen_us : model_now_us(row->model);
    return (uint64_t)row->final << 62 | seen;
}

static const char *side_word(enum side side)
{
    return side == SIDE_CLIENT ? "client" : side == SIDE_SERVER ? "server" : NULL;
}

static const char *error_word(const struct half *half, char out[WORD_MAX])
{
    return half->error ? word_or_number(names_errno(half->error), half->error, out) : NULL;
}

static void unit(struct value *value, const struct process *process)
{
    text(value, process ? process_unit(process, value->space) : NULL);
}

static void container(struct value *value, const struct process *process)
{
    text(value, process ? process_container(process, value->space) : NULL);
}

/* An external node is an address. */
static const struct process *peer_of(const struct half *half)
{
    const struct process *peer = half->peer_process;
    return peer && peer->kind != PROCESS_EXTERNAL ? peer : NULL;
}

static const struct process *node_of(const struct half *half)
{
    const struct process *peer = half->peer_process;
    return peer && peer->kind == PROCESS_EXTERNAL ? peer : NULL;
}

/* Its address is the host's alone: nobody on another one is meant. */
static bool located(const struct half *half)
{
    const struct process *node = node_of(half);
    const struct address *peer = &half->peer;
    return node ? node->located
                : peer->family == AF_UNIX || address_is_loopback(peer) || address_is_any(peer) || peer->scope;
}

/* ---- Columns ---- */

/* name, type, whether it may be NULL, how to put it: over `value`, `row`, `half`, `mate` (may be NULL), `own` and
 * `peer` (processes, may be NULL). */
#define COLUMNS(X)                                                                                                     \
    X(half, U64, 0, number(value, true, identity(row, half)))                                                          \
    X(version, U64, 0, number(value, true, version(row)))                                                              \
    X(settled, U8, 0, number(value, true, row->final))                                                                 \
    X(meet, U16, 0, number(value, true, meeting(row)))                                                                 \
    X(boot_id, NAME, 0, bytes(value, header->boot_id, strnlen(header->boot_id, sizeof header->boot_id)))               \
    X(host, NAME, 0, bytes(value, header->host, strnlen(header->host, sizeof header->host)))                           \
    X(netns, U64, OR_NULL, number(value, model_network_cookie(half), model_network_cookie(half)))                      \
    X(cookie, U64, OR_NULL, number(value, half->cookie, half->cookie))                                                 \
    X(pid, U32, OR_NULL, number(value, own && own->pid, own ? own->pid : 0))                                           \
    X(start_us, U64, OR_NULL, process_time(value, row, own))                                                           \
    X(comm, NAME, OR_NULL, text(value, own ? own->comm : NULL))                                                        \
    X(exe, NAME, OR_NULL, text(value, own ? own->exe : NULL))                                                          \
    X(unit, NAME, OR_NULL, unit(value, own))                                                                           \
    X(container, NAME, OR_NULL, container(value, own))                                                                 \
    X(transport, NAME, 0, text(value, word_transport(half->family, half->type, half->protocol)))                       \
    X(side, NAME, OR_NULL, text(value, side_word(half->side)))                                                         \
    X(initiator, U8, OR_NULL, number(value, half->initiator, half->initiator == INITIATOR_SELF))                       \
    X(local_address, TEXT, OR_NULL, address(value, &half->local))                                                      \
    X(local_port, U16, OR_NULL, port(value, &half->local))                                                             \
    X(peer_address, TEXT, OR_NULL, address(value, &half->peer))                                                        \
    X(peer_port, U16, OR_NULL, port(value, &half->peer))                                                               \
    X(peer_name, NAME, OR_NULL, text(value, half->peer_name))                                                          \
    X(server_address, TEXT, OR_NULL, address(value, model_served(half, mate)))                                         \
    X(server_port, U16, OR_NULL, port(value, model_served(half, mate)))                                                \
    X(opened_us, U64, 0, time_us(value, row, half, opened(half)))                                                      \
    X(began_us, U64, OR_NULL, time_us(value, row, half, half->start_ns))                                               \
    X(connected_us, U64, OR_NULL, time_us(value, row, half, half->connected_ns))                                       \
    X(closed_us, U64, OR_NULL, time_us(value, row, half, half->closed_ns))                                             \
    X(open, U8, 0, number(value, true, half->open))                                                                    \
    X(connect_us, U64, OR_NULL, number(value, half->connect_ns != UINT64_MAX, half->connect_ns / 1000))                \
    X(bytes_sent, U64, OR_NULL, number(value, half->sent_known, half->bytes_sent))                                     \
    X(bytes_received, U64, OR_NULL, number(value, half->received_known, half->bytes_received))                         \
    X(outcome, NAME, OR_NULL, text(value, word_outcome(half->outcome)))                                                \
    X(ending, NAME, OR_NULL, text(value, word_end(half->end)))                                                         \
    X(reset_by, NAME, OR_NULL, text(value, word_reset_by(half->reset_by)))                                             \
    X(error, NAME, OR_NULL, text(value, error_word(half, value->space)))                                               \
    X(rtt_us, U32, OR_NULL, number(value, half->tcp_known, half->rtt_us))                                              \
    X(retransmits, U32, OR_NULL, number(value, half->tcp_known, half->retransmits))                                    \
    X(sockets, U8, 0, number(value, true, half->counts_socket))                                                        \
    X(complete, U8, 0, number(value, true, half->complete))                                                            \
    X(match, NAME, OR_NULL, text(value, word_match(half->edge)))                                                       \
    X(mate, U64, OR_NULL, number(value, mate, mate ? identity(row, mate) : 0))                                         \
    X(mate_cookie, U64, OR_NULL, number(value, mate && mate->cookie, mate ? mate->cookie : 0))                         \
    X(mate_sockets, U8, 0, number(value, true, mate && mate->counts_socket))                                           \
    X(mate_closed_us, U64, OR_NULL, time_us(value, row, mate ? mate : half, mate ? mate->closed_ns : 0))               \
    X(mate_open, U8, OR_NULL, number(value, mate, mate && mate->open))                                                 \
    X(mate_ending, NAME, OR_NULL, text(value, mate ? word_end(mate->end) : NULL))                                      \
    X(mate_bytes_sent, U64, OR_NULL, number(value, mate && mate->sent_known, mate ? mate->bytes_sent : 0))             \
    X(mate_bytes_received, U64, OR_NULL, number(value, mate && mate->received_known, mate ? mate->bytes_received : 0)) \
    X(mate_retransmits, U32, OR_NULL, number(value, mate && mate->tcp_known, mate ? mate->retransmits : 0))            \
    X(peer_kind, NAME, OR_NULL, text(value, half->peer_process ? word_process_kind(half->peer_process->kind) : NULL))  \
    X(peer_pid, U32, OR_NULL, number(value, peer && peer->pid, peer ? peer->pid : 0))                                  \
    X(peer_start_us, U64, OR_NULL, process_time(value, row, peer))                                                     \
    X(peer_comm, NAME, OR_NULL, text(value, peer ? peer->comm : NULL))                                                 \
    X(peer_exe, NAME, OR_NULL, text(value, peer ? peer->exe : NULL))                                                   \
    X(peer_unit, NAME, OR_NULL, unit(value, peer))                                                                     \
    X(peer_container, NAME, OR_NULL, container(value, peer))                                                           \
    X(peer_node, TEXT, OR_NULL, address(value, node ? &node->address : &(struct address){.family = 0}))                \
    X(peer_located, U8, 0, number(value, true, located(half)))

struct context {
    const struct halves_row *row;
    const struct half *half, *mate;
    const struct process *own, *peer, *node;
    const struct sockatlas_header *header;
};

#define X(name, type, null, put)                                                                                       \
    static void put_##name(const struct context *context, struct value *value)                                         \
    {                                                                                                                  \
        const struct halves_row *row = context->row;                                                                   \
        const struct half *half = context->half, *mate = context->mate;                                                \
        const struct process *own = context->own, *peer = context->peer, *node = context->node;                        \
        const struct sockatlas_header *header = context->header;                                                       \
        (void)row, (void)half, (void)mate, (void)own, (void)peer, (void)node, (void)header;                            \
        put;                                                                                                           \
    }
COLUMNS(X)
#undef X

static const struct column {
    const char *name;
    enum type type;
    bool or_null;
    void (*put)(const struct context *context, struct value *value);
} columns[] = {
#define X(name, type, null, put) {#name, TYPE_##type, null, put_##name},
    COLUMNS(X)
#undef X
};
enum { COLUMN_COUNT = sizeof columns / sizeof columns[0] };

static struct context context_of(const struct halves_row *row)
{
    return (struct context){.row = row,
                            .half = row->half,
                            .mate = row->mate,
                            .own = row->half->process,
                            .peer = peer_of(row->half),
                            .node = node_of(row->half),
                            .header = header_of(row, row->half)};
}

/* ---- RowBinary ---- */

static void put_little(uint64_t number, unsigned size, FILE *out)
{
    for (unsigned i = 0; i < size; i++)
        putc_unlocked((int)(number >> (8 * i) & 255), out);
}

static void put_binary(const struct column *column, const struct value *value, FILE *out)
{
    if (column->or_null)
        putc_unlocked(!value->known, out);
    if (column->or_null && !value->known)
        return;
    if (types[column->type].size) {
        put_little(value->number, types[column->type].size, out);
        return;
    }
    size_t rest = value->size;
    for (; rest > 127; rest >>= 7)
        putc_unlocked((int)(rest & 127) | 128, out);
    putc_unlocked((int)rest, out);
    fwrite_unlocked(value->text, 1, value->size, out);
}

void halves_put_binary(const struct halves_row *row, FILE *out)
{
    struct context context = context_of(row);
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        struct value value = {.known = false, .text = ""};
        columns[i].put(&context, &value);
        put_binary(&columns[i], &value, out);
    }
}

/* ---- Text ---- */

static void put_tsv_text(const char *text, size_t size, FILE *out)
{
    for (size_t i = 0; i < size; i++)
        switch (text[i]) {
        case '\t':
            fputs("\\t", out);
            break;
        case '\n':
            fputs("\\n", out);
            break;
        case '\r':
            fputs("\\r", out);
            break;
        case '\0':
            fputs("\\0", out);
            break;
        case '\\':
            fputs("\\\\", out);
            break;
        default:
            putc_unlocked((unsigned char)text[i], out);
        }
}

void halves_put_tsv(const struct halves_row *row, FILE *out)
{
    struct context context = context_of(row);
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        struct value value = {.known = false, .text = ""};
        columns[i].put(&context, &value);
        if (i)
            putc_unlocked('\t', out);
        if (columns[i].or_null && !value.known)
            fputs("\\N", out);
        else if (types[columns[i].type].size)
            fprintf(out, "%" PRIu64, value.number);
        else
            put_tsv_text(value.text, value.size, out);
    }
    putc_unlocked('\n', out);
}

/* ---- Listeners ---- */

const char halves_listener_names[] = "boot_id, host, pid, start_us, comm, exe, unit, container, transport, address, "
                                     "port, accepted, peak, complete, seen_us";

void halves_put_listener(const struct model *model, const struct listener *listener, uint64_t seen_us, FILE *out)
{
    const struct process *process = listener->process;
    const struct half half = {.host = process->host};
    const struct halves_row row = {.model = model};
    const struct sockatlas_header *header = header_of(&row, &half);
    struct value start, texts[8] = {{.known = false}};
    process_time(&start, &row, process);
    bytes(&texts[0], header->boot_id, strnlen(header->boot_id, sizeof header->boot_id));
    bytes(&texts[1], header->host, strnlen(header->host, sizeof header->host));
    text(&texts[2], process->comm);
    text(&texts[3], process->exe);
    unit(&texts[4], process);
    container(&texts[5], process);
    text(&texts[6], word_transport(listener->family, listener->type, listener->protocol));
    address(&texts[7], &listener->address);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        put_tsv_text(texts[i].text, texts[i].size, out);
        putc_unlocked('\t', out);
        if (i == 1)
            fprintf(out, "%" PRIu32 "\t%" PRIu64 "\t", process->pid, start.number);
    }
    struct value number;
    port(&number, &listener->address);
    fprintf(out, "%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%d\t%" PRIu64 "\n", number.known ? number.number : 0,
            listener->accepted, listener->peak, !process->incomplete, seen_us);
}

/* ---- Names ---- */

static void put_names(const char *between, const char *end, FILE *out)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        fprintf(out, "%s%s", i ? between : "", columns[i].name);
    fputs(end, out);
}

void halves_put_tsv_names(FILE *out)
{
    put_names("\t", "\n", out);
}

void halves_put_names(FILE *out)
{
    put_names(", ", "", out);
}

void halves_put_schema(FILE *out)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        const struct type_row *type = &types[columns[i].type];
        fprintf(out, "    %s %s%s\n", columns[i].name, columns[i].or_null ? type->or_null : type->plain,
                i + 1 < COLUMN_COUNT ? "," : "");
    }
}
