/* SPDX-License-Identifier: MIT
 *
 * Loads whose cost may grow with something: ARGUMENT says how much of it there is.
 */
#include "tests/bench/load.h"

#include <limits.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
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

static void allow_descriptors(unsigned count)
{
    struct rlimit limit;
    load_must(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
    if (limit.rlim_cur >= count)
        return;
    limit.rlim_cur = count;
    limit.rlim_max = limit.rlim_max < count ? count : limit.rlim_max;
    load_must(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
}

static void hold_sockets(void)
{
    enum { SPARE = 64 };
    allow_descriptors(amount + SPARE);
    for (unsigned i = 0; i < amount; i++)
        load_must(socket(AF_INET, SOCK_STREAM, 0) >= 0, "socket");
}

static void open_and_close(unsigned long count)
{
    for (unsigned long i = 0; i < count; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        load_must(fd >= 0, "socket");
        load_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
        close(fd);
    }
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
    open_and_close(count);
    stopwatch_stop(watch);
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
            open_and_close(share);
            _exit(0);
        }
    }
    for (unsigned i = 0; i < amount; i++)
        load_must(wait(NULL) > 0, "wait");
    stopwatch_stop(watch);
}

/* sendto() to `amount` addresses in turn, of a receiver that has no room. */
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
