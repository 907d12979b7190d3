/* SPDX-License-Identifier: MIT
 *
 * A dynamic Go program has this object loaded, because part of it is C, and makes its own system calls all the same.
 * Before it begins, the instructions that make them are redirected to stubs beside it, and those lead to the wrapper of
 * syscall(2), so that all of the process is in one log and one table of descriptors. Each of its threads is libc's,
 * with variables of ours; their stacks are goroutines', which are small, so each has another while it is here. Nothing
 * is written to the file. All or nothing, and the trace says which. A constructor;
 * site_redirect_is_go() is callable where dl_iterate_phdr() is.
 */
#include "shim/site_redirect.h"

#include "shim/config.h"
#include "shim/coverage.h"
#include "shim/load.h"
#include "shim/raw.h"
#include "shim/sandbox.h"
#include "shim/site.h"
#include "shim/site_area.h"
#include "shim/site_entry.h"
#include "shim/sys_file.h"

#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

/* The program, as it is loaded. */
struct program {
    ElfW(Addr) bias;
    const ElfW(Phdr) * segments;
    unsigned count;
    bool go, library;
};

static bool needs_library(const ElfW(Dyn) * entry)
{
    while (entry->d_tag != DT_NULL && entry->d_tag != DT_NEEDED)
        entry++;
    return entry->d_tag == DT_NEEDED;
}

/* The first object is the program. */
static int look_at(struct dl_phdr_info *info, size_t size, void *context)
{
    struct program *program = context;
    (void)size;
    *program =
        (struct program){.bias = info->dlpi_addr, .segments = info->dlpi_phdr, .count = (unsigned)info->dlpi_phnum};
    for (unsigned i = 0; i < program->count; i++) {
        const ElfW(Phdr) *segment = &program->segments[i];
        const void *at = (const void *)(program->bias + segment->p_vaddr);
        if (segment->p_type == PT_NOTE)
            program->go = program->go || site_is_go(at, segment->p_memsz);
        if (segment->p_type == PT_DYNAMIC)
            program->library = needs_library(at);
    }
    return 1;
}

#if defined(__x86_64__)

enum { PAGE = 4096, SITES = 32, STUBS_AT = SITE_NUMBERS, LEAVE_AT = PAGE - 16 };
_Static_assert(STUBS_AT + (SITES + 1) * SITE_STUB_SIZE <= LEAVE_AT, "all is on one page");
_Static_assert((int)SITE_NUMBERS == (int)RAW_NUMBERS, "each number has a kind");

struct sites {
    struct site items[SITES];
    unsigned count;
};

static bool is_code(const ElfW(Phdr) * segment)
{
    return segment->p_type == PT_LOAD && (segment->p_flags & PF_X) && (segment->p_flags & PF_R);
}

/* Addresses as they are in memory. */
static bool find_sites(const struct program *program, struct sites *sites)
{
    unsigned found[SITE_GO_FORMS] = {0};
    for (unsigned i = 0; i < program->count; i++) {
        const ElfW(Phdr) *segment = &program->segments[i];
        const unsigned char *code = (const unsigned char *)(program->bias + segment->p_vaddr);
        struct site site;
        for (size_t at = 0; is_code(segment) && site_find_go(code, segment->p_filesz, &at, &site, found);) {
            if (sites->count == SITES)
                return false;
            site.address += (uint64_t)code;
            sites->items[sites->count++] = site;
        }
    }
    return site_go_complete(found);
}

