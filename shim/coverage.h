/* SPDX-License-Identifier: MIT
 *
 * Blind spots, said in the trace. Callable from anywhere.
 */
#ifndef SHIM_COVERAGE_H
#define SHIM_COVERAGE_H

#include "shim/trace_format.h"

/* Records a blind spot; `detail` is a short text, cut at 200 bytes. Opens the log if need be. */
void coverage_record(enum sockatlas_call call, enum sockatlas_coverage what, const char *detail);

#endif
