/* SPDX-License-Identifier: MIT
 *
 * Transfers that end after another thread has closed their descriptor, whose number a new socket has by then: a send
 * that waits for space, and a receive that waits for a message; the same in a forked child, whose first use of the
 * socket it is. Then a send that is still waiting when the process ends.
 */
#include "tests/targets/target.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { SPACE = 1 << 20 }; /* more than a socket's buffer */

static char text[SPACE];
static int ends[2];
static ssize_t moved;
static atomic_int thread_id;

static void *sends(void *unused)
{
    atomic_store(&thread_id, (int)syscall(SYS_gettid));
    moved = send(ends[0], text, sizeof text, 0);
    return unused;
}

static void *receives(void *unused)
{
    atomic_store(&thread_id, (int)syscall(SYS_gettid));
    moved = recv(ends[0], text, sizeof text, 0);
    return unused;
}

/* Begins a thread and returns once it waits. */
static pthread_t begin(void *(*function)(void *))
{
    pthread_t thread;
    char path[64], line[256], state = 'R';
    atomic_store(&thread_id, 0);
    if (pthread_create(&thread, NULL, function, NULL))
        exit(1);
    while (!atomic_load(&thread_id))
        usleep(1000);
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", atomic_load(&thread_id));
    while (state != 'S') {
        FILE *file = fopen(path, "r");
        if (!file || !fgets(line, sizeof line, file))
            exit(1);
        fclose(file);
        state = strrchr(line, ')')[2];
        usleep(1000);
    }
    return thread;
}

/* Closes the descriptor that the thread waits at, and takes its number. */
static void reuse(int next[2])
{
    int number = ends[0];
    must(close(number), "close");
    must(socketpair(AF_UNIX, SOCK_DGRAM, 0, next), "socketpair");
    if (next[0] != number)
        exit(1);
}

/* The child's first transfer over an end of the pair, which the parent has closed by then. */
static void in_child(int type, void *(*function)(void *), ssize_t bytes)
{
    int next[2], go[2];
    char byte = 0;
    must(socketpair(AF_UNIX, type, 0, ends), "socketpair");
    must(pipe(go), "pipe");
    pid_t child = must(fork(), "fork");
    if (child == 0) {
        pthread_t thread = begin(function);
        reuse(next);
        must((int)write(go[1], &byte, 1), "write");
        pthread_join(thread, NULL);
        _exit(moved != bytes);
    }
    must((int)read(go[0], &byte, 1), "read");
    must(close(ends[0]), "close");
    if (function == receives)
        must((int)send(ends[1], "12345", 5, 0), "send");
    for (ssize_t left = function == sends ? bytes : 0; left > 0;)
        left -= must((int)recv(ends[1], text, sizeof text, 0), "recv");
    int status;
    if (waitpid(child, &status, 0) != child || status)
        exit(1);
    must(close(ends[1]), "close");
}

int main(void)
{
    int next[2];
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "socketpair");
    pthread_t thread = begin(sends);
    reuse(next);
    for (ssize_t left = SPACE; left > 0;)
        left -= must((int)recv(ends[1], text, sizeof text, 0), "recv");
    pthread_join(thread, NULL);
    if (moved != SPACE)
        return 1;
    must(close(ends[1]), "close");
    must((int)send(next[0], "1", 1, 0), "send");
    must(close(next[0]), "close");
    must(close(next[1]), "close");

    must(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), "socketpair");
    thread = begin(receives);
    reuse(next);
    must((int)send(ends[1], "12345", 5, 0), "send");
    pthread_join(thread, NULL);
    if (moved != 5)
        return 1;
    must(close(ends[1]), "close");
    must(close(next[0]), "close");
    must(close(next[1]), "close");

    in_child(SOCK_STREAM, sends, SPACE);
    in_child(SOCK_DGRAM, receives, 5);

    must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "socketpair");
    begin(sends);
    must(close(ends[0]), "close");
    return 0;
}
