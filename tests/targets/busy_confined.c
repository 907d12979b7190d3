/* SPDX-License-Identifier: MIT
 *
 * busy_confined LEDGER WHEN ROUNDS WHAT...: gives things up, before its first socket (WHEN first) or after it (later),
 * and goes on with connections. WHAT: chroot (into an empty folder), setuid (to nobody), raw-setuid (the same by
 * syscall(2)), capset (all rights), landlock (making and writing files), mlockall, nofile (no number
 * free but those it needs), fsize (no file may grow), as (an address space of 64 MiB), stdio (standard streams closed),
 * seccomp (a filter that kills for what a log that grows or opens files would call).
 * Ends by SIGKILL.
 */
#include "tests/targets/busy.h"
#include "tests/targets/confine.h"

#include <signal.h>

int main(int argc, char **argv)
{
    if (argc < 5) {
        fputs("usage: busy_confined LEDGER first|later ROUNDS WHAT...\n", stderr);
        return 2;
    }
    busy_begin(argv[1], 1);
    if (strcmp(argv[2], "later") == 0)
        busy_rounds(1);
    for (int i = 4; i < argc; i++)
        if (give_up(argv[i]) < 0) {
            perror(argv[i]);
            return 3;
        } else if (strcmp(argv[i], "seccomp") == 0) {
            busy_in_sandbox = true;
        }
    busy_rounds(strtol(argv[3], NULL, 10));
    kill(getpid(), SIGKILL);
    return 1;
}
