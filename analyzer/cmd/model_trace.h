/* SPDX-License-Identifier: MIT
 *
 * From TRACE arguments to a model: what map, list and the like begin with.
 */
#ifndef ANALYZER_CMD_MODEL_TRACE_H
#define ANALYZER_CMD_MODEL_TRACE_H

#include "analyzer/model/model.h"
#include "analyzer/trace/stream.h"

#include <stdio.h>

/* Whether a traced process of this machine's present boot still runs, asked of /proc. A model callback. */
enum model_alive model_trace_alive(void *context, const struct process *process, const struct sockatlas_header *header);
/* Feeds all of `stream` to `model` and finishes it, with progress on stderr where that takes long. `out`: where the
 * model's callbacks write meanwhile, NULL when they don't. */
void model_trace_feed(struct model *model, struct stream *stream, FILE *out);
/* The same, for a model without callbacks that write: feeds all of `traces` to `model` and finishes it. The exit
 * status; complaints went to stderr. `stream` becomes the open stream: the model points at its images, so it is to be
 * closed once the model is freed. */
int model_trace_read(struct model *model, char *const *traces, int count, struct stream **stream);
/* None of the input could be read: there is nothing to report, not even that nobody talked. */
bool model_trace_nothing(const struct stream *stream);

#endif
