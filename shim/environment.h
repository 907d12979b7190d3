/* SPDX-License-Identifier: MIT
 *
 * The environment of a program about to be executed, with what keeps the tracing going put back. Callable from
 * anywhere, vfork children included: builds in memory that the caller gives and changes nothing else.
 */
#ifndef SHIM_ENVIRONMENT_H
#define SHIM_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

/* How much memory environment_build() needs for `envp` (NULL: empty). 0: nothing to put back, `envp` can be used as it
 * is. */
size_t environment_size(char *const *envp);
/* The new environment, made in `memory`, aligned for pointers. The caller's strings are used in place; an LD_PRELOAD of
 * its own keeps its entries and their order and gets ours appended. */
char **environment_build(char *const *envp, void *memory);
/* The shim is among what `envp` preloads (or was not preloaded by a variable in the first place). */
bool environment_preloads(char *const *envp);
/* The process is still that of the user whom the image began as, or tracing goes across users: else what a program
 * keeps from its children, as sudo does, is not put back. */
bool environment_follows(void);
/* The caller's environment refuses tracing (SOCKATLAS_OFF). */
bool environment_refuses(char *const *envp);

#endif
