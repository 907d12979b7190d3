/* SPDX-License-Identifier: MIT
 *
 * Symbol look-up by DT_GNU_HASH or DT_HASH (System V gABI, "Dynamic Linking"; the GNU variant as the GNU binutils write
 * it). Called at load only. Never allocates.
 */
#include "shim/elf.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>

struct symbols {
    ElfW(Addr) base;
    const ElfW(Sym) * table;
    const char *strings;
    const uint16_t *versions; /* NULL: unversioned */
    const uint32_t *gnu_hash;
    const uint32_t *hash; /* the System V table */
};

struct search {
    const char *names; /* one behind another */
    void **found;
    size_t count;
    bool behind; /* our own object has been passed */
};

/* Marks this object: the search begins behind the one that holds it. */
static const char elf_self;

/* The beginning of this object, as the linker names it; its dynamic section is _DYNAMIC. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

static uint32_t gnu_hash(const char *name)
{
    uint32_t hash = 5381;
    for (; *name; name++)
        hash = hash * 33 + (unsigned char)*name;
    return hash;
}

static uint32_t sysv_hash(const char *name)
{
    uint32_t hash = 0;
    for (; *name; name++) {
        hash = (hash << 4) + (unsigned char)*name;
        hash = (hash ^ ((hash & 0xf0000000u) >> 24)) & 0x0fffffffu;
    }
    return hash;
}

/* Bit 15 of a version index hides a symbol from look-ups without a version: it is kept for old binaries. */
static bool symbol_fits(const struct symbols *in, uint32_t index, const char *name)
{
    const ElfW(Sym) *symbol = &in->table[index];
    if (symbol->st_shndx == SHN_UNDEF || symbol->st_value == 0 || (in->versions && (in->versions[index] & 0x8000)))
        return false;
    return strcmp(in->strings + symbol->st_name, name) == 0;
}

static uint32_t find_gnu(const struct symbols *in, const char *name)
{
    const uint32_t *header = in->gnu_hash;
    uint32_t buckets = header[0], first = header[1], words = header[2], shift = header[3];
    const ElfW(Addr) *bloom = (const ElfW(Addr) *)(header + 4);
    const uint32_t *bucket = (const uint32_t *)(bloom + words);
    const uint32_t *chain = bucket + buckets;
    uint32_t hash = gnu_hash(name);
    unsigned bits = 8 * sizeof(ElfW(Addr));
    ElfW(Addr) word = bloom[(hash / bits) % words];
    if (!((word >> (hash % bits)) & (word >> ((hash >> shift) % bits)) & 1))
        return 0;
    for (uint32_t index = bucket[hash % buckets]; index >= first && index != 0; index++) {
        uint32_t other = chain[index - first];
        if ((other | 1) == (hash | 1) && symbol_fits(in, index, name))
            return index;
        if (other & 1)
            break;
    }
    return 0;
}

static uint32_t find_sysv(const struct symbols *in, const char *name)
{
    uint32_t buckets = in->hash[0];
    const uint32_t *bucket = in->hash + 2, *chain = bucket + buckets;
    if (buckets == 0)
        return 0;
    for (uint32_t index = bucket[sysv_hash(name) % buckets]; index != 0; index = chain[index])
        if (symbol_fits(in, index, name))
            return index;
    return 0;
}

static void *symbol_address(const struct symbols *in, const char *name)
{
    uint32_t index = in->gnu_hash ? find_gnu(in, name) : find_sysv(in, name);
    if (index == 0)
        return NULL;
    const ElfW(Sym) *symbol = &in->table[index];
    void *address = (void *)(in->base + symbol->st_value);
    if (ELF64_ST_TYPE(symbol->st_info) == STT_GNU_IFUNC)
        address = ((void *(*)(void))address)();
    return address;
}

/* glibc relocates the pointers of a dynamic section in place, musl and the vDSO do not. */
static const void *dynamic_pointer(ElfW(Addr) base, ElfW(Addr) value)
{
    return (const void *)(value < base ? base + value : value);
}

