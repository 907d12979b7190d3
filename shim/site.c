/* SPDX-License-Identifier: MIT
 *
 * Sites, see site.h. Go's are few and alike: one or two functions make any call that the program asks for, each
 * `syscall` with the comparison of its result behind it; the runtime's own calls have their number in the instruction
 * before, and none of them is made on a socket.
 */
#include "shim/site.h"

#include <elf.h>
#include <string.h>
#include <sys/syscall.h>

/* Instructions as they stand one behind another, with the system call in their middle. */
struct form {
    unsigned char bytes[SITE_BYTES];
    unsigned char size;
    unsigned char first; /* the first byte that is replaced */
    unsigned char last;  /* and the one behind the last */
    unsigned char call;
    short number;
};

/* clang-format off */
static const struct form go_forms[SITE_GO_FORMS] = {
    /* syscall; cmp $-4095, %rax */
    [SITE_GO_ANY] = {{0x0f, 0x05, 0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff}, 8, 0, 8, 0, SITE_ANY_NUMBER},
    /* syscall; push %r12; cmp $-4095, %rax: the child that shares the stack */
    [SITE_GO_VFORK] = {{0x0f, 0x05, 0x41, 0x54, 0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff}, 10, 0, 10, 0, SITE_ANY_NUMBER},
    /* mov 8(%rsp), %edi; mov $exit_group, %eax; syscall; ret */
    [SITE_GO_EXIT] = {{0x8b, 0x7c, 0x24, 0x08, 0xb8, 0xe7, 0, 0, 0, 0x0f, 0x05, 0xc3}, 12, 4, 11, 9, SYS_exit_group},
    /* mov $0, %edi; mov $exit, %eax; syscall; int $3 */
    [SITE_GO_EXIT_THREAD] = {{0xbf, 0, 0, 0, 0, 0xb8, 0x3c, 0, 0, 0, 0x0f, 0x05, 0xcd, 0x03}, 14, 5, 12, 10, SYS_exit},
};
/* clang-format on */

bool site_wanted(long number)
{
    static const short watched[] = {
#define SYSCALL(name, kind) SYS_##name,
#include "shim/syscall.def"
#undef SYSCALL
    };
    for (size_t i = 0; i < sizeof(watched) / sizeof(*watched); i++)
        if (number == watched[i])
            return true;
    return number == SITE_ANY_NUMBER;
}

/* The number that the instruction in front of `at` sets, SITE_ANY_NUMBER where that is none:
 * mov $number, %eax or mov $number, %rax. */
static long number_before(const unsigned char *code, size_t at)
{
    uint32_t number;
    if (at < 7)
        return SITE_ANY_NUMBER;
    memcpy(&number, code + at - 4, sizeof(number));
    bool set = code[at - 5] == 0xb8 || memcmp(code + at - 7, "\x48\xc7\xc0", 3) == 0;
    return set && number < 1024 ? (long)number : SITE_ANY_NUMBER;
}

/* Whether the system call at `call` is in one of the forms. */
static bool is_go_site(const unsigned char *code, size_t size, size_t call, struct site *out,
                       unsigned found[SITE_GO_FORMS])
{
    long number = number_before(code, call);
    for (size_t i = 0; i < SITE_GO_FORMS; i++) {
        const struct form *form = &go_forms[i];
        if (call < form->call || size - (call - form->call) < form->size ||
            memcmp(code + call - form->call, form->bytes, form->size) != 0 ||
            (form->number == SITE_ANY_NUMBER && !site_wanted(number)))
            continue;
        *out = (struct site){.address = call - form->call + form->first,
                             .size = (unsigned)form->last - form->first,
                             .call = (unsigned)form->call - form->first,
                             .moved = (unsigned)form->last - form->call - 2};
        memcpy(out->bytes, form->bytes + form->first, out->size);
        /* The one with its number before it is none that any call goes through. */
        found[i] += form->number != SITE_ANY_NUMBER || number == SITE_ANY_NUMBER;
        return true;
    }
    return false;
}

