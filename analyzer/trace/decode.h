/* SPDX-License-Identifier: MIT
 *
 * Records and headers of every version, brought into the form that this sockatlas knows: that of the newest version,
 * with each body as long as its struct. Nothing behind this header asks for a version.
 */
#ifndef ANALYZER_TRACE_DECODE_H
#define ANALYZER_TRACE_DECODE_H

#include "shim/trace_format.h"

#include <stdbool.h>
#include <stddef.h>

/* Space for the longest record, with one more slot than a file may have: a body that grows can take it. */
struct decode_space {
    _Alignas(SOCKATLAS_SLOT_SIZE) unsigned char slots[(SOCKATLAS_RECORD_SLOTS_MAX + 1) * SOCKATLAS_SLOT_SIZE];
};

/* Fills `out` from the SOCKATLAS_HEADER_SIZE bytes of a header of any version not newer than ours; its version is then
 * SOCKATLAS_VERSION. */
void decode_header(struct sockatlas_header *out, const void *bytes);

/* How many slots the published record has whose head is at `record`, with `there` slots there (at least one). More than
 * `there`: the others are still to be read. 0: it tells a number that no record has. */
unsigned decode_slots(const unsigned char *record, size_t there, uint32_t version);

/* What is wrong with a record, see decode_record(). */
enum decode_fault { DECODE_GOOD, DECODE_KIND, DECODE_SIZES };

/* The record at `*record`, all `*slots` slots of which are there, in the known form: as it stands, changed in place, or
 * rebuilt in `space`; both are then set to what is to be used. */
enum decode_fault decode_record(unsigned char **record, unsigned *slots, uint32_t version, struct decode_space *space);

#endif
