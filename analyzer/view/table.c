/* SPDX-License-Identifier: MIT
 *
 * Aligned columns of text. Knows terminals (width, colour), nothing of sockets.
 */
#include "analyzer/view/table.h"

#include "analyzer/trace/escape.h"
#include "analyzer/view/columns.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define GAP 2

/* Where something was cut. */
static const char *ellipsis = "\xe2\x80\xa6";

struct cell {
    size_t at; /* in the grid's text */
    uint32_t size, columns;
};

struct row {
    size_t cells; /* the first one */
    uint64_t order;
    const char *colour;
    bool line; /* its first cell is a line of its own, outside the columns */
};

struct grid {
    struct grid_column *columns;
    unsigned count;
    struct buffer text; /* of all cells, and behind them of the next one */
    struct cell *cells;
    size_t cells_count, cells_capacity;
    struct row *rows;
    size_t rows_count, rows_capacity;
    unsigned in_row;  /* cells of the latest row so far; 0: all */
    struct row next;  /* what the rows to come look like */
    unsigned *widths; /* of the columns; what is printed later is no narrower */
    unsigned gap;
    bool titled; /* the titles were printed */
    struct buffer out;
};

unsigned view_width(FILE *out)
{
    const char *columns = getenv("COLUMNS");
    struct winsize size;
    if (columns && atoi(columns) > 0) /* a shell does not export it: whoever did means it */
        return (unsigned)atoi(columns);
    if (!isatty(fileno(out)))
        return 0;
    return ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

static enum view_when colour_when;

void view_set_colour(enum view_when when)
{
    colour_when = when;
}

bool view_colour(FILE *out)
{
    if (colour_when != VIEW_AUTO)
        return colour_when == VIEW_ALWAYS;
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(fileno(out)) && !(no_colour && *no_colour) && !(term && strcmp(term, "dumb") == 0);
}

void view_without_utf8(void)
{
    ellipsis = "~";
}

unsigned view_columns(const char *text)
{
    return columns_of(text, strlen(text));
}

void view_wrap(const char *label, const char *text, unsigned indent, unsigned width, FILE *out)
{
    unsigned column = indent;
    fprintf(out, "%-*s", (int)indent, label);
    while (*text) {
        enum { LONGEST = 1024 };
        char part[LONGEST], word[ESCAPED_MAX(LONGEST)];
        size_t size = strcspn(text, " ");
        size = size < LONGEST ? size : escape_cut(text, LONGEST);
        memcpy(part, text, size);
        for (char *hard = part; (hard = memchr(hard, VIEW_HARD_SPACE, size - (size_t)(hard - part)));)
            *hard = ' ';
        escape(ESCAPE_MESSAGE, part, size, word);
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
    buffer_space(&grid->text, 0);
    return grid;
}

void grid_colour(struct grid *grid, const char *code)
{
    grid->next.colour = code;
}

void grid_order(struct grid *grid, uint64_t order)
{
    grid->next.order = order;
}

struct buffer *grid_text(struct grid *grid)
{
    return &grid->text;
}

/* Space for one more element. */
static void *grow(void *array, size_t count, size_t *capacity, size_t element)
{
    if (count < *capacity)
        return array;
    *capacity = *capacity ? *capacity * 2 : 64;
    array = realloc(array, *capacity * element);
    if (!array)
        abort();
    return array;
}

/* Escapes what was put behind `at`: nothing of it steers the terminal. Returns its columns. */
static unsigned settle(struct buffer *text, size_t at)
{
    size_t size = text->size - at;
    if (escape_is_ascii(text->text + at, size))
        return (unsigned)size;
    if (!escape_is_plain(ESCAPE_MESSAGE, text->text + at, size)) {
        char *copy = malloc(size + 1);
        if (!copy)
            abort();
        memcpy(copy, text->text + at, size);
        text->size = at;
        size = escape(ESCAPE_MESSAGE, copy, size, buffer_space(text, ESCAPED_MAX(size)));
        text->size += size;
        free(copy);
    }
    return columns_of(text->text + at, size);
}

void grid_end_cell(struct grid *grid)
{
    const struct cell *last = grid->cells_count ? &grid->cells[grid->cells_count - 1] : NULL;
    size_t at = last ? last->at + last->size : 0;
    unsigned columns = settle(&grid->text, at);
    if (!grid->in_row) {
        grid->rows = grow(grid->rows, grid->rows_count, &grid->rows_capacity, sizeof *grid->rows);
        grid->next.cells = grid->cells_count;
        grid->rows[grid->rows_count++] = grid->next;
    }
    grid->in_row = grid->in_row + 1 < grid->count ? grid->in_row + 1 : 0;
    grid->cells = grow(grid->cells, grid->cells_count, &grid->cells_capacity, sizeof *grid->cells);
    grid->cells[grid->cells_count++] = (struct cell){at, (uint32_t)(grid->text.size - at), columns};
}

void grid_cell(struct grid *grid, const char *text)
{
    buffer_add(&grid->text, text, strlen(text));
    grid_end_cell(grid);
}

void grid_line(struct grid *grid, const char *text)
{
    grid->next.line = true;
    grid_cell(grid, text);
    for (unsigned i = 1; i < grid->count; i++)
        grid_cell(grid, "");
    grid->next.line = false;
}

/* Every column as wide as its widest cell; the columns together. */
static unsigned widen(struct grid *grid)
{
    unsigned total = 0;
    for (unsigned i = 0; i < grid->count; i++) {
        unsigned title = grid->columns[0].title ? view_columns(grid->columns[i].title) : 0;
        if (title > grid->widths[i])
            grid->widths[i] = title;
        for (size_t row = 0; row < grid->rows_count; row++) {
            unsigned columns = grid->rows[row].line ? 0 : grid->cells[grid->rows[row].cells + i].columns;
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

static void put_blanks(struct buffer *out, unsigned count)
{
    memset(buffer_space(out, count), ' ', count);
    out->size += count;
}

/* Text without its middle: both the beginning of a path and its last part tell something. Of a note without its end. */
struct cut {
    size_t head, tail; /* the size of the beginning; where the end begins */
    unsigned columns;  /* of both and the mark between them */
};

static struct cut cut(const char *text, const struct cell *cell, unsigned width, bool note)
{
    unsigned head = note ? width - 1 : (width - 1) / 2, tail = width - 1 - head;
    struct cut cut = {.head = columns_beginning(text, cell->size, head),
                      .tail = columns_ending(text, cell->size, tail)};
    cut.columns = columns_of(text, cut.head) + 1 + columns_of(text + cut.tail, cell->size - cut.tail);
    return cut;
}

static void put_cell(const char *text, const struct cell *cell, unsigned width, enum grid_align align, bool last,
                     struct buffer *out)
{
    bool fits = cell->columns <= width;
    struct cut part = {.columns = cell->columns};
    if (!fits)
        part = cut(text, cell, width, align == GRID_NOTE);
    unsigned pad = width - part.columns;
    if (align == GRID_RIGHT)
        put_blanks(out, pad);
    buffer_add(out, text, fits ? cell->size : part.head);
    if (!fits) {
        buffer_add(out, ellipsis, strlen(ellipsis));
        buffer_add(out, text + part.tail, cell->size - part.tail);
    }
    if (align != GRID_RIGHT && !last)
        put_blanks(out, pad);
}

void view_fit(const char *text, unsigned width, bool right, FILE *out)
{
    struct buffer fitted = {0};
    char *safe = escape_new(ESCAPE_MESSAGE, text);
    const struct cell cell = {.size = (uint32_t)strlen(safe), .columns = view_columns(safe)};
    put_cell(safe, &cell, width, right ? GRID_RIGHT : GRID_LEFT, false, &fitted);
    fwrite(fitted.text, 1, fitted.size, out);
    buffer_free(&fitted);
    free(safe);
}

/* `text` is what the cells are in. */
static void put_row(struct grid *grid, const char *text, const struct cell *cells, unsigned indent)
{
    unsigned count = grid->count;
    while (count > 1 && !cells[count - 1].size)
        count--;
    for (unsigned i = 0; i < count; i++) {
        put_blanks(&grid->out, i ? grid->gap : indent);
        put_cell(text + cells[i].at, &cells[i], grid->widths[i], grid->columns[i].align, i + 1 == count, &grid->out);
    }
    buffer_add(&grid->out, "\n", 1);
}

static void put_titles(struct grid *grid, unsigned indent)
{
    struct buffer text = {0};
    struct cell *cells = calloc(grid->count, sizeof *cells);
    if (!cells)
        abort();
    for (unsigned i = 0; i < grid->count; i++) {
        const char *title = grid->columns[i].title;
        cells[i] = (struct cell){text.size, (uint32_t)strlen(title), view_columns(title)};
        buffer_add(&text, title, cells[i].size);
    }
    put_row(grid, text.text, cells, indent);
    buffer_free(&text);
    free(cells);
}

static void put_coloured(struct grid *grid, const struct row *row, unsigned indent)
{
    static const char plain[] = "\033[0m";
    const struct cell *cells = &grid->cells[row->cells];
    if (row->colour)
        buffer_add(&grid->out, row->colour, strlen(row->colour));
    if (row->line)
        buffer_add(&grid->out, grid->text.text + cells->at, cells->size);
    else
        put_row(grid, grid->text.text, cells, indent);
    if (row->colour)
        buffer_add(&grid->out, plain, sizeof plain - 1);
    if (row->line)
        buffer_add(&grid->out, "\n", 1);
}

static int by_order(const void *a, const void *b)
{
    const struct row *one = a, *other = b;
    if (one->order != other->order)
        return one->order < other->order ? -1 : 1;
    return one->cells < other->cells ? -1 : one->cells > other->cells;
}

static void sort_rows(struct grid *grid)
{
    size_t row = 1;
    while (row < grid->rows_count && grid->rows[row - 1].order <= grid->rows[row].order)
        row++;
    if (row < grid->rows_count)
        qsort(grid->rows, grid->rows_count, sizeof *grid->rows, by_order);
}

bool grid_flush(struct grid *grid, unsigned indent, unsigned width, FILE *out)
{
    unsigned total = widen(grid);
    if (width)
        narrow(grid, total, width > indent ? width - indent : width);
    if (grid->columns[0].title && !grid->titled)
        put_titles(grid, indent);
    grid->titled = true;
    sort_rows(grid);
    for (size_t row = 0; row < grid->rows_count; row++)
        put_coloured(grid, &grid->rows[row], indent);
    if (grid->out.size)
        fwrite(grid->out.text, 1, grid->out.size, out);
    grid->out.size = grid->text.size = grid->cells_count = grid->rows_count = 0;
    return !ferror(out);
}

void grid_free(struct grid *grid)
{
    buffer_free(&grid->text);
    buffer_free(&grid->out);
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
