/* SPDX-License-Identifier: MIT
 *
 * Wrappers of liburing's set-up calls. What a ring does to sockets passes no libc call: a blind spot, recorded once a
 * ring. Programs that make the system call by syscall(2) come by hook_syscall.c.
 */
#include "shim/coverage.h"
#include "shim/hook.h"
#include "shim/load.h"

static int made(int result)
{
    if (result >= 0)
        coverage_record(SOCKATLAS_CALL_NONE, SOCKATLAS_COVERAGE_IO_URING, "set up through liburing");
    return result;
}

/* A ring. liburing returns -errno. */
HOOK int io_uring_setup(unsigned entries, struct io_uring_params *parameters)
{
    load_ready();
    return made(real.io_uring_setup ? real.io_uring_setup(entries, parameters) : -ENOSYS);
}

/* A ring, mapped. */
HOOK int io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags)
{
    load_ready();
    return made(real.io_uring_queue_init ? real.io_uring_queue_init(entries, ring, flags) : -ENOSYS);
}

/* A ring, mapped, with parameters. */
HOOK int io_uring_queue_init_params(unsigned entries, struct io_uring *ring, struct io_uring_params *parameters)
{
    load_ready();
    return made(real.io_uring_queue_init_params ? real.io_uring_queue_init_params(entries, ring, parameters) : -ENOSYS);
}
