/* SPDX-License-Identifier: MIT
 *
 * busy LEDGER PROCESSES THREADS ROUNDS [END]: opens, uses and closes TCP connections to itself in every thread, ROUNDS
 * of them (0: for ever), and counts what was done in LEDGER (tests/fault/ledger.h). END tells how each process ends:
 * exit (the default) or kill (by SIGKILL). Ends with 1 when a call did not do what it should.
 */
#include "tests/targets/busy.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

static long rounds;

static void *work(void *unused)
{
    busy_rounds(rounds);
    return unused;
}

static int run_threads(long count)
{
    pthread_t threads[256];
    long made = 0;
    for (; made < count - 1 && made < 256; made++)
        if (pthread_create(&threads[made], NULL, work, NULL) != 0)
            break;
    work(NULL);
    for (long i = 0; i < made; i++)
        pthread_join(threads[i], NULL);
    return made == count - 1 ? 0 : 1;
}

static int end(int status, const char *how)
{
    if (status == 0 && how && strcmp(how, "kill") == 0)
        kill(getpid(), SIGKILL);
    return status;
}

/* A process that recorded nothing has no log to hand on to its children, and a child's START comes with its first
 * event. */
static int run_processes(long count, long threads, const char *how)
{
    int status = 0, bad = 0;
    if (count > 1)
        did(SOCKATLAS_SOCKET, socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    for (long i = 1; i < count; i++) {
        pid_t child = fork();
        if (child == 0) {
            did(SOCKATLAS_SOCKET, socket(AF_UNIX, SOCK_STREAM, 0), "socket");
            ledger_count(ledger, SOCKATLAS_START);
            exit(end(run_threads(threads), how));
        }
        did(SOCKATLAS_FORK, child, "fork");
    }
    bad = run_threads(threads);
    while (wait(&status) > 0)
        bad |=
            !(WIFEXITED(status) && WEXITSTATUS(status) == 0) && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return end(bad, how);
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fputs("usage: busy LEDGER PROCESSES THREADS ROUNDS [exit|kill]\n", stderr);
        return 2;
    }
    long processes = strtol(argv[2], NULL, 10), threads = strtol(argv[3], NULL, 10);
    rounds = strtol(argv[4], NULL, 10);
    busy_begin(argv[1], processes * threads);
    return run_processes(processes, threads, argc > 5 ? argv[5] : NULL);
}
