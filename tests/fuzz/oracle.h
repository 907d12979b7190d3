/* SPDX-License-Identifier: MIT
 *
 * What an output must be whatever the trace held.
 */
#ifndef TESTS_FUZZ_ORACLE_H
#define TESTS_FUZZ_ORACLE_H

#include <stddef.h>

enum demand {
    DEMAND_TEXT,
    DEMAND_FIELDS, /* with tabs between them */
    DEMAND_JSON,
    DEMAND_LINES, /* JSON Lines */
    DEMAND_CSV,
    DEMAND_QUOTED, /* DOT and Mermaid: what stands in quotes ends where it should */
    DEMAND_PAGE,   /* begins and ends as tests/fuzz/page/ says, with JSON in between */
};

/* Aborts, and says what `view` has wrong, where the output is not valid UTF-8 without characters that steer a terminal
 * or turn the direction of writing, or not what its format demands. Written without the analyzer's own escaping. */
void oracle_check(const char *view, enum demand demand, const char *text, size_t size);

#endif
