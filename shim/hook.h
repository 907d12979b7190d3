/* SPDX-License-Identifier: MIT
 *
 * What every wrapper file needs: the export mark and the prototypes that libc's headers keep from a program.
 */
#ifndef SHIM_HOOK_H
#define SHIM_HOOK_H

#include <errno.h>
#include <stddef.h>
#include <sys/types.h>

/* Marks a wrapper: the only symbols the shim exports. */
#define HOOK __attribute__((visibility("default")))

struct msghdr;
struct mmsghdr;
struct pollfd;
struct timespec;

/* The doors that fortified programs use (bits/socket2.h, bits/unistd.h, bits/poll2.h); the last size is the buffer's
 * real one. */
ssize_t __read_chk(int fd, void *buffer, size_t size, size_t room);
ssize_t __recv_chk(int fd, void *buffer, size_t size, size_t room, int flags);

/* glibc's name for fcntl where time_t is 64 bits on a 32-bit machine; exported by 32-bit libcs only. */
int __fcntl_time64(int fd, int command, ...);

/* The errno of a call that returned `result`, 0 when it succeeded. Must be the first thing after the real call. */
static inline int hook_error(long result)
{
    return result < 0 ? errno : 0;
}

#endif
