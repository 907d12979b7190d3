/* SPDX-License-Identifier: MIT
 *
 * What can be told of a line of the map, a column each: counts, bytes, rates, times. What `summary` shows, and `map
 * --columns`.
 */
#ifndef ANALYZER_VIEW_LINE_COLUMN_H
#define ANALYZER_VIEW_LINE_COLUMN_H

#include "analyzer/view/map_lines.h"
#include "analyzer/view/words.h"

enum line_unit { LINE_COUNT, LINE_BYTES, LINE_US, LINE_RATE };

struct line_column {
    const char *name;  /* as a key of JSON */
    const char *title; /* above a table's column */
    enum line_unit unit;
    bool (*value)(const struct map_line *line, double *value); /* false: unknown */
};

/* All, in order; ends with one without a name. */
extern const struct line_column line_columns[];
/* By its name, with or without `_us`; NULL: there is none. */
const struct line_column *line_column_find(const char *name);
/* The names without `_us`, one after the other; NULL behind the last. */
const char *line_column_word(unsigned index);
/* For people; "-" unknown. */
const char *line_column_text(const struct line_column *column, const struct map_line *line, char out[WORD_MAX]);

/* Columns as they are asked for. */
enum { LINE_COLUMNS_MAX = 32 };
struct line_choice {
    const struct line_column *columns[LINE_COLUMNS_MAX];
    unsigned count;
};

/* The largest first, the unknown last; those alike stay in order. */
void line_sort(struct map_lines *lines, const struct line_column *column);

#endif
