/* SPDX-License-Identifier: MIT
 *
 * What the trace keeps of the kernel's struct tcp_info, however much of it the kernel told. Called by the shim's probe
 * and by the analyzer's reader of the kernel's notices.
 */
#ifndef SHIM_TCP_INFO_H
#define SHIM_TCP_INFO_H

#include "shim/trace_format.h"

#include <linux/tcp.h>
#include <stdbool.h>
#include <stddef.h>

/* Of `info` the kernel filled in `size` bytes; the others must be 0. The bytes are those that the program sent, what
 * has not gone out included, and that came; SOCKATLAS_BYTES_UNKNOWN where it does not tell. False: it tells nearly
 * nothing. */
bool tcp_info_tell(const struct tcp_info *info, size_t size, struct sockatlas_tcp *out, uint64_t *bytes_sent,
                   uint64_t *bytes_received);

#endif
