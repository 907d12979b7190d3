/* SPDX-License-Identifier: MIT
 *
 * Two runs compared by what is stable: programs, directions, the addresses and ports they serve, their settings. Not by
 * pids, descriptors and ephemeral ports.
 */
#ifndef ANALYZER_VIEW_DIFF_H
#define ANALYZER_VIEW_DIFF_H

#include "analyzer/model/model.h"

#include <stdio.h>

/* One run's facts. Memory: distinct facts, and a bounded sample of latencies for each. */
struct diff_run;
struct diff_run *diff_run_new(void);
/* Fills in the callbacks; their context is the run. */
void diff_run_callbacks(struct diff_run *run, struct model_callbacks *callbacks);
void diff_run_free(struct diff_run *run);

/* Writes what the second run does otherwise than the first, as text or JSON Lines; `differences` becomes how many.
 * False when writing failed. Call once: it uses the runs up. */
bool diff_write(struct diff_run *first, struct diff_run *second, bool json, unsigned width, bool colour, FILE *out,
                unsigned *differences);

#endif
