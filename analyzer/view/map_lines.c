/* SPDX-License-Identifier: MIT
 *
 * The lines of a picture of the map, see map_lines.h.
 */
#include "analyzer/view/map_lines.h"

#include "analyzer/model/table.h"
#include "analyzer/names/names.h"
#include "analyzer/trace/escape.h"
#include "analyzer/trace/text.h"
#include "analyzer/view/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { NAME_SHOWN = 60 }; /* bytes of a name */

/* Where a line is filed; its index is its entry's. */
struct entry {
    struct table_link by_key;
};

static bool same_line(const struct map_line *line, unsigned from, unsigned to, const struct edge *edge)
{
    const struct edge *other = line->edge;
    return line->from == from && line->to == to && other->family == edge->family && other->type == edge->type &&
           other->protocol == edge->protocol && other->match == edge->match &&
           (address_equal(&other->server, &edge->server) ||
            (!address_known(&other->server) && !address_known(&edge->server)));
}

static struct map_line *find(const struct map_lines *lines, const struct table *table, const struct entry *entries,
                             uint64_t key, unsigned from, unsigned to, const struct edge *edge)
{
    for (struct table_link *link = table_first(table, key); link; link = table_next(link)) {
        struct map_line *line = &lines->line[TABLE_OF(link, struct entry, by_key) - entries];
        if (same_line(line, from, to, edge))
            return line;
    }
    return NULL;
}

/* What stands in a line beside how many and how much. */
struct figures {
    uint64_t unanswered, reset, retransmits, first_ns, last_ns;
    const struct spread *connect_us, *rtt_us, *lifetime_us;
};

static void add_figures(struct map_line *line, const struct figures *more)
{
    line->unanswered += more->unanswered;
    line->reset += more->reset;
    line->retransmits += more->retransmits;
    if (more->first_ns && (!line->first_ns || more->first_ns < line->first_ns))
        line->first_ns = more->first_ns;
    if (more->last_ns > line->last_ns)
        line->last_ns = more->last_ns;
    spread_merge(&line->connect_us, more->connect_us);
    spread_merge(&line->rtt_us, more->rtt_us);
    spread_merge(&line->lifetime_us, more->lifetime_us);
}

static void add_edge(struct map_lines *lines, struct table *table, struct entry *entries,
                     const struct map_groups *groups, const struct edge *edge)
{
    unsigned from = map_group(groups, edge->from), to = map_group(groups, edge->to);
    if (edge->match == MATCH_PAIR && edge->from == edge->to && !lines->with_inner) {
        lines->inner_pairs += edge->connections;
        return;
    }
    uint64_t transport = (uint64_t)edge->family << 48 | (uint64_t)edge->type << 32 | (uint32_t)edge->protocol;
    uint64_t key = hash_words((uint64_t)from << 32 | to, transport, edge->match,
                              address_known(&edge->server) ? address_hash(&edge->server, 0) : 0);
    struct map_line *line = find(lines, table, entries, key, from, to, edge);
    if (!line) {
        line = &lines->line[lines->count];
        *line = (struct map_line){.from = from, .to = to, .edge = edge};
        table_insert(table, &entries[lines->count++].by_key, key);
    }
    line->connections += edge->connections;
    line->open += edge->open;
    line->failed += edge->failed;
    edge_errors_merge(&line->errors, &edge->errors);
    line->sent += edge->bytes_sent;
    line->received += edge->bytes_received;
    line->sent_known |= edge->sent_known;
    line->received_known |= edge->received_known;
    add_figures(line, &(struct figures){edge->unanswered, edge->reset, edge->retransmits, edge->first_ns, edge->last_ns,
                                        &edge->connect_us, &edge->rtt_us, &edge->lifetime_us});
}

static int by_initiator(const void *a, const void *b)
{
    const struct map_line *x = a, *y = b;
    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    return x->to < y->to ? -1 : x->to > y->to;
}

