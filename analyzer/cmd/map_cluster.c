/* SPDX-License-Identifier: MIT
 *
 * The map of a cluster, see map_cluster.h. The questions are in the program as their files have them.
 */
#include "analyzer/cmd/map_cluster.h"

#include "analyzer/cmd/filter_match.h"
#include "analyzer/names/names.h"
#include "analyzer/trace/complaint.h"
#include "analyzer/trace/memory.h"
#include "analyzer/view/halves.h"
#include "analyzer/view/words.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define QUESTION(name, file)                                                                                           \
    __asm__(".section .rodata\n"                                                                                       \
            ".hidden " #name "\n"                                                                                      \
            ".globl " #name "\n" #name ":\n"                                                                           \
            ".incbin \"analyzer/clickhouse/questions/" file "\"\n"                                                     \
            ".byte 0\n"                                                                                                \
            ".previous\n");                                                                                            \
    extern const char name[]
QUESTION(map_cluster_edges, "map.sql");
QUESTION(map_cluster_listeners, "listeners.sql");

enum { TIMEOUT_S = 600 };

/* ---- The answers' columns ---- */

/* In the order of map.sql. */
#define END_COLUMNS(X, end)                                                                                            \
    X(end##_kind)                                                                                                      \
    X(end##_host)                                                                                                      \
    X(end##_boot_id)                                                                                                   \
    X(end##_pid) X(end##_start_us) X(end##_comm) X(end##_exe) X(end##_unit) X(end##_container) X(end##_node)
#define COLUMNS(X)                                                                                                     \
    END_COLUMNS(X, from)                                                                                               \
    END_COLUMNS(X, to)                                                                                                 \
    X(transport)                                                                                                       \
    X(server_address)                                                                                                  \
    X(server_port)                                                                                                     \
    X(match)                                                                                                           \
    X(client_address)                                                                                                  \
    X(client_port)                                                                                                     \
    X(from_ending)                                                                                                     \
    X(to_ending)                                                                                                       \
    X(lasted_us)                                                                                                       \
    X(server_name)                                                                                                     \
    X(first_us)                                                                                                        \
    X(last_us)                                                                                                         \
    X(connections)                                                                                                     \
    X(open)                                                                                                            \
    X(failed)                                                                                                          \
    X(unanswered)                                                                                                      \
    X(reset)                                                                                                           \
    X(sockets)                                                                                                         \
    X(retransmits)                                                                                                     \
    X(bytes_sent)                                                                                                      \
    X(bytes_received)                                                                                                  \
    X(known_sent)                                                                                                      \
    X(known_received)                                                                                                  \
    X(error)                                                                                                           \
    X(failed_so)                                                                                                       \
    X(times)                                                                                                           \
    X(least_connect_us)                                                                                                \
    X(most_connect_us)                                                                                                 \
    X(least_rtt_us)                                                                                                    \
    X(most_rtt_us)                                                                                                     \
    X(least_lifetime_us)                                                                                               \
    X(most_lifetime_us)

enum column {
#define X(name) COLUMN_##name,
    COLUMNS(X)
#undef X
        COLUMN_COUNT
};

/* In the order of listeners.sql; the first ones as an edge's end has them but for the kind. */
#define LISTENER_COLUMNS(X)                                                                                            \
    X(host)                                                                                                            \
    X(boot_id)                                                                                                         \
    X(pid)                                                                                                             \
    X(start_us)                                                                                                        \
    X(comm) X(exe) X(unit) X(container) X(transport) X(address) X(port) X(accepted) X(peak) X(complete)

enum listener_column {
#define X(name) LISTENER_##name,
    LISTENER_COLUMNS(X)
#undef X
        LISTENER_COUNT
};
_Static_assert((int)LISTENER_COUNT <= (int)COLUMN_COUNT, "a line's cells");

/* ---- The question ---- */

/* What rollups by five minutes do not have. */
static bool wants_detail(const struct filter *filter)
{
    return filter->terms[FILTER_address] || filter->terms[FILTER_port] || filter->terms[FILTER_end] ||
           filter->min_duration.given;
}

/* With the filter's times and the database's name filled in. Without --until far ahead, as hosts' clocks may be. */
static char *fill_in(const char *question, const struct cluster *cluster, const struct filter *filter, size_t *size)
{
    static const char *const marks[] = {"{since}", "{until}", "{detail}", "sockatlas."};
    char *text = NULL, since[24], until[24], database[128];
    snprintf(since, sizeof since, "%" PRId64, filter->since.given ? filter->since.us / 1000000 : 0);
    snprintf(until, sizeof until, "%" PRId64,
             filter->until.given ? filter->until.us / 1000000 : (int64_t)UINT32_MAX - 86400);
    snprintf(database, sizeof database, "%s.", cluster_database(cluster));
    const char *values[] = {since, until, wants_detail(filter) ? "1" : "0", database};
    FILE *out = memory_must(open_memstream(&text, size));
    for (const char *at = question; *at;) {
        size_t i = 0;
        while (i < sizeof marks / sizeof marks[0] && strncmp(at, marks[i], strlen(marks[i])) != 0)
            i++;
        if (i < sizeof marks / sizeof marks[0]) {
            fputs(values[i], out);
            at += strlen(marks[i]);
        } else {
            putc(*at++, out);
        }
    }
    fputs("FORMAT TabSeparated\n", out);
    fclose(out);
    return text;
}

/* ---- The answer ---- */

static void unescape(char *cell)
{
    char *to = cell;
    for (const char *at = cell; *at; at++) {
        if (*at != '\\' || !at[1]) {
            *to++ = *at;
            continue;
        }
        at++;
        *to++ = (char)(*at == 't' ? '\t' : *at == 'n' ? '\n' : *at == 'r' ? '\r' : *at == '0' ? '\0' : *at);
    }
    *to = '\0';
}

/* False: it has not `expected` cells. */
static bool split(char *line, char *cells[COLUMN_COUNT], unsigned expected)
{
    unsigned count = 0;
    for (char *at = line; at; count++) {
        char *next = strchr(at, '\t');
        if (next)
            *next++ = '\0';
        if (count < expected)
            cells[count] = at;
        at = next;
    }
    for (unsigned i = 0; count == expected && i < expected; i++)
        unescape(cells[i]);
    return count == expected;
}

static uint64_t number(const char *cell)
{
    return strtoull(cell, NULL, 10);
}

static struct address address(const char *text, unsigned port)
{
    struct address out = {.family = 0};
    if (*text && !address_parse(&out, AF_INET, text, port) && !address_parse(&out, AF_INET6, text, port))
        address_parse(&out, AF_UNIX, text, 0);
    return out;
}

static struct process *end_of(struct made *made, char *const cells[COLUMN_COUNT], enum column first)
{
    char *const *end = &cells[first];
    const char *kind = end[0];
    struct made_node node = {.kind = strcmp(kind, word_process_kind(PROCESS_EXTERNAL)) == 0   ? PROCESS_EXTERNAL
                                     : strcmp(kind, word_process_kind(PROCESS_UNTRACED)) == 0 ? PROCESS_UNTRACED
                                                                                              : PROCESS_TRACED,
                             .host = end[1],
                             .boot_id = end[2],
                             .pid = (uint32_t)number(end[3]),
                             .start_us = number(end[4]),
                             .comm = end[5],
                             .exe = end[6],
                             .unit = end[7],
                             .container = end[8]};
    if (node.kind == PROCESS_EXTERNAL)
        node.address = address(end[9], 0);
    return made_process(made, &node);
}

struct transport {
    unsigned family, type;
    int protocol;
};

/* The family is that of the address served. */
static struct transport transport_of(const char *word, const struct address *served)
{
    static const struct transport kinds[] = {{AF_INET, SOCK_STREAM, IPPROTO_TCP},
                                             {AF_INET, SOCK_DGRAM, IPPROTO_UDP},
                                             {AF_UNIX, SOCK_STREAM, 0},
                                             {AF_INET, SOCK_STREAM, IPPROTO_MPTCP},
                                             {AF_INET, SOCK_STREAM, IPPROTO_SCTP},
                                             {AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE},
                                             {AF_INET, SOCK_DCCP, IPPROTO_DCCP},
                                             {AF_INET, SOCK_DGRAM, IPPROTO_ICMP},
                                             {AF_VSOCK, SOCK_STREAM, 0},
                                             {AF_INET, SOCK_RAW, IPPROTO_RAW}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(word_transport(kinds[i].family, kinds[i].type, kinds[i].protocol), word) == 0) {
            struct transport found = kinds[i];
            if (found.family == AF_INET && served->family == AF_INET6)
                found.family = AF_INET6;
            return found;
        }
    return (struct transport){.family = 0};
}

static enum match match_of(const char *word)
{
    for (enum match match = MATCH_EXACT; match <= MATCH_EXTERNAL; match++)
        if (strcmp(word_match(match), word) == 0)
            return match;
    return MATCH_NONE;
}

static void add_failures(struct edge *edge, char *const cells[COLUMN_COUNT])
{
    int64_t error = 0;
    uint64_t unanswered = number(cells[COLUMN_unanswered]), so = number(cells[COLUMN_failed_so]);
    if (unanswered)
        edge_errors_add(&edge->errors, 0, unanswered);
    if (!so)
        return;
    if (!names_value(NAMES_ERRNO, 0, cells[COLUMN_error], &error))
        error = (int64_t)number(cells[COLUMN_error]);
    edge->error = (uint16_t)error;
    edge_errors_add(&edge->errors, edge->error, so);
}

/* "CLASS:COUNT ...", those of round trips from 4096 on, of lifetimes from 8192 on. */
static void add_times(struct edge *edge, char *const cells[COLUMN_COUNT])
{
    struct spread *const spreads[] = {&edge->connect_us, &edge->rtt_us, &edge->lifetime_us};
    bool bound[3] = {false, false, false};
    for (char *at = cells[COLUMN_times]; *at;) {
        unsigned long class = strtoul(at, &at, 10), kind = class / 4096;
        if (kind > 2 || *at++ != ':')
            return;
        if (!bound[kind])
            spread_bound(spreads[kind], number(cells[COLUMN_least_connect_us + 2 * kind]),
                         number(cells[COLUMN_most_connect_us + 2 * kind]));
        bound[kind] = true;
        spread_count(spreads[kind], (uint32_t)(class % 4096), strtoull(at, &at, 10));
        at += *at == ' ';
    }
}

/* ---- Filters ---- */

static void put_subject(struct filter_subject *subject, struct process *process, char *const cells[COLUMN_COUNT],
                        const struct address addresses[2], bool began)
{
    char *const *end = &cells[began ? COLUMN_from_kind : COLUMN_to_kind];
    *process = (struct process){
        .pid = (uint32_t)number(end[3]), .comm = end[5], .unit = end[7], .container = end[8], .cgroup = ""};
    int64_t lasted = strtoll(cells[COLUMN_lasted_us], NULL, 10);
    *subject = (struct filter_subject){
        .process = process,
        .addresses = {&addresses[0], &addresses[1]},
        .transport = cells[COLUMN_transport],
        .role = filter_role(strcmp(cells[COLUMN_match], word_match(MATCH_PAIR)) == 0 ? MATCH_PAIR : MATCH_NONE,
                            strncmp(cells[COLUMN_transport], "udp", 3) == 0, began),
        .end = cells[began ? COLUMN_from_ending : COLUMN_to_ending],
        .failed = number(cells[COLUMN_failed]) > 0,
        .first_us = strtoll(cells[COLUMN_first_us], NULL, 10),
        .last_us = number(cells[COLUMN_open]) ? INT64_MAX : strtoll(cells[COLUMN_last_us], NULL, 10),
        .duration_us = lasted,
    };
}

/* The rollups' times were chosen by the question. */
static bool is_wanted(const struct filter *filter, char *const cells[COLUMN_COUNT])
{
    struct process processes[2];
    struct filter_subject from, to;
    struct filter asked = *filter;
    const struct address addresses[2] = {
        address(cells[COLUMN_client_address], (unsigned)number(cells[COLUMN_client_port])),
        address(cells[COLUMN_server_address], (unsigned)number(cells[COLUMN_server_port]))};
    if (!wants_detail(filter))
        asked.since = asked.until = (struct filter_time){.given = false};
    put_subject(&from, &processes[0], cells, addresses, true);
    put_subject(&to, &processes[1], cells, addresses, false);
    return filter_ends(&asked, &from, &to);
}

/* ---- Lines ---- */

/* A line for each of an edge's errors: one edge. */
static void add_edge(struct made *made, char *const cells[COLUMN_COUNT])
{
    struct edge like = {.from = end_of(made, cells, COLUMN_from_kind),
                        .to = end_of(made, cells, COLUMN_to_kind),
                        .server = address(cells[COLUMN_server_address], (unsigned)number(cells[COLUMN_server_port])),
                        .match = match_of(cells[COLUMN_match])};
    struct transport transport = transport_of(cells[COLUMN_transport], &like.server);
    like.family = (uint16_t)transport.family;
    like.type = (uint16_t)transport.type;
    like.protocol = transport.protocol;
    struct edge *edge = made_edge(made, &like);
    uint64_t first = number(cells[COLUMN_first_us]) * 1000, last = number(cells[COLUMN_last_us]) * 1000;
    edge->connections += number(cells[COLUMN_connections]);
    edge->open += number(cells[COLUMN_open]);
    edge->failed += number(cells[COLUMN_failed]);
    edge->unanswered += number(cells[COLUMN_unanswered]);
    edge->reset += number(cells[COLUMN_reset]);
    edge->sockets += number(cells[COLUMN_sockets]);
    edge->retransmits += number(cells[COLUMN_retransmits]);
    edge->bytes_sent += number(cells[COLUMN_bytes_sent]);
    edge->bytes_received += number(cells[COLUMN_bytes_received]);
    edge->sent_known |= number(cells[COLUMN_known_sent]) > 0;
    edge->received_known |= number(cells[COLUMN_known_received]) > 0;
    edge->first_ns = !edge->first_ns || first < edge->first_ns ? first : edge->first_ns;
    edge->last_ns = last > edge->last_ns ? last : edge->last_ns;
    if (cells[COLUMN_server_name][0])
        edge->name = made_text(made, cells[COLUMN_server_name]);
    add_failures(edge, cells);
    add_times(edge, cells);
}

static void take_edge(struct made *made, const struct filter *filter, char *const cells[COLUMN_COUNT])
{
    if (is_wanted(filter, cells))
        add_edge(made, cells);
}

static void take_listener(struct made *made, const struct filter *filter, char *const cells[COLUMN_COUNT])
{
    struct process process = {.pid = (uint32_t)number(cells[LISTENER_pid]),
                              .comm = cells[LISTENER_comm],
                              .unit = cells[LISTENER_unit],
                              .container = cells[LISTENER_container]};
    struct listener listener = {.process = &process,
                                .address = address(cells[LISTENER_address], (unsigned)number(cells[LISTENER_port])),
                                .accepted = number(cells[LISTENER_accepted]),
                                .peak = number(cells[LISTENER_peak])};
    struct transport transport = transport_of(cells[LISTENER_transport], &listener.address);
    listener.family = (uint16_t)transport.family;
    listener.type = (uint16_t)transport.type;
    listener.protocol = transport.protocol;
    if (filter_given(filter) && !filter_listener(filter, &listener))
        return;
    listener.process = made_process(made, &(struct made_node){.kind = PROCESS_TRACED,
                                                              .host = cells[LISTENER_host],
                                                              .boot_id = cells[LISTENER_boot_id],
                                                              .pid = process.pid,
                                                              .start_us = number(cells[LISTENER_start_us]),
                                                              .comm = process.comm,
                                                              .exe = cells[LISTENER_exe],
                                                              .unit = process.unit,
                                                              .container = process.container});
    listener.process->incomplete |= !number(cells[LISTENER_complete]);
    made_listener(made, &listener);
}

static const struct part {
    const char *question;
    unsigned columns;
    void (*take)(struct made *made, const struct filter *filter, char *const cells[COLUMN_COUNT]);
} parts[] = {{map_cluster_edges, COLUMN_COUNT, take_edge}, {map_cluster_listeners, LISTENER_COUNT, take_listener}};

/* False: `why` says it. */
static bool ask_part(struct cluster *cluster, const struct part *part, const struct filter *filter, struct made *made,
                     char why[CLUSTER_WHY_MAX])
{
    size_t size;
    char *answer = NULL, *cells[COLUMN_COUNT] = {NULL}, *save = NULL;
    char *asked = fill_in(part->question, cluster, filter, &size);
    bool good = cluster_ask(cluster, asked, size, &answer, why) == CLUSTER_ANSWERED;
    free(asked);
    for (char *line = good ? strtok_r(answer, "\n", &save) : NULL; line && good; line = strtok_r(NULL, "\n", &save))
        if ((good = split(line, cells, part->columns)))
            part->take(made, filter, cells);
        else
            snprintf(why, CLUSTER_WHY_MAX, "%s: its answer has another shape than was asked for",
                     cluster_name(cluster));
    free(answer);
    return good;
}

struct made *map_cluster(const struct cluster_options *options, const struct filter *filter, const char *title)
{
    char why[CLUSTER_WHY_MAX] = "";
    struct cluster_options with = *options;
    struct made *made = made_new();
    with.timeout_s = TIMEOUT_S;
    struct cluster *cluster = cluster_new(&with, why);
    bool good = cluster && cluster_check_schema(cluster, HALVES_SCHEMA, why) == CLUSTER_ANSWERED;
    for (size_t i = 0; good && i < sizeof parts / sizeof parts[0]; i++)
        good = ask_part(cluster, &parts[i], filter, made, why);
    cluster_free(cluster);
    if (good)
        return made;
    complain_line("%s: %s", title, why);
    made_free(made);
    return NULL;
}
