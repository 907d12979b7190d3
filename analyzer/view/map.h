/* SPDX-License-Identifier: MIT
 *
 * The map's views. Each writes a finished model to a stream and returns false when that failed: ferror(out) tells of
 * write errors, all else was said on stderr.
 */
#ifndef ANALYZER_VIEW_MAP_H
#define ANALYZER_VIEW_MAP_H

#include "analyzer/model/model.h"

#include <stdio.h>

struct map_options {
    bool by_program; /* processes of one program are one */
    unsigned width;  /* columns; 0: as wide as the text is */
    bool colour;
};

bool map_text(const struct model *model, const struct map_options *options, FILE *out);
bool map_json(const struct model *model, const struct map_options *options, FILE *out);
bool map_dot(const struct model *model, const struct map_options *options, FILE *out);
bool map_mermaid(const struct model *model, const struct map_options *options, FILE *out);
/* Runs Graphviz's `dot`; map_svg_ready() tells, before any work is done, whether there is one, else says so on stderr.
 */
bool map_svg_ready(void);
bool map_svg(const struct model *model, const struct map_options *options, FILE *out);

#endif
