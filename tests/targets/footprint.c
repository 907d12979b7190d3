/* SPDX-License-Identifier: MIT
 *
 * footprint HOW [SOCKETS]: a child process opens and closes SOCKETS unix sockets (1) and ends; then prints its peak
 * memory in KiB and its wait status. HOW: plain; lock-first, lock-later: it locks all its memory, also what comes,
 * before or after the first socket; small-first, small-later: as an ordinary user who may lock 64 MiB or what the limit
 * is, and then takes half of that; core: aborts, with all kinds of memory asked for in its core file; no-file: lets no
 * file grow from the first socket on.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(int good, const char *what)
{
    if (good)
        return;
    perror(what);
    _exit(1);
}

static void open_sockets(long count)
{
    while (count-- > 0)
        must(close(socket(AF_UNIX, SOCK_DGRAM, 0)) == 0, "socket");
}

enum { MAY_LOCK = 64 << 20 };
static rlim_t may_lock;

static void lock(const char *how)
{
    struct rlimit limit;
    if (strncmp(how, "small", 5) == 0) {
        must(getrlimit(RLIMIT_MEMLOCK, &limit) == 0, "getrlimit");
        may_lock = limit.rlim_max < MAY_LOCK ? limit.rlim_max : MAY_LOCK;
        must(setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){may_lock, may_lock}) == 0, "setrlimit");
        must(geteuid() != 0 || setuid(65534) == 0, "setuid");
    }
    errno = 0;
    must(mlockall(MCL_CURRENT | MCL_FUTURE) == 0, "mlockall");
    must(errno == 0, "errno of an mlockall() that succeeds");
}

/* What the program may lock is its own. */
static void take(void)
{
    char *own = mmap(NULL, may_lock / 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(own != MAP_FAILED, "mmap of what may be locked");
    own[0] = 1;
}

static void dump(void)
{
    int filter = open("/proc/self/coredump_filter", O_WRONLY);
    must(filter >= 0 && write(filter, "0xff", 4) == 4, "coredump_filter");
    close(filter);
    must(setrlimit(RLIMIT_CORE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY}) == 0, "setrlimit");
    abort();
}

static void child(const char *how, long sockets)
{
    int first = strstr(how, "-first") != NULL, later = strstr(how, "-later") != NULL;
    if (first)
        lock(how);
    open_sockets(1);
    if (later)
        lock(how);
    if (strncmp(how, "small", 5) == 0)
        take();
    if (strcmp(how, "no-file") == 0)
        must(setrlimit(RLIMIT_FSIZE, &(struct rlimit){0, 0}) == 0, "setrlimit");
    open_sockets(sockets - 1);
    if (strcmp(how, "core") == 0)
        dump();
    exit(0);
}

int main(int argc, char **argv)
{
    struct rusage used;
    int status;
    if (argc < 2) {
        fputs("usage: footprint HOW [SOCKETS]\n", stderr);
        return 2;
    }
    fflush(stdout);
    if (fork() == 0)
        child(argv[1], argc > 2 ? strtol(argv[2], NULL, 10) : 1);
    if (wait4(-1, &status, 0, &used) < 0)
        return 2;
    printf("%ld %d\n", used.ru_maxrss, status & ~0x80);
    return 0;
}
