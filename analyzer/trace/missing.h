/* SPDX-License-Identifier: MIT
 *
 * What a reader of a ring does not have of it. Writers count the records of each section that is used again, whoever
 * may have read it before (header.totals). A reader counts those that it has, and takes off from that total what it has
 * of the sections which were used again by then. So what is missing is known exactly, whatever became of the reader
 * meanwhile. For file.c and for the collector.
 */
#ifndef ANALYZER_TRACE_MISSING_H
#define ANALYZER_TRACE_MISSING_H

#include "analyzer/trace/segment.h"

struct missing;

/* For a ring of so many sections of so many slots; what a header says of that later does not count. Never NULL. */
struct missing *missing_new(uint64_t sections, uint64_t section_slots);
void missing_free(struct missing *missing);

/* The reader has so much of the section `sequence`, of which it may tell again, with more. Sections come in order; one
 * that comes late is left out. */
void missing_have(struct missing *missing, uint64_t sequence, const struct segment_counts *counts);
/* Sections before one that was opened then, in nanoseconds, were overwritten. */
void missing_gap(struct missing *missing, uint64_t opened);
/* Whether the reader has something of the section, and of none later that stood in its place. */
bool missing_has(const struct missing *missing, uint64_t sequence);
/* What it has of that one; nothing where it has none. */
struct segment_counts missing_of(const struct missing *missing, uint64_t sequence);
/* All that the reader has. */
struct segment_counts missing_had(const struct missing *missing);

/* Looks what was used again. `header` was just read from `fd`, where nothing stands behind the header of a log that was
 * cut: then all was. False: it changes too fast; what was known before is kept. */
bool missing_look(struct missing *missing, int fd, const struct sockatlas_header *header);
/* Of what was used again at that look, what the reader does not have; `until`: when the newest of it may have been
 * recorded. */
struct segment_counts missing_count(const struct missing *missing);

#endif
