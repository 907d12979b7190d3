/* SPDX-License-Identifier: MIT
 *
 * The sites of a program that was compiled, C or C++ with the C library in it: each instruction that makes a system
 * call which is watched, or of which it cannot be told. A jump takes five bytes, the call two: instructions around it
 * move, where that changes nothing. All instructions of the program are gone through for it, so that none is moved that
 * something else jumps to. One site that cannot be redirected, and nothing is.
 */
#include "analyzer/patch/decode.h"
#include "analyzer/patch/internal.h"

#include <stdlib.h>
#include <string.h>

enum { JUMP = 5, CALL = 2, PREFIX = 5, MOVED = 20 };

/* The instructions of one segment. */
struct code {
    const unsigned char *bytes;
    size_t size;
    uint64_t address;
    unsigned char *targets; /* a bit for each byte that something jumps to */
};

static bool is_target(const struct code *code, size_t at)
{
    return code->targets[at / 8] >> at % 8 & 1;
}

/* The instruction at `at`; a byte that begins none is one by itself, so that the walk goes on behind data. */
static struct instruction read_at(const struct code *code, size_t at)
{
    struct instruction found;
    if (decode(code->bytes + at, code->size - at, &found))
        return found;
    return (struct instruction){.size = 1, .kind = INSTRUCTION_AWAY};
}

static void mark_targets(struct code *code)
{
    for (size_t at = 0; at < code->size;) {
        struct instruction here = read_at(code, at);
        at += here.size;
        uint64_t to = at + (uint64_t)here.distance;
        if ((here.kind == INSTRUCTION_JUMP || here.kind == INSTRUCTION_BRANCH) && to < code->size)
            code->targets[to / 8] |= (unsigned char)(1u << to % 8);
    }
}

static bool is_padding(const struct code *code, size_t at, const struct instruction *here)
{
    const unsigned char *bytes = code->bytes + at;
    size_t skip = 0;
    while (skip < here->size && (bytes[skip] == 0x66 || bytes[skip] == 0x2e))
        skip++;
    return (here->size == 1 && *bytes == 0xcc) || (skip + 1 == here->size && bytes[skip] == 0x90) ||
           (skip + 1 < here->size && bytes[skip] == 0x0f && bytes[skip + 1] == 0x1f);
}

/* Makes space behind the call, which the bytes from `first` on are for: instructions that can move, of which the last
 * may end the function or go elsewhere; behind that, bytes that are never reached. */
static bool take_behind(const struct code *code, size_t first, size_t call, struct site *site)
{
    bool over = false;
    size_t at = call + CALL;
    while (at - first < JUMP) {
        if (at >= code->size || is_target(code, at))
            return false;
        struct instruction here = read_at(code, at);
        for (size_t i = 1; i < here.size; i++)
            if (at + i >= code->size || is_target(code, at + i))
                return false;
        if (over) {
            if (!is_padding(code, at, &here))
                return false;
        } else if (here.kind == INSTRUCTION_JUMP) {
            site->next = code->address + at + here.size + (uint64_t)here.distance;
            over = true;
        } else if (here.kind == INSTRUCTION_PLAIN || here.kind == INSTRUCTION_END) {
            over = here.kind == INSTRUCTION_END;
            site->moved += here.size;
        } else {
            return false;
        }
        at += here.size;
    }
    site->address = code->address + first;
    site->size = (unsigned)(at - first);
    site->call = (unsigned)(call - first);
    if (site->size > SITE_BYTES || site->moved > MOVED)
        return false;
    memcpy(site->bytes, code->bytes + first, site->size);
    return true;
}

/* `before`: where the instruction in front of the call begins. */
static bool take(const struct code *code, size_t before, size_t call, struct site *site)
{
    bool reached = is_target(code, call) || is_target(code, call + 1);
    struct instruction previous = read_at(code, before);
    bool moves =
        !reached && before + previous.size == call && previous.size <= PREFIX && previous.kind == INSTRUCTION_PLAIN;
    for (size_t i = 1; moves && i < previous.size; i++)
        moves = !is_target(code, before + i);
    if (moves && previous.size + CALL >= JUMP && take_behind(code, before, call, site))
        return true;
    *site = (struct site){0};
    if (!is_target(code, call + 1) && take_behind(code, call, call, site))
        return true;
    *site = (struct site){0};
    return moves && take_behind(code, before, call, site);
}

/* What an instruction's ModRM says: the register in its middle, and the one at its end, none where that is memory. */
struct modrm {
    unsigned middle, end;
};

