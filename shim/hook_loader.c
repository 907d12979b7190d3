/* SPDX-License-Identifier: MIT
 *
 * Wrappers of the loader's calls that can hide a library from us: a library loaded with RTLD_DEEPBIND, or into a
 * namespace of its own, finds libc's functions before ours. libc looks at who called (RUNPATH, namespace), so these
 * leave no frame: they note the call and jump.
 */
#include "shim/coverage.h"
#include "shim/hook.h"
#include "shim/load.h"

#include <string.h>

static const char *name_of(const char *path)
{
    return path ? path : "(the program)";
}

/* Called by the wrappers; returns where to go on. */
__attribute__((used)) static void *dlopen_begin(const char *path, int mode)
{
    load_ready();
#ifdef RTLD_DEEPBIND
    if (mode & RTLD_DEEPBIND)
        coverage_record(SOCKATLAS_CALL_dlopen, SOCKATLAS_COVERAGE_DEEPBIND, name_of(path));
#endif
    return (void *)real.dlopen;
}

__attribute__((used)) static void *dlmopen_begin(Lmid_t namespace, const char *path)
{
    load_ready();
    if (namespace != LM_ID_BASE)
        coverage_record(SOCKATLAS_CALL_dlmopen, SOCKATLAS_COVERAGE_DEEPBIND, name_of(path));
    return (void *)real.dlmopen;
}

#if defined(__x86_64__)
#define JUMP_WRAPPER(name)                                                                                             \
    __asm__(".pushsection .text\n"                                                                                     \
            ".globl " #name "\n"                                                                                       \
            ".type " #name ", @function\n" #name ":\n"                                                                 \
            "    .cfi_startproc\n"                                                                                     \
            "    endbr64\n"                                                                                            \
            "    pushq %rdi\n"                                                                                         \
            "    pushq %rsi\n"                                                                                         \
            "    pushq %rdx\n"                                                                                         \
            "    .cfi_adjust_cfa_offset 24\n"                                                                          \
            "    call " #name "_begin\n"                                                                               \
            "    popq %rdx\n"                                                                                          \
            "    popq %rsi\n"                                                                                          \
            "    popq %rdi\n"                                                                                          \
            "    .cfi_adjust_cfa_offset -24\n"                                                                         \
            "    jmp *%rax\n"                                                                                          \
            "    .cfi_endproc\n"                                                                                       \
            ".size " #name ", .-" #name "\n"                                                                           \
            ".popsection\n")
#elif defined(__i386__)
#define JUMP_WRAPPER(name)                                                                                             \
    __asm__(".pushsection .text\n"                                                                                     \
            ".globl " #name "\n"                                                                                       \
            ".type " #name ", @function\n" #name ":\n"                                                                 \
            "    .cfi_startproc\n"                                                                                     \
            "    endbr32\n"                                                                                            \
            "    subl $4, %esp\n"                                                                                      \
            "    pushl 12(%esp)\n"                                                                                     \
            "    pushl 12(%esp)\n"                                                                                     \
            "    .cfi_adjust_cfa_offset 12\n"                                                                          \
            "    call " #name "_begin\n"                                                                               \
            "    addl $12, %esp\n"                                                                                     \
            "    .cfi_adjust_cfa_offset -12\n"                                                                         \
            "    jmp *%eax\n"                                                                                          \
            "    .cfi_endproc\n"                                                                                       \
            ".size " #name ", .-" #name "\n"                                                                           \
            ".popsection\n")
#elif defined(__aarch64__)
#define JUMP_WRAPPER(name)                                                                                             \
    __asm__(".pushsection .text\n"                                                                                     \
            ".globl " #name "\n"                                                                                       \
            ".type " #name ", %function\n" #name ":\n"                                                                 \
            "    .cfi_startproc\n"                                                                                     \
            "    stp x29, x30, [sp, #-48]!\n"                                                                          \
            "    .cfi_adjust_cfa_offset 48\n"                                                                          \
            "    stp x0, x1, [sp, #16]\n"                                                                              \
            "    str x2, [sp, #32]\n"                                                                                  \
            "    bl " #name "_begin\n"                                                                                 \
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

/* A library into the program's namespace. */
JUMP_WRAPPER(dlopen);
/* A library into a namespace of its own. musl has no such name. */
JUMP_WRAPPER(dlmopen);
