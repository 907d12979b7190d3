/* SPDX-License-Identifier: MIT
 *
 * Wrappers of the waiting calls: where a program first hears that a connect has come to its end. They do nothing while
 * none is pending.
 */
#include "shim/hook.h"
#include "shim/load.h"
#include "shim/pending.h"
#include "shim/watch.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>

/* Some descriptor is ready, or the wait is over: the end of a connect may be why. */
static int waited(enum sockatlas_call call, int result)
{
    if (result > 0 && pending_count() > 0)
        watch_pending(call);
    return result;
}

/* Waits for descriptors. */
HOOK int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    load_ready();
    return waited(SOCKATLAS_CALL_poll, real.poll(fds, count, timeout));
}
HOOK_ALIAS(__poll, poll);

/* What poll() is in a fortified program. */
HOOK int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t capacity)
{
    load_ready();
    int result = real.__poll_chk ? real.__poll_chk(fds, count, timeout, capacity) : real.poll(fds, count, timeout);
    return waited(SOCKATLAS_CALL_poll, result);
}

/* With a signal mask. */
HOOK int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
    load_ready();
    return waited(SOCKATLAS_CALL_ppoll, real.ppoll(fds, count, timeout, mask));
}

/* What ppoll() is in a fortified program. */
HOOK int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask,
                     size_t capacity)
{
    load_ready();
    int result = real.__ppoll_chk ? real.__ppoll_chk(fds, count, timeout, mask, capacity)
                                  : real.ppoll(fds, count, timeout, mask);
    return waited(SOCKATLAS_CALL_ppoll, result);
}

/* Waits for descriptors below 1024. */
HOOK int select(int count, fd_set *restrict in, fd_set *restrict out, fd_set *restrict except,
                struct timeval *restrict timeout)
{
    load_ready();
    return waited(SOCKATLAS_CALL_select, real.select(count, in, out, except, timeout));
}
HOOK_ALIAS(__select, select);

/* With a signal mask. */
HOOK int pselect(int count, fd_set *restrict in, fd_set *restrict out, fd_set *restrict except,
                 const struct timespec *restrict timeout, const sigset_t *restrict mask)
{
    load_ready();
    return waited(SOCKATLAS_CALL_pselect, real.pselect(count, in, out, except, timeout, mask));
}

/* Waits for a set kept in the kernel. */
HOOK int epoll_wait(int fd, struct epoll_event *events, int capacity, int timeout)
{
    load_ready();
    return waited(SOCKATLAS_CALL_epoll_wait, real.epoll_wait(fd, events, capacity, timeout));
}

/* With a signal mask. */
HOOK int epoll_pwait(int fd, struct epoll_event *events, int capacity, int timeout, const sigset_t *mask)
{
    load_ready();
    return waited(SOCKATLAS_CALL_epoll_pwait, real.epoll_pwait(fd, events, capacity, timeout, mask));
}

/* With a fine timeout. musl has no such name, nor has glibc before 2.35. */
HOOK int epoll_pwait2(int fd, struct epoll_event *events, int capacity, const struct timespec *timeout,
                      const sigset_t *mask)
{
    load_ready();
    int result = real.epoll_pwait2 ? real.epoll_pwait2(fd, events, capacity, timeout, mask) : hook_missing();
    return waited(SOCKATLAS_CALL_epoll_pwait2, result);
}
