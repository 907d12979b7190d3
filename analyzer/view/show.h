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
enum show_form {
    SHOW_BRIEF,
    SHOW_WHOLE,
    SHOW_JSON
}; /* text, of events what is looked for first; text, all of it; JSON */
/* `peer`: id of the other end, 0 none. */
struct show *show_new(uint64_t socket, uint64_t peer, enum show_form form);
/* Fills in the callbacks; their context is the show. */
void show_callbacks(struct show *show, struct model_callbacks *callbacks);
void show_attach(struct show *show, const struct model *model);
/* Whether the socket was seen. Only then may it be shown. */
bool show_complete(const struct show *show);
/* After model_finish(). `width` 0: nothing is wrapped. False when writing failed. */
bool show_text(struct show *show, unsigned width, bool colour, FILE *out);
/* One object, schema "sockatlas.show/1"; to be called once, instead of show_text(), of a show that is SHOW_JSON. */
bool show_json(struct show *show, FILE *out);
void show_free(struct show *show);

#endif
