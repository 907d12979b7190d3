/* SPDX-License-Identifier: MIT
 *
 * attach_load STOP: a server that gives each connection a thread, and clients of it in the same process, which check
 * each byte, until the file STOP appears. Each tenth connection forks a child that closes it, and executes `true`. One
 * connection stays from beginning to end. Prints its pid and port, and at the end how many connections there were. Exit
 * status 1 when anything went wrong: a call that failed, EINTR, another byte.
 */
#include "tests/targets/target.h"

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum { ACCEPTORS = 3, CLIENTS = 3, ROUNDS = 5, SIZE = 64, EACH = 10 };

static struct sockaddr_in address;
static unsigned long connections, wrong;
static bool stopping;

static void note(const char *what, long result)
{
    fprintf(stderr, "%s: %ld (%s)\n", what, result, strerror(errno));
    __atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
}

static void nap(long microseconds)
{
    nanosleep(&(struct timespec){.tv_nsec = microseconds * 1000}, NULL);
}

/* The allocator is busy in all threads. */
static void *serve(void *given)
{
    int fd = (int)(intptr_t)given;
    char bytes[SIZE];
    ssize_t got;
    while ((got = recv(fd, bytes, sizeof bytes, 0)) > 0) {
        char *copy = malloc((size_t)got * 7);
        memcpy(copy, bytes, (size_t)got);
        if (send(fd, copy, (size_t)got, MSG_NOSIGNAL) != got)
            note("send", -1);
        free(copy);
    }
    if (got < 0)
        note("recv", got);
    close(fd);
    return NULL;
}

static void *take(void *given)
{
    int listener = (int)(intptr_t)given;
    pthread_attr_t detached;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    for (;;) {
        pthread_t thread;
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            note("accept", fd);
        else
            pthread_create(&thread, &detached, serve, (void *)(intptr_t)fd);
    }
    return NULL;
}

static bool echo(int fd, unsigned *seed)
{
    char sent[SIZE], got[SIZE];
    memset(sent, rand_r(seed), sizeof sent);
    ssize_t result = send(fd, sent, sizeof sent, MSG_NOSIGNAL);
    if (result != SIZE)
        return note("send", result), false;
    for (size_t size = 0; size < sizeof got; size += (size_t)result)
        if ((result = recv(fd, got + size, sizeof got - size, 0)) <= 0)
            return note("recv", result), false;
    if (memcmp(sent, got, sizeof got) != 0)
        return note("other bytes", 0), false;
    return true;
}

static void have_child(int fd)
{
    pid_t child = fork();
    if (child < 0)
        note("fork", child);
    if (child == 0) {
        close(fd);
        execlp("true", "true", (char *)NULL);
        _exit(1);
    }
    int status;
    if (waitpid(child, &status, 0) != child || status != 0)
        note("child", status);
}

static void *call(void *given)
{
    unsigned seed = (unsigned)(uintptr_t)given;
    while (!__atomic_load_n(&stopping, __ATOMIC_RELAXED)) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
            note("connect", fd);
            return NULL;
        }
        if (__atomic_fetch_add(&connections, 1, __ATOMIC_RELAXED) % EACH == 0)
            have_child(fd);
        struct pollfd readable = {.fd = fd, .events = POLLIN};
        for (unsigned i = 0; i < ROUNDS && echo(fd, &seed); i++)
            if (poll(&readable, 1, 1) != 0)
                note("poll", readable.revents);
        close(fd);
        nap(200);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[ACCEPTORS + CLIENTS];
    unsigned seed = 1;
    if (argc != 2)
        return 2;
    int listener = listen_loopback(&address);
    for (intptr_t i = 0; i < ACCEPTORS; i++)
        pthread_create(&threads[i], NULL, take, (void *)(intptr_t)listener);
    int old = connect_to(&address);
    for (intptr_t i = 0; i < CLIENTS; i++)
        pthread_create(&threads[ACCEPTORS + i], NULL, call, (void *)(i + 1));
    printf("%d %d\n", (int)getpid(), ntohs(address.sin_port));
    fflush(stdout);
    while (access(argv[1], F_OK) != 0) {
        echo(old, &seed);
        nap(10000);
    }
    __atomic_store_n(&stopping, true, __ATOMIC_RELAXED);
    for (intptr_t i = 0; i < CLIENTS; i++)
        pthread_join(threads[ACCEPTORS + i], NULL);
    printf("%lu\n", connections);
    return wrong != 0;
}
