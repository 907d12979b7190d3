/* SPDX-License-Identifier: MIT
 *
 * Actors: their pipes, their lives, and a look at their sockets.
 */
#include "tests/ground/cast.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_WITHIN_MS 20000

static const char *const words[] = {
#define X(name) #name,
    ORDERS(X)
#undef X
};

static struct cast_stage stage;
static FILE *told;
static struct {
    int orders, answers; /* this end */
    pid_t pid;
    int pidfd; /* -1: none there */
    struct cast_span span;
} actors[ACTORS_MAX];

uint64_t cast_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

struct cast_span cast_span(int channel)
{
    return actors[channel].span;
}

void cast_kill_all(void)
{
    for (int i = 0; i < ACTORS_MAX; i++)
        if (actors[i].pid > 0 && actors[i].pidfd >= 0)
            cast_kill(i);
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}

void cast_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    cast_kill_all();
    exit(2);
}

static void place(int fd, int at)
{
    if (dup2(fd, at) < 0)
        cast_fail("dup2: %s", strerror(errno));
    close(fd);
}

void cast_open(const struct cast_stage *given)
{
    stage = *given;
    told = fopen(stage.told, "we");
    if (!told)
        cast_fail("%s: %s", stage.told, strerror(errno));
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (int i = 0; i < ACTORS_MAX; i++) {
        int orders[2], answers[2];
        if (pipe2(orders, O_CLOEXEC) < 0 || pipe2(answers, O_CLOEXEC) < 0)
            cast_fail("pipe2: %s", strerror(errno));
        place(orders[0], ORDER_FD(i));
        place(answers[1], ANSWER_FD(i));
        actors[i].orders = orders[1];
        actors[i].answers = answers[0];
        actors[i].pidfd = -1;
    }
}

void cast_tell(const char *line)
{
    fprintf(told, "%s\n", line);
}

pid_t cast_expect(int channel)
{
    return cast_expect_as(channel, 0);
}

pid_t cast_expect_as(int channel, pid_t pid)
{
    pid_t own = cast_answer(channel).result;
    if (actors[channel].pidfd >= 0)
        return own; /* another image of it */
    actors[channel].pid = pid = pid ? pid : own;
    actors[channel].pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (actors[channel].pidfd < 0)
        cast_fail("actor %d: pidfd_open: %s", channel, strerror(errno));
    return own;
}

static pid_t start(int channel, unsigned long flags, int input)
{
    char text[16];
    snprintf(text, sizeof text, "%d", channel);
    actors[channel].span.from = cast_now();
    pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD | flags, NULL, NULL, NULL, NULL);
    if (pid < 0)
        cast_fail("clone: %s", strerror(errno));
    if (pid == 0) {
        if (input >= 0)
            dup2(input, STDIN_FILENO);
        setenv("LD_PRELOAD", stage.shim, 1);
        setenv("SOCKATLAS_DIR", stage.trace, 1);
        execl(stage.actor, "actor", text, (char *)NULL);
        _exit(127);
    }
    return cast_expect_as(channel, pid);
}

pid_t cast_start(int channel, bool alone)
{
    return start(channel, alone ? CLONE_NEWPID : 0, -1);
}

pid_t cast_start_with(int channel, int input)
{
    return start(channel, 0, input);
}

void cast_send(int channel, const struct order *order)
{
    struct order given = *order;
    given.raw = stage.raw();
    fprintf(told, "  actor %d (%d): %s %d %d %d %d%s\n", channel, actors[channel].pid, words[order->kind], order->a,
            order->b, order->c, order->d, given.raw ? " raw" : "");
    actors[channel].span.from = cast_now();
    if (write(actors[channel].orders, &given, sizeof given) != (ssize_t)sizeof given)
        cast_fail("actor %d: cannot be ordered: %s", channel, strerror(errno));
}

struct answer cast_answer(int channel)
{
    struct answer answer;
    struct pollfd ready = {.fd = actors[channel].answers, .events = POLLIN};
    if (poll(&ready, 1, ANSWER_WITHIN_MS) != 1)
        cast_fail("actor %d: no answer", channel);
    if (read(actors[channel].answers, &answer, sizeof answer) != (ssize_t)sizeof answer)
        cast_fail("actor %d: half an answer", channel);
    actors[channel].span.to = cast_now();
    fprintf(told, "  actor %d: = %d %d\n", channel, answer.result, answer.second);
    return answer;
}

struct answer cast_do(int channel, const struct order *order)
{
    cast_send(channel, order);
    return cast_answer(channel);
}

int cast_process(int channel)
{
    return actors[channel].pidfd;
}

void cast_gone(int channel)
{
    struct pollfd ended = {.fd = actors[channel].pidfd, .events = POLLIN};
    if (poll(&ended, 1, ANSWER_WITHIN_MS) != 1) {
        fprintf(stderr, "actor %d: does not end\n", channel);
        exit(2);
    }
    actors[channel].span.to = cast_now();
    close(actors[channel].pidfd);
    actors[channel].pidfd = -1;
    waitpid(actors[channel].pid, NULL, WNOHANG);
}

void cast_kill(int channel)
{
    fprintf(told, "  actor %d (%d): killed\n", channel, actors[channel].pid);
    actors[channel].span.from = cast_now();
    kill(actors[channel].pid, SIGKILL);
    cast_gone(channel);
}

struct cast_look cast_look(int channel, int fd)
{
    struct cast_look look = {.cookie = 0};
    socklen_t size = sizeof look.cookie;
    int copy = (int)syscall(SYS_pidfd_getfd, actors[channel].pidfd, fd, 0);
    if (copy < 0)
        cast_fail("actor %d: pidfd_getfd %d: %s", channel, fd, strerror(errno));
    look.local_size = sizeof look.local;
    look.peer_size = sizeof look.peer;
    if (getsockopt(copy, SOL_SOCKET, SO_COOKIE, &look.cookie, &size) < 0)
        cast_fail("actor %d: SO_COOKIE of %d: %s", channel, fd, strerror(errno));
    if (getsockname(copy, (struct sockaddr *)&look.local, &look.local_size) < 0)
        look.local_size = 0;
    if (getpeername(copy, (struct sockaddr *)&look.peer, &look.peer_size) < 0)
        look.peer_size = 0;
    struct pollfd ready = {.fd = copy, .events = POLLIN};
    look.readable = poll(&ready, 1, 0) == 1 && (ready.revents & POLLIN);
    struct tcp_info info = {.tcpi_state = 0};
    size = sizeof info;
    look.connecting = getsockopt(copy, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_state == TCP_SYN_SENT;
    close(copy);
    return look;
}
