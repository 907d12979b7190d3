/* SPDX-License-Identifier: MIT
 *
 * Wrappers of the loader's calls, by which libraries come that call libc's functions and not ours: loaded with
 * RTLD_DEEPBIND, or into a process that was attached to. Their slots are redirected as soon as they are there. Those in
 * a namespace of their own cannot be.
 *
 * libc looks at who called (RUNPATH, namespace), so these leave no frame: they note the call and jump. Only where it
 * makes no difference, for a path that is one, the call is made from here, and the slots are redirected before the
 * program has the library. Else that is done when a program that was attached to asks for a symbol, and with the next
 * library.
 */
#include "shim/loader.h"

#include "shim/config.h"
#include "shim/coverage.h"
#include "shim/got.h"
#include "shim/hook.h"
#include "shim/load.h"
#include "shim/memory.h"

#include <limits.h>
#include <string.h>

/* Libraries were loaded whose slots are still as the loader bound them. */
static bool unvisited;

static const char *name_of(const char *path)
{
    return path ? path : "(the program)";
}

/* Slots that lead past us still, as when another preloaded library stands in for the same function, are a blind spot.
 * In a process that was attached to, nobody knows which ones are the library's. */
static void visit(const char *path)
{
    static unsigned left;
    int error = errno;
    __atomic_store_n(&unvisited, false, __ATOMIC_RELAXED);
    unsigned now = got_redirect().left, before = __atomic_exchange_n(&left, now, __ATOMIC_RELAXED);
    if (now > before && !config.late)
        coverage_record(SOCKATLAS_CALL_dlopen, SOCKATLAS_COVERAGE_DEEPBIND, path);
    errno = error;
}

static void *dlopen_and_visit(const char *path, int mode)
{
    void *library = real.dlopen(path, mode);
    if (config.on && library)
        visit(name_of(path));
    return library;
}

/* Who calls matters to glibc only for names without a slash and for "$ORIGIN" and the like. */
static bool is_plain_path(const char *path)
{
    size_t size = path ? memory_text(&(struct memory_walk){0}, path, PATH_MAX) : MEMORY_UNREADABLE;
    return size != MEMORY_UNREADABLE && memchr(path, '/', size) && !memchr(path, '$', size);
}

static bool binds_past_us(int mode)
{
#ifdef RTLD_DEEPBIND
    if (mode & RTLD_DEEPBIND)
        return true;
#endif
    return config.late;
}

/* Called by the wrappers; returns where to go on. */
__attribute__((used)) static void *dlopen_begin(const char *path, int mode)
{
    load_ready();
    if (!config.on || !binds_past_us(mode) || (mode & RTLD_NOLOAD))
        return (void *)real.dlopen;
    if (is_plain_path(path))
        return (void *)dlopen_and_visit;
    __atomic_store_n(&unvisited, true, __ATOMIC_RELAXED);
    if (!config.late)
        coverage_record(SOCKATLAS_CALL_dlopen, SOCKATLAS_COVERAGE_DEEPBIND, name_of(path));
    return (void *)real.dlopen;
}

__attribute__((used)) static void *dlmopen_begin(Lmid_t namespace, const char *path)
{
    load_ready();
    if (namespace != LM_ID_BASE)
        coverage_record(SOCKATLAS_CALL_dlmopen, SOCKATLAS_COVERAGE_DEEPBIND, name_of(path));
    return (void *)real.dlmopen;
}

__attribute__((used)) static void *dlsym_begin(void)
{
    load_ready();
    if (__builtin_expect(unvisited, 0) && config.on)
        visit("a library loaded by its name alone");
    return (void *)real.dlsym;
}

#if defined(__x86_64__)
#define JUMP_CODE(name, begin, seen)                                                                                   \
    __asm__(".pushsection .text\n" seen " " #name "\n"                                                                 \
            ".type " #name ", @function\n" #name ":\n"                                                                 \
            "    .cfi_startproc\n"                                                                                     \
            "    endbr64\n"                                                                                            \
            "    pushq %rdi\n"                                                                                         \
            "    pushq %rsi\n"                                                                                         \
            "    pushq %rdx\n"                                                                                         \
            "    .cfi_adjust_cfa_offset 24\n"                                                                          \
            "    call " #begin "\n"                                                                                    \
            "    popq %rdx\n"                                                                                          \
            "    popq %rsi\n"                                                                                          \
            "    popq %rdi\n"                                                                                          \
            "    .cfi_adjust_cfa_offset -24\n"                                                                         \
            "    jmp *%rax\n"                                                                                          \
            "    .cfi_endproc\n"                                                                                       \
            ".size " #name ", .-" #name "\n"                                                                           \
            ".popsection\n")
#elif defined(__i386__)
#define JUMP_CODE(name, begin, seen)                                                                                   \
    __asm__(".pushsection .text\n" seen " " #name "\n"                                                                 \
            ".type " #name ", @function\n" #name ":\n"                                                                 \
            "    .cfi_startproc\n"                                                                                     \
            "    endbr32\n"                                                                                            \
            "    subl $4, %esp\n"                                                                                      \
            "    pushl 12(%esp)\n"                                                                                     \
            "    pushl 12(%esp)\n"                                                                                     \
            "    .cfi_adjust_cfa_offset 12\n"                                                                          \
            "    call " #begin "\n"                                                                                    \
            "    addl $12, %esp\n"                                                                                     \
            "    .cfi_adjust_cfa_offset -12\n"                                                                         \
            "    jmp *%eax\n"                                                                                          \
            "    .cfi_endproc\n"                                                                                       \
            ".size " #name ", .-" #name "\n"                                                                           \
            ".popsection\n")
#elif defined(__aarch64__)
#define JUMP_CODE(name, begin, seen)                                                                                   \
    __asm__(".pushsection .text\n" seen " " #name "\n"                                                                 \
            ".type " #name ", %function\n" #name ":\n"                                                                 \
            "    .cfi_startproc\n"                                                                                     \
            "    stp x29, x30, [sp, #-48]!\n"                                                                          \
            "    .cfi_adjust_cfa_offset 48\n"                                                                          \
            "    stp x0, x1, [sp, #16]\n"                                                                              \
            "    str x2, [sp, #32]\n"                                                                                  \
            "    bl " #begin "\n"                                                                                      \
            "    mov x16, x0\n"                                                                                        \
            "    ldr x2, [sp, #32]\n"                                                                                  \
            "    ldp x0, x1, [sp, #16]\n"                                                                              \
            "    ldp x29, x30, [sp], #48\n"                                                                            \
            "    .cfi_adjust_cfa_offset -48\n"                                                                         \
            "    br x16\n"                                                                                             \
            "    .cfi_endproc\n"                                                                                       \
            ".size " #name ", .-" #name "\n"                                                                           \
            ".popsection\n")
#endif
#define JUMP_WRAPPER(name) JUMP_CODE(name, name##_begin, ".globl")

/* A library into the program's namespace. */
JUMP_WRAPPER(dlopen);
/* A library into a namespace of its own. musl has no such name. */
JUMP_WRAPPER(dlmopen);
/* A symbol is asked for. No program finds this by its name: allocators and sanitizers call dlsym(3) where nothing of
 * libc's may be called yet. */
JUMP_CODE(loader_dlsym, dlsym_begin, ".local");
void *loader_dlsym(void *library, const char *name);

void loader_watch(void)
{
    got_add("dlsym", (void *)loader_dlsym, (void *)real.dlsym);
}
