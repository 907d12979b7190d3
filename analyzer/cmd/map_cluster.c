/* SPDX-License-Identifier: MIT
 *
 * The map of a cluster, see map_cluster.h. The question is in the program as the file has it.
 */
#include "analyzer/cmd/map_cluster.h"

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

__asm__(".section .rodata\n"
        ".hidden map_cluster_question\n"
        ".globl map_cluster_question\n"
        "map_cluster_question:\n"
        ".incbin \"analyzer/clickhouse/questions/map.sql\"\n"
        ".byte 0\n"
        ".previous\n");
extern const char map_cluster_question[];

enum { TIMEOUT_S = 600 };

/* The answer's columns, in the order of map.sql. */
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
    X(failed_so)

enum column {
#define X(name) COLUMN_##name,
    COLUMNS(X)
#undef X
        COLUMN_COUNT
};

/* ---- The question ---- */

/* {since}, {until} and the database's name, filled in. */
static char *question(const struct cluster *cluster, int64_t since_s, int64_t until_s, size_t *size)
{
    static const struct {
        const char *mark;
    } marks[] = {{"{since}"}, {"{until}"}, {"sockatlas."}};
    char *text = NULL, since[24], until[24], database[128];
    snprintf(since, sizeof since, "%" PRId64, since_s);
    snprintf(until, sizeof until, "%" PRId64, until_s);
    snprintf(database, sizeof database, "%s.", cluster_database(cluster));
    const char *values[] = {since, until, database};
    FILE *out = memory_must(open_memstream(&text, size));
    for (const char *at = map_cluster_question; *at;) {
        size_t i = 0;
        while (i < sizeof marks / sizeof marks[0] && strncmp(at, marks[i].mark, strlen(marks[i].mark)) != 0)
            i++;
        if (i < sizeof marks / sizeof marks[0]) {
            fputs(values[i], out);
            at += strlen(marks[i].mark);
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

/* False: it has another number of cells. */
static bool split(char *line, char *cells[COLUMN_COUNT])
{
    unsigned count = 0;
    for (char *at = line; at; count++) {
        char *next = strchr(at, '\t');
        if (next)
            *next++ = '\0';
        if (count < COLUMN_COUNT)
            cells[count] = at;
        at = next;
    }
    for (unsigned i = 0; count == COLUMN_COUNT && i < COLUMN_COUNT; i++)
        unescape(cells[i]);
    return count == COLUMN_COUNT;
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
                             .exe = end[6]};
    if (node.kind == PROCESS_EXTERNAL)
        node.address = address(end[9], 0);
    return made_process(made, &node);
}

/* The family is the server's address's. */
static void take_transport(struct edge *edge, const char *word)
{
    static const struct {
        unsigned family, type;
        int protocol;
    } kinds[] = {{AF_INET, SOCK_STREAM, IPPROTO_TCP},
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
            edge->family =
                (uint16_t)(kinds[i].family == AF_INET && edge->server.family == AF_INET6 ? AF_INET6 : kinds[i].family);
            edge->type = (uint16_t)kinds[i].type;
            edge->protocol = kinds[i].protocol;
            return;
        }
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

/* A line for each of an edge's errors: one edge. */
static void add_line(struct made *made, char *const cells[COLUMN_COUNT])
{
    struct edge like = {.from = end_of(made, cells, COLUMN_from_kind),
                        .to = end_of(made, cells, COLUMN_to_kind),
                        .server = address(cells[COLUMN_server_address], (unsigned)number(cells[COLUMN_server_port])),
                        .match = match_of(cells[COLUMN_match])};
    take_transport(&like, cells[COLUMN_transport]);
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
}

static struct made *read_answer(char *answer)
{
    char *cells[COLUMN_COUNT] = {NULL}, *save = NULL;
    struct made *made = made_new();
    for (char *line = strtok_r(answer, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        if (!split(line, cells)) {
            made_free(made);
            return NULL;
        }
        add_line(made, cells);
    }
    return made;
}

struct made *map_cluster(const struct cluster_options *options, int64_t since_s, int64_t until_s, const char *title)
{
    char why[CLUSTER_WHY_MAX] = "", *answer = NULL;
    struct cluster_options with = *options;
    struct made *made = NULL;
    size_t size;
    with.timeout_s = TIMEOUT_S;
    struct cluster *cluster = cluster_new(&with, why);
    if (cluster && cluster_check_schema(cluster, HALVES_SCHEMA, why) == CLUSTER_ANSWERED) {
        char *asked = question(cluster, since_s, until_s, &size);
        if (cluster_ask(cluster, asked, size, &answer, why) == CLUSTER_ANSWERED && !(made = read_answer(answer)))
            snprintf(why, sizeof why, "%s: its answer has another shape than was asked for", cluster_name(cluster));
        free(asked);
    }
    if (!made)
        complain_line("%s: %s", title, why);
    free(answer);
    cluster_free(cluster);
    return made;
}
