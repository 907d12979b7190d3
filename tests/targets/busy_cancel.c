/* SPDX-License-Identifier: MIT
 *
 * busy_cancel LEDGER ROUNDS: threads that are cancelled while they wait in accept, connect and recv; their clean-up
 * handlers close what they had, and the process goes on. Ends by SIGKILL, so that nothing is recorded at its end.
 */
#include "tests/targets/busy.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <time.h>

static sem_t begun;

static void close_it(void *fd)
{
    did(SOCKATLAS_CLOSE, close(*(int *)fd), "close");
}

static void *in_accept(void *unused)
{
    struct sockaddr_in address;
    int server = busy_listen(&address);
    pthread_cleanup_push(close_it, &server);
    sem_post(&begun);
    accept(server, NULL, NULL);
    pthread_cleanup_pop(0);
    return unused;
}

static void *in_recv(void *unused)
{
    int fds[2];
    char byte;
    did(SOCKATLAS_SOCKETPAIR, socketpair(AF_UNIX, SOCK_STREAM, 0, fds), "socketpair");
    pthread_cleanup_push(close_it, &fds[0]);
    pthread_cleanup_push(close_it, &fds[1]);
    sem_post(&begun);
    recv(fds[0], &byte, 1, 0);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return unused;
}

/* A unix listener whose backlog is full lets connect() wait. */
static void *in_connect(void *unused)
{
    struct sockaddr_un {
        sa_family_t family;
        char path[108];
    } name = {.family = AF_UNIX};
    socklen_t size = sizeof(name.family);
    int server = did(SOCKATLAS_SOCKET, socket(AF_UNIX, SOCK_STREAM, 0), "socket"), client[2];
    did(SOCKATLAS_BIND, bind(server, (struct sockaddr *)&name, size), "bind");
    size = sizeof(name);
    if (getsockname(server, (struct sockaddr *)&name, &size) < 0)
        did(SOCKATLAS_BIND, -1, "getsockname");
    did(SOCKATLAS_LISTEN, listen(server, 0), "listen");
    for (int i = 0; i < 2; i++)
        client[i] = did(SOCKATLAS_SOCKET, socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    busy_connect(client[0], &name, size);
    pthread_cleanup_push(close_it, &server);
    pthread_cleanup_push(close_it, &client[0]);
    pthread_cleanup_push(close_it, &client[1]);
    ledger_count(ledger, SOCKATLAS_CONNECTING); /* recorded although the call never returns */
    sem_post(&begun);
    (void)connect(client[1], (struct sockaddr *)&name, size); /* blocks until it is cancelled */
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return unused;
}

int main(int argc, char **argv)
{
    static void *(*const waits[])(void *) = {in_accept, in_recv, in_connect};
    if (argc != 3) {
        fputs("usage: busy_cancel LEDGER ROUNDS\n", stderr);
        return 2;
    }
    busy_begin(argv[1], 4);
    sem_init(&begun, 0, 0);
    for (long i = 0; i < strtol(argv[2], NULL, 10); i++) {
        pthread_t threads[3];
        void *result;
        for (int j = 0; j < 3; j++)
            pthread_create(&threads[j], NULL, waits[j], NULL);
        for (int j = 0; j < 3; j++)
            sem_wait(&begun);
        /* Sometimes before the call, sometimes in it: both must do. */
        nanosleep(&(struct timespec){.tv_nsec = i % 4 * 300000}, NULL);
        for (int j = 0; j < 3; j++)
            pthread_cancel(threads[j]);
        for (int j = 0; j < 3; j++)
            if (pthread_join(threads[j], &result) != 0 || result != PTHREAD_CANCELED)
                return 1;
    }
    busy_rounds(10);
    kill(getpid(), SIGKILL);
    return 1;
}
