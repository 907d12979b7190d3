/* SPDX-License-Identifier: MIT
 *
 * Reading what gzip or zstd compressed as if it were not. Called for exports alone: segments have a form of their own.
 */
#ifndef ANALYZER_TRACE_UNPACK_H
#define ANALYZER_TRACE_UNPACK_H

#include <stdbool.h>
#include <stdio.h>

/* Whether compressed data begin with this byte. */
bool unpack_is_packed(int first);
/* A stream of what is in `packed`, nothing of which was read (or it was put back), and which is closed with it, unless
 * it is stdin. Where the data are damaged or cut short, reading fails with EBADMSG. NULL: no memory. */
FILE *unpack_open(FILE *packed);

#endif
