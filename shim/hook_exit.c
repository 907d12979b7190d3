/* SPDX-License-Identifier: MIT
 *
 * The ways out: _exit, _Exit, quick_exit, abort, and exit by whatever way (a destructor sees it). Each records what is
 * still open. The destructor runs last of all; _exit may come from a signal handler or a vfork child.
 */
#include "shim/hook.h"
#include "shim/load.h"
#include "shim/watch.h"

/* Not in every libc. */
extern int on_exit(void (*function)(int, void *), void *argument) __attribute__((weak));

static void leave(enum sockatlas_call call, int status)
{
    if (!process_identity().vforked)
        log_look_now();
    watch_exit(call, status);
    if (!process_identity().vforked)
        log_finish();
}

/* What exit() was called with, in a process whose tracing began late; -1 unknown. */
static int late_status = -1;

/* Registered before anything of the program's, so exit() calls it after all of theirs, destructors included. Loaded
 * late it is called before theirs, and the destructor does the work. */
static void exit_last(int status, void *unused)
{
    (void)unused;
    if (config.late)
        late_status = status & 0xff;
    else if (log_is_open())
        leave(SOCKATLAS_CALL_exit, status & 0xff);
}

__attribute__((constructor)) static void exit_begin(void)
{
    if (on_exit)
        on_exit(exit_last, NULL);
}

/* Without on_exit() the status is not to be had. */
__attribute__((destructor)) static void exit_end(void)
{
    if ((!on_exit || config.late) && log_is_open())
        leave(SOCKATLAS_CALL_exit, late_status);
}

/* The process ends at once. */
HOOK void _exit(int status)
{
    load_ready();
    if (log_is_open())
        leave(SOCKATLAS_CALL__exit, status & 0xff);
    process_goes();
    real._exit(status);
    __builtin_unreachable();
}

/* The same by its C name. */
HOOK void _Exit(int status)
{
    load_ready();
    if (log_is_open())
        leave(SOCKATLAS_CALL__Exit, status & 0xff);
    process_goes();
    real._Exit(status);
    __builtin_unreachable();
}

/* The process ends after its at_quick_exit() functions; what they do to sockets is not recorded. */
HOOK void quick_exit(int status)
{
    load_ready();
    if (log_is_open())
        leave(SOCKATLAS_CALL_quick_exit, status & 0xff);
    real.quick_exit(status);
    __builtin_unreachable();
}

/* The process ends with a core, unless a handler of SIGABRT jumps out of it. */
HOOK void abort(void)
{
    load_ready();
    if (log_is_open())
        watch_exit(SOCKATLAS_CALL_abort, -1);
    real.abort();
    __builtin_unreachable();
}
