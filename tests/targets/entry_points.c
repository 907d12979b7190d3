/* SPDX-License-Identifier: MIT
 *
 * entry_points [list|NAME...]: calls every public name of libc that touches a socket's life, one function per group, in
 * a way that succeeds and, where that is cheap, in a way that fails. Ends with 1 and a line on stderr when a call did
 * not do what it does without the shim. To cover one more entry point, add a function and its line in the table.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *running;
static int wrong;

#define MUST(condition) must((condition), #condition, __LINE__)

static void must(int held, const char *what, int line)
{
    if (held)
        return;
    fprintf(stderr, "entry_points: %s, line %d: %s: %s\n", running, line, what, strerror(errno));
    wrong = 1;
}

static struct sockaddr_in loopback(in_port_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = port};
}

static int listener(int type, struct sockaddr_in *address)
{
    socklen_t size = sizeof(*address);
    *address = loopback(0);
    int fd = socket(AF_INET, type, 0);
    MUST(fd >= 0);
    MUST(bind(fd, (struct sockaddr *)address, sizeof(*address)) == 0);
    MUST(getsockname(fd, (struct sockaddr *)address, &size) == 0);
    if (type == SOCK_STREAM)
        MUST(listen(fd, 16) == 0);
    return fd;
}

struct connection {
    int server, client, accepted;
};

static struct connection connection(void)
{
    struct sockaddr_in address;
    struct connection made = {.server = listener(SOCK_STREAM, &address), .client = socket(AF_INET, SOCK_STREAM, 0)};
    MUST(connect(made.client, (struct sockaddr *)&address, sizeof(address)) == 0);
    made.accepted = accept(made.server, NULL, NULL);
    MUST(made.accepted >= 0);
    return made;
}

static void close_connection(const struct connection *made)
{
    MUST(close(made->client) == 0);
    MUST(close(made->accepted) == 0);
    MUST(close(made->server) == 0);
}

static void try_socket(void)
{
    static const int kinds[][3] = {{AF_INET, SOCK_STREAM, 0},
                                   {AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0},
                                   {AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, IPPROTO_UDP},
                                   {AF_UNIX, SOCK_STREAM, 0},
                                   {AF_UNIX, SOCK_SEQPACKET, 0},
                                   {AF_NETLINK, SOCK_RAW, 0}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        int fd = socket(kinds[i][0], kinds[i][1], kinds[i][2]);
        MUST(fd >= 0 || errno == EAFNOSUPPORT);
        if (fd >= 0)
            MUST(close(fd) == 0);
    }
    MUST(socket(AF_INET, 77, 0) == -1 && errno == EINVAL);
    MUST(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP) == -1 && errno == EPROTONOSUPPORT);
    MUST(socket(12345, SOCK_STREAM, 0) == -1 && errno == EAFNOSUPPORT);
}

static void try_socketpair(void)
{
    int fds[2];
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    MUST(close(fds[0]) == 0 && close(fds[1]) == 0);
    MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds) == 0);
    MUST(close(fds[0]) == 0 && close(fds[1]) == 0);
    MUST(socketpair(AF_INET, SOCK_STREAM, 0, fds) == -1 && errno == EOPNOTSUPP);
}

static void try_bind(void)
{
    struct sockaddr_in address, own = loopback(0);
    int server = listener(SOCK_STREAM, &address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    MUST(bind(fd, (struct sockaddr *)&address, sizeof(address)) == -1 && errno == EADDRINUSE);
    MUST(bind(fd, (struct sockaddr *)&own, sizeof(own)) == 0);
    MUST(bind(-1, (struct sockaddr *)&own, sizeof(own)) == -1 && errno == EBADF);
    MUST(close(fd) == 0 && close(server) == 0);

    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int length = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "entry_points.%d", (int)getpid());
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    MUST(bind(fd, (struct sockaddr *)&name, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) ==
         0);
    MUST(close(fd) == 0);

    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    fd = socket(AF_INET6, SOCK_DGRAM, 0);
    if (fd >= 0) {
        MUST(bind(fd, (struct sockaddr *)&six, sizeof(six)) == 0 || errno == EADDRNOTAVAIL);
        MUST(close(fd) == 0);
    }
}

static void try_listen(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    MUST(listen(fd, 5) == -1 && errno == EOPNOTSUPP);
    MUST(close(fd) == 0);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    MUST(listen(fd, 1 << 20) == 0);
    MUST(close(fd) == 0);
}

static void try_connect(void)
{
    struct connection made = connection();
    close_connection(&made);

    struct sockaddr_in address = loopback(htons(1));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    MUST(connect(fd, (struct sockaddr *)&address, sizeof(address)) == -1 && errno == ECONNREFUSED);
    MUST(close(fd) == 0);

    struct sockaddr_un nowhere = {.sun_family = AF_UNIX, .sun_path = "/nonexistent/socket"};
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    MUST(connect(fd, (struct sockaddr *)&nowhere, sizeof(nowhere)) == -1 && errno == ENOENT);
    MUST(close(fd) == 0);
    MUST(connect(-1, (struct sockaddr *)&address, sizeof(address)) == -1 && errno == EBADF);
}

static void try_connect_later(void)
{
    struct sockaddr_in address;
    int error = -1, server = listener(SOCK_STREAM, &address), fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    socklen_t size = sizeof(error);
    MUST(connect(fd, (struct sockaddr *)&address, sizeof(address)) == -1 && errno == EINPROGRESS);
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    MUST(poll(&ready, 1, 10000) == 1);
    MUST(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0);
    MUST(close(fd) == 0 && close(server) == 0);
}

static void try_connect_datagram(void)
{
    struct sockaddr_in address;
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    int server = listener(SOCK_DGRAM, &address), fd = socket(AF_INET, SOCK_DGRAM, 0);
    MUST(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    MUST(connect(fd, &none, sizeof(none)) == 0);
    MUST(close(fd) == 0 && close(server) == 0);
}

static void try_accept(void)
{
    struct sockaddr_in address, peer = {0};
    socklen_t size = sizeof(peer);
    int server = listener(SOCK_STREAM, &address), client = socket(AF_INET, SOCK_STREAM, 0);
    MUST(connect(client, (struct sockaddr *)&address, sizeof(address)) == 0);
    int fd = accept(server, (struct sockaddr *)&peer, &size);
    MUST(fd >= 0 && size == sizeof(peer) && peer.sin_family == AF_INET);
    MUST(close(fd) == 0 && close(client) == 0);

    client = socket(AF_INET, SOCK_STREAM, 0);
    MUST(connect(client, (struct sockaddr *)&address, sizeof(address)) == 0);
    size = 4; /* cut */
    fd = accept4(server, (struct sockaddr *)&peer, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    MUST(fd >= 0 && size == sizeof(peer));
    MUST(close(fd) == 0);
    MUST(accept(client, NULL, NULL) == -1 && errno == EINVAL);
    MUST(accept4(server, NULL, NULL, 12345) == -1 && errno == EINVAL);
    MUST(close(client) == 0 && close(server) == 0);
}

