/* SPDX-License-Identifier: MIT
 *
 * account LEDGER TRACE...: a program's own count of its calls against its trace and the losses that the trace admits;
 * exit status 1 when they do not add up. Prints one line of figures.
 */
#include "tests/fault/tally.h"

#include <stdlib.h>

int main(int argc, char **argv)
{
    struct tally tally;
    if (argc < 3) {
        fputs("usage: account LEDGER TRACE...\n", stderr);
        return 2;
    }
    struct ledger *ledger = ledger_map(argv[1]);
    if (!ledger) {
        perror(argv[1]);
        return 2;
    }
    tally_read(&tally, argv + 2, argc - 2);
    bool agrees = tally_agrees(&tally, ledger, true, stdout);
    uint64_t done = 0;
    for (int kind = 0; kind < 64; kind++)
        done += ledger->done[kind];
    printf("%llu records due, %llu lost, %llu overwritten, %u log files\n", (unsigned long long)done,
           (unsigned long long)tally.lost, (unsigned long long)tally.overwritten, tally.images);
    return agrees ? 0 : 1;
}
