/* SPDX-License-Identifier: MIT
 *
 * Lengths and kinds of instructions, as an assembler and objdump have them.
 */
#include "analyzer/patch/decode.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct {
    const char *text, *bytes;
    unsigned size;
    enum instruction_kind kind;
    int64_t distance;
} known[] = {
    {"nop", "\x90", 1, INSTRUCTION_PLAIN, 0},
    {"syscall", "\x0f\x05", 2, INSTRUCTION_AWAY, 0},
    {"mov $41, %eax", "\xb8\x29\0\0\0", 5, INSTRUCTION_PLAIN, 0},
    {"mov $41, %rax", "\x48\xc7\xc0\x29\0\0\0", 7, INSTRUCTION_PLAIN, 0},
    {"movabs $1, %rax", "\x48\xb8\1\0\0\0\0\0\0\0", 10, INSTRUCTION_PLAIN, 0},
    {"cmp $-4096, %rax", "\x48\x3d\0\xf0\xff\xff", 6, INSTRUCTION_PLAIN, 0},
    {"mov 8(%rsp), %rdi", "\x48\x8b\x7c\x24\x08", 5, INSTRUCTION_PLAIN, 0},
    {"mov -0x60(%rbp), %edi", "\x8b\x7d\xa0", 3, INSTRUCTION_PLAIN, 0},
    {"mov 0(,%rax,8), %rax", "\x48\x8b\x04\xc5\0\0\0\0", 8, INSTRUCTION_PLAIN, 0},
    {"mov 0x1000(%rbx), %ecx", "\x8b\x8b\0\x10\0\0", 6, INSTRUCTION_PLAIN, 0},
    {"mov 16(%rip), %eax", "\x8b\x05\x10\0\0\0", 6, INSTRUCTION_RELATIVE, 0},
    {"lea 16(%rip), %rsi", "\x48\x8d\x35\x10\0\0\0", 7, INSTRUCTION_RELATIVE, 0},
    {"movl $1, 16(%rip)", "\xc7\x05\x10\0\0\0\1\0\0\0", 10, INSTRUCTION_RELATIVE, 0},
    {"movw $1, (%rax)", "\x66\xc7\0\1\0", 5, INSTRUCTION_PLAIN, 0},
    {"test $1, %bl", "\xf6\xc3\1", 3, INSTRUCTION_PLAIN, 0},
    {"neg %rax", "\x48\xf7\xd8", 3, INSTRUCTION_PLAIN, 0},
    {"jmp .-6", "\xeb\xf8", 2, INSTRUCTION_JUMP, -8},
    {"jmp .+261", "\xe9\0\1\0\0", 5, INSTRUCTION_JUMP, 256},
    {"ja .+3", "\x77\1", 2, INSTRUCTION_BRANCH, 1},
    {"ja .+262", "\x0f\x87\0\1\0\0", 6, INSTRUCTION_BRANCH, 256},
    {"call .", "\xe8\xfb\xff\xff\xff", 5, INSTRUCTION_BRANCH, -5},
    {"jmp *%rax", "\xff\xe0", 2, INSTRUCTION_AWAY, 0},
    {"call *%r9", "\x41\xff\xd1", 3, INSTRUCTION_AWAY, 0},
    {"ret", "\xc3", 1, INSTRUCTION_END, 0},
    {"hlt", "\xf4", 1, INSTRUCTION_END, 0},
    {"ud2", "\x0f\x0b", 2, INSTRUCTION_AWAY, 0},
    {"endbr64", "\xf3\x0f\x1e\xfa", 4, INSTRUCTION_PLAIN, 0},
    {"nopw 0(%rax,%rax,1)", "\x66\x0f\x1f\x84\0\0\0\0\0", 9, INSTRUCTION_PLAIN, 0},
    {"pshufd $0, %xmm0, %xmm0", "\x66\x0f\x70\xc0\0", 5, INSTRUCTION_PLAIN, 0},
    {"palignr $1, %xmm1, %xmm0", "\x66\x0f\x3a\x0f\xc1\1", 6, INSTRUCTION_PLAIN, 0},
    {"vzeroupper", "\xc5\xf8\x77", 3, INSTRUCTION_PLAIN, 0},
    {"vpxor %ymm2, %ymm1, %ymm0", "\xc5\xf5\xef\xc2", 4, INSTRUCTION_PLAIN, 0},
    {"vpermq $1, %ymm1, %ymm0", "\xc4\xe3\xfd\x00\xc1\1", 6, INSTRUCTION_PLAIN, 0},
    {"vmovdqu64 64(%rsi), %zmm16", "\x62\xe1\xfe\x48\x6f\x46\1", 7, INSTRUCTION_PLAIN, 0},
};

Test(decode, knows_instructions)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct instruction found;
        cr_assert(decode((const unsigned char *)known[i].bytes, known[i].size, &found), "%s", known[i].text);
        cr_assert_eq(found.size, known[i].size, "%s: %u", known[i].text, found.size);
        cr_assert_eq(found.kind, known[i].kind, "%s: %d", known[i].text, (int)found.kind);
        cr_assert_eq(found.distance, known[i].distance, "%s", known[i].text);
    }
}

Test(decode, takes_no_part_for_the_whole)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        for (size_t capacity = 0; capacity < known[i].size; capacity++) {
            struct instruction found;
            cr_assert_not(decode((const unsigned char *)known[i].bytes, capacity, &found), "%s", known[i].text);
        }
}

Test(decode, knows_what_is_none)
{
    static const char *const none[] = {"\x06", "\x60", "\x9a", "\xd6", "\x0f\x04"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        unsigned char bytes[16] = {0};
        struct instruction found;
        memcpy(bytes, none[i], strlen(none[i]));
        cr_assert_not(decode(bytes, sizeof bytes, &found), "%zu", i);
    }
}