static bool symbols_read(struct symbols *out, ElfW(Addr) base, const ElfW(Dyn) * dynamic)
{
    *out = (struct symbols){.base = base};
    for (; dynamic->d_tag != DT_NULL; dynamic++) {
        const void *pointer = dynamic_pointer(base, dynamic->d_un.d_ptr);
        switch (dynamic->d_tag) {
        case DT_SYMTAB:
            out->table = pointer;
            break;
        case DT_STRTAB:
            out->strings = pointer;
            break;
        case DT_VERSYM:
            out->versions = pointer;
            break;
        case DT_GNU_HASH:
            out->gnu_hash = pointer;
            break;
        case DT_HASH:
            out->hash = pointer;
            break;
        }
    }
    return out->table && out->strings && (out->gnu_hash || out->hash);
}

static int search_object(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    struct search *search = context;
    const ElfW(Dyn) *dynamic = NULL;
    bool ours = false;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + header->p_vaddr, self = (uintptr_t)&elf_self;
        if (header->p_type == PT_DYNAMIC)
            dynamic = (const ElfW(Dyn) *)start;
        else if (header->p_type == PT_LOAD && self >= start && self < start + header->p_memsz)
            ours = true;
    }
    if (ours) {
        search->behind = true;
        return 0;
    }
    struct symbols symbols;
    if (!search->behind || !dynamic || !symbols_read(&symbols, info->dlpi_addr, dynamic))
        return 0;
    bool missing = false;
    const char *name = search->names;
    for (size_t i = 0; i < search->count; i++, name += strlen(name) + 1) {
        if (!search->found[i])
            search->found[i] = symbol_address(&symbols, name);
        missing |= !search->found[i];
    }
    return !missing;
}

/* Loaded by dlopen(3) the shim stands behind libc and has nothing behind it: then all objects are searched. */
bool elf_resolve(const char *names, void **found, size_t count)
{
    struct search search = {.names = names, .found = found, .count = count};
    dl_iterate_phdr(search_object, &search);
    bool none = true;
    for (size_t i = 0; i < count; i++)
        none &= !found[i];
    search.behind = true;
    if (none)
        dl_iterate_phdr(search_object, &search);
    return !none;
}

static struct symbols own;

unsigned elf_own_count(void)
{
    if (!own.table && !symbols_read(&own, (ElfW(Addr)) & __ehdr_start, _DYNAMIC))
        return 0;
    return own.hash ? own.hash[1] : 0;
}

const char *elf_own_name(unsigned index)
{
    const ElfW(Sym) *symbol = &own.table[index];
    bool function = symbol->st_shndx != SHN_UNDEF && ELF64_ST_TYPE(symbol->st_info) == STT_FUNC;
    return function ? own.strings + symbol->st_name : NULL;
}

unsigned elf_own_find(const char *name, void **address)
{
    unsigned index = own.gnu_hash ? find_gnu(&own, name) : 0;
    *address = index ? (void *)(own.base + own.table[index].st_value) : NULL;
    return index;
}

void *elf_vdso(const char *name)
{
    const ElfW(Ehdr) *file = (const ElfW(Ehdr) *)getauxval(AT_SYSINFO_EHDR);
    if (!file)
        return NULL;
    const ElfW(Phdr) *segments = (const ElfW(Phdr) *)((uintptr_t)file + file->e_phoff), *load = NULL, *dynamic = NULL;
    for (unsigned i = file->e_phnum; i-- > 0;) {
        if (segments[i].p_type == PT_LOAD)
            load = &segments[i];
        else if (segments[i].p_type == PT_DYNAMIC)
            dynamic = &segments[i];
    }
    struct symbols symbols;
    if (!load || !dynamic)
        return NULL;
    ElfW(Addr) base = (ElfW(Addr))file + load->p_offset - load->p_vaddr;
    return symbols_read(&symbols, base, (const ElfW(Dyn) *)(base + dynamic->p_vaddr)) ? symbol_address(&symbols, name)
                                                                                      : NULL;
}