static void try_shutdown(void)
{
    struct connection made = connection();
    MUST(shutdown(made.client, SHUT_WR) == 0);
    MUST(shutdown(made.accepted, SHUT_RDWR) == 0);
    close_connection(&made);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    MUST(shutdown(fd, SHUT_RD) == -1 && errno == ENOTCONN);
    MUST(close(fd) == 0);
}

static void try_setsockopt(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1, size = 4096;
    struct linger linger = {.l_onoff = 1, .l_linger = 7};
    struct timeval timeout = {.tv_sec = 3, .tv_usec = 500000};
    MUST(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0);
    MUST(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) == 0);
    MUST(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) == 0);
    MUST(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0);
    MUST(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
    MUST(setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &(int){42}, sizeof(int)) == 0);
    MUST(setsockopt(fd, IPPROTO_IP, IP_TOS, &(int){0x10}, sizeof(int)) == 0);
    MUST(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4) == 0 || errno == ENOENT);
    MUST(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "nosuch", 6) == -1);
    MUST(setsockopt(fd, SOL_SOCKET, 9999, &on, sizeof(on)) == -1 && errno == ENOPROTOOPT);
    MUST(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, 1) == -1 && errno == EINVAL);
    MUST(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, (void *)8, sizeof(on)) == -1 && errno == EFAULT);
    MUST(setsockopt(-1, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 && errno == EBADF);
    MUST(close(fd) == 0);
}

