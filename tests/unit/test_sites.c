/* SPDX-License-Identifier: MIT
 *
 * Where a program's file makes system calls: found in what looks like Go's, and nothing concluded from what does not.
 */
#include "analyzer/patch/patch.h"

#include <criterion/criterion.h>
#include <elf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    BASE = 0x400000,
    NOTE = 0x200,
    CODE = 0x300,
    SIZE = 0x400,
    ANY = CODE + 0x10,
    OWN = CODE + 0x30,
    EXIT = CODE + 0x60
};

/* A program with each form in it, as Go's linker lays it out. */
struct program {
    unsigned char bytes[SIZE];
};

static void put(struct program *program, size_t at, const char *bytes, size_t size)
{
    memcpy(program->bytes + at, bytes, size);
}

static struct program make(void)
{
    struct program program = {{0}};
    Elf64_Ehdr head = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                       .e_type = ET_EXEC,
                       .e_machine = EM_X86_64,
                       .e_phoff = sizeof head,
                       .e_phentsize = sizeof(Elf64_Phdr),
                       .e_phnum = 2};
    Elf64_Phdr segments[] = {
        {.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = BASE, .p_filesz = SIZE, .p_memsz = SIZE},
        {.p_type = PT_NOTE, .p_flags = PF_R, .p_offset = NOTE, .p_vaddr = BASE + NOTE, .p_filesz = 20, .p_memsz = 20}};
    memcpy(program.bytes, &head, sizeof head);
    memcpy(program.bytes + sizeof head, segments, sizeof segments);
    put(&program, NOTE, "\4\0\0\0\4\0\0\0\4\0\0\0Go\0\0abcd", 20);
    put(&program, ANY - 3, "\x48\x89\xdf\x0f\x05\x48\x3d\x01\xf0\xff\xff", 11);
    put(&program, OWN - 5, "\xb8\x09\0\0\0\x0f\x05\x48\x3d\x01\xf0\xff\xff", 13); /* mmap, of the runtime */
    put(&program, EXIT, "\x8b\x7c\x24\x08\xb8\xe7\0\0\0\x0f\x05\xc3", 12);
    return program;
}

static enum sockatlas_untraced find(const struct program *program, size_t size, struct sites *sites)
{
    int fd = memfd_create("program", MFD_CLOEXEC);
    cr_assert(fd >= 0 && write(fd, program->bytes, size) == (ssize_t)size);
    enum sockatlas_untraced why = sites_find(fd, sites);
    close(fd);
    return why;
}

static enum sockatlas_untraced why_not(const struct program *program, size_t size)
{
    struct sites sites;
    enum sockatlas_untraced why = find(program, size, &sites);
    sites_free(&sites);
    return why;
}

Test(sites, are_those_that_any_call_goes_through_and_the_end)
{
    struct program program = make();
    struct sites sites;
    cr_assert_eq(find(&program, SIZE, &sites), SOCKATLAS_TRACEABLE);
    cr_assert_eq(sites.count, 2);
    cr_assert_eq(sites.items[0].address, BASE + ANY);
    cr_assert_eq(sites.items[0].size, 8);
    cr_assert_eq(sites.items[0].call, 0);
    cr_assert_arr_eq(sites.items[0].bytes, program.bytes + ANY, 8);
    cr_assert_eq(sites.items[1].address, BASE + EXIT + 4);
    cr_assert_eq(sites.items[1].size, 7);
    cr_assert_eq(sites.items[1].call, 5);
    cr_assert_eq(sites.low, BASE);
    cr_assert_eq(sites.headers, BASE + sizeof(Elf64_Ehdr));
    cr_assert(sites.go && !sites.movable);
    sites_free(&sites);
}

Test(sites, all_or_nothing)
{
    struct program program = make();
    program.bytes[ANY + 4]++; /* the only one that takes any number */
    cr_assert_eq(why_not(&program, SIZE), SOCKATLAS_UNTRACED_SITES);
    program = make();
    program.bytes[EXIT + 11]++; /* the end is not as it was */
    cr_assert_eq(why_not(&program, SIZE), SOCKATLAS_UNTRACED_SITES);
}

