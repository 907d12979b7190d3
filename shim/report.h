/* SPDX-License-Identifier: MIT
 *
 * A word to `run` from a program that cannot reach the trace folder where it is (mounted read-only, another root): one
 * datagram, struct sockatlas_report. It is heard in the same network namespace only.
 */
#ifndef SHIM_REPORT_H
#define SHIM_REPORT_H

#include "shim/trace_format.h"

/* `run`: the run's identity, as SOCKATLAS_RUN has it. Nothing comes of it where nobody listens. A socket for a moment;
 * callable from anywhere but a vfork child. */
void report_unreachable(const char run[SOCKATLAS_REPORT_RUN_SIZE]);

#endif
