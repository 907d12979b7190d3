/* SPDX-License-Identifier: MIT
 *
 * Walks the relocations of all loaded objects and changes the slots of functions that have a wrapper. A slot is one
 * pointer, stored in one piece, so that a thread that calls through it meanwhile calls the one or the other. Called by
 * hook_attach.c and hook_loader.c; not from signal handlers, nor in a vfork child.
 *
 * A slot is changed only where it holds what the loader puts there: the real function, or its own look-up of one that
 * was not called yet. Whatever else stands there was put there by somebody, for a reason that is not known here.
 */
#include "shim/got.h"

#include "shim/elf.h"
#include "shim/memory.h"
#include "shim/scratch.h"
#include "shim/sys.h"

#include <elf.h>
#include <link.h>
#include <linux/futex.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__x86_64__)
enum { SLOT_CALL = R_X86_64_JUMP_SLOT, SLOT_ADDRESS = R_X86_64_GLOB_DAT, SLOT_DATA = R_X86_64_64 };
#elif defined(__aarch64__)
enum { SLOT_CALL = R_AARCH64_JUMP_SLOT, SLOT_ADDRESS = R_AARCH64_GLOB_DAT, SLOT_DATA = R_AARCH64_ABS64 };
#elif defined(__i386__)
enum { SLOT_CALL = R_386_JMP_SLOT, SLOT_ADDRESS = R_386_GLOB_DAT, SLOT_DATA = R_386_32 };
#endif

#if __SIZEOF_POINTER__ == 8
#define RELOCATION_TYPE(info)   ELF64_R_TYPE(info)
#define RELOCATION_SYMBOL(info) ELF64_R_SYM(info)
#else
#define RELOCATION_TYPE(info)   ELF32_R_TYPE(info)
#define RELOCATION_SYMBOL(info) ELF32_R_SYM(info)
#endif

enum { EXPORTS_MAX = 320, NAMES_MAX = 8192 };

/* The real function of each wrapper, by the wrapper's index (elf_own_name()). NULL: this libc has none. */
static void *reals[EXPORTS_MAX] LARGE;
static unsigned exports;

/* One whose wrapper this object does not export. */
static struct {
    const char *name; /* NULL: none; stored last */
    void *wrapper, *target;
} other;

struct range {
    ElfW(Addr) start, end;
};

/* A table of relocations, of either form: both begin alike. */
struct relocations {
    const unsigned char *first;
    size_t size, entry;
};

/* What is needed of an object. */
struct object {
    ElfW(Addr) base;
    struct range code;  /* from its lowest to its highest byte */
    struct range relro; /* pages that the loader makes read-only once it is done with them */
    const ElfW(Sym) * symbols;
    const char *strings;
    struct relocations tables[2];
    bool opened, barred; /* those pages: are writable by our doing, cannot be made so */
};

struct pass {
    bool restore;
    struct got_counts counts;
};

void got_add(const char *name, void *wrapper, void *target)
{
    other.wrapper = wrapper;
    other.target = target;
    __atomic_store_n(&other.name, name, __ATOMIC_RELEASE);
}

/* What learning takes: not on the program's stack, which may be small. */
struct learning {
    char names[NAMES_MAX];
    void *found[EXPORTS_MAX];
    uint16_t index_of[EXPORTS_MAX];
};

/* Which function is whose: once, before the first slot is changed. */
static void learn_reals(void)
{
    struct scratch scratch = scratch_take(sizeof(struct learning));
    struct learning *learning = scratch.memory;
    size_t size = 0, count = 0;
    unsigned all = learning ? elf_own_count() : 0;
    for (unsigned i = 1; i < all && i < EXPORTS_MAX; i++) {
        const char *name = elf_own_name(i);
        size_t length = name ? strlen(name) + 1 : 0;
        if (!name || size + length > sizeof(learning->names))
            continue;
        memcpy(learning->names + size, name, length);
        size += length;
        learning->index_of[count++] = (uint16_t)i;
    }
    if (count)
        elf_resolve(learning->names, learning->found, count);
    for (size_t i = 0; i < count; i++)
        reals[learning->index_of[i]] = learning->found[i];
    scratch_give(&scratch);
    __atomic_store_n(&exports, all < EXPORTS_MAX ? all : EXPORTS_MAX, __ATOMIC_RELEASE);
}

/* ---- An object ---- */

/* glibc relocates the pointers of a dynamic section in place, musl does not. */
static const void *dynamic_pointer(ElfW(Addr) base, ElfW(Addr) value)
{
    return (const void *)(value < base ? base + value : value);
}

static bool read_dynamic(struct object *out, const ElfW(Dyn) * dynamic)
{
    struct relocations *calls = &out->tables[0], *rest = &out->tables[1];
    calls->entry = sizeof(ElfW(Rela));
    for (; dynamic->d_tag != DT_NULL; dynamic++) {
        const void *pointer = dynamic_pointer(out->base, dynamic->d_un.d_ptr);
        switch (dynamic->d_tag) {
        case DT_SYMTAB:
            out->symbols = pointer;
            break;
        case DT_STRTAB:
            out->strings = pointer;
            break;
        case DT_JMPREL:
            calls->first = pointer;
            break;
        case DT_PLTRELSZ:
            calls->size = dynamic->d_un.d_val;
            break;
        case DT_PLTREL:
            calls->entry = dynamic->d_un.d_val == DT_RELA ? sizeof(ElfW(Rela)) : sizeof(ElfW(Rel));
            break;
        case DT_RELA:
        case DT_REL:
            rest->first = pointer;
            rest->entry = dynamic->d_tag == DT_RELA ? sizeof(ElfW(Rela)) : sizeof(ElfW(Rel));
            break;
        case DT_RELASZ:
        case DT_RELSZ:
            rest->size = dynamic->d_un.d_val;
            break;
        }
    }
    return out->symbols && out->strings;
}

