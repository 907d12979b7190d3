/* SPDX-License-Identifier: MIT
 *
 * The doctor beside a command's own look at the trace, in one reading. The rules see all that the model tells; with
 * filters, the findings are chosen from afterwards.
 */
#ifndef ANALYZER_CMD_EXAMINE_H
#define ANALYZER_CMD_EXAMINE_H

#include "analyzer/cmd/filter_match.h"
#include "analyzer/doctor/doctor.h"

struct examine {
    const struct filter *filter; /* to be filled in */
    struct doctor *doctor;
    const struct model *model;
    struct model_callbacks rules, own; /* the doctor's, and those that the command had */
    unsigned char *passed;             /* a bit for each socket that passes the filters */
    uint64_t capacity;                 /* bits */
};

/* Makes the doctor and puts it before the command's own callbacks (NULL: none). */
void examine_begin(struct examine *examine, struct model_callbacks *callbacks);
/* The model that calls back; before its first event. */
void examine_attach(struct examine *examine, const struct model *model);
/* After model_finish(): what was found, of what passes the filters. */
void examine_finish(struct examine *examine);
void examine_free(struct examine *examine);

#endif
