/* SPDX-License-Identifier: MIT
 *
 * Aligned columns of text. Knows terminals (width, colour), nothing of sockets.
 */
#include "analyzer/view/table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define GAP      2
#define ELLIPSIS "\xe2\x80\xa6"

struct grid {
    struct grid_column *columns;
    unsigned count;
    char **cells;
    size_t cells_count, cells_room;
    const char *colour;   /* of the rows to come */
    const char **colours; /* by row; room for as many as cells */
};

unsigned view_width(FILE *out)
{
    const char *columns = getenv("COLUMNS");
    struct winsize size;
    if (!isatty(fileno(out)))
        return 0;
    if (columns && atoi(columns) > 0)
        return (unsigned)atoi(columns);
    return ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

bool view_colour(FILE *out)
{
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(fileno(out)) && !(no_colour && *no_colour) && !(term && strcmp(term, "dumb") == 0);
}

static bool continues(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

unsigned view_columns(const char *text)
{
    unsigned columns = 0;
    for (; *text; text++)
        columns += !continues(*text);
    return columns;
}

void view_wrap(const char *label, const char *text, unsigned indent, unsigned width, FILE *out)
{
    unsigned column = indent;
    fprintf(out, "%-*s", (int)indent, label);
    while (*text) {
        char word[1024];
        size_t size = strcspn(text, " ");
        size = size < sizeof word - 1 ? size : sizeof word - 1;
        memcpy(word, text, size);
        word[size] = '\0';
        unsigned columns = view_columns(word);
        bool first = column == indent;
        if (!first && width && column + 1 + columns > width) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
            first = true;
        }
        fprintf(out, "%s%s", first ? "" : " ", word);
        column += columns + !first;
        text += size;
        text += *text == ' ';
    }
    fputc('\n', out);
}

struct grid *grid_new(const struct grid_column *columns, unsigned count)
{
    struct grid *grid = calloc(1, sizeof *grid);
    if (!grid || !(grid->columns = malloc(count * sizeof *columns)))
        abort();
    memcpy(grid->columns, columns, count * sizeof *columns);
    grid->count = count;
    return grid;
}

void grid_colour(struct grid *grid, const char *code)
{
    grid->colour = code;
}

void grid_cell(struct grid *grid, const char *text)
{
    if (grid->cells_count == grid->cells_room) {
        grid->cells_room = grid->cells_room ? grid->cells_room * 2 : 64;
        grid->cells = realloc(grid->cells, grid->cells_room * sizeof *grid->cells);
        grid->colours = realloc(grid->colours, grid->cells_room * sizeof *grid->colours);
        if (!grid->cells || !grid->colours)
            abort();
    }
    grid->colours[grid->cells_count / grid->count] = grid->colour;
    if (!(grid->cells[grid->cells_count++] = strdup(text)))
        abort();
}

static void widths(const struct grid *grid, unsigned limit, unsigned *width)
{
    unsigned total = 0;
    for (unsigned i = 0; i < grid->count; i++)
        width[i] = grid->columns[0].title ? view_columns(grid->columns[i].title) : 0;
    for (size_t i = 0; i < grid->cells_count; i++) {
        unsigned columns = view_columns(grid->cells[i]);
        if (columns > width[i % grid->count])
            width[i % grid->count] = columns;
    }
    for (unsigned i = 0; i < grid->count; i++)
        total += width[i] + (i ? GAP : 0);
    while (limit && total > limit) {
        unsigned widest = grid->count;
        for (unsigned i = 0; i < grid->count; i++)
            if (grid->columns[i].least && width[i] > grid->columns[i].least &&
                (widest == grid->count || width[i] > width[widest]))
                widest = i;
        if (widest == grid->count)
            return;
        width[widest]--;
        total--;
    }
}

/* Cuts the middle out: both the beginning of a path and its last part tell something. */
static void put_cut(const char *text, unsigned width, FILE *out)
{
    unsigned columns = view_columns(text), head = (width - 1) / 2, tail = width - 1 - head, column = 0;
    for (const char *at = text; *at; at++) {
        column += !continues(*at);
        if (column <= head || column > columns - tail)
            fputc(*at, out);
        else if (column == head + 1 && !continues(*at))
            fputs(ELLIPSIS, out);
    }
}

static void put_cell(const char *text, unsigned width, enum grid_align align, bool last, FILE *out)
{
    unsigned columns = view_columns(text);
    unsigned pad = columns < width ? width - columns : 0;
    if (align == GRID_RIGHT)
        fprintf(out, "%*s", (int)pad, "");
    if (columns > width)
        put_cut(text, width, out);
    else
        fputs(text, out);
    if (align == GRID_LEFT && !last)
        fprintf(out, "%*s", (int)pad, "");
}

static void put_row(char *const *cells, const struct grid *grid, unsigned indent, const unsigned *width, FILE *out)
{
    unsigned count = grid->count;
    while (count > 1 && !cells[count - 1][0])
        count--;
    for (unsigned i = 0; i < count; i++) {
        fprintf(out, "%*s", (int)(i ? GAP : indent), "");
        put_cell(cells[i], width[i], grid->columns[i].align, i + 1 == count, out);
    }
    fputc('\n', out);
}

static void put_coloured(const struct grid *grid, size_t first, unsigned indent, const unsigned *width, FILE *out)
{
    const char *colour = grid->colours[first / grid->count];
    fputs(colour ? colour : "", out);
    put_row(grid->cells + first, grid, indent, width, out);
    fputs(colour ? "\033[0m" : "", out);
}

bool grid_print(struct grid *grid, unsigned indent, unsigned width, FILE *out)
{
    unsigned *column = calloc(grid->count, sizeof *column);
    char **titles = calloc(grid->count, sizeof *titles);
    if (!column || !titles)
        abort();
    for (unsigned i = 0; i < grid->count; i++)
        titles[i] = (char *)grid->columns[i].title;
    widths(grid, width > indent ? width - indent : width, column);
    if (titles[0])
        put_row(titles, grid, indent, column, out);
    for (size_t i = 0; i + grid->count <= grid->cells_count; i += grid->count)
        put_coloured(grid, i, indent, column, out);
    for (size_t i = 0; i < grid->cells_count; i++)
        free(grid->cells[i]);
    free(titles);
    free(column);
    free(grid->cells);
    free(grid->colours);
    free(grid->columns);
    free(grid);
    return !ferror(out);
}
