/* SPDX-License-Identifier: MIT
 *
 * busy_daemon LEDGER HOW ROUNDS: becomes a daemon as such programs do (two forks, a session, the root folder), closes
 * every descriptor in the way HOW names (loop, closefrom, close_range, none), finds the numbers free from 0 on, and
 * goes on with connections. Every process ends by SIGKILL, so that nothing is recorded at its end.
 */
#include "tests/targets/busy.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static void close_all(const char *how)
{
    if (strcmp(how, "loop") == 0)
        for (int fd = 0; fd < 1024; fd++)
            close(fd);
    else if (strcmp(how, "closefrom") == 0)
        closefrom(0);
    else if (strcmp(how, "close_range") == 0)
        close_range(0, ~0u, 0);
}

static void check(int held)
{
    if (!held)
        ledger->wrong++;
}

static void daemon_life(const char *how, long rounds)
{
    check(setsid() >= 0 && chdir("/") == 0);
    close_all(how);
    ledger_count(ledger, SOCKATLAS_START);
    if (strcmp(how, "none") != 0) {
        ledger_count(ledger, SOCKATLAS_CLOSE); /* the parent's socket */
        check(open("/dev/null", O_RDWR) == 0 && dup(0) == 1 && dup(0) == 2);
        check(did(SOCKATLAS_SOCKET, socket(AF_INET, SOCK_STREAM, 0), "socket") == 3);
        did(SOCKATLAS_CLOSE, close(3), "close");
    }
    busy_rounds(rounds);
    kill(getpid(), SIGKILL);
}

/* Waits for one child, which must have killed itself. */
static int killed(void)
{
    int status;
    return wait(&status) > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fputs("usage: busy_daemon LEDGER loop|closefrom|close_range|none ROUNDS\n", stderr);
        return 2;
    }
    busy_begin(argv[1], 1);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    did(SOCKATLAS_SOCKET, socket(AF_INET, SOCK_STREAM, 0), "socket");
    pid_t child = fork();
    if (child == 0) {
        pid_t daemon = fork();
        if (daemon == 0)
            daemon_life(argv[2], strtol(argv[3], NULL, 10));
        did(SOCKATLAS_FORK, daemon, "fork");
        ledger_count(ledger, SOCKATLAS_START);
        kill(getpid(), SIGKILL);
    }
    did(SOCKATLAS_FORK, child, "fork");
    if (killed() && killed())
        kill(getpid(), SIGKILL);
    return 1;
}
