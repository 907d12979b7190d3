/* SPDX-License-Identifier: MIT
 *
 * The piece's beginning, in the thread of a program that stands at its first instruction.
 */
#include "shim/config.h"
#include "shim/coverage.h"
#include "shim/load.h"
#include "shim/piece/internal.h"
#include "shim/raw.h"
#include "shim/sandbox.h"
#include "shim/site.h"
#include "shim/site_area.h"
#include "shim/site_entry.h"
#include "shim/sys.h"

#include <elf.h>
#include <sys/auxv.h>
#include <unistd.h>

extern const char piece_boot[], piece_boot_refused[], piece_text_end[], __ehdr_start[];
extern const unsigned char piece_stubs[];
static char boot_stack[64 << 10] __attribute__((aligned(16))) LARGE;

/* All that the trace will have of the program. */
static void not_followed(const char *why)
{
    coverage_record(SOCKATLAS_CALL_NONE, SOCKATLAS_COVERAGE_UNTRACED_CHILD, why);
}

/* `arguments`: where the stack stood when the program began: how many arguments, they, the environment, the auxiliary
 * vector. */
__attribute__((used)) static long piece_begin(long *arguments, unsigned flags)
{
    enum { FSGSBASE = 2 };
    char **entry = (char **)(arguments + 1 + arguments[0] + 1);
    environ = entry;
    while (*entry)
        entry++;
    piece_auxiliary((const unsigned long *)(entry + 1));
    load_ready();
    if (!config.on || sandbox_inside())
        return PIECE_OFF;
    config.patched = true;
    site_stubs = piece_stubs;
    const char *why = NULL;
    if (!(getauxval(AT_HWCAP2) & FSGSBASE))
        why = "statically linked, and neither processor nor kernel tells its threads apart (FSGSBASE, Linux 5.9)";
    else if (!area_prepare(flags & PIECE_OWN_STACKS))
        why = "statically linked, and there is no memory to follow its threads in";
    if (why)
        not_followed(why);
    return why ? PIECE_NO_MEMORY : PIECE_READY;
}

__attribute__((used)) static long piece_refuse(void)
{
    not_followed("statically linked, and its system calls could not be redirected");
    return PIECE_OFF;
}

/* In the block of the thread that is not begun yet. */
static struct {
    struct area area;
    char block[2048];
} boot_area __attribute__((aligned(64), used));

__attribute__((used, section(".data.head"))) const struct piece_head piece_head = {
    .begin = (uint64_t)piece_boot,
    .refused = (uint64_t)piece_boot_refused,
    .stack = (uint64_t)(boot_stack + sizeof(boot_stack)),
    .enter = (uint64_t)site_enter,
    .kinds = (uint64_t)syscall_kinds,
    .stubs = (uint64_t)piece_stubs,
    .text_size = (uint64_t)piece_text_end,
};

_Static_assert((SITE_MOST + 1) * SITE_STUB_SIZE == 65536, "as the assembly has it");

/* clang-format off */
__asm__(
    ".section .text.stubs,\"ax\",@progbits\n"
    ".balign 4096\n"
    ".globl piece_stubs\n"
    ".hidden piece_stubs\n"
    "piece_stubs:\n"
    "    .fill 65536, 1, 0xcc\n"
    ".section .text.enter,\"ax\",@progbits\n"
    ".globl piece_boot\n"
    ".hidden piece_boot\n"
    "piece_boot:\n"
    "    leaq 16+boot_area(%rip), %r15\n"
    "    call piece_begin\n"
    "    int3\n"
    ".globl piece_boot_refused\n"
    ".hidden piece_boot_refused\n"
    "piece_boot_refused:\n"
    "    leaq 16+boot_area(%rip), %r15\n"
    "    call piece_refuse\n"
    "    int3\n"
    ".text\n");
/* clang-format on */
