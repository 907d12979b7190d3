/* SPDX-License-Identifier: MIT
 *
 * stdio's standard streams, which a program uses without opening them.
 */
#ifndef SHIM_STREAM_H
#define SHIM_STREAM_H

#include <stdbool.h>

/* Whether the standard stream of descriptor 0, 1 or 2 may have transferred something; false for other numbers. Callable
 * from anywhere; changes nothing. */
bool stream_used(int fd);

/* Whether that stream holds text that is not written yet. */
bool stream_holds(int fd);

#endif
