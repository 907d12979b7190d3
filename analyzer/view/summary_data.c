/* SPDX-License-Identifier: MIT
 *
 * The summary as JSON Lines and as CSV: the same columns.
 */
#include "analyzer/view/summary.h"

#include "analyzer/names/names.h"
#include "analyzer/trace/members.h"

#include <stdlib.h>
#include <sys/socket.h>

static void cut(struct map_lines *lines, unsigned top)
{
    while (lines->count > top) {
        struct map_line *line = &lines->line[--lines->count];
        spread_free(&line->connect_us);
        spread_free(&line->rtt_us);
        spread_free(&line->lifetime_us);
    }
}

unsigned summary_lines(struct map_lines *lines, const struct model *model, const struct map_groups *groups,
                       const struct summary_options *options)
{
    *lines = (struct map_lines){.with_inner = options->internal};
    map_lines_collect(lines, model, groups);
    if (options->by != MAP_BY_PROCESS)
        map_lines_fold(lines, MAP_ADDRESSES_MANY);
    line_sort(lines, options->sort);
    unsigned count = lines->count;
    if (options->top)
        cut(lines, options->top);
    return count;
}

/* ---- A line's members ---- */

static void decimal(struct members *to, const char *key, bool known, double value)
{
    char text[64];
    if (!known) {
        members_integer(to, key, false, 0);
        return;
    }
    int size = snprintf(text, sizeof text, "%.3f,", value);
    members_key(to, key);
    buffer_add(&to->text, text, (size_t)size);
}

static void errors_member(struct members *to, const struct map_line *line)
{
    char number[WORD_MAX];
    members_open(to, "errors", '[');
    for (unsigned i = 0; i < line->errors.kinds; i++) {
        const struct edge_error *at = &line->errors.of[i];
        if (!at->error) /* not answered: counted above */
            continue;
        members_open(to, NULL, '{');
        members_word(to, "error", word_or_number(names_errno(at->error), at->error, number));
        members_integer(to, "count", true, (int64_t)at->count);
        members_close(to);
    }
    members_close(to);
}

static void put(struct members *to, const struct map_groups *groups, const struct map_line *line)
{
    char text[GROUP_TEXT_MAX], address[ADDRESS_TEXT_MAX];
    const struct edge *edge = line->edge;
    bool has_port = edge->server.family == AF_INET || edge->server.family == AF_INET6;
    members_text(to, "from", map_group_label(groups, line->from, text));
    members_integer(to, "from_processes", true, map_group_size(groups, line->from));
    members_text(to, "to", map_group_label(groups, line->to, text));
    members_integer(to, "to_processes", true, map_group_size(groups, line->to));
    members_text(to, "transport", word_transport(edge->family, edge->type, edge->protocol));
    members_text(to, "server_address", address_text(&edge->server, address));
    members_integer(to, "server_port", has_port, edge->server.port);
    members_integer(to, "more_addresses", true, (int64_t)line->more);
    members_bytes(to, "name", edge->name);
    members_text(to, "match", word_match(edge->match));
    members_integer(to, "first_us", line->first_ns != 0, (int64_t)(line->first_ns / 1000));
    members_integer(to, "last_us", line->last_ns != 0, (int64_t)(line->last_ns / 1000));
    for (const struct line_column *column = line_columns; column->name; column++) {
        double value = 0;
        bool known = column->value(line, &value);
        if (column->unit == LINE_RATE)
            decimal(to, column->name, known, value);
        else
            members_integer(to, column->name, known, (int64_t)value);
    }
    errors_member(to, line);
}

enum shape { SHAPE_LINES, SHAPE_ELEMENTS, SHAPE_CELLS };

static bool write_line(struct members *to, const struct map_groups *groups, const struct map_line *line,
                       enum shape shape, FILE *out)
{
    (shape == SHAPE_CELLS ? members_row : members_line)(to);
    put(to, groups, line);
    if (shape != SHAPE_ELEMENTS)
        return members_print(to, out);
    members_integer(to, "from_group", true, line->from);
    members_integer(to, "to_group", true, line->to);
    return members_print_element(to, out);
}

static bool write_all(const struct model *model, const struct summary_options *options, enum shape shape, FILE *out)
{
    struct map_groups *groups = map_groups_new(model, options->by);
    struct map_lines lines;
    struct members to = {0};
    bool written = true;
    summary_lines(&lines, model, groups, options);
    for (unsigned i = 0; i < lines.count && written; i++) {
        if (i && shape == SHAPE_ELEMENTS)
            fputs(",\n", out);
        written = write_line(&to, groups, &lines.line[i], shape, out);
    }
    members_free(&to);
    map_lines_free(&lines);
    map_groups_free(groups);
    return written && !ferror(out);
}

bool summary_json(const struct model *model, const struct summary_options *options, FILE *out)
{
    return write_all(model, options, SHAPE_LINES, out);
}

bool summary_elements(const struct model *model, const struct summary_options *options, FILE *out)
{
    return write_all(model, options, SHAPE_ELEMENTS, out);
}

bool summary_csv(const struct model *model, const struct summary_options *options, FILE *out)
{
    fputs("from,from_processes,to,to_processes,transport,server_address,server_port,more_addresses,name,match,first_us,"
          "last_us",
          out);
    for (const struct line_column *column = line_columns; column->name; column++)
        fprintf(out, ",%s", column->name);
    fputs(",errors\r\n", out);
    return write_all(model, options, SHAPE_CELLS, out);
}
