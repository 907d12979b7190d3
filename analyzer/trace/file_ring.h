/* SPDX-License-Identifier: MIT
 *
 * The sections of a log that is a ring, for file.c: which there are, in which order, and whether one was used again
 * while it was read. trace_format.h says how writers use them.
 */
#ifndef ANALYZER_TRACE_FILE_RING_H
#define ANALYZER_TRACE_FILE_RING_H

#include "analyzer/trace/file.h"

/* Whether the header's numbers of a ring can be true; also of a file that is none. */
bool file_ring_possible(const struct sockatlas_header *header);
/* The first slot of a section, from that of `slot` on, where the file on `fd` has data, and no hole; the ring's size in
 * slots where there is none. */
uint64_t file_ring_data(int fd, const struct sockatlas_header *header, uint64_t slot);

/* Finds the sections; file->image->header is filled in from `header`, what the file has. The first file_ring_next()
 * goes to the oldest. */
void file_ring_open(struct file *file, const struct sockatlas_header *header);
void file_ring_close(struct file *file);
/* Goes on to the section that comes next before the header's cursor. False: there is none. */
bool file_ring_next(struct file *file);
/* Whether what comes next is in the ring, or there is nothing yet. */
bool file_ring_follows(const struct file *file);
/* The position of the next slot that was not taken yet. */
uint64_t file_ring_wanted(const struct file *file);
/* Goes on to the section that begins at `position`, which the caller has from elsewhere. */
void file_ring_enter_past(struct file *file, uint64_t position, const struct sockatlas_section *section);
/* Whether a section came that did not follow the one before. */
bool file_ring_jumped(const struct file *file);
/* Counts a published record that was read from the ring. */
void file_ring_have(struct file *file, const void *record);
/* What is missing by file->missing goes to file->image->header. */
void file_ring_count(struct file *file);
/* Whether the ring has all sections from `position` on. */
bool file_ring_goes_on(const struct file *file, uint64_t position);
/* Takes over a header that was read again. */
void file_ring_refresh(struct file *file, const struct sockatlas_header *header);

/* The file's offset where the slots of the section end that is being read. */
uint64_t file_ring_end(const struct file *file);
/* Whether that section still holds what it held when reading it began. */
bool file_ring_holds(const struct file *file);
/* Whether its records bear this `use`. */
bool file_ring_uses(const struct file *file, unsigned use);
/* Which position the slot at `offset` of it has. */
uint64_t file_ring_position(const struct file *file, uint64_t offset);

#endif