static bool read_object(struct object *out, const struct dl_phdr_info *info)
{
    ElfW(Addr) pages = ~(ElfW(Addr))(memory_page_size() - 1);
    const ElfW(Dyn) *dynamic = NULL;
    *out = (struct object){.base = info->dlpi_addr, .code = {.start = UINTPTR_MAX}};
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        ElfW(Addr) start = info->dlpi_addr + header->p_vaddr, end = start + header->p_memsz;
        if (header->p_type == PT_DYNAMIC) {
            dynamic = (const ElfW(Dyn) *)start;
        } else if (header->p_type == PT_GNU_RELRO) {
            out->relro = (struct range){start & pages, end & pages};
        } else if (header->p_type == PT_LOAD) {
            out->code.start = start < out->code.start ? start : out->code.start;
            out->code.end = end > out->code.end ? end : out->code.end;
        }
    }
    return dynamic && read_dynamic(out, dynamic);
}

static bool holds(const struct range *range, const void *address)
{
    return (ElfW(Addr))address >= range->start && (ElfW(Addr))address < range->end;
}

/* ---- A slot ---- */

/* Asks the kernel whether the page can be written to, by writing what stands there once more, in one step: not below 0
 * yes, -EFAULT no; else it is not known, as in a sandbox. */
static long try_to_write(void *slot)
{
    uint32_t unused = 0;
    return sys(SYS_futex, &unused, FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG, 0, 0, slot,
               FUTEX_OP(FUTEX_OP_OR, 0, FUTEX_OP_CMP_EQ, 0));
}

/* A library whose pages the loader still writes to is being loaded by another thread: its pages must not be made
 * read-only here. */
static bool open_relro(struct object *object, void *slot)
{
    if (object->opened || object->barred)
        return object->opened;
    const struct range *relro = &object->relro;
    long written = try_to_write(slot);
    if (written >= 0)
        return true;
    object->opened =
        written == -EFAULT && sys(SYS_mprotect, relro->start, relro->end - relro->start, PROT_READ | PROT_WRITE) == 0;
    object->barred = !object->opened;
    return object->opened;
}

static void close_relro(struct object *object)
{
    if (object->opened)
        sys(SYS_mprotect, object->relro.start, object->relro.end - object->relro.start, PROT_READ);
}

/* `from` is what the slot must hold for `to` to be put there. */
static void change(struct pass *pass, struct object *object, void **slot, void *from, void *to)
{
    if (holds(&object->relro, slot) && !open_relro(object, slot)) {
        pass->counts.left++;
        return;
    }
    if (__atomic_compare_exchange_n(slot, &from, to, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        pass->counts.slots++;
}

static void restore_slot(struct pass *pass, struct object *object, void **slot, void *wrapper, void *target)
{
    if (__atomic_load_n(slot, __ATOMIC_ACQUIRE) == wrapper)
        change(pass, object, slot, wrapper, target);
}

static void redirect_slot(struct pass *pass, struct object *object, void **slot, void *wrapper, void *target, bool lazy)
{
    void *now = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
    if (now == wrapper)
        return;
    if (now == target || (lazy && holds(&object->code, now)))
        change(pass, object, slot, now, wrapper);
    else
        pass->counts.left++;
}

/* The real function of that name, and its wrapper; NULL: there is none, or it needs none. */
static void *target_of(const char *name, void **wrapper)
{
    const char *extra = __atomic_load_n(&other.name, __ATOMIC_ACQUIRE);
    unsigned index = elf_own_find(name, wrapper);
    if (index)
        return index < exports ? reals[index] : NULL;
    if (!extra || strcmp(extra, name) != 0)
        return NULL;
    *wrapper = other.wrapper;
    return other.target;
}

static void visit(struct pass *pass, struct object *object, const ElfW(Rel) * relocation)
{
    unsigned type = RELOCATION_TYPE(relocation->r_info);
    if (type != SLOT_CALL && type != SLOT_ADDRESS && type != SLOT_DATA)
        return;
    const ElfW(Sym) *symbol = &object->symbols[RELOCATION_SYMBOL(relocation->r_info)];
    if (symbol->st_name == 0)
        return;
    void *wrapper, **slot = (void **)(object->base + relocation->r_offset);
    void *target = target_of(object->strings + symbol->st_name, &wrapper);
    if (!target || ((ElfW(Addr))slot & (sizeof(*slot) - 1)))
        return;
    if (pass->restore)
        restore_slot(pass, object, slot, wrapper, target);
    else
        redirect_slot(pass, object, slot, wrapper, target, type == SLOT_CALL && symbol->st_shndx == SHN_UNDEF);
}

static int visit_object(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    struct object object;
    static const char self;
    if (!read_object(&object, info) || holds(&object.code, &self))
        return 0;
    for (unsigned i = 0; i < 2; i++) {
        const struct relocations *table = &object.tables[i];
        for (size_t at = 0; table->first && at + table->entry <= table->size; at += table->entry)
            visit(context, &object, (const ElfW(Rel) *)(table->first + at));
    }
    close_relro(&object);
    return 0;
}

static struct got_counts walk(bool restore)
{
    struct pass pass = {.restore = restore};
    if (!__atomic_load_n(&exports, __ATOMIC_ACQUIRE))
        learn_reals();
    dl_iterate_phdr(visit_object, &pass);
    return pass.counts;
}

struct got_counts got_redirect(void)
{
    return walk(false);
}

struct got_counts got_restore(void)
{
    return walk(true);
}
