/* SPDX-License-Identifier: MIT
 *
 * What every wrapper file needs: the export mark and the prototypes that libc's headers keep from a program.
 */
#ifndef SHIM_HOOK_H
#define SHIM_HOOK_H

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/types.h>

struct sockaddr_in;

/* Marks a wrapper: the only symbols the shim exports. */
#define HOOK __attribute__((visibility("default")))

/* libc's second name for a function that has a wrapper: some programs and libraries call it by that. */
#if __has_attribute(copy)
#define HOOK_ALIAS(second, name) extern __typeof__(name) second HOOK __attribute__((alias(#name), copy(name)))
#else
#define HOOK_ALIAS(second, name) extern __typeof__(name) second HOOK __attribute__((alias(#name)))
#endif

/* The functions that fortified programs use (bits/socket2.h, bits/unistd.h, bits/poll2.h); the last size is the
 * buffer's real one. */
ssize_t __read_chk(int fd, void *buffer, size_t size, size_t capacity);
ssize_t __recv_chk(int fd, void *buffer, size_t size, size_t capacity, int flags);
int __dprintf_chk(int fd, int flag, const char *format, ...);
int __vdprintf_chk(int fd, int flag, const char *format, va_list arguments);
int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t capacity);
int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask,
                size_t capacity);

/* Younger than some libcs the shim runs with, or not in every header. */
int bindresvport(int fd, struct sockaddr_in *address);
int pidfd_getfd(int pidfd, int target, unsigned flags);

/* In libc, but not in its headers. */
int capset(void *header, const void *data);
int pivot_root(const char *root, const char *old);

/* liburing's types are its own; only pointers to them pass through here. */
struct io_uring;
struct io_uring_params;
int io_uring_setup(unsigned entries, struct io_uring_params *parameters);
int io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags);
int io_uring_queue_init_params(unsigned entries, struct io_uring *ring, struct io_uring_params *parameters);

/* The names that a 32-bit glibc has beside these, for programs built with _TIME_BITS=64 or _FILE_OFFSET_BITS=64: times
 * and offsets of 64 bits, which pass through here. */
#if defined(__i386__)
struct epoll_event;
struct iovec;
struct mmsghdr;
struct msghdr;
int __epoll_pwait2_time64(int fd, struct epoll_event *events, int capacity, const void *timeout, const sigset_t *mask);
int __fcntl_time64(int fd, int command, ...);
int __getsockopt64(int fd, int level, int name, void *value, unsigned *size);
int __ioctl_time64(int fd, unsigned long request, ...);
int __ppoll64(struct pollfd *fds, nfds_t count, const void *timeout, const sigset_t *mask);
int __prctl_time64(int option, ...);
int __pselect64(int count, void *in, void *out, void *except, const void *timeout, const sigset_t *mask);
int __recvmmsg64(int fd, struct mmsghdr *messages, unsigned count, int flags, void *timeout);
ssize_t __recvmsg64(int fd, struct msghdr *message, int flags);
int __select64(int count, void *in, void *out, void *except, void *timeout);
int __sendmmsg64(int fd, struct mmsghdr *messages, unsigned count, int flags);
ssize_t __sendmsg64(int fd, const struct msghdr *message, int flags);
int __setsockopt64(int fd, int level, int name, const void *value, unsigned size);
#endif

/* The errno of a call that returned `result`, 0 when it succeeded. Must be the first thing after the real call. */
static inline int hook_error(long result)
{
    return result < 0 ? errno : 0;
}

/* The result of a function that this libc has not: a program linked to it can only ask for it by dlsym(). */
static inline int hook_missing(void)
{
    errno = ENOSYS;
    return -1;
}

#endif
