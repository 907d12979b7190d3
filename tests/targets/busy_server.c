/* SPDX-License-Identifier: MIT
 *
 * busy_server LEDGER processes|threads WORKERS CONNECTIONS RATE [WHAT...]: a server whose WORKERS accept from one
 * listener, and a client, its child, that makes CONNECTIONS, RATE in a second at the most (0: as fast as they are
 * served). Counts what was done in LEDGER (tests/fault/ledger.h). WHAT, as in busy_confined, is given up by each worker
 * before it serves, by threads all but seccomp once for all. All of its processes end by SIGKILL.
 */
#include "tests/targets/busy.h"
#include "tests/targets/confine.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <time.h>

static struct sockaddr_in address;
static int server;
static char **gives_up; /* NULL-terminated */
static long connections, rate;

static uint64_t done_of(enum sockatlas_kind kind)
{
    return __atomic_load_n(&ledger->done[kind], __ATOMIC_ACQUIRE);
}

static void pause_until(struct timespec until)
{
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        ;
}

/* What a process has once is given up before its threads are made; a filter is each thread's own. */
enum { GIVE_UP_SHARED = 1, GIVE_UP_OWN = 2 };

static void confine(int which)
{
    for (char **what = gives_up; *what; what++)
        if ((strcmp(*what, "seccomp") == 0 ? GIVE_UP_OWN : GIVE_UP_SHARED) & which && give_up(*what) < 0)
            did(SOCKATLAS_IO, -1, *what);
}

static void serve(void)
{
    char byte;
    for (;;) {
        int fd = did(SOCKATLAS_ACCEPT, accept(server, NULL, NULL), "accept");
        if (recv(fd, &byte, 1, 0) != 1 || send(fd, &byte, 1, 0) != 1)
            did(SOCKATLAS_IO, -1, "transfer");
        did(SOCKATLAS_CLOSE, close(fd), "close");
    }
}

static void *be_thread(void *unused)
{
    confine(GIVE_UP_OWN);
    serve();
    return unused;
}

static void request(void)
{
    int fd = did(SOCKATLAS_SOCKET, socket(AF_INET, SOCK_STREAM, 0), "socket");
    char byte = 'x';
    busy_connect(fd, &address, sizeof(address));
    if (send(fd, &byte, 1, 0) != 1 || recv(fd, &byte, 1, 0) != 1)
        did(SOCKATLAS_IO, -1, "transfer");
    did(SOCKATLAS_CLOSE, close(fd), "close");
}

static void request_all(void)
{
    struct timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (long i = 0; i < connections; i++) {
        request();
        if (rate == 0)
            continue;
        next.tv_nsec += 1000000000 / rate;
        next.tv_sec += next.tv_nsec / 1000000000;
        next.tv_nsec %= 1000000000;
        pause_until(next);
    }
}

static void be_client(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    did(SOCKATLAS_CLOSE, close(server), "close");
    request_all();
}

static void be_worker(void)
{
    confine(GIVE_UP_SHARED | GIVE_UP_OWN);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* another user would lose it */
    serve();
}

static void make_child(void (*body)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        body();
        kill(getpid(), SIGKILL);
    }
    did(SOCKATLAS_FORK, pid, "fork");
}

static bool make_workers(bool threads, long count)
{
    pthread_t thread;
    bool good = true;
    if (threads)
        confine(GIVE_UP_SHARED);
    for (long i = 0; good && i < count; i++) {
        if (threads)
            good = pthread_create(&thread, NULL, be_thread, NULL) == 0;
        else
            make_child(be_worker);
    }
    return good;
}

/* What is counted last of each connection, at both of its ends, and the client's copy of the listener. */
static bool all_closed(void)
{
    return done_of(SOCKATLAS_CLOSE) > 2 * (uint64_t)connections;
}

/* Until all were served. False: one of the children ended otherwise than it should. */
static bool wait_all(void)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    int status;
    while (!all_closed()) {
        if (waitpid(-1, &status, WNOHANG) > 0 && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
            return false;
        nanosleep(&pause, NULL);
    }
    return true;
}

int main(int argc, char **argv)
{
    if (argc < 6) {
        fputs("usage: busy_server LEDGER processes|threads WORKERS CONNECTIONS RATE [WHAT...]\n", stderr);
        return 2;
    }
    long workers = strtol(argv[3], NULL, 10);
    connections = strtol(argv[4], NULL, 10);
    rate = strtol(argv[5], NULL, 10);
    gives_up = argv + 6;
    busy_begin(argv[1], workers + 1);
    server = busy_listen(&address);
    make_child(be_client);
    bool good = make_workers(strcmp(argv[2], "threads") == 0, workers) && wait_all();
    kill(getpid(), good ? SIGKILL : SIGABRT); /* its children follow */
}
