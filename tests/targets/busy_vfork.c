/* SPDX-License-Identifier: MIT
 *
 * busy_vfork LEDGER ROUNDS: threads that make vfork children, which open and close sockets, close one of the parent's
 * and end, while other threads go on with connections in the same memory. Ends by SIGKILL, so that nothing is recorded
 * at its end.
 */
#include "tests/targets/busy.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

static long rounds;

static void *connections(void *unused)
{
    busy_rounds(rounds);
    return unused;
}

static void *children(void *unused)
{
    int held = did(SOCKATLAS_SOCKET, socket(AF_UNIX, SOCK_STREAM, 0), "socket"), status;
    for (long i = 0; i < rounds; i++) {
        /* NOLINTBEGIN(clang-analyzer-unix.Vfork,clang-analyzer-security.insecureAPI.vfork): what such a child does to
         * its parent is what is tried */
        pid_t child = vfork();
        if (child == 0) {
            int fd = did(SOCKATLAS_SOCKET, socket(AF_INET, SOCK_STREAM, 0), "socket");
            ledger_count(ledger, SOCKATLAS_START);
            did(SOCKATLAS_CLOSE, close(fd), "close");
            did(SOCKATLAS_CLOSE, close(held), "close");
            _exit(7);
        }
        /* NOLINTEND(clang-analyzer-unix.Vfork,clang-analyzer-security.insecureAPI.vfork) */
        did(SOCKATLAS_FORK, child, "vfork");
        if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 7)
            __atomic_fetch_add(&ledger->wrong, 1, __ATOMIC_RELAXED);
    }
    did(SOCKATLAS_CLOSE, close(held), "close");
    return unused;
}

int main(int argc, char **argv)
{
    pthread_t threads[4];
    if (argc != 3) {
        fputs("usage: busy_vfork LEDGER ROUNDS\n", stderr);
        return 2;
    }
    busy_begin(argv[1], 4);
    rounds = strtol(argv[2], NULL, 10);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, i % 2 ? children : connections, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    kill(getpid(), SIGKILL);
    return 1;
}
