/* SPDX-License-Identifier: MIT
 *
 * Symbol look-up in the objects that the dynamic loader put behind the shim.
 */
#ifndef SHIM_ELF_H
#define SHIM_ELF_H

#include <stdbool.h>
#include <stddef.h>

/* `names` are one behind another, each ended by its 0. found[i], NULL before, becomes the address of the i-th in the
 * first object behind ours that defines its default version, and stays as it is where no object does; where ours was
 * loaded late, in the first of all objects. False: it was loaded late. Called at load; takes the loader's own lock
 * through dl_iterate_phdr(3), nothing else.
 */
bool elf_resolve(const char *names, void **found, size_t count);

/* The functions that this object exports, by their index in its table of symbols. How many indices there are, 0 on
 * failure; to be called before the other two. */
unsigned elf_own_count(void);
/* NULL: none has this index. */
const char *elf_own_name(unsigned index);
/* The index of the one of that name, and where it is; 0 and NULL: none. */
unsigned elf_own_find(const char *name, void **address);

/* The address of the kernel's own `name` (vdso(7)), NULL where there is none. */
void *elf_vdso(const char *name);

#endif
