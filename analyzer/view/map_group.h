/* SPDX-License-Identifier: MIT
 *
 * Which processes a picture of the map draws as one: workers of one parent, or all of one program.
 */
#ifndef ANALYZER_VIEW_MAP_GROUP_H
#define ANALYZER_VIEW_MAP_GROUP_H

#include "analyzer/model/model.h"

#define GROUP_TEXT_MAX 640

struct map_groups;
/* Siblings of one program are grouped from this many on; `by_program` groups all processes of one program. */
#define GROUP_SIBLINGS_LEAST 4
struct map_groups *map_groups_new(const struct model *model, bool by_program);
/* The group of a process: the id of its first member. */
unsigned map_group(const struct map_groups *groups, const struct process *process);
/* "nginx (88)", "nginx x4 (88-91)". */
const char *map_group_text(const struct map_groups *groups, unsigned group, char out[GROUP_TEXT_MAX]);
void map_groups_free(struct map_groups *groups);

#endif
