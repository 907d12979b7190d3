/* SPDX-License-Identifier: MIT
 *
 * A model that is not replayed but told: nodes and edges that somebody else found out, for the views to draw. Each is
 * made once; model_free() frees the model, made_free() what stood beside it, afterwards.
 */
#ifndef ANALYZER_MODEL_MADE_H
#define ANALYZER_MODEL_MADE_H

#include "analyzer/model/model.h"

struct made;

struct made_node {
    enum process_kind kind;
    const char *host, *boot_id; /* "": of an external node whose host is not known */
    uint32_t pid;
    uint64_t start_us; /* 0 unknown */
    const char *comm, *exe, *unit, *container;
    struct address address; /* external */
};

struct made *made_new(void);
struct model *made_model(struct made *made);
/* The same one for the same host, pid and start, or address. */
struct process *made_process(struct made *made, const struct made_node *node);
/* A row of its own. */
struct listener *made_listener(struct made *made, const struct listener *like);
/* The same one for the same ends, transport, address and match; filled in by the caller but for these. */
struct edge *made_edge(struct made *made, const struct edge *like);
/* A copy that lives as long as the model. */
const char *made_text(struct made *made, const char *text);
void made_free(struct made *made);

#endif
