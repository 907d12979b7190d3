/* SPDX-License-Identifier: MIT
 *
 * The map as text: who talked to whom, who listens, what could not be seen.
 */
#include "analyzer/model/table.h"
#include "analyzer/trace/escape.h"
#include "analyzer/view/map.h"
#include "analyzer/view/map_group.h"
#include "analyzer/view/map_lines.h"
#include "analyzer/view/table.h"
#include "analyzer/view/words.h"

#include <stdlib.h>
#include <string.h>

#define RED "\033[31m"

/* The cells of a line from its arrow on. */
static void put_line(struct grid *grid, const struct map_line *line, const struct map_groups *groups,
                     const struct line_choice *choice, const char *arrow)
{
    char text[GROUP_TEXT_MAX], number[WORD_MAX], where[MAP_LINE_OVER_MAX];
    grid_cell(grid, arrow);
    grid_cell(grid, map_group_text(groups, line->to, text));
    grid_cell(grid, map_line_over(line, where));
    for (unsigned i = 0; i < choice->count; i++)
        grid_cell(grid, line_column_text(choice->columns[i], line, number));
}

/* Columns before those of figures, those, and one behind them if it has a title. */
static struct grid *grid_with(const struct grid_column *lead, unsigned leads, const struct line_choice *choice,
                              const struct grid_column *last)
{
    struct grid_column all[LINE_COLUMNS_MAX + 8];
    unsigned count = leads;
    memcpy(all, lead, leads * sizeof *lead);
    for (unsigned i = 0; i < choice->count; i++)
        all[count++] = (struct grid_column){choice->columns[i]->title, GRID_RIGHT, 0};
    if (last)
        all[count++] = *last;
    return grid_new(all, count);
}

/* Who began stands beside each line. */
static struct grid *beside(const struct map_lines *lines, const struct map_groups *groups,
                           const struct line_choice *choice, bool colour)
{
    static const struct grid_column columns[] = {
        {"from", GRID_LEFT, 12}, {"", GRID_LEFT, 0}, {"to", GRID_LEFT, 12}, {"over", GRID_LEFT, 16}};
    static const struct grid_column note_column = {"", GRID_NOTE, 8};
    struct grid *grid = grid_with(columns, 4, choice, &note_column);
    for (unsigned i = 0; i < lines->count; i++) {
        char text[GROUP_TEXT_MAX], note[MAP_LINE_NOTES_MAX];
        bool again = i && lines->line[i - 1].from == lines->line[i].from;
        grid_colour(grid, colour && lines->line[i].failed ? RED : NULL);
        grid_cell(grid, again ? "" : map_group_text(groups, lines->line[i].from, text));
        put_line(grid, &lines->line[i], groups, choice, "->");
        grid_cell(grid, map_line_notes(&lines->line[i], note));
    }
    return grid;
}

/* Who began stands above its lines, the notes below theirs: for narrow terminals. */
static struct grid *above(const struct map_lines *lines, const struct map_groups *groups,
                          const struct line_choice *choice, bool colour)
{
    static const struct grid_column columns[] = {
        {"from", GRID_LEFT, 0}, {"to", GRID_LEFT, 14}, {"over", GRID_LEFT, 18}};
    struct grid *grid = grid_with(columns, 3, choice, NULL);
    for (unsigned i = 0; i < lines->count; i++) {
        char text[GROUP_TEXT_MAX], note[MAP_LINE_NOTES_MAX + 8] = "        ";
        grid_colour(grid, NULL);
        if (!i || lines->line[i - 1].from != lines->line[i].from)
            grid_line(grid, map_group_text(groups, lines->line[i].from, text));
        grid_colour(grid, colour && lines->line[i].failed ? RED : NULL);
        put_line(grid, &lines->line[i], groups, choice, "  ->");
        map_line_notes(&lines->line[i], note + 8);
        if (note[8])
            grid_line(grid, note);
    }
    return grid;
}

static bool print_lines(const struct map_lines *lines, const struct map_groups *groups,
                        const struct map_options *options, FILE *out)
{
    const struct line_choice usual = {.columns = {line_column_find("connections"), line_column_find("bytes_sent"),
                                                  line_column_find("bytes_received")},
                                      .count = 3};
    const struct line_choice *choice = options->choice && options->choice->count ? options->choice : &usual;
    struct grid *grid = beside(lines, groups, choice, options->colour);
    if (!grid_fits(grid, options->width)) {
        grid_free(grid);
        grid = above(lines, groups, choice, options->colour);
    }
    return grid_print(grid, 0, options->width, out);
}

static bool same_kind(const struct map_groups *groups, const struct listener *a, const struct listener *b)
{
    return map_group(groups, a->process) == map_group(groups, b->process) && a->family == b->family &&
           a->type == b->type && a->protocol == b->protocol;
}

/* The listeners of one group over one transport, together. */
struct gathered {
    struct table_link by_key;
    struct listener all; /* the first of them, with what all accepted, and the highest peak */
    unsigned first, count;
};

