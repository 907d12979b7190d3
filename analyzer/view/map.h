/* SPDX-License-Identifier: MIT
 *
 * The map's views. Each writes a finished model to a stream and returns false when that failed: ferror(out) tells of
 * write errors, all else was said on stderr.
 */
#ifndef ANALYZER_VIEW_MAP_H
#define ANALYZER_VIEW_MAP_H

#include "analyzer/view/line_column.h"

#include <stdio.h>

struct doctor;

struct map_options {
    enum map_grouping by;
    const struct line_choice *choice; /* of text: other figures than the usual; NULL or none: the usual */
    bool internal;                    /* of text: draws socket pairs within one process */
    unsigned width;                   /* columns; 0: as wide as the text is */
    bool colour;
    struct map_html *html;       /* for map_html(): what it collected */
    const struct doctor *doctor; /* the same: what was found, finished; NULL: not looked for */
};

bool map_text(const struct model *model, const struct map_options *options, FILE *out);
/* The object that map_json() prints, an element at a time. `page`: as JSON within the page's <script> element, with the
 * names that edges were found by. */
void map_put(const struct model *model, bool page, FILE *out);
bool map_json(const struct model *model, const struct map_options *options, FILE *out);
bool map_dot(const struct model *model, const struct map_options *options, FILE *out);
bool map_mermaid(const struct model *model, const struct map_options *options, FILE *out);
/* Runs Graphviz's `dot`; map_svg_ready() tells, before any work is done, whether there is one, else says so on stderr.
 */
bool map_svg_ready(void);
bool map_svg(const struct model *model, const struct map_options *options, FILE *out);

/* One page that opens from disk: the map, the connections in time, the sockets and their events. The latter two are
 * collected while the model is fed: map_html_socket() and map_html_event() are its callbacks, a struct map_html their
 * context. map_html_ready() tells whether this build has the page, else says so on stderr. */
struct map_html;
bool map_html_ready(void);
struct map_html *map_html_new(void);
/* Before the first event: the model whose callbacks it serves. */
void map_html_attach(struct map_html *html, const struct model *model);
void map_html_socket(void *html, const struct socket *socket);
void map_html_event(void *html, const struct event *event, const struct process *process, const struct socket *socket);
bool map_html(const struct model *model, const struct map_options *options, FILE *out);
void map_html_free(struct map_html *html);

#endif
