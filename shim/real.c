/* SPDX-License-Identifier: MIT
 *
 * Fills the table of real functions. Runs in the constructor, or earlier on behalf of a wrapper that was called before
 * it. Reads the loaded objects' own symbol tables; allocates nothing and takes no lock of ours.
 */
#include "shim/real.h"

#include "shim/elf.h"

struct real real __attribute__((aligned(64)));

static const char *const real_names[] = {
#define REAL(name) #name,
#include "shim/real.def"
#undef REAL
};

void real_resolve(void)
{
    enum { COUNT = sizeof(real_names) / sizeof(real_names[0]) };
    void *found[COUNT] = {NULL};
    elf_resolve(real_names, found, COUNT);
    size_t index = 0;
#define REAL(name) real.name = (__typeof__(real.name))found[index++];
#include "shim/real.def"
#undef REAL
    __atomic_store_n(&real.resolved, true, __ATOMIC_RELEASE);
}
