/* SPDX-License-Identifier: MIT
 *
 * Many trace files as one stream of events in time order. Reads with pread(2) in large blocks, never by mapping (a file
 * trimmed meanwhile must not kill the reader). Memory: one block per file (smaller blocks when there are many files),
 * no event list.
 *
 * Order: within a file, slot order, always. Between files, by time of each file's next event. Files of different hosts
 * are ordered by their wall-clock time.
 */
#ifndef ANALYZER_TRACE_STREAM_H
#define ANALYZER_TRACE_STREAM_H

#include "analyzer/trace/complaint.h"
#include "analyzer/trace/event.h"

struct stream;

/* Something the user must hear of the input is said once, as `FILE: what`; damage inside a file as `FILE: what, at
 * OFFSET`. By default on stderr (complain NULL). */

/* Opens all of `traces` (argc-style, each a folder, a log file, an exported .jsonl, or "-": .jsonl on stdin; count 0
 * means
 * "./sockatlas.data"). What cannot be read is complained about and counted, the others are opened. Never NULL. */
struct stream *stream_open(char *const *traces, int count, stream_complain_fn *complain, void *context);
/* The same for a trace that is being written, to be read on with stream_refresh(): a slot that is taken but not
 * published yet holds its log back for up to FILE_PATIENCE_MS, logs without a whole header wait for the next refresh,
 * and a folder may still be empty. What was overwritten before it was read, or lost, comes as an event of its own
 * (COVERAGE), once, behind the others that came meanwhile. */
struct stream *stream_open_live(char *const *traces, int count, stream_complain_fn *complain, void *context);
/* Its writers are gone: nothing is waited for any more. Read on, after another stream_refresh(), to have all. */
void stream_settle(struct stream *stream);
/* Whether more may come: a folder or a log is among the traces. */
bool stream_may_grow(const struct stream *stream);
/* The next event, or false at the end of what has been written so far. A live trace may have more later: call again
 * after stream_refresh(), which also picks up files that appeared in the folders. */
bool stream_next(struct stream *stream, struct event *event);
void stream_refresh(struct stream *stream);
/* All images known so far: count, and by index = id. New ones may appear while reading. */
unsigned stream_image_count(const struct stream *stream);
const struct trace_image *stream_image(const struct stream *stream, unsigned id);
/* Inputs that could not be read or were damaged so far: an exit status of 1 if not 0. */
unsigned stream_errors(const struct stream *stream);
/* Bytes read and bytes there are, for progress; total 0 when that is not known: something comes from a pipe. */
void stream_progress(const struct stream *stream, uint64_t *done, uint64_t *total);
void stream_close(struct stream *stream);

#endif
