/* SPDX-License-Identifier: MIT
 *
 * Dynamic Go programs, whose system calls are redirected where they begin with the shim in them. For hook_attach.c.
 */
#ifndef SHIM_SITE_REDIRECT_H
#define SHIM_SITE_REDIRECT_H

#include <stdbool.h>

/* Whether this process's program is one. */
bool site_redirect_is_go(void);

#endif
