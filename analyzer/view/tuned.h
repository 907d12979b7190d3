/* SPDX-License-Identifier: MIT
 *
 * The parameters that programs set on their sockets, counted: one row for what one process set alike on sockets of one
 * kind.
 */
#ifndef ANALYZER_VIEW_TUNED_H
#define ANALYZER_VIEW_TUNED_H

#include "analyzer/model/model.h"

#include <stdio.h>

/* Memory: distinct rows, not sockets. */
struct tuned;
struct tuned *tuned_new(void);
void tuned_add(struct tuned *tuned, const struct socket *socket);
/* The model must be finished. Workers of one program that set the same are shown as one. */
bool tuned_text(struct tuned *tuned, const struct model *model, unsigned width, bool colour, FILE *out);
/* JSON Lines, one object a row. */
bool tuned_json(struct tuned *tuned, FILE *out);
void tuned_free(struct tuned *tuned);

#endif
