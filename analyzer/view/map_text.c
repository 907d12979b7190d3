/* SPDX-License-Identifier: MIT
 *
 * The map as text: who talked to whom, who listens, what could not be seen.
 */
#include "analyzer/names/names.h"
#include "analyzer/trace/text.h"
#include "analyzer/view/map.h"
#include "analyzer/view/map_group.h"
#include "analyzer/view/table.h"
#include "analyzer/view/words.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Edges drawn as one line. */
struct line {
    unsigned from, to;
    const struct edge *edge; /* the first of them */
    uint64_t connections, open, failed, sent, received;
    bool bytes_known;
};

struct lines {
    struct line *line;
    unsigned count;
    uint64_t inner_pairs; /* socket pairs within one process: not drawn */
};

static bool same_line(const struct line *line, unsigned from, unsigned to, const struct edge *edge)
{
    const struct edge *other = line->edge;
    return line->from == from && line->to == to && other->family == edge->family && other->type == edge->type &&
           other->protocol == edge->protocol && other->match == edge->match &&
           (address_equal(&other->server, &edge->server) ||
            (!address_known(&other->server) && !address_known(&edge->server)));
}

static void add_edge(struct lines *lines, const struct map_groups *groups, const struct edge *edge)
{
    unsigned from = map_group(groups, edge->from), to = map_group(groups, edge->to), i = 0;
    if (edge->match == MATCH_PAIR && edge->from == edge->to) {
        lines->inner_pairs += edge->connections;
        return;
    }
    while (i < lines->count && !same_line(&lines->line[i], from, to, edge))
        i++;
    struct line *line = &lines->line[i];
    if (i == lines->count) {
        *line = (struct line){.from = from, .to = to, .edge = edge};
        lines->count++;
    }
    line->connections += edge->connections;
    line->open += edge->open;
    line->failed += edge->failed;
    line->sent += edge->bytes_sent;
    line->received += edge->bytes_received;
    line->bytes_known |= edge->bytes_known;
}

static int by_initiator(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    return x->to < y->to ? -1 : x->to > y->to;
}

static void over(const struct line *line, char *out, size_t size)
{
    char address[ADDRESS_TEXT_MAX];
    const struct edge *edge = line->edge;
    const char *transport = word_transport(edge->family, edge->type, edge->protocol);
    if (edge->match == MATCH_PAIR)
        snprintf(out, size, "%s socket pair", transport);
    else
        snprintf(out, size, "%s %s", transport, address_text_port(&edge->server, address));
}

static void notes(const struct line *line, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    if (line->failed)
        used += (size_t)snprintf(out + used, size - used, "%llu failed", (unsigned long long)line->failed);
    if (line->open)
        used +=
            (size_t)snprintf(out + used, size - used, "%s%llu open", used ? ", " : "", (unsigned long long)line->open);
    if (line->edge->match == MATCH_NAT)
        used += (size_t)snprintf(out + used, size - used, "%snat", used ? ", " : "");
    if (line->edge->match == MATCH_NONE)
        used += (size_t)snprintf(out + used, size - used, "%snot accepted", used ? ", " : "");
    if (line->edge->name && used < size) {
        char name[256];
        text_escape(line->edge->name, strnlen(line->edge->name, 60), name);
        snprintf(out + used, size - used, "%s%s", used ? ", " : "", name);
    }
}

