/* SPDX-License-Identifier: MIT
 *
 * What the fuzz targets share: a trace from its first byte to what the user reads.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>

/* Reads `traces` as the analyzer's commands do and makes what they print (views.h). Aborts when an output is not what
 * its format demands (oracle.h), when a complaint is not one line `FILE: what`, and, if `again`, when an event does not
 * come back the same from its line of JSON. */
void fuzz_read(char *const *traces, int count, bool again);

#endif
