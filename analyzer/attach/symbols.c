/* SPDX-License-Identifier: MIT
 *
 * Where a process has the functions that are to be called in it: read from the tables that its own loader works with,
 * not from files, which may have been replaced since. Called by attach.c and stop.c; changes nothing.
 */
#include "analyzer/attach/internal.h"

#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OBJECTS_MAX = 8192, SEGMENTS_MAX = 64, DYNAMIC_MAX = 256, NAME_SIZE = 1024 };

/* An object's tables. */
struct tables {
    uint64_t base, symbols, strings, gnu_hash;
};

/* ---- The loader's list ---- */

/* An entry of /proc/PID/auxv, 0 none. */
static uint64_t auxiliary(pid_t pid, uint64_t type)
{
    char path[64];
    ElfW(auxv_t) entry;
    uint64_t value = 0;
    snprintf(path, sizeof path, "/proc/%d/auxv", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && read(fd, &entry, sizeof entry) == (ssize_t)sizeof entry && entry.a_type != AT_NULL)
        if (entry.a_type == type)
            value = entry.a_un.a_val;
    if (fd >= 0)
        close(fd);
    return value;
}

/* Fills in where the program's dynamic section is; false: it has none. */
static bool program_dynamic(const struct memory *memory, uint64_t headers, uint64_t count, uint64_t *dynamic)
{
    ElfW(Phdr) segments[SEGMENTS_MAX];
    uint64_t base = 0;
    bool there = false;
    if (!headers || !count || count > SEGMENTS_MAX ||
        !memory_get(memory, headers, segments, count * sizeof segments[0]))
        return false;
    for (uint64_t i = 0; i < count; i++)
        if (segments[i].p_type == PT_PHDR)
            base = headers - segments[i].p_vaddr;
    for (uint64_t i = 0; i < count; i++)
        if (segments[i].p_type == PT_DYNAMIC) {
            *dynamic = base + segments[i].p_vaddr;
            there = true;
        }
    return there;
}

static uint64_t dynamic_value(const struct memory *memory, uint64_t dynamic, ElfW(Sxword) tag)
{
    ElfW(Dyn) entry;
    for (unsigned i = 0; i < DYNAMIC_MAX && memory_get(memory, dynamic + i * sizeof entry, &entry, sizeof entry); i++) {
        if (entry.d_tag == tag)
            return entry.d_un.d_ptr;
        if (entry.d_tag == DT_NULL)
            break;
    }
    return 0;
}

/* Up to where the loader's object reaches. */
static uint64_t object_end(const struct memory *memory, uint64_t base)
{
    ElfW(Ehdr) file;
    ElfW(Phdr) segment;
    uint64_t end = base;
    if (!base || !memory_get(memory, base, &file, sizeof file))
        return 0;
    for (unsigned i = 0; i < file.e_phnum && i < SEGMENTS_MAX; i++)
        if (memory_get(memory, base + file.e_phoff + i * sizeof segment, &segment, sizeof segment) &&
            segment.p_type == PT_LOAD && base + segment.p_vaddr + segment.p_memsz > end)
            end = base + segment.p_vaddr + segment.p_memsz;
    return end;
}

bool symbols_open(struct symbols *symbols, pid_t pid, const struct memory *memory, char *why)
{
    uint64_t dynamic;
    *symbols = (struct symbols){.loader = auxiliary(pid, AT_BASE)};
    bool there = program_dynamic(memory, auxiliary(pid, AT_PHDR), auxiliary(pid, AT_PHNUM), &dynamic);
    symbols->list = there ? dynamic_value(memory, dynamic, DT_DEBUG) : 0;
    if (!symbols->list)
        return refuse(why, "it is statically linked, or its loader keeps no list of what it loaded");
    symbols->loader_end = object_end(memory, symbols->loader);
    return true;
}