void map_lines_collect(struct map_lines *lines, const struct model *model, const struct map_groups *groups)
{
    unsigned edges = model_edge_count(model);
    struct table table = {.size = 0};
    struct entry *entries = calloc(edges + 1, sizeof *entries);
    *lines = (struct map_lines){.line = calloc(edges + 1, sizeof *lines->line), .with_inner = lines->with_inner};
    if (!lines->line || !entries)
        abort();
    for (unsigned i = 0; i < edges; i++)
        add_edge(lines, &table, entries, groups, model_edge(model, i));
    table_free(&table);
    free(entries);
    qsort(lines->line, lines->count, sizeof *lines->line, by_initiator);
}

enum map_grouping map_lines_grouping(const struct model *model, enum map_grouping by, bool with_inner)
{
    struct map_lines lines = {.with_inner = with_inner};
    if (by != MAP_BY_SIBLINGS || model_edge_count(model) <= MAP_LINES_MANY)
        return by;
    struct map_groups *groups = map_groups_new(model, by);
    map_lines_collect(&lines, model, groups);
    unsigned count = lines.count;
    map_lines_free(&lines);
    map_groups_free(groups);
    return count > MAP_LINES_MANY ? MAP_BY_PROGRAM : by;
}

static bool same_transport(const struct map_line *a, const struct map_line *b)
{
    return a->from == b->from && a->to == b->to && a->edge->family == b->edge->family &&
           a->edge->type == b->edge->type && a->edge->protocol == b->edge->protocol && a->edge->match == b->edge->match;
}

static void free_spreads(struct map_line *line)
{
    spread_free(&line->connect_us);
    spread_free(&line->rtt_us);
    spread_free(&line->lifetime_us);
}

static void fold(struct map_line *into, struct map_line *line)
{
    into->connections += line->connections;
    into->open += line->open;
    into->failed += line->failed;
    into->sent += line->sent;
    into->received += line->received;
    into->sent_known |= line->sent_known;
    into->received_known |= line->received_known;
    edge_errors_merge(&into->errors, &line->errors);
    add_figures(into, &(struct figures){line->unanswered, line->reset, line->retransmits, line->first_ns, line->last_ns,
                                        &line->connect_us, &line->rtt_us, &line->lifetime_us});
    free_spreads(line);
    into->more++;
}

/* The lines between two groups that are over one transport, filed by the first of them. */
struct alike {
    struct table_link by_transport;
    unsigned count;
    unsigned folded; /* where the first of them went */
};

static unsigned first_alike(const struct map_lines *lines, struct table *table, struct alike *alike, unsigned at)
{
    const struct map_line *line = &lines->line[at];
    uint64_t hash =
        hash_words((uint64_t)line->from << 32 | line->to, (uint64_t)line->edge->family << 32 | line->edge->type,
                   (uint32_t)line->edge->protocol, line->edge->match);
    for (struct table_link *link = table_first(table, hash); link; link = table_next(link)) {
        unsigned first = (unsigned)(TABLE_OF(link, struct alike, by_transport) - alike);
        if (same_transport(&lines->line[first], line))
            return first;
    }
    table_insert(table, &alike[at].by_transport, hash);
    return at;
}

void map_lines_fold(struct map_lines *lines, unsigned least)
{
    struct table table = {.size = 0};
    struct map_line *folded = calloc(lines->count + 1, sizeof *folded);
    struct alike *alike = calloc(lines->count + 1, sizeof *alike);
    unsigned count = 0;
    if (!folded || !alike)
        abort();
    for (unsigned i = 0; i < lines->count; i++)
        alike[first_alike(lines, &table, alike, i)].count++;
    for (unsigned i = 0; i < lines->count; i++) {
        unsigned first = first_alike(lines, &table, alike, i);
        if (first != i && alike[first].count >= least) {
            fold(&folded[alike[first].folded], &lines->line[i]);
        } else {
            if (first == i)
                alike[i].folded = count;
            folded[count++] = lines->line[i];
        }
    }
    table_free(&table);
    free(alike);
    free(lines->line);
    lines->line = folded;
    lines->count = count;
}

