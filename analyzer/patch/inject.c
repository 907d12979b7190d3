/* SPDX-License-Identifier: MIT
 *
 * Puts the piece into a process that stands at its program's first instruction, by ptrace(2): a mapping for it beside
 * the program, its bytes, its beginning (which runs in the process itself), and last the jumps. Until those are
 * written, nothing of it is seen by the program, and where anything fails the mapping is taken away again.
 */
#include "analyzer/patch/patch.h"
#include "shim/piece/piece.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* The piece's file, which the build puts into this program. */
extern const unsigned char piece_file[], piece_file_end[];
__asm__(".section .rodata\n"
        ".balign 64\n"
        ".globl piece_file, piece_file_end\n"
        "piece_file: .incbin \"" SOCKATLAS_PIECE_FILE "\"\n"
        "piece_file_end:\n"
        ".previous\n");

enum { PAGE = 4096, REACH = 0x7f000000 };

struct injection {
    pid_t pid;
    int memory;                        /* /proc/PID/mem */
    struct user_regs_struct registers; /* as the program is to begin with */
    const struct sites *sites;
    uint64_t bias;        /* the program is loaded so far from where it was linked */
    uint64_t base;        /* the piece */
    size_t size;          /* and how much of it is mapped */
    unsigned char *image; /* it, as it is at `base` */
    const struct piece_head *head;
};

static bool memory_get(const struct injection *in, uint64_t address, void *out, size_t size)
{
    return pread(in->memory, out, size, (off_t)address) == (ssize_t)size;
}

static bool memory_put(const struct injection *in, uint64_t address, const void *from, size_t size)
{
    return pwrite(in->memory, from, size, (off_t)address) == (ssize_t)size;
}

static int memory_open(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    return open(path, O_RDWR | O_CLOEXEC);
}

/* Lets the process run until it traps. Signals that come meanwhile are handed over: at its first instruction a program
 * has no handler, so they wait, are ignored, or end it. */
static bool run_to_trap(pid_t pid, int request)
{
    int status;
    for (int signal = 0;;) {
        if (ptrace(request, pid, NULL, (void *)(long)signal) < 0 || waitpid(pid, &status, __WALL) != pid ||
            !WIFSTOPPED(status))
            return false;
        if (status >> 8 == SIGTRAP)
            return true;
        signal = status >> 16 ? 0 : WSTOPSIG(status);
    }
}

/* A system call, made by the process at its first instruction, over which one stands meanwhile. */
static long remote_call(const struct injection *in, long number, const uint64_t a[6])
{
    static const unsigned char call[] = {0x0f, 0x05};
    unsigned char was[sizeof(call)];
    struct user_regs_struct registers = in->registers;
    registers.rax = (unsigned long long)number;
    registers.orig_rax = (unsigned long long)-1;
    registers.rdi = a[0];
    registers.rsi = a[1];
    registers.rdx = a[2];
    registers.r10 = a[3];
    registers.r8 = a[4];
    registers.r9 = a[5];
    if (!memory_get(in, registers.rip, was, sizeof(was)) || !memory_put(in, registers.rip, call, sizeof(call)))
        return -EFAULT;
    bool made = ptrace(PTRACE_SETREGS, in->pid, NULL, &registers) == 0 && run_to_trap(in->pid, PTRACE_SINGLESTEP) &&
                ptrace(PTRACE_GETREGS, in->pid, NULL, &registers) == 0;
    bool mended = memory_put(in, in->registers.rip, was, sizeof(was)) &&
                  ptrace(PTRACE_SETREGS, in->pid, NULL, &in->registers) == 0;
    return made && mended ? (long)registers.rax : -EFAULT;
}

/* How far from its link address the program is: its program headers say where they are. */
static bool find_bias(struct injection *in)
{
    char path[64];
    uint64_t entry[2];
    snprintf(path, sizeof path, "/proc/%d/auxv", (int)in->pid);
    FILE *file = fopen(path, "re");
    bool found = false;
    while (file && !found && fread(entry, sizeof entry, 1, file) == 1)
        found = entry[0] == AT_PHDR;
    if (file)
        fclose(file);
    in->bias = found ? entry[1] - in->sites->headers : 0;
    return found && (in->sites->movable || !in->bias);
}

