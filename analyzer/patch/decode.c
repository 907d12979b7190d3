/* SPDX-License-Identifier: MIT
 *
 * Lengths of instructions, from the maps of opcodes in the processor's manual (Intel's volume 2, appendix A).
 */
#include "analyzer/patch/decode.h"

#include <string.h>

/* What follows an opcode. */
enum operand {
    NONE = 0,
    M = 1,      /* ModRM, with what it brings */
    B = 2,      /* a byte */
    Z = 4,      /* four bytes; two with the prefix 66 */
    W = 8,      /* two bytes */
    V = 16,     /* as Z, but eight bytes with REX.W: mov */
    A = 32,     /* an address of eight bytes; four with the prefix 67 */
    GROUP = 64, /* B or Z belongs to the first two of the group alone */
    BAD = 128,  /* none in 64-bit mode */
};

#define ROW8(a)    a, a, a, a, a, a, a, a
#define ROW16(a)   ROW8(a), ROW8(a)
#define ARITHMETIC M, M, M, M, B, Z, BAD, BAD

static const unsigned char one_byte[256] = {
    /* 00 */ ARITHMETIC,
    ARITHMETIC,
    /* 10 */ ARITHMETIC,
    ARITHMETIC,
    /* 20 */ ARITHMETIC,
    ARITHMETIC,
    /* 30 */ ARITHMETIC,
    ARITHMETIC,
    /* 40 */ ROW16(BAD), /* prefixes */
    /* 50 */ ROW16(NONE),
    /* 60 */ BAD,
    BAD,
    BAD,
    M,
    BAD,
    BAD,
    BAD,
    BAD,
    Z,
    M | Z,
    B,
    M | B,
    NONE,
    NONE,
    NONE,
    NONE,
    /* 70 */ ROW16(B),
    /* 80 */ M | B,
    M | Z,
    BAD,
    M | B,
    M,
    M,
    M,
    M,
    ROW8(M),
    /* 90 */ ROW8(NONE),
    NONE,
    NONE,
    BAD,
    NONE,
    NONE,
    NONE,
    NONE,
    NONE,
    /* a0 */ A,
    A,
    A,
    A,
    NONE,
    NONE,
    NONE,
    NONE,
    B,
    Z,
    NONE,
    NONE,
    NONE,
    NONE,
    NONE,
    NONE,
    /* b0 */ ROW8(B),
    ROW8(V),
    /* c0 */ M | B,
    M | B,
    W,
    NONE,
    BAD,
    BAD,
    M | B,
    M | Z,
    B | W,
    NONE,
    W,
    NONE,
    NONE,
    B,
    BAD,
    NONE,
    /* d0 */ M,
    M,
    M,
    M,
    BAD,
    BAD,
    BAD,
    NONE,
    ROW8(M),
    /* e0 */ B,
    B,
    B,
    B,
    B,
    B,
    B,
    B,
    Z,
    Z,
    BAD,
    B,
    NONE,
    NONE,
    NONE,
    NONE,
    /* f0 */ BAD,
    NONE,
    BAD,
    BAD,
    NONE,
    NONE,
    M | B | GROUP,
    M | Z | GROUP,
    NONE,
    NONE,
    NONE,
    NONE,
    NONE,
    NONE,
    M,
    M,
};

/* Behind 0f. */
static const unsigned char two_bytes[256] = {
    /* 00 */ M,
    M,
    M,
    M,
    BAD,
    NONE,
    NONE,
    NONE,
    NONE,
    NONE,
    BAD,
    NONE,
    BAD,
    M,
    NONE,
    M | B,
    /* 10 */ ROW16(M),
    /* 20 */ M,
    M,
    M,
    M,
    BAD,
    BAD,
    BAD,
    BAD,
    ROW8(M),
    /* 30 */ NONE,
    NONE,
    NONE,
    NONE,
    NONE,
    NONE,
    BAD,
    NONE,
    BAD,
    BAD,
    BAD,
    BAD,
    BAD,
    BAD,
    BAD,
    BAD,
    /* 40 */ ROW16(M),
    /* 50 */ ROW16(M),
    /* 60 */ ROW16(M),
    /* 70 */ M | B,
    M | B,
    M | B,
    M | B,
    M,
    M,
    M,
    NONE,
    ROW8(M),
    /* 80 */ ROW16(Z),
    /* 90 */ ROW16(M),
    /* a0 */ NONE,
    NONE,
    NONE,
    M,
    M | B,
    M,
    BAD,
    BAD,
    NONE,
    NONE,
    NONE,
    M,
    M | B,
    M,
    M,
    M,
    /* b0 */ ROW8(M),
    M,
    M,
    M | B,
    M,
    M,
    M,
    M,
    M,
    /* c0 */ M,
    M,
    M | B,
    M,
    M | B,
    M | B,
    M | B,
    M,
    ROW8(NONE),
    /* d0 */ ROW16(M),
    /* e0 */ ROW16(M),
    /* f0 */ ROW16(M),
};

struct reader {
    const unsigned char *bytes;
    size_t capacity, at;
    bool narrow, short_address, wide; /* prefixes 66, 67 and REX.W */
    bool relative;
    unsigned char group; /* the middle of ModRM */
};

static int next(struct reader *in)
{
    return in->at < in->capacity ? in->bytes[in->at++] : -1;
}

static bool is_prefix(int byte)
{
    static const unsigned char prefixes[] = {0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65};
    return byte >= 0 && memchr(prefixes, byte, sizeof prefixes) != NULL;
}

