/* SPDX-License-Identifier: MIT
 *
 * Constructor: what must be known before main(). A program that never opens a socket pays for this and nothing else, so
 * it makes no system call unless SOCKATLAS_DIR has to be made absolute or checked: not where `run` has checked it.
 */
#include "shim/load.h"

#include "shim/config.h"

#include <unistd.h>

extern __typeof__(environ) environ __attribute__((weak));

/* A call before libc has set itself up (a sanitizer's, from .preinit_array) finds no environment to be configured by:
 * it is passed on unseen, and the next one asks again. */
void load_now(void)
{
    if (!&environ) { /* no libc, and nobody to call us */
        real.resolved = true;
        return;
    }
    bool late = !real_resolve();
    if (environ)
        config_read(late);
    if (!environ)
        __atomic_store_n(&real.resolved, false, __ATOMIC_RELEASE);
}

__attribute__((constructor)) static void load_begin(void)
{
    load_ready();
}
