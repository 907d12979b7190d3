/* SPDX-License-Identifier: MIT
 *
 * Wrappers for parameters: setsockopt, getsockopt. Callable from anywhere.
 */
#include "shim/hook.h"
#include "shim/load.h"
#include "shim/watch.h"

/* A parameter is set. */
HOOK int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
    load_ready();
    int result = real.setsockopt(fd, level, name, value, size);
    int error = hook_error(result);
    watch_setsockopt(SOCKATLAS_CALL_setsockopt, fd, error, level, name, value, size);
    return result;
}

/* A parameter is asked for; SO_ERROR tells how a connect ended. */
HOOK int getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict size)
{
    load_ready();
    int result = real.getsockopt(fd, level, name, value, size);
    int error = hook_error(result);
    watch_getsockopt(SOCKATLAS_CALL_getsockopt, fd, error, level, name, value, size);
    return result;
}
