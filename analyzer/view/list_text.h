/* SPDX-License-Identifier: MIT
 *
 * Sockets as lines of text, in columns as wide as what stands in them.
 */
#ifndef ANALYZER_VIEW_LIST_TEXT_H
#define ANALYZER_VIEW_LIST_TEXT_H

#include "analyzer/view/map_group.h"

#include <stdio.h>

/* So many sockets are held back, to be put in order of appearance and their columns measured, before they are printed.
 */
#define LIST_TEXT_BLOCK 1000

struct list_text;
/* `width` in columns decides which columns there are; 0: all, nothing cut. `by`: what processes are called by, and
 * sockets of one name stand together, a block at a time. */
struct list_text *list_text_new(const struct model *model, enum map_grouping by, unsigned width, bool colour,
                                FILE *out);
void list_text_add(struct list_text *list, const struct socket *socket);
/* Prints what is held back, and frees. False when writing failed. */
bool list_text_end(struct list_text *list);

#endif