static void try_dup(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), other = socket(AF_INET, SOCK_DGRAM, 0);
    int again = dup(fd);
    MUST(again >= 0 && close(again) == 0);
    MUST(dup2(fd, other) == other); /* closes it */
    MUST(dup2(fd, fd) == fd);
    MUST(dup3(fd, other, O_CLOEXEC) == other);
    MUST(dup2(-1, other) == -1 && errno == EBADF);
    MUST(dup2(1000, other) == -1 && errno == EBADF); /* nothing is closed */
    MUST(dup3(fd, other, 12345) == -1 && errno == EINVAL);
    MUST(dup3(fd, fd, 0) == -1 && errno == EINVAL);
    MUST(close(other) == 0 && close(fd) == 0);
    MUST(dup(-1) == -1 && errno == EBADF);
}

extern int fcntl64(int fd, int command, ...) __attribute__((weak));

static void try_fcntl(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int again = fcntl(fd, F_DUPFD, 100);
    MUST(again >= 100 && close(again) == 0);
    again = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    MUST(again >= 0 && fcntl(again, F_GETFD) == FD_CLOEXEC && close(again) == 0);
    MUST(fcntl(fd, F_SETFL, O_NONBLOCK) == 0 && fcntl(fd, F_GETFL) == (O_RDWR | O_NONBLOCK));
    if (fcntl64) {
        again = fcntl64(fd, F_DUPFD, 50);
        MUST(again >= 50 && close(again) == 0);
    }
    MUST(close(fd) == 0);
    MUST(fcntl(-1, F_GETFD) == -1 && errno == EBADF);
}

static void try_close(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    MUST(close(fd) == 0);
    MUST(close(fd) == -1 && errno == EBADF);
    MUST(close(-1) == -1 && errno == EBADF);
    fd = open("/dev/null", O_RDONLY);
    MUST(fd >= 0 && close(fd) == 0);
}

extern int close_range(unsigned first, unsigned last, int flags) __attribute__((weak));
extern void closefrom(int lowest) __attribute__((weak));

static void try_close_range(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), high = fcntl(fd, F_DUPFD, 200), higher = fcntl(fd, F_DUPFD, 300);
    MUST(high >= 200 && higher >= 300);
    if (close_range) {
        MUST(close_range(200, 250, 0) == 0 || errno == ENOSYS);
        MUST(close_range(9, 1, 0) == -1);
    }
    if (closefrom)
        closefrom(200);
    MUST(fcntl(fd, F_GETFD) == 0);
    MUST(close(fd) == 0);
}

static void try_stream(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    FILE *file = fdopen(fd, "r+");
    MUST(file && fclose(file) == 0);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    file = fdopen(fd, "r+");
    file = freopen("/dev/null", "r", file);
    MUST(file && fclose(file) == 0);
}

static void try_transfer(void)
{
    struct connection made = connection();
    char bytes[64] = "0123456789";
    struct iovec vector = {.iov_base = bytes, .iov_len = 10};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    MUST(write(made.client, bytes, 10) == 10 && read(made.accepted, bytes, 10) == 10);
    MUST(send(made.client, bytes, 10, 0) == 10 && recv(made.accepted, bytes, 10, 0) == 10);
    MUST(writev(made.client, &vector, 1) == 10 && readv(made.accepted, &vector, 1) == 10);
    MUST(sendmsg(made.client, &message, 0) == 10 && recvmsg(made.accepted, &message, 0) == 10);
    MUST(sendto(made.client, bytes, 10, 0, NULL, 0) == 10 && recvfrom(made.accepted, bytes, 10, 0, NULL, NULL) == 10);
    MUST(preadv2(made.accepted, &vector, 1, -1, RWF_NOWAIT) == -1);
    close_connection(&made);
    MUST(read(-1, bytes, 1) == -1 && errno == EBADF);
    MUST(send(-1, bytes, 1, 0) == -1 && errno == EBADF);
}

