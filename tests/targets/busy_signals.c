/* SPDX-License-Identifier: MIT
 *
 * busy_signals LEDGER ROUNDS: connections in the main thread, while a signal every 100 us opens and closes sockets in
 * its handler, wherever it meets the program. Ends by SIGKILL, so that nothing is recorded at its end.
 */
#include "tests/targets/busy.h"

#include <signal.h>
#include <sys/time.h>

static unsigned handled;

static void on_signal(int number)
{
    int fds[2], before = errno;
    (void)number;
    did(SOCKATLAS_SOCKETPAIR, socketpair(AF_UNIX, SOCK_STREAM, 0, fds), "socketpair");
    did(SOCKATLAS_CLOSE, close(fds[0]), "close");
    did(SOCKATLAS_CLOSE, close(fds[1]), "close");
    did(SOCKATLAS_CLOSE, close(did(SOCKATLAS_SOCKET, socket(AF_INET, SOCK_DGRAM, 0), "socket")), "close");
    handled++;
    errno = before;
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct itimerval every = {.it_interval.tv_usec = 100, .it_value.tv_usec = 100};
    if (argc != 3) {
        fputs("usage: busy_signals LEDGER ROUNDS\n", stderr);
        return 2;
    }
    busy_begin(argv[1], 1);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &every, NULL);
    busy_rounds(strtol(argv[2], NULL, 10));
    if (handled == 0)
        return 1;
    kill(getpid(), SIGKILL);
    return 1;
}
