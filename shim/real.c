/* SPDX-License-Identifier: MIT
 *
 * Fills the table of real functions. Runs in the constructor, or earlier on behalf of a wrapper that was called before
 * it. Reads the loaded objects' own symbol tables; allocates nothing and takes no lock of ours.
 */
#include "shim/real.h"

#include "shim/elf.h"

struct real real __attribute__((aligned(64)));

/* In one piece: pointers would each be relocated in every image, and be a page of data more to write. */
static const char real_names[] =
#define REAL(name) #name "\0"
#include "shim/real.def"
#undef REAL
    ;

enum {
#define REAL(name) INDEX_##name,
#include "shim/real.def"
#undef REAL
    COUNT
};

bool real_resolve(void)
{
    void *found[COUNT] = {NULL};
    bool behind = elf_resolve(real_names, found, COUNT);
#define REAL(name) real.name = (__typeof__(real.name))found[INDEX_##name];
#include "shim/real.def"
#undef REAL
    __atomic_store_n(&real.resolved, true, __ATOMIC_RELEASE);
    return behind;
}