bool symbols_loading(const struct symbols *symbols, const struct memory *memory)
{
    struct r_debug list;
    return !memory_get(memory, symbols->list, &list, sizeof list) || list.r_state != RT_CONSISTENT;
}

/* ---- Functions ---- */

static uint32_t gnu_hash(const char *name)
{
    uint32_t hash = 5381;
    for (; *name; name++)
        hash = hash * 33 + (unsigned char)*name;
    return hash;
}

static bool text_is(const struct memory *memory, uint64_t address, const char *text)
{
    char there[NAME_SIZE];
    size_t size = strlen(text) + 1;
    return size <= sizeof there && memory_get(memory, address, there, size) && memcmp(there, text, size) == 0;
}

/* The default version's or an unversioned one. */
static uint64_t function_at(const struct memory *memory, const struct tables *in, uint32_t index, const char *name)
{
    ElfW(Sym) symbol;
    if (!memory_get(memory, in->symbols + index * sizeof symbol, &symbol, sizeof symbol) ||
        symbol.st_shndx == SHN_UNDEF || ELF64_ST_TYPE(symbol.st_info) != STT_FUNC ||
        !text_is(memory, in->strings + symbol.st_name, name))
        return 0;
    return in->base + symbol.st_value;
}

static uint64_t find_function(const struct memory *memory, const struct tables *in, const char *name)
{
    uint32_t header[4], hash = gnu_hash(name), index, other;
    enum { CHAIN_MAX = 1 << 16 };
    if (!in->gnu_hash || !memory_get(memory, in->gnu_hash, header, sizeof header) || !header[0])
        return 0;
    uint64_t buckets = in->gnu_hash + sizeof header + (uint64_t)header[2] * sizeof(ElfW(Addr));
    uint64_t chain = buckets + (uint64_t)header[0] * sizeof(uint32_t);
    if (!memory_get(memory, buckets + (hash % header[0]) * sizeof index, &index, sizeof index) || index < header[1])
        return 0;
    for (unsigned i = 0; i < CHAIN_MAX; i++, index++) {
        if (!memory_get(memory, chain + (uint64_t)(index - header[1]) * sizeof other, &other, sizeof other))
            return 0;
        uint64_t found = (other | 1) == (hash | 1) ? function_at(memory, in, index, name) : 0;
        if (found || (other & 1))
            return found;
    }
    return 0;
}

/* glibc relocates the pointers of a dynamic section in place, musl does not. */
static uint64_t table_of(const struct memory *memory, const struct link_map *object, ElfW(Sxword) tag)
{
    uint64_t value = dynamic_value(memory, (uint64_t)object->l_ld, tag);
    return value && value < object->l_addr ? value + object->l_addr : value;
}

static bool is_called(const struct memory *memory, const struct link_map *object, const char *prefix)
{
    char path[NAME_SIZE];
    size_t size = memory_part(memory, (uint64_t)object->l_name, path, sizeof path - 1);
    path[size] = '\0';
    const char *slash = strrchr(path, '/');
    return strncmp(slash ? slash + 1 : path, prefix, strlen(prefix)) == 0;
}

uint64_t symbols_find(const struct symbols *symbols, const struct memory *memory, const char *prefix, const char *name)
{
    struct r_debug list;
    struct link_map object;
    if (!memory_get(memory, symbols->list, &list, sizeof list))
        return 0;
    uint64_t at = (uint64_t)list.r_map, found = 0;
    for (unsigned i = 0; at && !found && i < OBJECTS_MAX && memory_get(memory, at, &object, sizeof object); i++) {
        at = (uint64_t)object.l_next;
        if (!is_called(memory, &object, prefix))
            continue;
        struct tables tables = {.base = object.l_addr,
                                .symbols = table_of(memory, &object, DT_SYMTAB),
                                .strings = table_of(memory, &object, DT_STRTAB),
                                .gnu_hash = table_of(memory, &object, DT_GNU_HASH)};
        found = find_function(memory, &tables, name);
    }
    return found;
}
