/* SPDX-License-Identifier: MIT
 *
 * One socket's life as text: what it was, then event by event, its peer's life beside it.
 */
#ifndef ANALYZER_VIEW_SHOW_H
#define ANALYZER_VIEW_SHOW_H

#include "analyzer/model/model.h"

#include <stdio.h>

/* Collects while a model replays; memory is the events of the two sockets. */
struct show;
/* `peer`: id of the other end, 0 none. */
struct show *show_new(uint64_t socket, uint64_t peer);
/* Fills in the callbacks; their context is the show. */
void show_callbacks(struct show *show, struct model_callbacks *callbacks);
void show_attach(struct show *show, const struct model *model);
/* After model_finish(). `width` 0: nothing is wrapped. False when writing failed. */
bool show_text(const struct show *show, unsigned width, bool colour, FILE *out);
void show_free(struct show *show);

#endif
