/* SPDX-License-Identifier: MIT
 *
 * Aligned columns of text. Knows terminals (width, colour), nothing of sockets.
 */
#include "analyzer/view/table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define GAP 2

/* Where something was cut. */
static const char *ellipsis = "\xe2\x80\xa6";

struct row {
    const char *colour;
    bool line; /* its first cell is a line of its own, outside the columns */
};

struct grid {
    struct grid_column *columns;
    unsigned count;
    char **cells;
    size_t cells_count, cells_room;
    struct row *rows; /* of these cells; room for as many as cells */
    struct row next;  /* what the rows to come look like */
    unsigned *widths; /* of the columns; what is printed later is no narrower */
    unsigned gap;
    bool titled; /* the titles were printed */
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

void view_without_utf8(void)
{
    ellipsis = "~";
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
        for (char *hard = word; (hard = strchr(hard, VIEW_HARD_SPACE));)
            *hard = ' ';
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
    if (!grid || !(grid->columns = malloc(count * sizeof *columns)) ||
        !(grid->widths = calloc(count, sizeof *grid->widths)))
        abort();
    memcpy(grid->columns, columns, count * sizeof *columns);
    grid->count = count;
    grid->gap = GAP;
    return grid;
}

void grid_colour(struct grid *grid, const char *code)
{
    grid->next.colour = code;
}

void grid_cell(struct grid *grid, const char *text)
{
    if (grid->cells_count == grid->cells_room) {
        grid->cells_room = grid->cells_room ? grid->cells_room * 2 : 64;
        grid->cells = realloc(grid->cells, grid->cells_room * sizeof *grid->cells);
        grid->rows = realloc(grid->rows, grid->cells_room * sizeof *grid->rows);
        if (!grid->cells || !grid->rows)
            abort();
    }
    grid->rows[grid->cells_count / grid->count] = grid->next;
    if (!(grid->cells[grid->cells_count++] = strdup(text)))
        abort();
}

void grid_line(struct grid *grid, const char *text)
{
    grid->next.line = true;
    grid_cell(grid, text);
    for (unsigned i = 1; i < grid->count; i++)
        grid_cell(grid, "");
    grid->next.line = false;
}

static size_t rows_of(const struct grid *grid)
{
    return grid->cells_count / grid->count;
}

/* Every column as wide as its widest cell; the columns together. */
static unsigned widen(struct grid *grid)
{
    unsigned total = 0;
    for (unsigned i = 0; i < grid->count; i++) {
        unsigned title = grid->columns[0].title ? view_columns(grid->columns[i].title) : 0;
        if (title > grid->widths[i])
            grid->widths[i] = title;
        for (size_t row = 0; row < rows_of(grid); row++) {
            unsigned columns = grid->rows[row].line ? 0 : view_columns(grid->cells[row * grid->count + i]);
            if (columns > grid->widths[i])
                grid->widths[i] = columns;
        }
        total += grid->widths[i];
    }
    return total;
}

static bool gives_way_before(const struct grid *grid, unsigned a, unsigned b)
{
    bool note = grid->columns[a].align == GRID_NOTE, other = grid->columns[b].align == GRID_NOTE;
    return note != other ? note : grid->widths[a] > grid->widths[b];
}

/* The columns within `limit`: the gaps give way first, then notes, then the widest columns. */
static void narrow(struct grid *grid, unsigned total, unsigned limit)
{
    unsigned gaps = grid->count - 1;
    while (grid->gap > 1 && total + gaps * grid->gap > limit)
        grid->gap--;
    for (total += gaps * grid->gap; total > limit; total--) {
        unsigned chosen = grid->count;
        for (unsigned i = 0; i < grid->count; i++)
            if (grid->columns[i].least && grid->widths[i] > grid->columns[i].least &&
                (chosen == grid->count || gives_way_before(grid, i, chosen)))
                chosen = i;
        if (chosen == grid->count)
            return;
        grid->widths[chosen]--;
    }
}

bool grid_fits(struct grid *grid, unsigned width)
{
    return !width || widen(grid) + (grid->count - 1) * GAP <= width;
}

/* Cuts the middle out: both the beginning of a path and its last part tell something. Of a note the end. */
static void put_cut(const char *text, unsigned width, bool note, FILE *out)
{
    unsigned columns = view_columns(text), head = note ? width - 1 : (width - 1) / 2, tail = width - 1 - head,
             column = 0;
    for (const char *at = text; *at; at++) {
        column += !continues(*at);
        if (column <= head || column > columns - tail)
            fputc(*at, out);
        else if (column == head + 1 && !continues(*at))
            fputs(ellipsis, out);
    }
}

static void put_cell(const char *text, unsigned width, enum grid_align align, bool last, FILE *out)
{
    unsigned columns = view_columns(text);
    unsigned pad = columns < width ? width - columns : 0;
    if (align == GRID_RIGHT)
        fprintf(out, "%*s", (int)pad, "");
    if (columns > width)
        put_cut(text, width, align == GRID_NOTE, out);
    else
        fputs(text, out);
    if (align != GRID_RIGHT && !last)
        fprintf(out, "%*s", (int)pad, "");
}

void view_fit(const char *text, unsigned width, bool right, FILE *out)
{
    put_cell(text, width, right ? GRID_RIGHT : GRID_LEFT, false, out);
}

static void put_row(char *const *cells, const struct grid *grid, unsigned indent, FILE *out)
{
    unsigned count = grid->count;
    while (count > 1 && !cells[count - 1][0])
        count--;
    for (unsigned i = 0; i < count; i++) {
        fprintf(out, "%*s", (int)(i ? grid->gap : indent), "");
        put_cell(cells[i], grid->widths[i], grid->columns[i].align, i + 1 == count, out);
    }
    fputc('\n', out);
}

static void put_titles(const struct grid *grid, unsigned indent, FILE *out)
{
    char **titles = calloc(grid->count, sizeof *titles);
    if (!titles)
        abort();
    for (unsigned i = 0; i < grid->count; i++)
        titles[i] = (char *)grid->columns[i].title;
    put_row(titles, grid, indent, out);
    free(titles);
}

static void put_coloured(const struct grid *grid, size_t row, unsigned indent, FILE *out)
{
    const char *colour = grid->rows[row].colour;
    fputs(colour ? colour : "", out);
    if (grid->rows[row].line)
        fputs(grid->cells[row * grid->count], out);
    else
        put_row(grid->cells + row * grid->count, grid, indent, out);
    fputs(colour ? "\033[0m" : "", out);
    if (grid->rows[row].line)
        fputc('\n', out);
}

bool grid_flush(struct grid *grid, unsigned indent, unsigned width, FILE *out)
{
    unsigned total = widen(grid);
    if (width)
        narrow(grid, total, width > indent ? width - indent : width);
    if (grid->columns[0].title && !grid->titled)
        put_titles(grid, indent, out);
    grid->titled = true;
    for (size_t row = 0; row < rows_of(grid); row++)
        put_coloured(grid, row, indent, out);
    for (size_t i = 0; i < grid->cells_count; i++)
        free(grid->cells[i]);
    grid->cells_count = 0;
    return !ferror(out);
}

void grid_free(struct grid *grid)
{
    for (size_t i = 0; i < grid->cells_count; i++)
        free(grid->cells[i]);
    free(grid->cells);
    free(grid->rows);
    free(grid->widths);
    free(grid->columns);
    free(grid);
}

bool grid_print(struct grid *grid, unsigned indent, unsigned width, FILE *out)
{
    bool written = grid_flush(grid, indent, width, out);
    grid_free(grid);
    return written;
}
