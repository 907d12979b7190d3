/* SPDX-License-Identifier: MIT
 *
 * The summary for people: totals, the pairs with what went through them, their times, and which of them stand out.
 */
#include "analyzer/view/summary.h"

#include "analyzer/view/table.h"

#include <stdlib.h>
#include <string.h>

#define RED "\033[31m"
/* Pairs that are named as the slowest and so on. */
enum { STAND_OUT = 3, NOTE_INDENT = 8 };

struct page {
    const struct map_groups *groups;
    const struct summary_options *options;
    struct map_lines lines;
    unsigned all; /* lines there are, shown or not */
};

/* ---- Totals ---- */

static void put_totals(const struct model *model, FILE *out)
{
    uint64_t connections = 0, failed = 0, sent = 0, received = 0;
    char number[WORD_MAX], other[WORD_MAX];
    for (unsigned i = 0; i < model_edge_count(model); i++) {
        const struct edge *edge = model_edge(model, i);
        connections += edge->connections;
        failed += edge->failed;
        sent += edge->bytes_sent;
        received += edge->bytes_received;
    }
    int64_t us = model_latest_us(model) - model_origin_us(model);
    fprintf(out, "%llu connection%s, %llu failed; %s out, %s in", (unsigned long long)connections,
            connections == 1 ? "" : "s", (unsigned long long)failed, word_bytes(sent, number),
            word_bytes(received, other));
    fprintf(out, "; %s\n\n", word_duration(us > 0 ? (uint64_t)us * 1000 : 0, number));
}

/* ---- Tables ---- */

/* A table being made: three columns that say which pair, then figures. */
static struct grid *table_new(const struct grid_column *lead, unsigned leads, const struct line_column *const *columns,
                              unsigned count)
{
    struct grid_column all[LINE_COLUMNS_MAX + 8];
    memcpy(all, lead, leads * sizeof *lead);
    for (unsigned i = 0; i < count; i++)
        all[leads + i] = (struct grid_column){columns[i]->title, GRID_RIGHT, 0};
    all[leads + count] = (struct grid_column){"", GRID_NOTE, 8};
    return grid_new(all, leads + count + 1);
}

/* "nginx x4" */
static const char *name_of(const struct page *page, unsigned group, char out[GROUP_TEXT_MAX])
{
    map_group_label(page->groups, group, out);
    size_t used = strlen(out);
    unsigned members = map_group_size(page->groups, group);
    if (members > 1)
        snprintf(out + used, GROUP_TEXT_MAX - used, " x%u", members);
    return out;
}

static void put_pair(struct grid *grid, const struct page *page, const struct map_line *line)
{
    char text[GROUP_TEXT_MAX], where[MAP_LINE_OVER_MAX];
    grid_cell(grid, name_of(page, line->from, text));
    grid_cell(grid, name_of(page, line->to, text));
    grid_cell(grid, map_line_over(line, where));
}

static void put_figures(struct grid *grid, const struct map_line *line, const struct line_column *const *columns,
                        unsigned count)
{
    char number[WORD_MAX];
    for (unsigned i = 0; i < count; i++)
        grid_cell(grid, line_column_text(columns[i], line, number));
}

/* What the note of the map says, and what only a summary counts. */
static const char *note_of(const struct map_line *line, char *out, size_t size)
{
    char note[MAP_LINE_NOTES_MAX];
    size_t used = (size_t)snprintf(out, size, "%s", map_line_notes(line, note));
    if (line->reset && used < size)
        used += (size_t)snprintf(out + used, size - used, "%s%llu reset", used ? ", " : "",
                                 (unsigned long long)line->reset);
    if (line->retransmits && used < size)
        snprintf(out + used, size - used, "%s%llu segments sent again", used ? ", " : "",
                 (unsigned long long)line->retransmits);
    return out;
}

enum { NOTE_MAX = MAP_LINE_NOTES_MAX + 96 };

static const struct grid_column pair_columns[] = {
    {"from", GRID_LEFT, 12}, {"to", GRID_LEFT, 12}, {"over", GRID_LEFT, 16}};

/* All in one row. */
static struct grid *wide(const struct page *page, const struct line_choice *choice)
{
    struct grid *grid = table_new(pair_columns, 3, choice->columns, choice->count);
    for (unsigned i = 0; i < page->lines.count; i++) {
        char note[NOTE_MAX];
        const struct map_line *line = &page->lines.line[i];
        grid_colour(grid, page->options->colour && line->failed ? RED : NULL);
        put_pair(grid, page, line);
        put_figures(grid, line, choice->columns, choice->count);
        grid_cell(grid, note_of(line, note, sizeof note));
    }
    return grid;
}

static void choose(struct line_choice *choice, const char *const *names)
{
    choice->count = 0;
    for (; *names; names++)
        choice->columns[choice->count++] = line_column_find(*names);
}

