/* SPDX-License-Identifier: MIT
 *
 * The sites of Go programs. They are few and alike: one or two functions make any call that the program asks for, each
 * `syscall` with the comparison of its result behind it; the runtime's own calls have their number in the instruction
 * before, and none of them is made on a socket.
 */
#include "analyzer/patch/internal.h"

#include <string.h>
#include <sys/syscall.h>

/* Instructions as they stand one behind another, with the system call in their middle. */
struct form {
    const char *name;
    unsigned char bytes[SITE_BYTES];
    unsigned char size;
    unsigned char first; /* the first byte that is replaced */
    unsigned char last;  /* and the one behind the last */
    unsigned char call;
    short number;
};

/* clang-format off */
static const struct form go_forms[] = {
    /* syscall; cmp $-4095, %rax */
    {"any", {0x0f, 0x05, 0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff}, 8, 0, 8, 0, SITE_ANY_NUMBER},
    /* syscall; push %r12; cmp $-4095, %rax: the child that shares the stack */
    {"vfork", {0x0f, 0x05, 0x41, 0x54, 0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff}, 10, 0, 10, 0, SITE_ANY_NUMBER},
    /* mov 8(%rsp), %edi; mov $exit_group, %eax; syscall; ret */
    {"exit", {0x8b, 0x7c, 0x24, 0x08, 0xb8, 0xe7, 0, 0, 0, 0x0f, 0x05, 0xc3}, 12, 4, 11, 9, SYS_exit_group},
    /* mov $0, %edi; mov $exit, %eax; syscall; int $3 */
    {"exit a thread", {0xbf, 0, 0, 0, 0, 0xb8, 0x3c, 0, 0, 0, 0x0f, 0x05, 0xcd, 0x03}, 14, 5, 12, 10, SYS_exit},
};
/* clang-format on */

/* The number that the instruction in front of `at` sets, SITE_ANY_NUMBER where that is none:
 * mov $number, %eax or mov $number, %rax. */
static long number_before(const unsigned char *bytes, size_t at)
{
    uint32_t number;
    if (at < 7)
        return SITE_ANY_NUMBER;
    memcpy(&number, bytes + at - 4, sizeof(number));
    bool set = bytes[at - 5] == 0xb8 || memcmp(bytes + at - 7, "\x48\xc7\xc0", 3) == 0;
    return set && number < 1024 ? (long)number : SITE_ANY_NUMBER;
}

static bool add_go(struct sites *sites, const Elf64_Phdr *segment, const unsigned char *bytes, size_t at,
                   unsigned found[])
{
    for (size_t i = 0; i < sizeof(go_forms) / sizeof(*go_forms); i++) {
        const struct form *form = &go_forms[i];
        if (segment->p_filesz - at < form->size || memcmp(bytes + at, form->bytes, form->size) != 0)
            continue;
        if (form->number == SITE_ANY_NUMBER && !sites_want(number_before(bytes, at + form->call)))
            continue;
        struct site site = {.address = segment->p_vaddr + at + form->first,
                            .size = (unsigned)form->last - form->first,
                            .call = (unsigned)form->call - form->first,
                            .moved = (unsigned)form->last - form->call - 2};
        memcpy(site.bytes, form->bytes + form->first, site.size);
        /* The one with its number before it is none that any call goes through. */
        found[i] += form->number != SITE_ANY_NUMBER || number_before(bytes, at + form->call) == SITE_ANY_NUMBER;
        if (!sites_add(sites, &site))
            return false;
    }
    return true;
}

/* Any call goes through one function at least, and the program ends in one place. */
bool sites_find_go(const struct image *image, struct sites *sites)
{
    enum { ANY = 0, EXIT = 2 };
    unsigned found[sizeof(go_forms) / sizeof(*go_forms)] = {0};
    for (unsigned i = 0; i < image->head->e_phnum; i++) {
        const Elf64_Phdr *segment = &image->segments[i];
        if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X))
            continue;
        const unsigned char *bytes = image->bytes + segment->p_offset;
        for (size_t at = 0; at < segment->p_filesz; at++)
            if (!add_go(sites, segment, bytes, at, found))
                return false;
    }
    return found[ANY] > 0 && found[EXIT] == 1;
}
