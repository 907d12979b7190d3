/* SPDX-License-Identifier: MIT
 *
 * The load program's main() and what its loads share.
 */
#include "tests/bench/load.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const struct load {
    const char *name;
    void (*prepare)(const char *argument);
    void (*run)(unsigned long count, struct stopwatch *watch);
} loads[] = {
#define LOAD(name) {#name, name##_prepare, name##_run},
#include "tests/bench/loads.def"
#undef LOAD
};

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t cpu_ns(void)
{
    struct rusage children;
    getrusage(RUSAGE_CHILDREN, &children);
    uint64_t seconds = (uint64_t)(children.ru_utime.tv_sec + children.ru_stime.tv_sec);
    uint64_t micros = (uint64_t)(children.ru_utime.tv_usec + children.ru_stime.tv_usec);
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID) + seconds * 1000000000u + micros * 1000u;
}

void stopwatch_start(struct stopwatch *watch)
{
    watch->wall_from = clock_ns(CLOCK_MONOTONIC);
    watch->cpu_from = cpu_ns();
}

void stopwatch_stop(struct stopwatch *watch)
{
    watch->total.cpu_ns += cpu_ns() - watch->cpu_from;
    watch->total.wall_ns += clock_ns(CLOCK_MONOTONIC) - watch->wall_from;
}

void load_die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    _exit(1);
}

int load_listener(int type, struct sockaddr_in *out)
{
    *out = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(*out);
    int fd = socket(AF_INET, type, 0);
    load_must(fd >= 0, "socket");
    load_must(bind(fd, (struct sockaddr *)out, size) == 0, "bind");
    load_must(type != SOCK_STREAM || listen(fd, SOMAXCONN) == 0, "listen");
    load_must(getsockname(fd, (struct sockaddr *)out, &size) == 0, "getsockname");
    return fd;
}

int load_connect(const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct linger reset = {.l_onoff = 1};
    load_must(fd >= 0, "socket");
    load_must(connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0, "connect");
    load_must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) == 0, "setsockopt");
    return fd;
}

void load_option(int fd, int level, int name, int value)
{
    load_must(setsockopt(fd, level, name, &value, sizeof(value)) == 0, "setsockopt");
}

void load_open_and_close(unsigned long count)
{
    for (unsigned long i = 0; i < count; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        load_must(fd >= 0, "socket");
        load_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
        close(fd);
    }
}

void load_server(void (*serve)(int fd), int fd)
{
    pid_t parent = getpid(), child = fork();
    load_must(child >= 0, "fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == parent)
            serve(fd);
        _exit(0);
    }
}

static const struct load *find(const char *name)
{
    for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++)
        if (strcmp(loads[i].name, name) == 0)
            return &loads[i];
    fprintf(stderr, "load: %s: no such load\n", name);
    exit(2);
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: load NAME [ARGUMENT]\n");
        return 2;
    }
    const struct load *load = find(argv[1]);
    load->prepare(argc > 2 ? argv[2] : "");
    uint64_t count;
    while (read(STDIN_FILENO, &count, sizeof(count)) == sizeof(count)) {
        struct stopwatch watch = {.total.operations = count};
        load->run(count, &watch);
        if (write(STDOUT_FILENO, &watch.total, sizeof(watch.total)) != sizeof(watch.total))
            return 1;
    }
    return 0;
}