static struct modrm read_modrm(unsigned prefix, unsigned char byte)
{
    enum { MEMORY = 16 };
    unsigned end = byte >> 6 == 3 ? (byte & 7u) | (prefix & 1) << 3 : MEMORY;
    return (struct modrm){.middle = (byte >> 3 & 7u) | (prefix & 4) << 1, .end = end};
}

/* Whether an instruction is known to leave RAX as it is: the common ones between where a number is set and the call. */
static bool keeps_number(const unsigned char *bytes, const struct instruction *here)
{
    unsigned prefix = (bytes[0] & 0xf0) == 0x40 ? *bytes++ : 0, opcode = bytes[0];
    struct modrm modrm = read_modrm(prefix, bytes[1]);
    if (here->kind == INSTRUCTION_BRANCH)
        return (opcode & 0xf0) == 0x70 || opcode == 0x0f;
    if (opcode >= 0xb8 && opcode <= 0xbf)
        return opcode != 0xb8 || (prefix & 1);
    switch (opcode) {
    case 0x38: /* cmp, test, push */
    case 0x39:
    case 0x3a:
    case 0x3b:
    case 0x3c:
    case 0x3d:
    case 0x84:
    case 0x85:
    case 0xa8:
    case 0xa9:
        return true;
    case 0x80:
    case 0x81:
    case 0x83:
        return modrm.middle % 8 == 7 || modrm.end != 0;
    case 0x01: /* those that write to ModRM's end */
    case 0x09:
    case 0x21:
    case 0x29:
    case 0x31:
    case 0x88:
    case 0x89:
    case 0xc1:
    case 0xc6:
    case 0xc7:
        return modrm.end != 0;
    case 0x03: /* and to its middle */
    case 0x0b:
    case 0x23:
    case 0x2b:
    case 0x33:
    case 0x63:
    case 0x8b:
    case 0x8d:
        return modrm.middle != 0;
    case 0x0f: /* a nop, moves of vectors */
        return bytes[1] && strchr("\x1f\x1e\x10\x11\x16\x17\x28\x29\x6f\x7f\xd6", bytes[1]) != NULL;
    default:
        return opcode >= 0x50 && opcode <= 0x57;
    }
}

/* The number in RAX behind an instruction, given the one before it. */
static long number_behind(long number, const unsigned char *bytes, const struct instruction *here)
{
    uint32_t value;
    bool short_form = here->size == 5 && bytes[0] == 0xb8, long_form = here->size == 7 && bytes[1] == 0xc7;
    if (short_form || (long_form && bytes[0] == 0x48 && bytes[2] == 0xc0)) {
        memcpy(&value, bytes + here->size - sizeof(value), sizeof(value));
        return value < INT32_MAX ? (long)value : SITE_ANY_NUMBER;
    }
    if (here->size == 2 && bytes[0] == 0x31 && bytes[1] == 0xc0)
        return 0;
    return here->size > 1 && keeps_number(bytes, here) ? number : SITE_ANY_NUMBER;
}

static bool find_in(const struct code *code, struct sites *sites)
{
    long number = SITE_ANY_NUMBER;
    for (size_t at = 0, before = 0; at < code->size;) {
        struct instruction here = read_at(code, at);
        bool calls = here.size == CALL && code->bytes[at] == 0x0f && code->bytes[at + 1] == 0x05;
        struct site site = {0};
        if (is_target(code, at))
            number = SITE_ANY_NUMBER;
        if (calls && site_wanted(number) && (!take(code, before, at, &site) || !sites_add(sites, &site)))
            return false;
        number = at + 3 < code->size ? number_behind(number, code->bytes + at, &here) : SITE_ANY_NUMBER;
        before = at;
        at += here.size;
    }
    return true;
}

bool sites_find_static(const struct image *image, struct sites *sites)
{
    for (unsigned i = 0; i < image->head->e_phnum; i++) {
        const Elf64_Phdr *segment = &image->segments[i];
        if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X) || segment->p_filesz == 0)
            continue;
        struct code code = {.bytes = image->bytes + segment->p_offset,
                            .size = segment->p_filesz,
                            .address = segment->p_vaddr,
                            .targets = calloc(segment->p_filesz / 8 + 1, 1)};
        if (!code.targets)
            return false;
        mark_targets(&code);
        bool found = find_in(&code, sites);
        free(code.targets);
        if (!found)
            return false;
    }
    return sites->count > 0;
}
