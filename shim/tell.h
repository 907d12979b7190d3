/* SPDX-License-Identifier: MIT
 *
 * Tells again, in another section of the log's ring, what is known of a socket. Callable from anywhere that record.c
 * is, which alone calls it.
 */
#ifndef SHIM_TELL_H
#define SHIM_TELL_H

#include "shim/record.h"

/* Records the socket that `about` is about as it stood before that record, and notes in its entry in which section. Not
 * in a vfork child. */
void tell_socket(const struct record *about, struct identity who);

#endif
