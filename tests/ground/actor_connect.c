/* SPDX-License-Identifier: MIT
 *
 * Leaving connect() by siglongjmp(). Called by actor.c.
 */
#include "tests/ground/actor.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TCP_STATE_SYN_SENT 2

static sigjmp_buf out;
static int connecting;

/* Leaves where the call has begun to wait; before, the call goes on. */
static void leave(int number)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    (void)number;
    if (getsockopt(connecting, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_state == TCP_STATE_SYN_SENT)
        siglongjmp(out, 1);
}

int actor_leap(int fd, const struct sockaddr *address, socklen_t size)
{
    static timer_t timer;
    struct sigaction action = {.sa_handler = leave, .sa_flags = SA_RESTART};
    struct sigevent tick = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec each = {{0, 1000000}, {0, 1000000}};
    static int result;
    connecting = fd;
    sigaction(SIGUSR1, &action, NULL);
    if (timer_create(CLOCK_MONOTONIC, &tick, &timer) < 0)
        return -1;
    if (sigsetjmp(out, 1) == 0) {
        timer_settime(timer, 0, &each, NULL);
        result = connect(fd, address, size);
    } else {
        result = -1;
    }
    timer_delete(timer);
    action.sa_handler = SIG_IGN;
    sigaction(SIGUSR1, &action, NULL);
    errno = EINTR;
    return result;
}
