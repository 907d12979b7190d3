/* SPDX-License-Identifier: MIT
 *
 * Which network namespace a thread is in, where that changes.
 */
#ifndef SHIM_NETNS_H
#define SHIM_NETNS_H

#include "shim/trace_format.h"

/* The calling thread, or the child that it is, has entered another network namespace by `call`: records it. Callable
 * from anywhere but a vfork child. */
void netns_entered(enum sockatlas_call call);

#endif
