/* SPDX-License-Identifier: MIT
 *
 * System calls made by the shim for itself. They bypass libc: errno stays the program's, no cancellation point is
 * passed, and no wrapper of ours is entered again. In a sandbox none is made: each fails with EPERM (sandbox.h).
 * Callable from anywhere.
 */
#ifndef SHIM_SYS_H
#define SHIM_SYS_H

#include "shim/sandbox.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

/* Marks a table of many pages. They are placed behind all small variables, which so share one page: each page that is
 * written costs a fault in every image and two in every fork. */
#define LARGE __attribute__((section(".bss.large")))

/* Marks a variable that is read at every event and hardly ever written: they share a cache line or two. What the kernel
 * does between two events empties the first-level cache, so each line that an event touches counts. */
#define HOT __attribute__((section(".bss.hot")))

/* The kernel's result: a negative errno on failure. For sandbox.c, and for sys_call() below. */
static inline long sys_raw(long number, long a, long b, long c, long d, long e, long f)
{
#if defined(__clang_analyzer__)
    /* It sees no memory written in assembly, but takes a function it does not know to write some. */
    long sys_unknown(long, long, long, long, long, long, long);
    return sys_unknown(number, a, b, c, d, e, f);
#elif defined(__x86_64__)
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
#elif defined(__i386__)
    /* The sixth argument's register is the one that the compiler may have its frame by. */
    long result;
    __asm__ volatile("pushl %[sixth]\n\t"
                     "pushl %%ebp\n\t"
                     "movl 4(%%esp), %%ebp\n\t"
                     "int $0x80\n\t"
                     "popl %%ebp\n\t"
                     "addl $4, %%esp"
                     : "=a"(result)
                     : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e), [sixth] "g"(f)
                     : "memory", "cc");
    return result;
#else
#error "sockatlas knows the system call convention of x86-64, i386 and AArch64 only"
#endif
}

static inline long sys_call(long number, long a, long b, long c, long d, long e, long f)
{
    return sandbox_inside() ? -EPERM : sys_raw(number, a, b, c, d, e, f);
}

#define SYS_PICK(_1, _2, _3, _4, _5, _6, _7, name, ...) name
#define sys(...)                                        SYS_PICK(__VA_ARGS__, sys_6, sys_5, sys_4, sys_3, sys_2, sys_1, sys_0)(__VA_ARGS__)
#define sys_0(n)                                        sys_call(n, 0, 0, 0, 0, 0, 0)
#define sys_1(n, a)                                     sys_call(n, (long)(a), 0, 0, 0, 0, 0)
#define sys_2(n, a, b)                                  sys_call(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define sys_3(n, a, b, c)                               sys_call(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define sys_4(n, a, b, c, d)                            sys_call(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define sys_5(n, a, b, c, d, e)                         sys_call(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define sys_6(n, a, b, c, d, e, f)                      sys_call(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* Calls whose number or arguments differ between word sizes, and that take no structure; sys_file.h has those on files.
 */
#if defined(__i386__)
static inline uint32_t sys_uid(void)
{
    return (uint32_t)sys(SYS_getuid32);
}

static inline uint32_t sys_euid(void)
{
    return (uint32_t)sys(SYS_geteuid32);
}

static inline uint32_t sys_gid(void)
{
    return (uint32_t)sys(SYS_getgid32);
}

static inline uint32_t sys_egid(void)
{
    return (uint32_t)sys(SYS_getegid32);
}

static inline long sys_mmap(void *address, size_t size, int protection, int flags, long fd)
{
    return sys(SYS_mmap2, address, size, protection, flags, fd, 0);
}
#else
static inline uint32_t sys_uid(void)
{
    return (uint32_t)sys(SYS_getuid);
}

static inline uint32_t sys_euid(void)
{
    return (uint32_t)sys(SYS_geteuid);
}

static inline uint32_t sys_gid(void)
{
    return (uint32_t)sys(SYS_getgid);
}

static inline uint32_t sys_egid(void)
{
    return (uint32_t)sys(SYS_getegid);
}

static inline long sys_mmap(void *address, size_t size, int protection, int flags, long fd)
{
    return sys(SYS_mmap, address, size, protection, flags, fd, 0);
}
#endif

/* Whether the result of sys_mmap() is an error: addresses may be above half of the address space. */
static inline bool sys_is_error(long result)
{
    return result < 0 && result > -4096;
}

#endif
