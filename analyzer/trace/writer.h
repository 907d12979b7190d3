/* SPDX-License-Identifier: MIT
 *
 * Writes trace files: used by `run` for its own records, by the .jsonl reader, and by tests and generators. Plain
 * write(2); the shim's own mapped log is another thing.
 */
#ifndef ANALYZER_TRACE_WRITER_H
#define ANALYZER_TRACE_WRITER_H

#include "shim/trace_format.h"

#include <stdbool.h>
#include <stddef.h>

/* Lays out one record in `out` (SOCKATLAS_RECORD_SLOTS_MAX slots of space): common, body, tail over as many slots as
 * needed. Returns the number of slots, or 0 when it does not fit. */
unsigned writer_record(void *out, const struct sockatlas_common *common, const void *body, size_t body_size,
                       const void *tail, size_t tail_size);

struct writer;
/* Creates DIR/NAME.atlas (0600, O_EXCL|O_NOFOLLOW). Magic, version, sizes and byte order are filled in. NULL with
 * errno. */
struct writer *writer_create(const char *dir, const char *name, const struct sockatlas_header *header);
/* The two halves of that: the new file's descriptor, -1 with errno; and a writer that takes an empty one for its own.
 */
int writer_file(const char *dir, const char *name);
struct writer *writer_begin(int fd, const struct sockatlas_header *header);
/* Appends; false with errno on a write error. Visible to readers at writer_flush() (which updates the cursor) or close.
 */
bool writer_append(struct writer *writer, const struct sockatlas_common *common, const void *body, size_t body_size,
                   const void *tail, size_t tail_size);
bool writer_flush(struct writer *writer);
/* So many records could not be written, for that reason, between the two times: goes into the header. */
bool writer_lost(struct writer *writer, uint64_t lost, enum sockatlas_loss why, uint64_t first_ns, uint64_t last_ns);
bool writer_close(struct writer *writer);

#endif