void map_lines_free(struct map_lines *lines)
{
    for (unsigned i = 0; i < lines->count; i++)
        free_spreads(&lines->line[i]);
    free(lines->line);
    *lines = (struct map_lines){.line = NULL};
}

/* Two unix edges between the same processes may differ in nothing but the type: a stream needs no word. */
static const char *unix_type(const struct edge *edge)
{
    if (edge->family != AF_UNIX || edge->type == SOCK_STREAM)
        return "";
    return edge->type == SOCK_DGRAM ? " datagram" : edge->type == SOCK_SEQPACKET ? " seqpacket" : "";
}

const char *map_line_over(const struct map_line *line, char out[MAP_LINE_OVER_MAX])
{
    char address[ADDRESS_TEXT_MAX];
    const struct edge *edge = line->edge;
    const char *transport = word_transport(edge->family, edge->type, edge->protocol);
    if (edge->match == MATCH_PAIR)
        snprintf(out, MAP_LINE_OVER_MAX, "%s%s socket pair", transport, unix_type(edge));
    else
        snprintf(out, MAP_LINE_OVER_MAX, "%s%s %s", transport, unix_type(edge),
                 address_text_port(&edge->server, address));
    size_t used = strlen(out);
    if (line->more)
        snprintf(out + used, MAP_LINE_OVER_MAX - used, " and %llu more", (unsigned long long)line->more);
    return out;
}

/* The name that the initiator looked up, unless it was the address itself. */
static const char *looked_up(const struct edge *edge)
{
    char address[ADDRESS_TEXT_MAX];
    const char *text = address_text(&edge->server, address);
    return edge->name && (!text || strcmp(edge->name, text) != 0) ? edge->name : NULL;
}

/* " (ECONNREFUSED)", " (2 ECONNREFUSED, 1 not answered)": a count only where it is not that of all. */
static size_t put_errors(const struct edge_errors *errors, uint64_t failed, char *out, size_t size)
{
    char number[WORD_MAX];
    size_t used = 0;
    for (unsigned i = 0; i < errors->kinds && used < size; i++) {
        const struct edge_error *at = &errors->of[i];
        const char *word = at->error ? word_or_number(names_errno(at->error), at->error, number) : "not answered";
        if (at->count == failed)
            used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : " (", word);
        else
            used += (size_t)snprintf(out + used, size - used, "%s%llu %s", i ? ", " : " (",
                                     (unsigned long long)at->count, word);
    }
    if (errors->kinds && used < size)
        used += (size_t)snprintf(out + used, size - used, ")");
    return used < size ? used : size - 1;
}

/* Whether it may have accepted what is not seen to be accepted. */
static bool has_unseen(const struct process *process)
{
    return process->incomplete || process->accepts_unseen || process->kind == PROCESS_EXTERNAL;
}

const char *map_line_notes(const struct map_line *line, char out[MAP_LINE_NOTES_MAX])
{
    size_t used = 0, size = MAP_LINE_NOTES_MAX;
    const char *resolved = looked_up(line->edge);
    out[0] = '\0';
    if (line->failed)
        used += (size_t)snprintf(out + used, size - used, "%llu failed", (unsigned long long)line->failed);
    used += put_errors(&line->errors, line->failed, out + used, size - used);
    if (line->open)
        used +=
            (size_t)snprintf(out + used, size - used, "%s%llu open", used ? ", " : "", (unsigned long long)line->open);
    if (line->edge->match == MATCH_NAT)
        used += (size_t)snprintf(out + used, size - used, "%snat", used ? ", " : "");
    if (line->edge->match == MATCH_NONE)
        used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "",
                                 has_unseen(line->edge->to) ? "other half unknown" : "not accepted");
    if (resolved && used < size) {
        char name[TEXT_ESCAPED_MAX(NAME_SHOWN)];
        escape(ESCAPE_TEXT, resolved, escape_cut(resolved, NAME_SHOWN), name);
        snprintf(out + used, size - used, "%s%s", used ? ", " : "", name);
    }
    return out;
}
