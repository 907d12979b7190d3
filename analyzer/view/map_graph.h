/* SPDX-License-Identifier: MIT
 *
 * What a drawn graph of the map shows, whatever language it is written in: the boxes, and the lines of text in boxes
 * and beside lines. Knows no syntax.
 */
#ifndef ANALYZER_VIEW_MAP_GRAPH_H
#define ANALYZER_VIEW_MAP_GRAPH_H

#include "analyzer/view/map_group.h"
#include "analyzer/view/map_lines.h"

#include <stdio.h>

/* A group of processes that is drawn: it talked, or listens. */
struct map_box {
    unsigned group;
    const struct process *process; /* its first member */
    char **served;                 /* "tcp 127.0.0.1:80": what it listens on */
    unsigned served_count;
    uint64_t more_served; /* listens on so many more */
};

struct map_graph {
    struct map_groups *groups;
    struct map_lines lines;
    struct map_box *boxes; /* by group */
    unsigned boxes_count;
    unsigned hosts_count; /* of the trace */
};

/* Where no grouping was asked for and it would have many lines: by program. */
struct map_graph *map_graph_new(const struct model *model, enum map_grouping by);
void map_graph_free(struct map_graph *graph);

/* How a language writes the parts of a graph. */
struct map_graph_language {
    void (*host)(FILE *out, unsigned host, const char *name); /* begins a frame around the boxes of one machine */
    const char *host_end;
    void (*box)(FILE *out, const struct map_graph *graph, const struct map_box *box);
    void (*line)(FILE *out, unsigned index, const struct map_line *line);
};
/* Writes all boxes, those of one machine together when there are several machines, then all lines. */
void map_graph_write(const struct map_graph *graph, const struct model *model,
                     const struct map_graph_language *language, FILE *out);

/* "3 connections, 1 failed, 2 open": how often the line was used. */
const char *map_graph_counts(const struct map_line *line, char out[MAP_LINE_NOTES_MAX]);
/* "1.2 kB out, 3 kB in"; "" unknown. */
#define MAP_GRAPH_BYTES_MAX 80
const char *map_graph_bytes(const struct map_line *line, char out[MAP_GRAPH_BYTES_MAX]);

#endif
