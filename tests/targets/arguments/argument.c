/* SPDX-License-Identifier: MIT
 *
 * Makes arguments. Each memory argument of a call has three pages of its own at a fixed address: two that can be
 * written to and one that cannot be touched.
 */
#include "tests/targets/arguments/argument.h"

#include "tests/targets/arguments/content.h"
#include "tests/targets/target.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <netdb.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define AREAS ((uintptr_t)(sizeof(void *) > 4 ? 0x100000000 : 0x10000000))
enum { PLACES = 10, PAGE = 4096, PAGES = 3 };

/* Where an object of `size` bytes lies in its pages. */
enum position {
    GOOD,
    STATIC,
    NOWHERE,
    LOW,
    UNREADABLE,
    AT_EDGE,
    TOO_SHORT,
    ONE_BYTE,
    READ_ONLY,
    WRITE_ONLY,
    ODD,
    ACROSS,
    HIGH,
    POSITIONS
};
static const char *const position_names[] = {"good", "static",    "null",       "low", "unreadable", "edge", "short",
                                             "one",  "read-only", "write-only", "odd", "across",     "high"};

#define VALUES(name, ...) static const long values_##name[] = {__VA_ARGS__};
#define MEMORY(name, hashed, list)
#define DESCRIPTOR(name, make)
#define SPECIAL(name, choices, make) static long make(unsigned choice);
#include "tests/targets/arguments/kinds.def"
#undef VALUES
#undef MEMORY
#undef DESCRIPTOR
#undef SPECIAL

static const struct shape {
    const char *name;
    const long *values;
    unsigned count;
    struct content *contents;
    bool hashed;
    int (*open)(void);
    long (*special)(unsigned choice);
} shapes[KINDS] = {
#define VALUES(name, ...)            [name] = {#name, .values = values_##name, .count = sizeof values_##name / sizeof(long)},
#define MEMORY(name, hash, list)     [name] = {#name, .contents = list, .hashed = hash},
#define DESCRIPTOR(name, make)       [name] = {#name, .open = make_##make, .count = 4},
#define SPECIAL(name, choices, make) [name] = {#name, .special = make, .count = choices},
#include "tests/targets/arguments/kinds.def"
#undef VALUES
#undef MEMORY
#undef DESCRIPTOR
#undef SPECIAL
};

static unsigned port;

/* The whole of 127.0.0.0/8 is this machine: two programs with different ports do not meet. */
struct sockaddr_in argument_address(unsigned number)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(0x7f400000u | port),
                                .sin_port = htons((uint16_t)(20000 + number))};
}

/* ---- Special ones ---- */

static long a_stream(unsigned choice)
{
    int pair[2];
    if (choice == 2)
        return 0;
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
    FILE *stream = fdopen(pair[0], "w");
    fputs("text", stream);
    if (choice)
        close(pair[1]);
    return (long)stream;
}

static int leave(void *unused)
{
    (void)unused;
    _exit(0);
}

static void *stay(void *unused)
{
    return unused;
}

static long a_thread(unsigned choice)
{
    (void)choice;
    return (long)(uintptr_t)stay;
}

static long a_function(unsigned choice)
{
    (void)choice;
    return (long)(uintptr_t)leave;
}

static long a_stack(unsigned choice)
{
    static char stack[64 << 10] __attribute__((aligned(16)));
    return choice ? 0 : (long)(uintptr_t)(stack + sizeof stack);
}

/* ---- Memory ---- */

static unsigned char *area(unsigned place)
{
    return (unsigned char *)AREAS + (uintptr_t)place * PAGES * PAGE;
}