static void try_datagrams(void)
{
    struct sockaddr_in address, from;
    socklen_t size = sizeof(from);
    int server = listener(SOCK_DGRAM, &address), fd = socket(AF_INET, SOCK_DGRAM, 0);
    char bytes[16] = "datagram";
    struct iovec vector = {.iov_base = bytes, .iov_len = 8};
    struct mmsghdr messages[2] = {
        {.msg_hdr = {.msg_name = &address, .msg_namelen = sizeof(address), .msg_iov = &vector, .msg_iovlen = 1}},
        {.msg_hdr = {.msg_name = &address, .msg_namelen = sizeof(address), .msg_iov = &vector, .msg_iovlen = 1}}};
    MUST(sendto(fd, bytes, 8, 0, (struct sockaddr *)&address, sizeof(address)) == 8);
    MUST(recvfrom(server, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &size) == 8);
    MUST(sendmmsg(fd, messages, 2, 0) == 2);
    messages[0].msg_hdr.msg_name = messages[1].msg_hdr.msg_name = &from;
    MUST(recvmmsg(server, messages, 2, MSG_WAITFORONE, NULL) >= 1);
    MUST(close(fd) == 0 && close(server) == 0);
}

static void try_passing(void)
{
    int pair[2], passed = socket(AF_INET, SOCK_STREAM, 0);
    char byte = 'x';
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    struct iovec vector = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    memcpy(CMSG_DATA(&control.header), &passed, sizeof(passed));
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    MUST(sendmsg(pair[0], &message, 0) == 1);
    message.msg_controllen = sizeof(control);
    MUST(recvmsg(pair[1], &message, MSG_CMSG_CLOEXEC) == 1);
    int received;
    memcpy(&received, CMSG_DATA(&control.header), sizeof(received));
    MUST(received != passed && fcntl(received, F_GETFD) == FD_CLOEXEC);
    MUST(close(received) == 0 && close(passed) == 0 && close(pair[0]) == 0 && close(pair[1]) == 0);
}

static void try_pidfd(void)
{
#ifdef SYS_pidfd_getfd
    int fd = socket(AF_INET, SOCK_STREAM, 0), self = (int)syscall(SYS_pidfd_open, getpid(), 0);
    int again = self < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, self, fd, 0);
    MUST(again < 0 || close(again) == 0);
    MUST(self < 0 || close(self) == 0);
    MUST(close(fd) == 0);
#endif
}

static void try_syscall(void)
{
    struct sockaddr_in address, own = loopback(0);
    int server = listener(SOCK_STREAM, &address), on = 1;
    int fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
    MUST(fd >= 0);
    MUST(syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0);
    MUST(syscall(SYS_bind, fd, &own, sizeof(own)) == 0);
    MUST(syscall(SYS_connect, fd, &address, sizeof(address)) == 0);
    int accepted = (int)syscall(SYS_accept4, server, NULL, NULL, SOCK_CLOEXEC);
    MUST(accepted >= 0);
    MUST(syscall(SYS_shutdown, fd, SHUT_WR) == 0);
    MUST(syscall(SYS_dup3, fd, accepted, 0) == accepted);
#ifdef SYS_dup2
    MUST(syscall(SYS_dup2, fd, fd) == fd && syscall(SYS_dup2, 1000, fd) == -1);
#endif
    MUST(syscall(SYS_close, accepted) == 0 && syscall(SYS_close, fd) == 0 && close(server) == 0);
    MUST(syscall(SYS_socket, 12345, 1, 0) == -1 && errno == EAFNOSUPPORT);
}

static void try_fork(void)
{
    struct connection made = connection();
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(made.server);
        close(made.client);
        shutdown(made.accepted, SHUT_RDWR);
        _exit(close(made.accepted) == 0 ? 7 : 8);
    }
    int status = 0;
    MUST(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7);
    close_connection(&made);
}

