/* SPDX-License-Identifier: MIT
 *
 * The lines of a picture of the map: edges between groups of processes, those of one kind added up. What text, DOT and
 * Mermaid draw.
 */
#ifndef ANALYZER_VIEW_MAP_LINES_H
#define ANALYZER_VIEW_MAP_LINES_H

#include "analyzer/model/model.h"
#include "analyzer/view/map_group.h"

/* Edges drawn as one line. */
struct map_line {
    unsigned from, to;       /* groups */
    const struct edge *edge; /* the first of them */
    uint64_t connections, open, failed, sent, received;
    struct edge_errors errors;
    uint64_t more; /* served addresses beside edge's that were folded into it */
    bool sent_known, received_known;
    uint64_t unanswered, reset, retransmits, first_ns, last_ns;
    struct spread connect_us, rtt_us, lifetime_us;
};

struct map_lines {
    struct map_line *line; /* sorted by initiator, then acceptor */
    unsigned count;
    bool with_inner;      /* set before: socket pairs within one process are drawn, too */
    uint64_t inner_pairs; /* which were not */
};

/* More lines than that are not looked at one by one. */
enum { MAP_LINES_MANY = 60 };
/* Where no grouping was asked for, and its lines would be so many: by program. Else the one that was asked for. */
enum map_grouping map_lines_grouping(const struct model *model, enum map_grouping by, bool with_inner);
/* So many addresses of one service are one line where programs, or more, are drawn as one. */
enum { MAP_ADDRESSES_MANY = 4 };
/* Fills `lines`, which map_lines_free() empties. */
void map_lines_collect(struct map_lines *lines, const struct model *model, const struct map_groups *groups);
void map_lines_free(struct map_lines *lines);
/* Makes one line of those between the same two groups over one transport where they are `least` or more, whatever
 * addresses are served. */
void map_lines_fold(struct map_lines *lines, unsigned least);

/* "tcp 127.0.0.1:80", "unix socket pair", "unix datagram /dev/log". */
#define MAP_LINE_OVER_MAX (ADDRESS_TEXT_MAX + 64)
const char *map_line_over(const struct map_line *line, char out[MAP_LINE_OVER_MAX]);
/* "3 failed (2 ECONNREFUSED, 1 not answered), 2 open, nat, example.org"; "" when there is nothing to say. */
#define MAP_LINE_NOTES_MAX 400
const char *map_line_notes(const struct map_line *line, char out[MAP_LINE_NOTES_MAX]);

#endif
