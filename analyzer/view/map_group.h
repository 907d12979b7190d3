/* SPDX-License-Identifier: MIT
 *
 * Which processes a picture of the map draws as one: none, workers of one parent that do the same, or all of one
 * program.
 */
#ifndef ANALYZER_VIEW_MAP_GROUP_H
#define ANALYZER_VIEW_MAP_GROUP_H

#include "analyzer/model/model.h"

#define GROUP_TEXT_MAX 640

enum map_grouping {
    MAP_BY_SIBLINGS, /* processes of one program, parent and role whose peers are the same, from so many on */
    MAP_BY_PROCESS,  /* each by itself */
    MAP_BY_PROGRAM
};
#define GROUP_SIBLINGS_LEAST 4

struct map_groups;
/* Of a finished model. */
struct map_groups *map_groups_new(const struct model *model, enum map_grouping by);
/* The group of a process: the id of its first member. */
unsigned map_group(const struct map_groups *groups, const struct process *process);
/* "nginx (88)", "nginx x4 (88-91)". */
const char *map_group_text(const struct map_groups *groups, unsigned group, char out[GROUP_TEXT_MAX]);
void map_groups_free(struct map_groups *groups);

#endif