/* The child's descriptors are its own, the memory is not: numbers mean other things in it than in its parent. */
static void try_vfork(void)
{
    int spare = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
    MUST(close(spare) == 0);
    /* NOLINTBEGIN(clang-analyzer-unix.Vfork,clang-analyzer-security.insecureAPI.vfork): what such a child does to its
     * parent is what is tried */
    pid_t child = vfork();
    if (child == 0) {
        int own = socket(AF_INET, SOCK_DGRAM, 0), file = open("/dev/null", O_RDWR);
        dup2(file, fd);
        close(fd);
        dup2(own, fd);
        shutdown(own, SHUT_RD);
        close(own);
        close(fd);
        execl("/bin/true", "true", (char *)NULL);
        _exit(9);
    }
    /* NOLINTEND(clang-analyzer-unix.Vfork,clang-analyzer-security.insecureAPI.vfork) */
    int status = 0;
    MUST(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    MUST(fcntl(fd, F_GETFD) == 0);
    MUST(close(fd) == 0);
}

static void try_spawn(void)
{
    extern char **environ;
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)"exit 5", NULL};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), status = 0;
    pid_t child;
    MUST(posix_spawn(&child, "/bin/sh", NULL, NULL, argv, environ) == 0);
    MUST(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 5);
    int error = posix_spawnp(&child, "nosuch-command", NULL, NULL, argv, environ);
    MUST(error == ENOENT || error == EACCES); /* PATH may name folders that we cannot enter */
    MUST(system("exit 6") == 6 << 8);
    FILE *pipe = popen("exit 4", "r");
    MUST(pipe && pclose(pipe) == 4 << 8);
    MUST(close(fd) == 0);
}

static void try_sendfile(void)
{
    struct connection made = connection();
    char bytes[4];
    int file = open("/proc/self/exe", O_RDONLY), ends[2];
    MUST(sendfile(made.client, file, NULL, 4) == 4 && recv(made.accepted, bytes, 4, MSG_WAITALL) == 4);
    MUST(memcmp(bytes, "\177ELF", 4) == 0);
    MUST(pipe(ends) == 0 && write(ends[1], "pipe", 4) == 4);
    MUST(splice(ends[0], NULL, made.client, NULL, 4, 0) == 4 && recv(made.accepted, bytes, 4, MSG_WAITALL) == 4);
    MUST(memcmp(bytes, "pipe", 4) == 0);
    MUST(close(file) == 0 && close(ends[0]) == 0 && close(ends[1]) == 0);
    close_connection(&made);
}

extern int bindresvport(int fd, struct sockaddr_in *address) __attribute__((weak));

static void try_bindresvport(void)
{
    struct sockaddr_in address = loopback(0);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    MUST(!bindresvport || bindresvport(fd, &address) == 0 || errno == EACCES || errno == EPERM);
    MUST(close(fd) == 0);
}

static const struct {
    const char *name;
    void (*run)(void);
} groups[] = {
    {"socket", try_socket},
    {"socketpair", try_socketpair},
    {"bind", try_bind},
    {"listen", try_listen},
    {"connect", try_connect},
    {"connect_later", try_connect_later},
    {"connect_datagram", try_connect_datagram},
    {"accept", try_accept},
    {"shutdown", try_shutdown},
    {"setsockopt", try_setsockopt},
    {"dup", try_dup},
    {"fcntl", try_fcntl},
    {"close", try_close},
    {"transfer", try_transfer},
    {"datagrams", try_datagrams},
    {"sendfile", try_sendfile},
    {"fork", try_fork},
    {"vfork", try_vfork},
    {"spawn", try_spawn},
    {"close_range", try_close_range},
    {"stream", try_stream},
    {"passing", try_passing},
    {"pidfd", try_pidfd},
    {"bindresvport", try_bindresvport},
    {"syscall", try_syscall},
};

int main(int argc, char **argv)
{
    enum { COUNT = sizeof(groups) / sizeof(groups[0]) };
    if (argc == 2 && strcmp(argv[1], "list") == 0) {
        for (size_t i = 0; i < COUNT; i++)
            puts(groups[i].name);
        return 0;
    }
    for (size_t i = 0; i < COUNT; i++) {
        int asked = argc == 1;
        for (int j = 1; j < argc; j++)
            asked |= strcmp(argv[j], groups[i].name) == 0;
        running = groups[i].name;
        if (asked)
            groups[i].run();
    }
    return wrong;
}
