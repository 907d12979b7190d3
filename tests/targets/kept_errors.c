/* SPDX-License-Identifier: MIT
 *
 * Errors that are told once reach whoever asks for them: a stream's flush, when it is closed; a socket's SO_ERROR,
 * where another process has the socket too, however it came by it, and the first one closes it. Ends with 1 and a line
 * for each that did not.
 */
#include "tests/targets/target.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>

extern char **environ;
static char *self;
static int wrong;

static void expect(int holds, const char *what, int error)
{
    if (holds)
        return;
    printf("%s: %s\n", what, strerror(error));
    wrong = 1;
}

/* ---- Streams ---- */

/* A stream with text that cannot be sent any more. */
static FILE *cut_off(void)
{
    int fds[2];
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), "socketpair");
    FILE *out = fdopen(fds[0], "w");
    fputs("an order that must arrive\n", out);
    must(close(fds[1]), "close");
    errno = 0;
    return out;
}

static void try_streams(void)
{
    int result = fclose(cut_off()), error = errno;
    expect(result == EOF && error == EPIPE, "fclose", error);
    FILE *out = cut_off();
    FILE *anew = freopen("/dev/null", "w", out);
    expect(anew == out, "freopen", errno);
    expect(fclose(out) == 0, "fclose of what was opened anew", errno);
    out = cut_off();
    result = fflush(out), error = errno;
    expect(result == EOF && error == EPIPE, "fflush", error);
    expect(fclose(out) == 0, "fclose after fflush", errno);
    cut_off();
    result = fcloseall(), error = errno;
    expect(result == EOF && error == EPIPE, "fcloseall", error);
}

/* ---- SO_ERROR ---- */

/* A pipe that ends once the first process has closed the socket, and the other's way to be given it. */
enum { CLOSED = 58, OPEN = 57, CARRIER = 56 };

static void wait_until_closed(void)
{
    char byte;
    while (read(CLOSED, &byte, 1) > 0)
        ;
}

/* The other process's exit status is the error. */
static int ask(int fd)
{
    int error = 0;
    socklen_t size = sizeof error;
    wait_until_closed();
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? 255 : error;
}

static pid_t by_spawn(int fd)
{
    char number[12];
    char *const argv[] = {self, number, NULL};
    pid_t child;
    snprintf(number, sizeof number, "%d", fd);
    errno = posix_spawn(&child, self, NULL, NULL, argv, environ);
    must(-errno, "posix_spawn");
    return child;
}

static pid_t by_fork(int fd)
{
    pid_t child = must(fork(), "fork");
    if (child == 0) {
        close(OPEN);
        _exit(ask(fd));
    }
    return child;
}

static pid_t by_raw_clone(int fd)
{
    pid_t child = must((int)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL), "clone");
    if (child == 0) {
        close(OPEN);
        _exit(ask(fd));
    }
    return child;
}

/* The shell becomes the other, and its status comes by the stream. */
static FILE *shell;
static pid_t by_popen(int fd)
{
    char command[600];
    snprintf(command, sizeof command, "exec '%s' %d", self, fd);
    shell = popen(command, "r");
    return 0;
}

/* What a process that was there before the socket does: takes it, says so and asks. */
static void take(int with_rights)
{
    struct {
        pid_t pid;
        int fd;
    } from;
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec vector = {&from, sizeof from};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control};
    int fd = -1;
    close(OPEN);
    if (recvmsg(CARRIER, &message, 0) != sizeof from)
        _exit(254);
    if (with_rights)
        memcpy(&fd, CMSG_DATA(&control.header), sizeof fd);
    else
        fd = (int)syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, from.pid, 0), from.fd, 0);
    if (fd < 0 || send(CARRIER, "", 1, 0) != 1)
        _exit(253);
    _exit(ask(fd));
}

static pid_t taker;
static int carrier;

static void before_taking(int with_rights)
{
    int pair[2];
    must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), "socketpair");
    taker = must(fork(), "fork");
    if (taker == 0) {
        dup2(pair[1], CARRIER);
        close(pair[0]);
        take(with_rights);
    }
    carrier = pair[0];
    close(pair[1]);
}

static pid_t give(int fd, int with_rights)
{
    struct {
        pid_t pid;
        int fd;
    } from = {getpid(), fd};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof fd)];
    } control = {.header = {CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS}};
    struct iovec vector = {&from, sizeof from};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    char byte;
    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    if (with_rights) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control;
    }
    must((int)syscall(SYS_sendmsg, carrier, &message, 0), "sendmsg");
    must((int)recv(carrier, &byte, 1, 0), "recv");
    close(carrier);
    return taker;
}

static pid_t by_rights(int fd)
{
    return give(fd, 1);
}

static pid_t by_getfd(int fd)
{
    return give(fd, 0);
}

/* Loopback answers before the call returns, so the errors are there at once. */
static int refused(void)
{
    struct sockaddr_in address;
    int silent = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    bind_loopback(silent, &address);
    int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
    must_fail(connect(fd, (struct sockaddr *)&address, sizeof address), EINPROGRESS, "connect");
    close(silent);
    return fd;
}

static int reset(void)
{
    struct sockaddr_in address;
    int listener = listen_loopback(&address), fd = connect_to(&address);
    int peer = must(accept4(listener, NULL, NULL, SOCK_CLOEXEC), "accept4");
    must((int)send(peer, "hello", 5, 0), "send");
    must(setsockopt(peer, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger)), "setsockopt");
    close(peer);
    close(listener);
    return fd;
}

static const struct {
    const char *name;
    void (*before)(int);
    int argument;
    pid_t (*start)(int fd);
} ways[] = {
    {"posix_spawn", NULL, 0, by_spawn},          {"fork", NULL, 0, by_fork},
    {"raw clone", NULL, 0, by_raw_clone},        {"popen", NULL, 0, by_popen},
    {"SCM_RIGHTS", before_taking, 1, by_rights}, {"pidfd_getfd", before_taking, 0, by_getfd},
};

static void try_way(size_t way, int (*make)(void), int error, const char *what)
{
    char name[64];
    int ends[2], status;
    must(pipe2(ends, O_CLOEXEC), "pipe2");
    must(dup2(ends[0], CLOSED), "dup2");
    must(dup3(ends[1], OPEN, O_CLOEXEC), "dup3");
    close(ends[0]), close(ends[1]);
    if (ways[way].before)
        ways[way].before(ways[way].argument);
    int fd = make();
    must(fcntl(fd, F_SETFD, 0), "fcntl");
    pid_t child = ways[way].start(fd);
    close(fd), close(CLOSED), close(OPEN);
    if (child)
        must(waitpid(child, &status, 0), "waitpid");
    else
        status = pclose(shell);
    snprintf(name, sizeof name, "SO_ERROR of a socket handed over by %s, %s", ways[way].name, what);
    int is = WIFEXITED(status) ? WEXITSTATUS(status) : 255;
    expect(is == error, name, is);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return ask(atoi(argv[1]));
    self = argv[0];
    signal(SIGPIPE, SIG_IGN);
    try_streams();
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        try_way(i, refused, ECONNREFUSED, "refused");
        try_way(i, reset, ECONNRESET, "reset");
    }
    return wrong;
}
