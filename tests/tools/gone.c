/* SPDX-License-Identifier: MIT
 *
 * gone PID SECONDS  until process PID has ended (a zombie has); exit status 1 when the time is over
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: gone PID SECONDS\n", stderr);
        return 2;
    }
    struct pollfd ended = {.events = POLLIN};
    ended.fd = (int)syscall(SYS_pidfd_open, (pid_t)strtol(argv[1], NULL, 10), 0);
    if (ended.fd < 0)
        return errno == ESRCH ? 0 : 1;
    return poll(&ended, 1, (int)strtol(argv[2], NULL, 10) * 1000) == 1 ? 0 : 1;
}