/* What went through, a note below each pair; then the times, by the pair's number. */
static bool narrow(const struct page *page, FILE *out)
{
    static const char *const moved[] = {"connections", "failed",         "connections_per_s",
                                        "bytes_sent",  "bytes_received", NULL};
    static const char *const times[] = {"connect_p50", "connect_p90",  "connect_p99",  "rtt_p50",      "rtt_p90",
                                        "rtt_p99",     "lifetime_p50", "lifetime_p90", "lifetime_p99", NULL};
    static const struct grid_column lead[] = {
        {"#", GRID_RIGHT, 0}, {"from", GRID_LEFT, 10}, {"to", GRID_LEFT, 10}, {"over", GRID_LEFT, 14}};
    unsigned width = page->options->width;
    struct line_choice choice;
    choose(&choice, moved);
    struct grid *grid = table_new(lead, 4, choice.columns, choice.count);
    for (unsigned i = 0; i < page->lines.count; i++) {
        char number[WORD_MAX], note[NOTE_MAX + NOTE_INDENT] = "        ";
        const struct map_line *line = &page->lines.line[i];
        grid_colour(grid, page->options->colour && line->failed ? RED : NULL);
        snprintf(number, sizeof number, "%u", i + 1);
        grid_cell(grid, number);
        put_pair(grid, page, line);
        put_figures(grid, line, choice.columns, choice.count);
        grid_cell(grid, "");
        note_of(line, note + NOTE_INDENT, sizeof note - NOTE_INDENT);
        if (note[NOTE_INDENT])
            grid_line(grid, note);
    }
    bool written = grid_print(grid, 0, width, out);
    choose(&choice, times);
    grid = table_new(lead, 1, choice.columns, choice.count);
    bool told = false;
    for (unsigned i = 0; i < page->lines.count; i++) {
        char number[WORD_MAX];
        const struct map_line *line = &page->lines.line[i];
        if (!line->connect_us.total && !line->rtt_us.total && !line->lifetime_us.total)
            continue;
        told = true;
        snprintf(number, sizeof number, "%u", i + 1);
        grid_cell(grid, number);
        put_figures(grid, line, choice.columns, choice.count);
        grid_cell(grid, "");
    }
    if (told)
        fputc('\n', out);
    return grid_print(grid, 0, width, out) && written;
}

static bool put_table(const struct page *page, FILE *out)
{
    static const char *const all[] = {
        "connections", "failed",       "connections_per_s", "bytes_sent",   "bytes_received",
        "connect_p50", "connect_p90",  "connect_p99",       "rtt_p50",      "rtt_p90",
        "rtt_p99",     "lifetime_p50", "lifetime_p90",      "lifetime_p99", NULL};
    struct line_choice choice;
    if (page->options->choice->count)
        return grid_print(wide(page, page->options->choice), 0, page->options->width, out);
    choose(&choice, all);
    struct grid *grid = wide(page, &choice);
    if (grid_fits(grid, page->options->width))
        return grid_print(grid, 0, page->options->width, out);
    grid_free(grid);
    return narrow(page, out);
}

/* ---- What stands out ---- */

static void put_ranking(struct map_lines *lines, const struct page *page, const char *what, const char *column,
                        FILE *out)
{
    const struct line_column *by = line_column_find(column);
    double value;
    unsigned said = 0;
    line_sort(lines, by);
    for (unsigned i = 0; i < lines->count && said < STAND_OUT; i++) {
        const struct map_line *line = &lines->line[i];
        char from[GROUP_TEXT_MAX], to[GROUP_TEXT_MAX], over[MAP_LINE_OVER_MAX], number[WORD_MAX], text[2048];
        if (!by->value(line, &value) || value <= 0)
            break;
        line_column_text(by, line, number);
        for (char *at = number; *at; at++)
            if (*at == ' ')
                *at = VIEW_HARD_SPACE;
        snprintf(text, sizeof text, "%s %s -> %s, %s", number, name_of(page, line->from, from),
                 name_of(page, line->to, to), map_line_over(line, over));
        view_wrap(said++ ? "" : what, text, 18, page->options->width, out);
    }
}

/* Of all pairs, shown above or not. */
static void put_rankings(const struct model *model, const struct page *page, FILE *out)
{
    struct map_lines lines;
    struct summary_options all = *page->options;
    all.top = 0;
    if (summary_lines(&lines, model, page->groups, &all) > 1) {
        fputc('\n', out);
        put_ranking(&lines, page, "slowest connect", "connect_p99", out);
        put_ranking(&lines, page, "slowest network", "rtt_p99", out);
        put_ranking(&lines, page, "most failing", "failed", out);
        put_ranking(&lines, page, "loudest", "bytes", out);
    }
    map_lines_free(&lines);
}

bool summary_text(const struct model *model, const struct summary_options *options, FILE *out)
{
    struct map_groups *groups = map_groups_new(model, options->by);
    struct page page = {.groups = groups, .options = options};
    bool written = true;
    page.all = summary_lines(&page.lines, model, groups, options);
    if (!options->choice->count)
        put_totals(model, out);
    if (page.lines.count)
        written = put_table(&page, out);
    else
        fputs("no process talked to another\n", out);
    if (page.all > page.lines.count)
        fprintf(out, "\n%u more: --top 0 shows all\n", page.all - page.lines.count);
    if (page.lines.count && !options->choice->count)
        put_rankings(model, &page, out);
    map_lines_free(&page.lines);
    map_groups_free(groups);
    return written && !ferror(out);
}