/* For each listener which of `list` it belongs to; the caller frees both. */
static unsigned *gather(const struct model *model, const struct map_groups *groups, struct gathered **list)
{
    unsigned count = model_listener_count(model), used = 0;
    unsigned *of = calloc(count + 1, sizeof *of);
    struct gathered *all = *list = calloc(count + 1, sizeof *all);
    struct table table = {.size = 0};
    if (!of || !all)
        abort();
    for (unsigned i = 0; i < count; i++) {
        const struct listener *listener = model_listener(model, i);
        uint64_t key = hash_words(map_group(groups, listener->process), listener->family, listener->type,
                                  (uint32_t)listener->protocol);
        struct table_link *link = table_first(&table, key);
        while (link && !same_kind(groups, listener, &TABLE_OF(link, struct gathered, by_key)->all))
            link = table_next(link);
        struct gathered *at = link ? TABLE_OF(link, struct gathered, by_key) : &all[used++];
        of[i] = (unsigned)(at - all);
        if (!at->count++) {
            at->all = *listener;
            at->first = i;
            table_insert(&table, &at->by_key, key);
            continue;
        }
        at->all.accepted += listener->accepted;
        at->all.peak = listener->peak > at->all.peak ? listener->peak : at->all.peak;
    }
    table_free(&table);
    return of;
}

static bool print_listeners(const struct model *model, const struct map_groups *groups,
                            const struct map_options *options, FILE *out)
{
    static const struct grid_column columns[] = {
        {"listening", GRID_LEFT, 12}, {"on", GRID_LEFT, 16}, {"accepted", GRID_RIGHT, 0}, {"peak", GRID_RIGHT, 0}};
    struct grid *grid = grid_new(columns, 4);
    struct gathered *list;
    unsigned *of = gather(model, groups, &list);
    for (unsigned i = 0; i < model_listener_count(model); i++) {
        const struct gathered *in = &list[of[i]];
        bool together = options->by == MAP_BY_PROGRAM && in->count >= MAP_ADDRESSES_MANY;
        struct listener listener = together ? in->all : *model_listener(model, i);
        unsigned more = together ? in->count - 1 : 0;
        if (together && in->first != i)
            continue; /* it was told of */
        char text[GROUP_TEXT_MAX], address[ADDRESS_TEXT_MAX], where[ADDRESS_TEXT_MAX + 64], number[WORD_MAX];
        grid_cell(grid, map_group_text(groups, map_group(groups, listener.process), text));
        int used =
            snprintf(where, sizeof where, "%s %s", word_transport(listener.family, listener.type, listener.protocol),
                     address_text_port(&listener.address, address));
        if (more && used > 0 && (size_t)used < sizeof where)
            snprintf(where + used, sizeof where - (size_t)used, " and %u more", more);
        grid_cell(grid, where);
        const char *least =
            listener.process->incomplete ? ">=" : ""; /* there may have been more, overwritten or lost */
        snprintf(number, sizeof number, "%s%llu", least, (unsigned long long)listener.accepted);
        grid_cell(grid, number);
        snprintf(number, sizeof number, "%s%llu", least, (unsigned long long)listener.peak);
        grid_cell(grid, number);
    }
    free(of);
    free(list);
    return grid_print(grid, 0, options->width, out);
}

static bool print_coverage(const struct model *model, unsigned width, FILE *out)
{
    static const struct grid_column columns[] = {
        {"not seen", GRID_LEFT, 12}, {"what", GRID_LEFT, 0}, {"", GRID_LEFT, 20}};
    struct grid *grid = grid_new(columns, 3);
    for (unsigned i = 0; i < model_coverage_count(model); i++) {
        const struct coverage *coverage = model_coverage(model, i);
        if (coverage->process && coverage->process->left_out)
            continue;
        char text[WORD_PROCESS_MAX];
        grid_cell(grid, coverage->process ? word_process(coverage->process, text) : "the trace");
        grid_cell(grid, coverage->what);
        char *detail = escape_new(ESCAPE_TEXT, coverage->detail);
        grid_cell(grid, detail);
        free(detail);
    }
    return grid_print(grid, 0, width, out);
}

bool map_text(const struct model *model, const struct map_options *options, FILE *out)
{
    struct map_options fit = *options;
    fit.by = map_lines_grouping(model, options->by, options->internal);
    struct map_groups *groups = map_groups_new(model, fit.by);
    struct map_lines lines = {.with_inner = options->internal};
    map_lines_collect(&lines, model, groups);
    if (fit.by == MAP_BY_PROGRAM)
        map_lines_fold(&lines, MAP_ADDRESSES_MANY);
    if (lines.count)
        print_lines(&lines, groups, &fit, out);
    else
        fputs("no process talked to another\n", out);
    if (model_listener_count(model)) {
        fputc('\n', out);
        print_listeners(model, groups, &fit, out);
    }
    if (lines.inner_pairs)
        fprintf(out, "\n%llu socket pair%s within one process not drawn\n", (unsigned long long)lines.inner_pairs,
                lines.inner_pairs == 1 ? "" : "s");
    if (model_coverage_count(model)) {
        fputc('\n', out);
        print_coverage(model, options->width, out);
    }
    if (fit.by != options->by)
        fputs("\nso many processes are drawn by program; --by process draws each\n", out);
    map_lines_free(&lines);
    map_groups_free(groups);
    return !ferror(out);
}
