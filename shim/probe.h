/* SPDX-License-Identifier: MIT
 *
 * What only the kernel knows of a socket. Each function is one system call unless it says otherwise; none touches
 * errno. In a sandbox (sandbox.h) nothing is asked, and every answer is "unknown". Callable from anywhere. Must never
 * change the socket.
 */
#ifndef SHIM_PROBE_H
#define SHIM_PROBE_H

#include "shim/endpoint.h"
#include "shim/trace_format.h"

#include <stddef.h>

/* 0 and the SO_COOKIE (0 before Linux 4.12), or -ENOTSOCK, -EBADF. */
int probe_cookie(int fd, uint64_t *cookie);
/* An int option's value, or `otherwise` where the kernel refuses. */
int probe_int(int fd, int level, int name, int otherwise);
/* An option's bytes; returns their number, 0 where the kernel refuses. */
unsigned probe_option(int fd, int level, int name, void *out, unsigned capacity);
/* Whether the value in force of an option may differ from the one asked for, and the name that it is read back by:
 * SO_SNDBUFFORCE and SO_RCVBUFFORCE can be set but not read. No system call. */
bool probe_alters(int level, int name, int *read_name);
void probe_local(int fd, struct endpoint *out);
void probe_peer(int fd, struct endpoint *out);
/* SO_NETNS_COOKIE; 0 before Linux 5.14. */
uint64_t probe_netns_cookie(int fd);
/* SO_PEERCRED's pid; 0 none. */
uint32_t probe_peer_pid(int fd);
/* SO_MEMINFO's buffer sizes in force; false where the kernel refuses. */
bool probe_buffers(int fd, uint32_t *rcvbuf, uint32_t *sndbuf);
/* TCP_INFO, and the payload bytes that the program sent (queued ones included, retransmitted ones once) and that the
 * kernel received for it. What a shorter TCP_INFO than Linux 4.19's does not tell is unknown: SOCKATLAS_BYTES_UNKNOWN,
 * or all bits set. False where it is no TCP, or where even the retransmissions are missing, which Linux has told
 * since 2.6 and an emulator does not. */
bool probe_tcp(int fd, struct sockatlas_tcp *out, uint64_t *bytes_sent, uint64_t *bytes_received);
/* Whether the kernel says that segments came, or left. */
static inline bool probe_segments_in(const struct sockatlas_tcp *tcp)
{
    return tcp->segs_in && tcp->segs_in != UINT32_MAX;
}
static inline bool probe_segments_out(const struct sockatlas_tcp *tcp)
{
    return tcp->segs_out && tcp->segs_out != UINT32_MAX;
}
/* How many bytes wait to be read, a FIN not counted; 0 where the kernel refuses. */
uint64_t probe_unread(int fd);
/* Whether the peer's FIN has come to a TCP socket; PROBE_FIN_UNKNOWN where the kernel does not say: before Linux 5.7,
 * and while a page or more waits to be read. An error that waits stays there. */
enum probe_fin { PROBE_FIN_NONE, PROBE_FIN_CAME, PROBE_FIN_UNKNOWN };
enum probe_fin probe_fin(int fd);
/* Whether the descriptor is open; true where that cannot be asked. */
bool probe_open(int fd);
/* SOCKATLAS_CLOEXEC | SOCKATLAS_NONBLOCK. Two system calls. */
uint32_t probe_flags(int fd);

#endif
