/* SPDX-License-Identifier: MIT
 *
 * Where this process's listening sockets are bound, for when the kernel can no longer be asked (a sandbox). Callable
 * from anywhere.
 */
#ifndef SHIM_LISTENER_H
#define SHIM_LISTENER_H

#include "shim/endpoint.h"

#include <stdint.h>

/* The process is about to enter a sandbox: asks for the addresses of all that it listens on, up to a bound. */
void listener_note_all(void);
/* The address of that socket, absent where it was not noted. */
void listener_local(uint64_t cookie, struct endpoint *out);

#endif