/* The highest gap below the program that takes `size` bytes, or the lowest above it: a jump from any site reaches all
 * of it. 0: there is none. */
static uint64_t find_gap(const struct injection *in, size_t size)
{
    enum { LOWEST = 0x20000 };
    uint64_t low = in->sites->low + in->bias, high = in->sites->high + in->bias;
    uint64_t before = LOWEST, best = 0, from, to;
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%d/maps", (int)in->pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "%lx-%lx", &from, &to) != 2)
            continue;
        if (from > before + 2 * size && from <= low && high - (from - size) < REACH)
            best = from - size;
        before = to;
    }
    if (file)
        fclose(file);
    return best & ~(uint64_t)(PAGE - 1);
}

/* The piece as it is at `base`. Its file is our own, so it is as it should be. */
static bool lay_out(struct injection *in)
{
    const Elf64_Ehdr *head = (const Elf64_Ehdr *)(const void *)piece_file;
    const Elf64_Phdr *segments = (const Elf64_Phdr *)(const void *)(piece_file + head->e_phoff), *dynamic = NULL;
    for (unsigned i = 0; i < head->e_phnum; i++)
        if (segments[i].p_type == PT_LOAD && segments[i].p_vaddr + segments[i].p_memsz > in->size)
            in->size = segments[i].p_vaddr + segments[i].p_memsz;
    in->size = (in->size + PAGE - 1) & ~(size_t)(PAGE - 1);
    in->image = calloc(1, in->size);
    in->base = find_gap(in, in->size);
    if (!in->image || !in->base)
        return false;
    for (unsigned i = 0; i < head->e_phnum; i++) {
        if (segments[i].p_type == PT_LOAD)
            memcpy(in->image + segments[i].p_vaddr, piece_file + segments[i].p_offset, segments[i].p_filesz);
        if (segments[i].p_type == PT_DYNAMIC)
            dynamic = &segments[i];
    }
    uint64_t at = 0, size = 0;
    for (const Elf64_Dyn *entry = (const Elf64_Dyn *)(const void *)(in->image + (dynamic ? dynamic->p_vaddr : 0));
         dynamic && entry->d_tag != DT_NULL; entry++) {
        at = entry->d_tag == DT_RELA ? entry->d_un.d_ptr : at;
        size = entry->d_tag == DT_RELASZ ? entry->d_un.d_val : size;
    }
    for (uint64_t i = 0; i < size / sizeof(Elf64_Rela); i++) {
        const Elf64_Rela *move = (const Elf64_Rela *)(const void *)(in->image + at) + i;
        uint64_t value = in->base + (uint64_t)move->r_addend;
        memcpy(in->image + move->r_offset, &value, sizeof(value));
    }
    in->head = (const struct piece_head *)(const void *)(in->image + head->e_entry);
    return true;
}

/* All that is not zeros is written: what is not written costs the process nothing. */
static bool write_image(const struct injection *in)
{
    static const unsigned char zeros[PAGE];
    for (size_t at = 0; at < in->size; at += PAGE)
        if (memcmp(in->image + at, zeros, PAGE) != 0 && !memory_put(in, in->base + at, in->image + at, PAGE))
            return false;
    return true;
}

/* The bytes of each site are those of the file. */
static bool sites_stand(const struct injection *in)
{
    unsigned char bytes[SITE_BYTES];
    for (unsigned i = 0; i < in->sites->count; i++) {
        const struct site *site = &in->sites->items[i];
        if (!memory_get(in, site->address + in->bias, bytes, site->size) || memcmp(bytes, site->bytes, site->size) != 0)
            return false;
    }
    return in->sites->count <= SITE_MOST;
}

