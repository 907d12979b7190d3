/* SPDX-License-Identifier: MIT
 *
 * Lays a ledger beside the trace of the program that kept it.
 */
#ifndef TESTS_FAULT_TALLY_H
#define TESTS_FAULT_TALLY_H

#include "tests/fault/ledger.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct tally {
    uint64_t records[64]; /* by kind; what the end of a process records is left out */
    uint64_t lost;
    uint64_t overwritten;                          /* records, the end of a process's included */
    uint64_t connections, overwritten_connections; /* CONNECT and ACCEPT records that began one */
    unsigned complaints, images;
};

/* Reads a trace; what it complains about goes to stderr. */
void tally_read(struct tally *tally, char *const *traces, int count);
/* True when every call that was counted is in the trace, and at most one more for each worker; or, where records were
 * lost, when records and losses add up; or, where records were overwritten, when the beginnings of connections in the
 * trace and those overwritten do. `exact`: the program came to its end, so there is none under way. Says on `out`
 * what is not so. */
bool tally_agrees(const struct tally *tally, const struct ledger *ledger, bool exact, FILE *out);

#endif
