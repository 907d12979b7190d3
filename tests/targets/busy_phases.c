/* SPDX-License-Identifier: MIT
 *
 * busy_phases LEDGER PHASES ROUNDS [orphan]: as busy, one thread, in PHASES phases of ROUNDS connections each. After
 * each but the last it prints "ready" and waits for a byte on standard input, so that something can be done to the
 * disk. At its end it prints "done" and kills itself. `orphan`: after the first phase it goes on as a forked child, and
 * its parent exits; at its end the child exits too.
 */
#include "tests/targets/busy.h"

#include <signal.h>

static void until_told(void)
{
    char byte;
    if (write(1, "ready\n", 6) != 6 || read(0, &byte, 1) != 1)
        _exit(2);
}

static void go_on_as_child(void)
{
    pid_t child = fork();
    if (child != 0) {
        did(SOCKATLAS_FORK, child, "fork");
        exit(0);
    }
    did(SOCKATLAS_SOCKET, socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    ledger_count(ledger, SOCKATLAS_START);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fputs("usage: busy_phases LEDGER PHASES ROUNDS [orphan]\n", stderr);
        return 2;
    }
    long phases = strtol(argv[2], NULL, 10), rounds = strtol(argv[3], NULL, 10);
    busy_begin(argv[1], 1);
    for (long i = 0; i < phases; i++) {
        if (i > 0)
            until_told();
        if (i == 1 && argc > 4)
            go_on_as_child();
        busy_rounds(rounds);
    }
    if (write(1, "done\n", 5) != 5)
        return 2;
    if (argc == 4)
        kill(getpid(), SIGKILL);
}
