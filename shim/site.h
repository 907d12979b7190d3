/* SPDX-License-Identifier: MIT
 *
 * A site: an instruction of a program by which it makes system calls, and what takes its place. What Go's are like; the
 * stub that a site is redirected to. For the shim, which redirects those of a dynamic Go program that it is loaded into
 * (site_redirect.c), and for sockatlas-patch (analyzer/patch/), which redirects those of programs without a libc. Reads
 * and writes what it is given only.
 */
#ifndef SHIM_SITE_H
#define SHIM_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SITE_BYTES = 16, SITE_ANY_NUMBER = -1 };

/* An instruction that makes a system call, with those around it that have to give way to the jump: one before it at
 * most, and those behind it. */
struct site {
    uint64_t address;                /* of the first byte that is replaced */
    unsigned char bytes[SITE_BYTES]; /* what stands there */
    unsigned size;                   /* how many are replaced: at least a jump's five */
    unsigned call;                   /* where among them the system call is */
    unsigned moved;                  /* bytes behind the call that are instructions to be kept; what is left, is none */
    uint64_t next;                   /* where it goes on behind those; 0: behind the last byte */
};

/* A stub stands for one redirected instruction. The program jumps to its first byte. Where the instruction was reached
 * with its number in the same place always, the stub begins by setting it. */
enum {
    SITE_STUB_SIZE = 64,
    SITE_STUB_CHECK = 5,  /* behind what sets the number, or five bytes that do nothing */
    SITE_STUB_PLAIN = 27, /* the system call as it was */
    SITE_STUB_AFTER = 29, /* instructions that stood behind it and had to move, then the jump back */
    SITE_STUB_MOVED = 20, /* space for them */
    SITE_STUB_SLOW = 54,  /* a number that is watched */
    SITE_NUMBERS = 512,   /* from here on none is */
    SITE_MOST = 1023,
    SITE_SHIFT = 16, /* of the stub's index, above the number of the call, on the way to `enter` */
};

/* Where a stub is, and what it leads to. */
struct site_stub {
    uint64_t address; /* the stub's */
    uint64_t kinds;   /* a byte a number: not 0 where it is watched */
    uint64_t enter;   /* code: where a watched number goes */
    uint64_t bias;    /* how far from where it was linked the program is */
    unsigned index;   /* of the site, from 1 on */
};

void site_write_stub(unsigned char stub[SITE_STUB_SIZE], const struct site *site, const struct site_stub *at);
/* What replaces the site's bytes when it is at `from`: a jump to `to`, then nothing. */
void site_write_jump(unsigned char jump[SITE_BYTES], uint64_t from, uint64_t to);

/* Whether calls with this number are of use: any, or one that is watched. */
bool site_wanted(long number);

/* ---- Go's ---- */

/* How many of each form were found that any call goes through. */
enum site_go_form { SITE_GO_ANY, SITE_GO_VFORK, SITE_GO_EXIT, SITE_GO_EXIT_THREAD, SITE_GO_FORMS };

/* The next site of Go's in `code` that is of use, from *at on, which moves behind it; its address is counted from the
 * beginning of `code`. False: there is none. */
bool site_find_go(const unsigned char *code, size_t size, size_t *at, struct site *out, unsigned found[SITE_GO_FORMS]);
/* Whether those are all that a Go program has to have: any call goes through one at least, and it ends in one. */
bool site_go_complete(const unsigned found[SITE_GO_FORMS]);
/* Whether notes, the contents of a segment, have that of Go's linker. */
bool site_is_go(const unsigned char *notes, size_t size);

#endif