Test(sites, of_no_other_program)
{
    struct program program = make();
    program.bytes[18] = EM_AARCH64;
    cr_assert_eq(why_not(&program, SIZE), SOCKATLAS_UNTRACED_STATIC);
}

/* Without Go's note, with nothing but padding around a call. */
static struct program compiled(const char *code, size_t size)
{
    struct program program = make();
    program.bytes[NOTE + 12] = 'g';
    memset(program.bytes + CODE, 0xcc, SIZE - CODE);
    put(&program, CODE, code, size);
    return program;
}

static struct site only(const struct program *program)
{
    struct sites sites;
    cr_assert_eq(find(program, SIZE, &sites), SOCKATLAS_TRACEABLE);
    cr_assert(!sites.go && sites.count == 1);
    struct site site = sites.items[0];
    sites_free(&sites);
    return site;
}

Test(sites, of_compiled_code_move_what_is_around_them)
{
    struct program program = compiled("\x90\xb8\x29\0\0\0\x0f\x05\xc3", 9); /* mov $41, %eax; syscall; ret */
    struct site site = only(&program);
    cr_assert(site.address == BASE + CODE + 1 && site.size == 7 && site.call == 5 && !site.moved && !site.next);
    program = compiled("\x90\x31\xc0\x0f\x05\x48\x3d\0\xf0\xff\xff\xc3", 12); /* xor; syscall; cmp; ret */
    site = only(&program);
    cr_assert(site.address == BASE + CODE + 3 && site.size == 8 && site.call == 0 && site.moved == 6);
    program = compiled("\x90\x0f\x05\xc3", 4); /* syscall; ret; padding */
    site = only(&program);
    cr_assert(site.size == 5 && site.moved == 1);
    program =
        compiled("\x31\xff\x89\xd0\x0f\x05\xeb\xf8\x31\xc0\xc3", 11); /* xor; mov; syscall; jmp to the beginning */
    site = only(&program);
    cr_assert(site.address == BASE + CODE + 2 && site.call == 2 && site.moved == 0 && site.next == BASE + CODE);
}

Test(sites, of_compiled_code_are_not_where_something_jumps_to)
{
    /* mov $41, %eax; syscall, reached by a jump too; test; ret; jmp to it */
    struct program program = compiled("\xb8\x29\0\0\0\x0f\x05\x85\xc0\xc3\xeb\xf9", 12);
    struct site site = only(&program);
    cr_assert(site.address == BASE + CODE + 5 && site.call == 0 && site.moved == 3);
    /* the same, and a jump to what is behind it */
    program = compiled("\xb8\x29\0\0\0\x0f\x05\x85\xc0\xc3\xeb\xf9\xeb\xf9", 14);
    cr_assert_eq(why_not(&program, SIZE), SOCKATLAS_UNTRACED_SITES);
}

Test(sites, of_compiled_code_are_those_that_are_watched)
{
    /* mov $9, %eax (mmap); mov %esi, %esi; syscall, and nothing that could move: no matter. And one that counts. */
    struct program program = compiled("\xb8\x09\0\0\0\x89\xf6\x0f\x05\xe8\0\0\0\0\xb8\x29\0\0\0\x0f\x05\xc3", 22);
    cr_assert_eq(only(&program).address, BASE + CODE + 14);
}

Test(sites, of_a_file_that_is_cut_off_or_damaged)
{
    struct program program = make();
    for (size_t size = 0; size < SIZE; size++)
        cr_assert_neq(why_not(&program, size), SOCKATLAS_TRACEABLE, "cut off at %zu", size);
    for (size_t at = 0; at < CODE; at++) {
        program = make();
        program.bytes[at] = 0xff;
        why_not(&program, SIZE); /* ends, and reads nothing that is not there */
    }
}
