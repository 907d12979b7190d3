/* SPDX-License-Identifier: MIT
 *
 * Variables of which each thread has its own. In the shared object they are the compiler's; in the piece (piece/),
 * which is put into programs that give it no space of that kind, they are at the same place in a block of the thread's,
 * whose address a register holds while the piece runs. THREAD marks the definition, THREAD_OWN() is the calling
 * thread's. All begin as zeros.
 */
#ifndef SHIM_THREAD_H
#define SHIM_THREAD_H

#if defined(SOCKATLAS_PIECE)
extern char __start_thread_image[] __attribute__((visibility("hidden")));
extern char __stop_thread_image[] __attribute__((visibility("hidden")));
#if defined(__clang__) /* which only looks at it: no piece is made by it */
extern char *thread_block;
#else
register char *thread_block __asm__("r15");
#endif
#define THREAD __attribute__((section("thread_image")))
#define THREAD_OWN(variable)                                                                                           \
    (*(__typeof__(variable) *)(void *)(thread_block + ((char *)&(variable)-__start_thread_image)))
#else
#define THREAD               __thread
#define THREAD_OWN(variable) (variable)
#endif

#endif
