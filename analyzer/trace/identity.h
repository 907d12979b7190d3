/* SPDX-License-Identifier: MIT
 *
 * Which log it is, whatever file it comes in: a copy, an export, a segment of it. And which of its records were handed
 * out, so that each is once however often it is there. Knows no files.
 */
#ifndef ANALYZER_TRACE_IDENTITY_H
#define ANALYZER_TRACE_IDENTITY_H

#include "analyzer/trace/event.h"

#include <stdbool.h>
#include <stdint.h>

/* What is no other log's: a process makes one at a time, in one image of it. Without padding: compared as bytes. */
struct identity {
    char boot_id[sizeof(((struct sockatlas_header *)0)->boot_id)];
    char host[sizeof(((struct sockatlas_header *)0)->host)]; /* where the boot id is unknown */
    uint64_t boottime_ns, start_ticks, pidns_inode;
    uint64_t run_id[2];
    uint32_t pid, writer;
    uint32_t foreign, owner; /* what another user's file says is kept apart from what others say */
};

/* All bytes of `out` are set. */
void identity_of(const struct trace_image *image, struct identity *out);
bool identity_equal(const struct trace_image *a, const struct trace_image *b);

/* The slots of one log that were handed out, as ranges: in their order all but a few extend the last one. All zero:
 * none. */
struct identity_told {
    struct identity_range {
        uint64_t from, to;
    } * ranges;
    size_t count;
};

/* Notes the record of `slots` slots at `slot`. False: it was noted before. */
bool identity_tell(struct identity_told *told, uint64_t slot, unsigned slots);
void identity_forget(struct identity_told *told);

#endif