/* A page below the program, from where jumps reach all of it. NULL: there is none. */
static unsigned char *map_beside(const struct program *program)
{
    enum { STEP = 64 << 10, TRIES = 64 };
    ElfW(Addr) low = UINTPTR_MAX;
    for (unsigned i = 0; i < program->count; i++)
        if (program->segments[i].p_type == PT_LOAD && program->bias + program->segments[i].p_vaddr < low)
            low = program->bias + program->segments[i].p_vaddr;
    low &= ~(ElfW(Addr))(STEP - 1);
    for (unsigned i = 1; i <= TRIES && low > (i + 1) * (ElfW(Addr))STEP; i++) {
        const ElfW(Addr) at = low - i * (ElfW(Addr))STEP;
        long page = sys(SYS_mmap, (void *)at, PAGE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        if (page == (long)at)
            return (unsigned char *)page;
        if (!sys_is_error(page)) /* a kernel that takes the address for a wish */
            sys(SYS_munmap, page, PAGE);
    }
    return NULL;
}

/* The page: which numbers are watched, the stubs, and the way from there, since this object is far away. A thread or a
 * process that ends makes the call by itself, so those are watched too. */
static void fill(unsigned char *page, const struct sites *sites)
{
    static const unsigned char leave[] = {0xff, 0x25, 0, 0, 0, 0}; /* jmp *0(%rip) */
    const uint64_t enter = (uint64_t)site_enter;
    memcpy(page, syscall_kinds, SITE_NUMBERS);
    page[SYS_exit] = page[SYS_exit_group] = 1;
    memcpy(page + LEAVE_AT, leave, sizeof(leave));
    memcpy(page + LEAVE_AT + sizeof(leave), &enter, sizeof(enter));
    site_stubs = page + STUBS_AT;
    for (unsigned i = 0; i < sites->count; i++) {
        unsigned char *stub = page + STUBS_AT + (i + 1) * SITE_STUB_SIZE;
        const struct site_stub at = {
            .address = (uint64_t)stub, .kinds = (uint64_t)page, .enter = (uint64_t)(page + LEAVE_AT), .index = i + 1};
        site_write_stub(stub, &sites->items[i], &at);
    }
}

static bool put(int memory, const struct site *site, const void *bytes)
{
    return sys(SYS_pwrite64, memory, bytes, site->size, site->address) == (long)site->size;
}

/* By /proc/self/mem, so that the pages stay as they are protected: where it is refused, nothing has changed. False: one
 * could not be written, and those before it are as they were. */
static bool write_jumps(const struct sites *sites)
{
    int memory = (int)sys(SYS_openat, AT_FDCWD, "/proc/self/mem", O_RDWR | O_CLOEXEC);
    unsigned done = 0;
    for (; memory >= 0 && done < sites->count; done++) {
        const struct site *site = &sites->items[done];
        unsigned char jump[SITE_BYTES];
        site_write_jump(jump, site->address, (uint64_t)(site_stubs + (done + 1) * SITE_STUB_SIZE));
        if (!put(memory, site, jump))
            break;
    }
    bool all = done == sites->count;
    for (unsigned i = 0; memory >= 0 && !all && i <= done; i++)
        put(memory, &sites->items[i], sites->items[i].bytes);
    if (memory >= 0)
        sys(SYS_close, memory);
    return all;
}

/* NULL: done. */
static const char *redirect(const struct program *program)
{
    struct sites sites = {.count = 0};
    if (!find_sites(program, &sites))
        return "a Go program, its system calls not where they were expected";
    unsigned char *page = map_beside(program);
    if (!page)
        return "a Go program, and there is no free address near it to redirect its system calls to";
    if (area_prepare(true)) {
        fill(page, &sites);
        if (sys(SYS_mprotect, page, PAGE, PROT_READ | PROT_EXEC) == 0 && write_jumps(&sites))
            return NULL;
    }
    sys(SYS_munmap, page, PAGE);
    return "a Go program, and its system calls could not be redirected";
}

#else
static const char *redirect(const struct program *program)
{
    (void)program;
    return "a Go program, whose system calls can be redirected on x86-64 only";
}
#endif

bool site_redirect_is_go(void)
{
    struct program program = {.count = 0};
    dl_iterate_phdr(look_at, &program);
    return program.go;
}

/* One that needs no library has sockatlas-patch for it: its threads are none of libc's. */
__attribute__((constructor)) static void redirect_begin(void)
{
    struct program program = {.count = 0};
    load_ready();
    if (!config.on || config.late || !config.patcher[0] || sandbox_inside())
        return;
    dl_iterate_phdr(look_at, &program);
    if (!program.go || !program.library)
        return;
    const char *why = redirect(&program);
    config.patched = !why;
    if (why)
        coverage_record(SOCKATLAS_CALL_NONE, SOCKATLAS_COVERAGE_UNTRACED_CHILD, why);
}
