/* SPDX-License-Identifier: MIT
 *
 * The ways out: _exit, _Exit, quick_exit, and exit by whatever way (a destructor sees it). Each records what is still
 * open. The destructor runs last of all; _exit may come from a signal handler or a vfork child.
 */
#include "shim/hook.h"
#include "shim/load.h"
#include "shim/watch.h"

/* Not in every libc. */
extern int on_exit(void (*function)(int, void *), void *argument) __attribute__((weak));

static int exit_status;

static void note_status(int status, void *unused)
{
    (void)unused;
    exit_status = status;
}

__attribute__((constructor)) static void exit_begin(void)
{
    if (on_exit)
        on_exit(note_status, NULL);
}

static void leave(enum sockatlas_call call, int status)
{
    watch_exit(call, status);
    if (!process_identity().vforked)
        log_finish();
}

__attribute__((destructor)) static void exit_end(void)
{
    if (log_is_open())
        leave(SOCKATLAS_CALL_exit, exit_status);
}

/* The process ends at once. */
HOOK void _exit(int status)
{
    load_ready();
    if (log_is_open())
        leave(SOCKATLAS_CALL__exit, status);
    real._exit(status);
    __builtin_unreachable();
}

/* The same by its C name. */
HOOK void _Exit(int status)
{
    load_ready();
    if (log_is_open())
        leave(SOCKATLAS_CALL__Exit, status);
    real._Exit(status);
    __builtin_unreachable();
}

/* The process ends after its at_quick_exit() functions; what they do to sockets is not recorded. */
HOOK void quick_exit(int status)
{
    load_ready();
    if (log_is_open())
        leave(SOCKATLAS_CALL_quick_exit, status);
    real.quick_exit(status);
    __builtin_unreachable();
}
