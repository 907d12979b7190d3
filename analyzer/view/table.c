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
    size_t cells_count, cells_room;
    struct row *rows;
    size_t rows_count, rows_room;
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

/* All but the bytes that continue a character, eight at a time. */
static unsigned columns_of(const char *text, size_t size)
{
    const uint64_t ones = 0x0101010101010101u;
    unsigned continued = 0;
    uint64_t word;
    size_t i = 0;
    for (; i + sizeof word <= size; i += sizeof word) {
        memcpy(&word, text + i, sizeof word);
        continued += (unsigned)(((word >> 7 & ~(word >> 6) & ones) * ones) >> 56);
    }
    for (; i < size; i++)
        continued += continues(text[i]);
    return (unsigned)size - continued;
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
    buffer_room(&grid->text, 0);
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

/* Room for one more element. */
static void *grow(void *array, size_t count, size_t *room, size_t element)
{
    if (count < *room)
        return array;
    *room = *room ? *room * 2 : 64;
    array = realloc(array, *room * element);
    if (!array)
        abort();
    return array;
}

void grid_end_cell(struct grid *grid)
{
    const struct cell *last = grid->cells_count ? &grid->cells[grid->cells_count - 1] : NULL;
    size_t at = last ? last->at + last->size : 0, size = grid->text.size - at;
    if (!grid->in_row) {
        grid->rows = grow(grid->rows, grid->rows_count, &grid->rows_room, sizeof *grid->rows);
        grid->next.cells = grid->cells_count;
        grid->rows[grid->rows_count++] = grid->next;
    }
    grid->in_row = grid->in_row + 1 < grid->count ? grid->in_row + 1 : 0;
    grid->cells = grow(grid->cells, grid->cells_count, &grid->cells_room, sizeof *grid->cells);
    grid->cells[grid->cells_count++] = (struct cell){at, (uint32_t)size, columns_of(grid->text.text + at, size)};
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
    memset(buffer_room(out, count), ' ', count);
    out->size += count;
}

/* Cuts the middle out: both the beginning of a path and its last part tell something. Of a note the end. */
static void put_cut(const char *text, const struct cell *cell, unsigned width, bool note, struct buffer *out)
{
    unsigned head = note ? width - 1 : (width - 1) / 2, tail = width - 1 - head, column = 0;
    for (size_t i = 0; i < cell->size; i++) {
        column += !continues(text[i]);
        if (column <= head || column > cell->columns - tail)
            buffer_add(out, &text[i], 1);
        else if (column == head + 1 && !continues(text[i]))
            buffer_add(out, ellipsis, strlen(ellipsis));
    }
}

static void put_cell(const char *text, const struct cell *cell, unsigned width, enum grid_align align, bool last,
                     struct buffer *out)
{
    unsigned pad = cell->columns < width ? width - cell->columns : 0;
    if (align == GRID_RIGHT)
        put_blanks(out, pad);
    if (cell->columns > width)
        put_cut(text, cell, width, align == GRID_NOTE, out);
    else
        buffer_add(out, text, cell->size);
    if (align != GRID_RIGHT && !last)
        put_blanks(out, pad);
}

void view_fit(const char *text, unsigned width, bool right, FILE *out)
{
    struct buffer fitted = {0};
    const struct cell cell = {.size = (uint32_t)strlen(text), .columns = view_columns(text)};
    put_cell(text, &cell, width, right ? GRID_RIGHT : GRID_LEFT, false, &fitted);
    fwrite(fitted.text, 1, fitted.size, out);
    buffer_free(&fitted);
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