static long in_memory(const struct content *content, enum position position, unsigned place)
{
    static unsigned char elsewhere[PLACES][2 * PAGE];
    unsigned char *start = area(place), *end = start + 2 * PAGE, *at = start;
    size_t size = content->size, fits = size;
    switch (position) {
    case STATIC:
        at = elsewhere[place];
        break;
    case NOWHERE:
        return 0;
    case LOW:
        return 8;
    case HIGH:
        return (long)(sizeof(void *) > 4 ? 0xffffffffff600000 : 0xfffff000);
    case UNREADABLE:
        return (long)(uintptr_t)end;
    case AT_EDGE:
        at = end - size;
        break;
    case TOO_SHORT:
        fits = size / 2;
        at = end - fits;
        break;
    case ONE_BYTE:
        fits = 1;
        at = end - 1;
        break;
    case ODD:
        at = start + 1;
        break;
    case ACROSS:
        at = start + PAGE - size / 2;
        break;
    default:
        break;
    }
    if (at < start && position != STATIC)
        at = start;
    if (position != STATIC && at + fits > end)
        fits = (size_t)(end - at);
    memcpy(at, content->bytes, fits < sizeof elsewhere[0] ? fits : sizeof elsewhere[0]);
    if (position == READ_ONLY || position == WRITE_ONLY)
        must(mprotect(start, 2 * PAGE, position == READ_ONLY ? PROT_READ : PROT_WRITE), "mprotect");
    return (long)(uintptr_t)at;
}

static unsigned contents_count(const struct shape *shape)
{
    unsigned count = 0;
    while (shape->contents[count].size)
        count++;
    return count;
}

/* ---- All ---- */

void argument_begin(unsigned given)
{
    port = given;
    content_begin();
    void *all = area(0);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    if (mmap(all, PLACES * PAGES * PAGE, PROT_READ | PROT_WRITE, flags, -1, 0) != all)
        exit(2);
    for (unsigned i = 0; i < PLACES; i++)
        must(mprotect(area(i) + 2 * PAGE, PAGE, PROT_NONE), "mprotect");
}

unsigned argument_choices(enum kind kind)
{
    const struct shape *shape = &shapes[kind];
    return shape->contents ? POSITIONS + contents_count(shape) - 1 : shape->count;
}

int argument_points(enum kind kind)
{
    return shapes[kind].contents != NULL;
}

/* Contents beyond the first few are combinations themselves. */
int argument_combines(enum kind kind, unsigned choice)
{
    enum { CONTENTS = 7 };
    static const bool combine[POSITIONS] = {
        [NOWHERE] = true, [UNREADABLE] = true, [AT_EDGE] = true, [TOO_SHORT] = true, [READ_ONLY] = true};
    return !argument_points(kind) || (choice < POSITIONS ? combine[choice] : choice < POSITIONS + CONTENTS);
}

void argument_describe(enum kind kind, unsigned choice, char *out, size_t size)
{
    static const char *const descriptors[] = {"", "-1", "closed", "pipe"};
    const struct shape *shape = &shapes[kind];
    if (shape->values)
        snprintf(out, size, "%ld", shape->values[choice]);
    else if (shape->open)
        snprintf(out, size, "%s", choice ? descriptors[choice] : shape->name);
    else if (shape->special)
        snprintf(out, size, "%s %u", shape->name, choice);
    else if (choice < POSITIONS)
        snprintf(out, size, "%s %s", shape->name, position_names[choice]);
    else
        snprintf(out, size, "%s number %u", shape->name, choice - POSITIONS + 1);
}

long argument_make(enum kind kind, unsigned choice, unsigned place)
{
    const struct shape *shape = &shapes[kind];
    if (shape->values)
        return shape->values[choice];
    if (shape->open)
        return choice == 0 ? shape->open() : choice == 1 ? -1 : choice == 2 ? 99 : make_pipe_in();
    if (shape->special)
        return shape->special(choice);
    bool other = choice >= POSITIONS;
    return in_memory(&shape->contents[other ? choice - POSITIONS + 1 : 0], other ? GOOD : (enum position)choice, place);
}

static uint64_t sum(uint64_t hash, const unsigned char *from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ from[i]) * 0x100000001b3u;
    return hash;
}

uint64_t argument_sum(const enum kind *kinds)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (unsigned i = 0; kinds[i]; i++) {
        if (!shapes[kinds[i]].hashed)
            continue;
        must(mprotect(area(i), 2 * PAGE, PROT_READ), "mprotect");
        hash = sum(hash, area(i), 2 * PAGE);
    }
    return sum(hash, content_side, CONTENT_PAGE);
}
