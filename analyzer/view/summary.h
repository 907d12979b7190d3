/* SPDX-License-Identifier: MIT
 *
 * The figures of each service pair: who connects to whom over what, how often, how well, how fast.
 */
#ifndef ANALYZER_VIEW_SUMMARY_H
#define ANALYZER_VIEW_SUMMARY_H

#include "analyzer/view/line_column.h"

#include <stdio.h>

struct summary_options {
    enum map_grouping by;
    const struct line_column *sort;
    unsigned top;                     /* so many lines; 0: all */
    const struct line_choice *choice; /* none: those of the view */
    bool internal;                    /* socket pairs within one process, too */
    unsigned width;
    bool colour;
};

/* Of a finished model. False when writing failed. */
bool summary_text(const struct model *model, const struct summary_options *options, FILE *out);
/* JSON Lines, one object a pair. */
bool summary_json(const struct model *model, const struct summary_options *options, FILE *out);
/* The same objects as elements of a JSON array, with the ids of the two groups (map_group()). */
bool summary_elements(const struct model *model, const struct summary_options *options, FILE *out);
bool summary_csv(const struct model *model, const struct summary_options *options, FILE *out);

/* The lines as they are to be shown, and how many there were; map_lines_free() empties them. */
unsigned summary_lines(struct map_lines *lines, const struct model *model, const struct map_groups *groups,
                       const struct summary_options *options);

#endif