static bool write_stubs(const struct injection *in)
{
    for (unsigned i = 0; i < in->sites->count; i++) {
        unsigned char stub[SITE_STUB_SIZE];
        const struct site_stub at = {.address = in->head->stubs + (i + 1) * (uint64_t)SITE_STUB_SIZE,
                                     .kinds = in->head->kinds,
                                     .enter = in->head->enter,
                                     .bias = in->bias,
                                     .index = i + 1};
        site_write_stub(stub, &in->sites->items[i], &at);
        if (!memory_put(in, at.address, stub, sizeof(stub)))
            return false;
    }
    return true;
}

/* Each site in one write. False: one could not be written, and those before it are as they were. Where that cannot be
 * done either, true: those that are written do what they should. */
static bool write_jumps(const struct injection *in)
{
    unsigned done = 0;
    for (; done < in->sites->count; done++) {
        const struct site *site = &in->sites->items[done];
        unsigned char jump[SITE_BYTES];
        site_write_jump(jump, site->address + in->bias, in->head->stubs + (done + 1) * (uint64_t)SITE_STUB_SIZE);
        if (!memory_put(in, site->address + in->bias, jump, site->size))
            break;
    }
    if (done == in->sites->count)
        return true;
    bool mended = true;
    for (unsigned i = 0; i <= done; i++) {
        const struct site *site = &in->sites->items[i];
        mended = memory_put(in, site->address + in->bias, site->bytes, site->size) && mended;
    }
    return !mended;
}

/* Runs code of the piece's that begins at `address`. Its answer, or -1. */
static long run_piece(const struct injection *in, uint64_t address)
{
    struct user_regs_struct registers = in->registers;
    registers.rip = address;
    registers.rdi = in->registers.rsp;
    registers.rsi = in->sites->go ? PIECE_OWN_STACKS : 0;
    registers.rsp = in->head->stack;
    registers.orig_rax = (unsigned long long)-1;
    bool done = ptrace(PTRACE_SETREGS, in->pid, NULL, &registers) == 0 && run_to_trap(in->pid, PTRACE_CONT) &&
                ptrace(PTRACE_GETREGS, in->pid, NULL, &registers) == 0;
    return ptrace(PTRACE_SETREGS, in->pid, NULL, &in->registers) == 0 && done ? (long)registers.rax : -1;
}

/* The piece writes to the trace why nothing of the program is seen. */
static bool put_jumps(const struct injection *in)
{
    if (write_jumps(in))
        return true;
    run_piece(in, in->head->refused);
    return false;
}

static bool put_piece(struct injection *in)
{
    const uint64_t map[6] = {
        in->base, in->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, (uint64_t)-1, 0};
    if (remote_call(in, SYS_mmap, map) != (long)in->base)
        return false;
    uint64_t text = in->head->text_size - in->base;
    const uint64_t protect[6] = {in->base, text, PROT_READ | PROT_EXEC};
    if (write_image(in) && write_stubs(in) && remote_call(in, SYS_mprotect, protect) == 0 &&
        run_piece(in, in->head->begin) == PIECE_READY && put_jumps(in))
        return true;
    const uint64_t unmap[6] = {in->base, in->size};
    remote_call(in, SYS_munmap, unmap);
    return false;
}

/* While the process is between what it was and what it is to be, it goes with us if we are killed: it must not go on
 * so.
 */
static bool bind_fate(pid_t pid, bool bound)
{
    return ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(long)(bound ? PTRACE_O_EXITKILL : 0)) == 0;
}

bool inject(pid_t pid, const struct sites *sites)
{
    struct injection in = {.pid = pid, .sites = sites, .memory = memory_open(pid)};
    bool done = in.memory >= 0 && ptrace(PTRACE_GETREGS, pid, NULL, &in.registers) == 0 && find_bias(&in) &&
                sites_stand(&in) && lay_out(&in) && bind_fate(pid, true) && put_piece(&in);
    bind_fate(pid, false);
    free(in.image);
    if (in.memory >= 0)
        close(in.memory);
    return done;
}
