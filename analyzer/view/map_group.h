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
    MAP_BY_PROGRAM,
    MAP_BY_UNIT,      /* of one systemd unit; else as by container */
    MAP_BY_CONTAINER, /* of one container; else as by program */
    MAP_BY_HOST
};
#define GROUP_SIBLINGS_LEAST 4

/* "unit" and the like; false: no such word. MAP_BY_SIBLINGS has none. */
bool map_grouping_of(const char *word, enum map_grouping *by);
/* Its word; "": it has none. */
const char *map_grouping_name(enum map_grouping by);
/* The words, one after the other; NULL behind the last. */
const char *map_grouping_word(unsigned index);
/* What a process is called by: its program, unit, container (12 digits of an id are enough), host; else as a process.
 * With several hosts in the model a unit's is named too. */
const char *map_group_name(const struct model *model, const struct process *process, enum map_grouping by,
                           char out[GROUP_TEXT_MAX]);

struct map_groups;
/* Of a finished model. */
struct map_groups *map_groups_new(const struct model *model, enum map_grouping by);
/* The group of a process: the id of its first member, and how many it has. */
unsigned map_group_size(const struct map_groups *groups, unsigned group);
unsigned map_group(const struct map_groups *groups, const struct process *process);
/* What its members are called by alike: "nginx", "nginx.service"; of one by itself, unless it is named so: "nginx
 * (88)".
 */
const char *map_group_label(const struct map_groups *groups, unsigned group, char out[GROUP_TEXT_MAX]);
/* "nginx (88)", "nginx x4 (88-91)", "nginx.service x4". */
const char *map_group_text(const struct map_groups *groups, unsigned group, char out[GROUP_TEXT_MAX]);
void map_groups_free(struct map_groups *groups);

#endif
