/* SPDX-License-Identifier: MIT
 *
 * The plain table on stdout, at most 80 columns. Each line is out as soon as its figures are known.
 */
#ifndef TESTS_BENCH_TABLE_H
#define TESTS_BENCH_TABLE_H

#include "tests/bench/pair.h"

/* Machine, kernel, date. */
void table_machine(void);
/* A new part of the table; `without` and `with` head the two columns of figures. */
void table_part(const char *title, const char *without, const char *with);
/* A pair: medians, median ratio, quartiles, least. `measure` is "cpu" or "wall". */
void table_pair(const char *title, const char *measure, const struct summary *summary);
/* The head and a line of the table of entry points: ns without and with, ns added, the system calls added. */
void table_calls(const char *title);
void table_call(const char *title, const struct summary *summary, const char *syscalls);
/* The head and a line of the table of volumes: events, CPU and wall seconds, events a CPU second, peak memory. */
void table_volumes(const char *title);
void table_volume(const char *title, double events, double cpu_s, double wall_s, double peak_bytes);
/* A pair of throughputs (operations a second); the ratio is still time with / time without. */
void table_rate(const char *title, const struct summary *summary);
/* A line of text below the table's lines: a figure without a pair, or why there is none. */
void table_note(const char *title, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A time in ns as "812ns", "14.3us", ... in `out`, which is returned. */
enum { TABLE_FIGURE = 24 };
const char *table_time(char out[TABLE_FIGURE], double ns);
/* A number as "812", "14.3k", "5.21M". */
const char *table_number(char out[TABLE_FIGURE], double number);

#endif