static bool print_lines(const struct lines *lines, const struct map_groups *groups, unsigned width, FILE *out)
{
    static const struct grid_column columns[] = {
        {"from", GRID_LEFT, 12}, {"", GRID_LEFT, 0},     {"to", GRID_LEFT, 12}, {"over", GRID_LEFT, 16},
        {"conn", GRID_RIGHT, 0}, {"out", GRID_RIGHT, 0}, {"in", GRID_RIGHT, 0}, {"", GRID_LEFT, 8}};
    struct grid *grid = grid_new(columns, 8);
    for (unsigned i = 0; i < lines->count; i++) {
        const struct line *line = &lines->line[i];
        char text[GROUP_TEXT_MAX], number[WORD_MAX], where[ADDRESS_TEXT_MAX + 32], note[400];
        bool again = i && lines->line[i - 1].from == line->from;
        grid_cell(grid, again ? "" : map_group_text(groups, line->from, text));
        grid_cell(grid, "->");
        grid_cell(grid, map_group_text(groups, line->to, text));
        over(line, where, sizeof where);
        grid_cell(grid, where);
        snprintf(number, sizeof number, "%llu", (unsigned long long)line->connections);
        grid_cell(grid, number);
        grid_cell(grid, line->bytes_known ? word_bytes(line->sent, number) : "?");
        grid_cell(grid, line->bytes_known ? word_bytes(line->received, number) : "?");
        notes(line, note, sizeof note);
        grid_cell(grid, note);
    }
    return grid_print(grid, 0, width, out);
}

static bool print_listeners(const struct model *model, const struct map_groups *groups, unsigned width, FILE *out)
{
    static const struct grid_column columns[] = {
        {"listening", GRID_LEFT, 12}, {"on", GRID_LEFT, 16}, {"accepted", GRID_RIGHT, 0}, {"peak", GRID_RIGHT, 0}};
    struct grid *grid = grid_new(columns, 4);
    for (unsigned i = 0; i < model_listener_count(model); i++) {
        const struct listener *listener = model_listener(model, i);
        char text[GROUP_TEXT_MAX], address[ADDRESS_TEXT_MAX], where[ADDRESS_TEXT_MAX + 32], number[WORD_MAX];
        grid_cell(grid, map_group_text(groups, map_group(groups, listener->process), text));
        snprintf(where, sizeof where, "%s %s", word_transport(listener->family, listener->type, listener->protocol),
                 address_text_port(&listener->address, address));
        grid_cell(grid, where);
        snprintf(number, sizeof number, "%llu", (unsigned long long)listener->accepted);
        grid_cell(grid, number);
        snprintf(number, sizeof number, "%llu", (unsigned long long)listener->peak);
        grid_cell(grid, number);
    }
    return grid_print(grid, 0, width, out);
}

static bool print_coverage(const struct model *model, unsigned width, FILE *out)
{
    static const struct grid_column columns[] = {
        {"not seen", GRID_LEFT, 12}, {"what", GRID_LEFT, 0}, {"", GRID_LEFT, 20}};
    struct grid *grid = grid_new(columns, 3);
    for (unsigned i = 0; i < model_coverage_count(model); i++) {
        const struct coverage *coverage = model_coverage(model, i);
        char text[WORD_PROCESS_MAX];
        grid_cell(grid, coverage->process ? word_process(coverage->process, text) : "the trace");
        grid_cell(grid, coverage->what);
        char *detail = malloc(TEXT_ESCAPED_MAX(strlen(coverage->detail)));
        if (!detail)
            abort();
        text_escape(coverage->detail, strlen(coverage->detail), detail);
        grid_cell(grid, detail);
        free(detail);
    }
    return grid_print(grid, 0, width, out);
}

bool map_text(const struct model *model, const struct map_options *options, FILE *out)
{
    struct map_groups *groups = map_groups_new(model, options->by_program);
    struct lines lines = {.line = calloc(model_edge_count(model) + 1, sizeof *lines.line)};
    if (!lines.line)
        abort();
    for (unsigned i = 0; i < model_edge_count(model); i++)
        add_edge(&lines, groups, model_edge(model, i));
    qsort(lines.line, lines.count, sizeof *lines.line, by_initiator);
    if (lines.count)
        print_lines(&lines, groups, options->width, out);
    else
        fputs("no process talked to another\n", out);
    if (model_listener_count(model)) {
        fputc('\n', out);
        print_listeners(model, groups, options->width, out);
    }
    if (lines.inner_pairs)
        fprintf(out, "\n%llu socket pair%s within one process not drawn\n", (unsigned long long)lines.inner_pairs,
                lines.inner_pairs == 1 ? "" : "s");
    if (model_coverage_count(model)) {
        fputc('\n', out);
        print_coverage(model, options->width, out);
    }
    free(lines.line);
    map_groups_free(groups);
    return !ferror(out);
}
