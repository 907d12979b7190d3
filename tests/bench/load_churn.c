/* SPDX-License-Identifier: MIT
 *
 * Loads that make and end connections.
 */
#include "tests/bench/load.h"

#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in address;
static int listener;

static void exchange(int from, int to)
{
    char byte = 'x';
    load_must(send(from, &byte, 1, 0) == 1, "send");
    load_must(recv(to, &byte, 1, 0) == 1, "recv");
}

/* The client's half up to connect(): 3 calls. */
static int client_opens(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    load_must(fd >= 0, "socket");
    load_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    load_must(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0, "connect");
    return fd;
}

/* 2 calls. The reset spares the TIME_WAIT that would use up the ports. */
static void client_closes(int fd)
{
    struct linger reset = {.l_onoff = 1};
    load_must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) == 0, "setsockopt");
    close(fd);
}

/* 2 calls. */
static int server_accepts(int fd)
{
    int connection = accept(fd, NULL, NULL);
    load_must(connection >= 0, "accept");
    load_option(connection, IPPROTO_TCP, TCP_NODELAY, 1);
    return connection;
}

/* Both ends in one process: socket, setsockopt, connect, accept, setsockopt, send, recv, send, recv, setsockopt, close,
 * close. */
void churn_prepare(const char *argument)
{
    (void)argument;
    listener = load_listener(SOCK_STREAM, &address);
}

void churn_run(unsigned long count, struct stopwatch *watch)
{
    stopwatch_start(watch);
    for (unsigned long i = 0; i < count; i++) {
        int client = client_opens();
        int server = server_accepts(listener);
        exchange(client, server);
        exchange(server, client);
        client_closes(client);
        close(server);
    }
    stopwatch_stop(watch);
}

/* The same with the ends in two processes. */
static void serve_churn(int fd)
{
    char byte;
    for (;;) {
        int server = server_accepts(fd);
        if (recv(server, &byte, 1, 0) == 1)
            send(server, &byte, 1, MSG_NOSIGNAL);
        recv(server, &byte, 1, 0); /* until the client is gone */
        close(server);
    }
}

static void serve_elsewhere(int fd)
{
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    load_must(sched_setaffinity(0, sizeof(first), &first) == 0, "sched_setaffinity");
    serve_churn(fd);
}

/* ARGUMENT "apart": the server on the first CPU, whatever the client's is. */
void churn_processes_prepare(const char *argument)
{
    churn_prepare(argument);
    load_server(strcmp(argument, "apart") == 0 ? serve_elsewhere : serve_churn, listener);
    close(listener);
}

void churn_processes_run(unsigned long count, struct stopwatch *watch)
{
    char byte = 'x';
    stopwatch_start(watch);
    for (unsigned long i = 0; i < count; i++) {
        int client = client_opens();
        load_must(send(client, &byte, 1, 0) == 1 && recv(client, &byte, 1, 0) == 1, "exchange");
        client_closes(client);
    }
    stopwatch_stop(watch);
}

/* The same beside connections that live longer: `ARGUMENT` that are idle, and KEPT that are kept alive, of which one is
 * used at each operation and one replaced at each fourth. */
enum { KEPT = 100, REPLACED_EACH = 4 };
static struct {
    int client, server;
} kept[KEPT];

static void keep_connection(int at)
{
    kept[at].client = client_opens();
    kept[at].server = server_accepts(listener);
}

void churn_beside_prepare(const char *argument)
{
    churn_prepare(argument);
    for (unsigned long idle = strtoul(argument, NULL, 10); idle > 0; idle--) {
        client_opens();
        server_accepts(listener);
    }
    for (int i = 0; i < KEPT; i++)
        keep_connection(i);
}

void churn_beside_run(unsigned long count, struct stopwatch *watch)
{
    static unsigned long done;
    stopwatch_start(watch);
    for (unsigned long i = 0; i < count; i++, done++) {
        int client = client_opens(), server = server_accepts(listener), at = (int)(done % KEPT);
        exchange(client, server);
        exchange(kept[at].client, kept[at].server);
        client_closes(client);
        close(server);
        if (done % REPLACED_EACH)
            continue;
        at = (int)(done / REPLACED_EACH % KEPT);
        client_closes(kept[at].client);
        close(kept[at].server);
        keep_connection(at);
    }
    stopwatch_stop(watch);
}

/* socket, setsockopt, close: no connection. */
void open_close_prepare(const char *argument)
{
    (void)argument;
}

void open_close_run(unsigned long count, struct stopwatch *watch)
{
    stopwatch_start(watch);
    load_open_and_close(count);
    stopwatch_stop(watch);
}

/* The same by many threads at once; ARGUMENT: how many. */
static unsigned threads_count;
static unsigned long threads_share;
static pthread_barrier_t begin, end;

static void *thread_main(void *unused)
{
    for (;;) {
        pthread_barrier_wait(&begin);
        load_open_and_close(threads_share);
        pthread_barrier_wait(&end);
    }
    return unused;
}

void threads_prepare(const char *argument)
{
    threads_count = (unsigned)strtoul(argument, NULL, 10);
    load_must(threads_count > 0, "threads");
    pthread_barrier_init(&begin, NULL, threads_count + 1);
    pthread_barrier_init(&end, NULL, threads_count + 1);
    for (unsigned i = 0; i < threads_count; i++) {
        pthread_t thread;
        load_must(pthread_create(&thread, NULL, thread_main, NULL) == 0, "pthread_create");
        pthread_detach(thread);
    }
}

void threads_run(unsigned long count, struct stopwatch *watch)
{
    threads_share = (count + threads_count - 1) / threads_count;
    watch->total.operations = threads_share * threads_count;
    stopwatch_start(watch);
    pthread_barrier_wait(&begin);
    pthread_barrier_wait(&end);
    stopwatch_stop(watch);
}