bool site_find_go(const unsigned char *code, size_t size, size_t *at, struct site *out, unsigned found[SITE_GO_FORMS])
{
    const unsigned char *next;
    while (*at + 1 < size && (next = memchr(code + *at, 0x0f, size - 1 - *at))) {
        size_t call = (size_t)(next - code);
        *at = call + 1;
        if (next[1] == 0x05 && is_go_site(code, size, call, out, found))
            return true;
    }
    *at = size;
    return false;
}

bool site_go_complete(const unsigned found[SITE_GO_FORMS])
{
    return found[SITE_GO_ANY] > 0 && found[SITE_GO_EXIT] == 1;
}

bool site_is_go(const unsigned char *notes, size_t size)
{
    enum { GO_BUILD_ID = 4 };
    Elf64_Nhdr note; /* the same for both word sizes */
    for (size_t at = 0; at + sizeof(note) + 4 <= size;) {
        memcpy(&note, notes + at, sizeof(note));
        if (note.n_type == GO_BUILD_ID && note.n_namesz == 4 && memcmp(notes + at + sizeof(note), "Go\0", 4) == 0)
            return true;
        if (note.n_namesz > size || note.n_descsz > size)
            return false;
        at += sizeof(note) + (((size_t)note.n_namesz + 3) & ~(size_t)3) + (((size_t)note.n_descsz + 3) & ~(size_t)3);
    }
    return false;
}

static void put_jump(unsigned char *at, uint64_t from, uint64_t to)
{
    int32_t distance = (int32_t)(to - (from + 5));
    at[0] = 0xe9;
    memcpy(at + 1, &distance, sizeof(distance));
}

void site_write_jump(unsigned char jump[SITE_BYTES], uint64_t from, uint64_t to)
{
    memset(jump, 0x90, SITE_BYTES);
    put_jump(jump, from, to);
}

void site_write_stub(unsigned char stub[SITE_STUB_SIZE], const struct site *site, const struct site_stub *at)
{
    static const unsigned char nothing[] = {0x0f, 0x1f, 0x44, 0x00, 0x00};
    static const unsigned char check[] = {
        0x48, 0x3d,
        0x00, 0x02,
        0x00, 0x00, /* cmp $SITE_NUMBERS, %rax */
        0x73, 0x0e, /* jae PLAIN */
        0x4c, 0x8d,
        0x1d, 0,
        0,    0,
        0, /* lea kinds(%rip), %r11 */
        0x41, 0x80,
        0x3c, 0x03,
        0x00,                                   /* cmpb $0, (%r11, %rax) */
        0x75, SITE_STUB_SLOW - SITE_STUB_PLAIN, /* jne SLOW */
        0x0f, 0x05,                             /* PLAIN: syscall */
    };
    _Static_assert(SITE_STUB_CHECK + sizeof(check) == SITE_STUB_AFTER, "the stub's parts are where they should be");
    enum { LEA = SITE_STUB_CHECK + 8, LEA_END = LEA + 7 };
    memset(stub, 0xcc, SITE_STUB_SIZE);
    if (site->call == 0)
        memcpy(stub, nothing, sizeof(nothing));
    else
        memset(stub, 0x90, sizeof(nothing));
    memcpy(stub, site->bytes, site->call); /* what stood before the call: it takes its place, or its beginning */
    memcpy(stub + SITE_STUB_CHECK, check, sizeof(check));
    int32_t distance = (int32_t)(at->kinds - (at->address + LEA_END));
    memcpy(stub + LEA + 3, &distance, sizeof(distance));
    unsigned end = SITE_STUB_AFTER + site->moved;
    memcpy(stub + SITE_STUB_AFTER, site->bytes + site->call + 2, site->moved);
    put_jump(stub + end, at->address + end, at->bias + (site->next ? site->next : site->address + site->size));
    uint32_t mark = at->index << SITE_SHIFT;
    stub[SITE_STUB_SLOW] = 0x0d; /* or $mark, %eax */
    memcpy(stub + SITE_STUB_SLOW + 1, &mark, sizeof(mark));
    put_jump(stub + SITE_STUB_SLOW + 5, at->address + SITE_STUB_SLOW + 5, at->enter);
}
