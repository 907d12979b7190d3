/* SPDX-License-Identifier: MIT
 *
 * Attempts to connect that never return: each waits because the listener's queue is full. One is left by siglongjmp()
 * from a signal handler, the usual timeout of old, and closed; one is left so, goes on, and is answered; one to a unix
 * socket and one to a port are in processes that are killed in it. Prints the port, the number of the first socket and
 * those processes' ids.
 */
#include "tests/targets/target.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>

static sigjmp_buf out;

static void leave(int number)
{
    (void)number;
    siglongjmp(out, 1);
}

/* Returns once the process sleeps: it has told by the pipe that it does nothing else any more. */
static void await_sleep(pid_t pid, int told)
{
    char path[64], text[256], byte, state = 'R';
    must((int)read(told, &byte, 1), "read");
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    while (state != 'S') {
        FILE *file = fopen(path, "r");
        if (!file || !fgets(text, sizeof text, file))
            exit(1);
        fclose(file);
        state = strrchr(text, ')')[2];
        usleep(1000);
    }
}

static void told(int to)
{
    must((int)write(to, "x", 1), "write");
}

/* A connect() that a signal ends. */
static void left(int fd, const struct sockaddr_in *full)
{
    int ends[2];
    pid_t self = getpid();
    must(pipe(ends), "pipe");
    signal(SIGUSR1, leave);
    pid_t waker = must(fork(), "fork");
    if (waker == 0) {
        await_sleep(self, ends[0]);
        must(kill(self, SIGUSR1), "kill");
        _exit(0);
    }
    if (sigsetjmp(out, 1) == 0) {
        told(ends[1]);
        (void)!connect(fd, (const struct sockaddr *)full, sizeof *full);
        exit(1);
    }
    wait_for(waker);
    must(close(ends[0]), "close");
    must(close(ends[1]), "close");
}

static pid_t killed(int family, const void *address, socklen_t size)
{
    int ends[2], status;
    must(pipe(ends), "pipe");
    pid_t child = must(fork(), "fork");
    if (child == 0) {
        int fd = must(socket(family, SOCK_STREAM, 0), "socket");
        told(ends[1]);
        (void)!connect(fd, address, size);
        _exit(1);
    }
    await_sleep(child, ends[0]);
    must(kill(child, SIGKILL), "kill");
    must(waitpid(child, &status, 0), "waitpid");
    must(close(ends[0]), "close");
    must(close(ends[1]), "close");
    return child;
}

int main(void)
{
    struct sockaddr_in full;
    struct sockaddr_un path = {.sun_family = AF_UNIX, .sun_path = "\0sockatlas-attempts-left"};
    int listener = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    bind_loopback(listener, &full);
    must(listen(listener, 0), "listen");
    int filler = connect_to(&full), first = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    left(first, &full);
    must(close(first), "close");

    int second = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    left(second, &full);
    struct pollfd answered = {.fd = second, .events = POLLOUT};
    must(accept(listener, NULL, NULL), "accept"); /* there is space for the next SYN, a second later */
    must(poll(&answered, 1, 10000), "poll");
    must((int)write(second, "hello", 5), "write");
    must(close(filler), "close");

    pid_t on_port = killed(AF_INET, &full, sizeof full);
    snprintf(path.sun_path + 1, sizeof path.sun_path - 1, "sockatlas-attempts-left-%d", (int)getpid());
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(path.sun_path + 1));
    int local = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket"),
        queued = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    must(bind(local, (struct sockaddr *)&path, size), "bind");
    must(listen(local, 0), "listen");
    must(connect(queued, (struct sockaddr *)&path, size), "connect");
    pid_t on_path = killed(AF_UNIX, &path, size);
    printf("%u %d %d %d\n", ntohs(full.sin_port), first, on_port, on_path);
    return 0;
}
