/* SPDX-License-Identifier: MIT
 *
 * Loads whose cost may grow with something: ARGUMENT says how much of it there is.
 */
#include "tests/bench/load.h"

#include <limits.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned amount;
static int datagram;
static struct sockaddr_in address;

static void read_amount(const char *argument)
{
    amount = (unsigned)strtoul(argument, NULL, 10);
    load_must(amount > 0, argument);
}

static void hold_sockets(void)
{
    for (unsigned i = 0; i < amount; i++)
        load_must(socket(AF_INET, SOCK_STREAM, 0) >= 0, "socket");
}

/* socket, setsockopt, close beside `amount` open sockets. */
void held_prepare(const char *argument)
{
    read_amount(argument);
    hold_sockets();
}

void held_run(unsigned long count, struct stopwatch *watch)
{
    stopwatch_start(watch);
    load_open_and_close(count);
    stopwatch_stop(watch);
}

/* fork, _exit, wait beside `amount` open sockets, which the child has too. */
void fork_held_prepare(const char *argument)
{
    held_prepare(argument);
}

void fork_held_run(unsigned long count, struct stopwatch *watch)
{
    fork_run(count, watch);
}

/* close_range() over all numbers, after `amount` sockets were open. One stays. */
void once_held_prepare(const char *argument)
{
    read_amount(argument);
    hold_sockets();
    close_range(STDERR_FILENO + 2, UINT_MAX, 0);
}

void once_held_run(unsigned long count, struct stopwatch *watch)
{
    stopwatch_start(watch);
    for (unsigned long i = 0; i < count; i++)
        close_range(STDERR_FILENO + 2, UINT_MAX, 0);
    stopwatch_stop(watch);
}

/* A socket's second descriptor at the number `amount`: dup2, setsockopt, close there. */
static int near, far;

void far_prepare(const char *argument)
{
    read_amount(argument);
    far = (int)amount;
    load_must((near = socket(AF_INET, SOCK_STREAM, 0)) >= 0, "socket");
    load_must(near < far, argument);
}

static void move_far(void)
{
    load_must(dup2(near, far) == far, "dup2");
    load_option(far, IPPROTO_TCP, TCP_NODELAY, 1);
}

void far_run(unsigned long count, struct stopwatch *watch)
{
    stopwatch_start(watch);
    for (unsigned long i = 0; i < count; i++) {
        move_far();
        close(far);
    }
    stopwatch_stop(watch);
}

/* The same with close_range() over all numbers from the first socket's on. */
void far_range_prepare(const char *argument)
{
    far_prepare(argument);
}

void far_range_run(unsigned long count, struct stopwatch *watch)
{
    stopwatch_start(watch);
    for (unsigned long i = 0; i < count; i++) {
        move_far();
        close_range((unsigned)near + 1, UINT_MAX, 0);
    }
    stopwatch_stop(watch);
}

/* socket, setsockopt, close in `amount` processes at once, which share a log. */
void processes_prepare(const char *argument)
{
    read_amount(argument);
    close(load_listener(SOCK_STREAM, &address)); /* so that there is a log to share */
}

void processes_run(unsigned long count, struct stopwatch *watch)
{
    enum { SHARE_LEAST = 1000 }; /* that the forks themselves hardly count */
    unsigned long share = count / amount + SHARE_LEAST;
    watch->total.operations = share * amount;
    stopwatch_start(watch);
    for (unsigned i = 0; i < amount; i++) {
        pid_t child = fork();
        load_must(child >= 0, "fork");
        if (child == 0) {
            load_open_and_close(share);
            _exit(0);
        }
    }
    for (unsigned i = 0; i < amount; i++)
        load_must(wait(NULL) > 0, "wait");
    stopwatch_stop(watch);
}

/* sendto() to `amount` addresses in turn, of a receiver that has no space. */
void peers_prepare(const char *argument)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    read_amount(argument);
    int sink = socket(AF_INET, SOCK_DGRAM, 0);
    load_must(sink >= 0 && bind(sink, (struct sockaddr *)&any, sizeof(any)) == 0, "bind");
    load_option(sink, SOL_SOCKET, SO_RCVBUF, 1);
    load_must(getsockname(sink, (struct sockaddr *)&address, &size) == 0, "getsockname");
    load_must((datagram = socket(AF_INET, SOCK_DGRAM, 0)) >= 0, "socket");
}

void peers_run(unsigned long count, struct stopwatch *watch)
{
    stopwatch_start(watch);
    for (unsigned long i = 0; i < count; i++) {
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(i % amount));
        load_must(sendto(datagram, "x", 1, 0, (struct sockaddr *)&address, sizeof(address)) == 1, "sendto");
    }
    stopwatch_stop(watch);
}
