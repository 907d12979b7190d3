/* SPDX-License-Identifier: MIT
 *
 * Halves of conversations as rows for other systems: one table of columns, from which RowBinary, tab-separated text and
 * the statement that makes the table in a database come.
 *
 * A row is known by `half`, a number made of the host's boot, the socket and when the half began: the same whenever and
 * however often its logs are read. A row that comes again is the same half; that with the greatest `version` counts.
 */
#ifndef ANALYZER_VIEW_HALVES_H
#define ANALYZER_VIEW_HALVES_H

#include "analyzer/model/model.h"

#include <stdio.h>

/* Which shape rows have: a database holds it, and who writes to it or reads from it asks before. */
#define HALVES_SCHEMA 1

struct halves_row {
    const struct model *model;
    const struct half *half, *mate;
    bool final;       /* nothing of it will change */
    uint64_t seen_us; /* when the row was made; 0: the latest event's time */
};

void halves_put_binary(const struct halves_row *row, FILE *out);
void halves_put_tsv(const struct halves_row *row, FILE *out);
void halves_put_tsv_names(FILE *out);
/* A listener as a tab-separated row, as it is at `seen_us`; its columns. */
extern const char halves_listener_names[];
void halves_put_listener(const struct model *model, const struct listener *listener, uint64_t seen_us, FILE *out);
/* "a, b, c": for INSERT INTO halves (...). */
void halves_put_names(FILE *out);
/* "    a UInt64,\n ...", as CREATE TABLE has it; the last one without a comma. */
void halves_put_schema(FILE *out);

#endif
