/* SPDX-License-Identifier: MIT
 *
 * Wrappers that make threads: one made in a seccomp sandbox is in it too, and cannot ask; and of the call that names
 * them. Callable from anywhere that the calls themselves are.
 */
#include "shim/config.h"
#include "shim/hook.h"
#include "shim/load.h"
#include "shim/record.h"
#include "shim/sandbox.h"

#include <pthread.h>
#include <threads.h>

static void begins(void)
{
    load_ready();
    if (config.on)
        sandbox_thread_begins();
}

/* POSIX's thread. glibc before 2.34 has it in a library that is not in every program. */
HOOK int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attributes,
                        void *(*function)(void *), void *restrict argument)
{
    begins();
    return real.pthread_create ? real.pthread_create(thread, attributes, function, argument) : EAGAIN;
}

/* C11's thread. In glibc since 2.28. */
HOOK int thrd_create(thrd_t *thread, thrd_start_t function, void *argument)
{
    begins();
    return real.thrd_create ? real.thrd_create(thread, function, argument) : thrd_error;
}

/* A thread's name. The process is called as its first thread is, which is asked only if it is the caller. */
HOOK int pthread_setname_np(pthread_t thread, const char *name)
{
    load_ready();
    if (!real.pthread_setname_np)
        return ENOSYS;
    int error = real.pthread_setname_np(thread, name);
    if (error == 0 && config.on && log_is_open())
        record_renamed();
    return error;
}