static bool skip_modrm(struct reader *in)
{
    int modrm = next(in);
    if (modrm < 0)
        return false;
    unsigned mode = (unsigned)modrm >> 6, base = modrm & 7, distance = 0;
    in->group = (unsigned char)modrm >> 3 & 7;
    if (mode == 3)
        return true;
    if (base == 4) {
        int sib = next(in);
        if (sib < 0)
            return false;
        base = sib & 7;
        distance = mode == 0 && base == 5 ? 4 : 0;
    } else if (mode == 0 && base == 5) {
        in->relative = true;
        distance = 4;
    }
    in->at += mode == 1 ? 1 : mode == 2 ? 4 : distance;
    return true;
}

static bool skip_operands(struct reader *in, unsigned what)
{
    if (what & BAD)
        return false;
    if ((what & M) && !skip_modrm(in))
        return false;
    if ((what & GROUP) && in->group > 1)
        return true;
    in->at += what & B ? 1 : 0;
    in->at += what & W ? 2 : 0;
    in->at += what & Z ? (in->narrow ? 2 : 4) : 0;
    in->at += what & V ? (in->wide ? 8 : in->narrow ? 2 : 4) : 0;
    in->at += what & A ? (in->short_address ? 4 : 8) : 0;
    return true;
}

/* AMD's XOP: like VEX, with maps of its own. */
static bool skip_xop(struct reader *in)
{
    int map = next(in) & 31;
    in->at += 2;
    return map >= 8 && map <= 10 && skip_operands(in, map == 8 ? M | B : map == 9 ? M : M | Z);
}

/* VEX and EVEX: the map is in the prefix. */
static bool skip_vector(struct reader *in, int first)
{
    int map = 1;
    if (first != 0xc5) {
        int byte = next(in);
        if (byte < 0)
            return false;
        map = byte & (first == 0x62 ? 7 : 31);
        in->at += first == 0x62 ? 1 : 0;
    }
    in->at++;
    int opcode = next(in);
    if (opcode < 0 || map < 1 || map > 6 || map == 4)
        return false;
    if (map == 1 && opcode == 0x77)
        return true;
    bool byte = map == 3 || (map == 1 && (two_bytes[opcode] & B));
    return skip_operands(in, byte ? M | B : M);
}

static enum instruction_kind kind_of(int opcode, int second, const struct reader *in)
{
    if (opcode == 0xe9 || opcode == 0xeb)
        return INSTRUCTION_JUMP;
    if (opcode == 0xe8 || (opcode & 0xf0) == 0x70 || (opcode & 0xfc) == 0xe0 ||
        (opcode == 0x0f && (second & 0xf0) == 0x80))
        return INSTRUCTION_BRANCH;
    if (opcode == 0xc3 || opcode == 0xc2 || opcode == 0xf4)
        return INSTRUCTION_END;
    bool away = opcode == 0xca || opcode == 0xcb || opcode == 0xcc || opcode == 0xcd || opcode == 0xcf ||
                (opcode == 0xff && in->group >= 2 && in->group <= 5) ||
                (opcode == 0x0f && (second == 0x05 || second == 0x07 || second == 0x0b || second == 0x34 ||
                                    second == 0x35 || second == 0xb9 || second == 0xff));
    return away ? INSTRUCTION_AWAY : in->relative ? INSTRUCTION_RELATIVE : INSTRUCTION_PLAIN;
}

static int64_t last_operand(const struct reader *in, bool byte)
{
    int32_t distance;
    if (byte)
        return (int8_t)in->bytes[in->at - 1];
    memcpy(&distance, in->bytes + in->at - 4, sizeof distance);
    return distance;
}

bool decode(const unsigned char *bytes, size_t capacity, struct instruction *out)
{
    enum { LONGEST = 15 };
    struct reader in = {.bytes = bytes, .capacity = capacity < LONGEST ? capacity : LONGEST};
    int opcode = next(&in), second = -1;
    for (; is_prefix(opcode); opcode = next(&in)) {
        in.narrow = in.narrow || opcode == 0x66;
        in.short_address = in.short_address || opcode == 0x67;
    }
    if (opcode >= 0x40 && opcode <= 0x4f) {
        in.wide = opcode & 8;
        opcode = next(&in);
    }
    if (opcode < 0)
        return false;
    bool known;
    if (opcode == 0xc4 || opcode == 0xc5 || opcode == 0x62) {
        known = skip_vector(&in, opcode);
    } else if (opcode == 0x8f && in.at < in.capacity && (in.bytes[in.at] & 31) >= 8) {
        known = skip_xop(&in);
    } else if (opcode == 0x0f) {
        second = next(&in);
        bool longer = second == 0x38 || second == 0x3a;
        in.at += longer ? 1 : 0;
        in.narrow = in.narrow && (second & 0xf0) != 0x80;
        known = second >= 0 && skip_operands(&in, longer ? (second == 0x3a ? M | B : M) : two_bytes[second]);
    } else {
        in.narrow = in.narrow && opcode != 0xe8 && opcode != 0xe9;
        known = skip_operands(&in, one_byte[opcode]);
    }
    if (!known || in.at > in.capacity)
        return false;
    *out = (struct instruction){.size = (unsigned)in.at, .kind = kind_of(opcode, second, &in)};
    if (out->kind == INSTRUCTION_JUMP || out->kind == INSTRUCTION_BRANCH)
        out->distance = last_operand(&in, opcode != 0xe8 && opcode != 0xe9 && opcode != 0x0f);
    return true;
}
