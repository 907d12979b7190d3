/* SPDX-License-Identifier: MIT
 *
 * signals READY: writes a line to the fifo READY, then waits for signals. SIGTERM ends it with 7, SIGUSR1 with 8;
 * SIGINT is counted, with another line to READY; SIGQUIT prints the count and ends it. They are held from the start, so
 * that none comes too early.
 */
#include "tests/targets/target.h"

#include <fcntl.h>
#include <signal.h>

static void tell(const char *fifo)
{
    int fd = must(open(fifo, O_WRONLY), fifo);
    must((int)write(fd, "ready\n", 6), fifo);
    must(close(fd), fifo);
}

int main(int argc, char **argv)
{
    static const int awaited[] = {SIGTERM, SIGUSR1, SIGINT, SIGQUIT};
    sigset_t set;
    int interrupts = 0, number;
    if (argc != 2)
        return 2;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof awaited / sizeof awaited[0]; i++)
        sigaddset(&set, awaited[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    tell(argv[1]);
    while (sigwait(&set, &number) == 0) {
        if (number != SIGINT)
            break;
        interrupts++;
        tell(argv[1]);
    }
    if (number == SIGQUIT)
        printf("interrupts: %d\n", interrupts);
    return number == SIGTERM ? 7 : number == SIGUSR1 ? 8 : 0;
}
