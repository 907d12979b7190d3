/* SPDX-License-Identifier: MIT
 *
 * Aligned columns of text. Knows terminals (width, colour), nothing of sockets.
 */
#ifndef ANALYZER_VIEW_TABLE_H
#define ANALYZER_VIEW_TABLE_H

#include "analyzer/trace/buffer.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Columns of `out` if it is a terminal (COLUMNS wins), else 0: as wide as need be. */
unsigned view_width(FILE *out);
/* Whether colour is welcome: a terminal, no NO_COLOR, no TERM=dumb. */
bool view_colour(FILE *out);
/* From here on, whatever `out` is; VIEW_AUTO: as it is. */
enum view_when { VIEW_AUTO, VIEW_ALWAYS, VIEW_NEVER };
void view_set_colour(enum view_when when);
/* From here on cuts are marked in ASCII: for a screen that draws byte by byte. */
void view_without_utf8(void);
/* Display columns of UTF-8 text. */
unsigned view_columns(const char *text);

/* A space that view_wrap() does not break at. */
#define VIEW_HARD_SPACE '\x1f'

/* `label`, then the words of `text` in lines of `width` columns (0: one line) that all begin at column `indent`. */
void view_wrap(const char *label, const char *text, unsigned indent, unsigned width, FILE *out);

/* `text` in exactly `width` columns: its middle cut out, or blanks added, before it if `right`. */
void view_fit(const char *text, unsigned width, bool right, FILE *out);

enum grid_align {
    GRID_LEFT,
    GRID_RIGHT,
    GRID_NOTE, /* left; gives way before all others */
};

struct grid_column {
    const char *title; /* of the first column NULL: no title line at all */
    enum grid_align align;
    unsigned least; /* when the width runs out a column gives way down to this, widest first; 0: never */
};

struct grid;
struct grid *grid_new(const struct grid_column *columns, unsigned count);
/* The next cell, row by row; copied, and escaped as a message (escape.h). */
void grid_cell(struct grid *grid, const char *text);
/* The same without a copy: what is put behind this text is the next cell once grid_end_cell() is called. */
struct buffer *grid_text(struct grid *grid);
void grid_end_cell(struct grid *grid);
/* A row that is one line of text from the left edge on, outside the columns. */
void grid_line(struct grid *grid, const char *text);
/* The terminal's code for the rows that follow; NULL: plain. A literal. */
void grid_colour(struct grid *grid, const char *code);
/* Where the rows that follow belong among those that are written with them: the least first. */
void grid_order(struct grid *grid, uint64_t order);
/* Whether the rows so far stand in `width` (0: no limit) with nothing cut. */
bool grid_fits(struct grid *grid, unsigned width);
/* Writes the rows so far, `indent` columns in, within `width` (0: no limit). More may follow: their columns are at
 * least as wide as these. False when writing failed. */
bool grid_flush(struct grid *grid, unsigned indent, unsigned width, FILE *out);
/* The same, and frees the grid. */
bool grid_print(struct grid *grid, unsigned indent, unsigned width, FILE *out);
void grid_free(struct grid *grid);

#endif
