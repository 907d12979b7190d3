/* SPDX-License-Identifier: MIT
 *
 * Symbol look-up in the objects that the dynamic loader put behind the shim.
 */
#ifndef SHIM_ELF_H
#define SHIM_ELF_H

#include <stddef.h>

/* `names` are one behind another, each ended by its 0. found[i], NULL before, becomes the address of the i-th in the
 * first object behind ours that defines its default version, and stays as it is where no object does; where ours was
 * loaded late, in the first of all objects. Called at load; takes the loader's own lock through dl_iterate_phdr(3),
 * nothing else.
 */
void elf_resolve(const char *names, void **found, size_t count);

/* The address of the kernel's own `name` (vdso(7)), NULL where there is none. */
void *elf_vdso(const char *name);

#endif
