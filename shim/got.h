/* SPDX-License-Identifier: MIT
 *
 * The slots through which loaded objects call functions that have a wrapper here: where the loader has bound one to
 * the real function (objects that were there when the shim was loaded late, libraries loaded with RTLD_DEEPBIND), it is
 * redirected. Not for signal handlers nor vfork children: takes the loader's lock, through dl_iterate_phdr(3).
 */
#ifndef SHIM_GOT_H
#define SHIM_GOT_H

#include <stdbool.h>

struct got_counts {
    unsigned slots; /* that were changed */
    unsigned left;  /* that lead elsewhere than to the real function, or cannot be written to: left alone */
};

/* A function that has a wrapper under another name than its own. Before the first slot is changed. */
void got_add(const char *name, void *wrapper, void *target);
/* Redirects every slot of every object but this one to the wrappers. Idempotent. Other threads may run, and load
 * libraries, meanwhile: a slot that the loader binds afterwards is found the next time. */
struct got_counts got_redirect(void);
/* Puts back each slot that leads to a wrapper. */
struct got_counts got_restore(void);

#endif
