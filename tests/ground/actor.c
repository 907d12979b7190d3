/* SPDX-License-Identifier: MIT
 *
 * actor CHANNEL  does what the coordinator orders, one call at a time, and says how it went. This is the program that
 * is traced; nothing in it knows of that.
 */
#include "tests/ground/actor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static int channel;
static char buffer[65536];

static void answer(int result, int second)
{
    struct answer answer = {.result = result < 0 ? -errno : result, .second = second};
    if (write(ANSWER_FD(channel), &answer, sizeof answer) != (ssize_t)sizeof answer)
        _exit(3);
}

static int finish_connect(int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t size = sizeof error;
    if (poll(&ready, 1, 10000) != 1)
        return -1;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        return -1;
    errno = error;
    return error ? -1 : 0;
}

static int pass(int carrier, int fd)
{
    union {
        struct cmsghdr header;
        char capacity[CMSG_SPACE(sizeof(int))];
    } control = {{0}};
    struct iovec byte = {buffer, 1};
    struct msghdr message = {
        .msg_iov = &byte, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    return (int)sendmsg(carrier, &message, 0);
}

static int take(int carrier, int flags)
{
    union {
        struct cmsghdr header;
        char capacity[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec byte = {buffer, 1};
    struct msghdr message = {
        .msg_iov = &byte, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    if (recvmsg(carrier, &message, flags) != 1 || !CMSG_FIRSTHDR(&message))
        return -1;
    int fd;
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    return fd;
}

static int get(pid_t pid, int fd)
{
    int process = (int)syscall(SYS_pidfd_open, pid, 0);
    int got = pidfd_getfd(process, fd, 0);
    int error = errno;
    close(process);
    errno = error;
    return got;
}

/* A filter that lets nothing through: what comes in, a reset too, is lost on the way. */
static int deafen(int fd, bool deaf)
{
    struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog program = {1, &drop};
    return deaf ? setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program)
                : setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &(int){0}, sizeof(int));
}

/* A file system of its own there, in a mount namespace of its own. */
static int mount_over(const char *path)
{
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return -1;
    return mount("none", path, "tmpfs", 0, NULL);
}

static void fork_child(int child_channel, bool raw)
{
    pid_t child = raw ? (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL) : fork();
    if (child == 0) {
        channel = child_channel;
        answer(getpid(), 0);
    } else {
        answer(child, 0);
    }
}

static void exec_self(void)
{
    char text[16];
    snprintf(text, sizeof text, "%d", channel);
    execl("/proc/self/exe", "actor", text, (char *)NULL);
    answer(-1, 0);
}

/* Both sleep until the child is another image. */
static void spawn(int child_channel, bool by_vfork)
{
    extern char **environ;
    char text[16];
    pid_t child;
    snprintf(text, sizeof text, "%d", child_channel);
    char name[] = "actor", *arguments[] = {name, text, NULL};
    if (by_vfork) {
        child = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork): what it is about */
        if (child == 0) {
            execv("/proc/self/exe", arguments);
            _exit(127);
        }
    } else {
        errno = posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environ);
        child = errno ? -1 : child;
    }
    answer(child, 0);
}

static int from_anyone(int fd)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    return (int)recvfrom(fd, buffer, sizeof buffer, 0, (struct sockaddr *)&peer, &size);
}

static long raw_sendmmsg(const struct order *order)
{
    struct iovec bytes = {buffer, (size_t)order->b};
    struct mmsghdr message = {
        .msg_hdr = {
            .msg_name = (void *)&order->address, .msg_namelen = order->size, .msg_iov = &bytes, .msg_iovlen = 1}};
    return syscall(SYS_sendmmsg, order->a, &message, 1, 0) == 1 ? (long)message.msg_len : -1;
}

static long raw_recvmmsg(int fd)
{
    struct sockaddr_storage peer;
    struct iovec bytes = {buffer, sizeof buffer};
    struct mmsghdr message = {
        .msg_hdr = {.msg_name = &peer, .msg_namelen = sizeof peer, .msg_iov = &bytes, .msg_iovlen = 1}};
    return syscall(SYS_recvmmsg, fd, &message, 1, 0, NULL) == 1 ? (long)message.msg_len : -1;
}

static long do_raw(const struct order *order)
{
    switch (order->kind) {
    case ORDER_SOCKET:
        return syscall(SYS_socket, order->a, order->b, order->c);
    case ORDER_BIND:
        return syscall(SYS_bind, order->a, &order->address, order->size);
    case ORDER_LISTEN:
        return syscall(SYS_listen, order->a, order->b);
    case ORDER_CONNECT:
        return syscall(SYS_connect, order->a, &order->address, order->size);
    case ORDER_ACCEPT:
        return syscall(SYS_accept4, order->a, NULL, NULL, order->b);
    case ORDER_SENDTO:
        return raw_sendmmsg(order);
    case ORDER_RECVFROM:
        return raw_recvmmsg(order->a);
    case ORDER_CLOSE:
        return syscall(SYS_close, order->a);
    case ORDER_DUP:
        return syscall(SYS_dup, order->a);
    case ORDER_DUPTO:
        return syscall(SYS_dup2, order->a, order->b);
    case ORDER_SHUTDOWN:
        return syscall(SYS_shutdown, order->a, order->b);
    case ORDER_OPTION:
        return syscall(SYS_setsockopt, order->a, order->b, order->c, &order->d, sizeof order->d);
    default:
        return -2; /* none */
    }
}

static int open_folder(const char *path)
{
    int fd = open(path, O_PATH | O_DIRECTORY);
    int opened = dup2(fd, OPENED_FD);
    close(fd);
    return opened;
}

static int enter_sandbox(void)
{
    struct sock_filter let = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {1, &let};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int ask_name(int fd, int (*ask)(int, struct sockaddr *, socklen_t *))
{
    struct sockaddr_storage name;
    socklen_t size = sizeof name;
    return ask(fd, (struct sockaddr *)&name, &size);
}

static int do_rare(const struct order *order, const struct sockaddr *address)
{
    switch (order->kind) {
    case ORDER_LEAP:
        return actor_leap(order->a, address, order->size);
    case ORDER_GONE:
        return (int)actor_gone(order->a);
    case ORDER_BUFFER:
        return (int)actor_buffer(order->a, order->b);
    case ORDER_CROSS:
        return (int)actor_cross(order->a, order->b);
    case ORDER_OPENED:
        return open_folder(((const struct sockaddr_un *)address)->sun_path);
    case ORDER_JOIN:
        return (int)actor_join();
    case ORDER_SANDBOX:
        return enter_sandbox();
    case ORDER_NAME:
        return ask_name(order->a, getsockname);
    case ORDER_PEERNAME:
        return ask_name(order->a, getpeername);
    case ORDER_DUPTO:
        return dup2(order->a, order->b);
    default:
        errno = ENOSYS;
        return -1;
    }
}

static int do_order(const struct order *order, int *second)
{
    const struct sockaddr *address = (const struct sockaddr *)&order->address;
    int pair[2] = {-1, -1}, result = order->raw ? (int)do_raw(order) : -2;
    if (result != -2)
        return result;
    switch (order->kind) {
    case ORDER_SOCKET:
        return socket(order->a, order->b, order->c);
    case ORDER_PAIR:
        result = socketpair(AF_UNIX, order->a, 0, pair);
        *second = pair[1];
        return result < 0 ? result : pair[0];
    case ORDER_BIND:
        return bind(order->a, address, order->size);
    case ORDER_LISTEN:
        return listen(order->a, order->b);
    case ORDER_CONNECT:
        return connect(order->a, address, order->size);
    case ORDER_FINISH:
        return finish_connect(order->a);
    case ORDER_ACCEPT:
        return accept4(order->a, NULL, NULL, order->b);
    case ORDER_SEND:
        return (int)actor_send(order->a, order->b, order->c, order->raw);
    case ORDER_RECEIVE:
        return (int)actor_receive(order->a, order->b, order->c, order->raw);
    case ORDER_SENDTO:
        return (int)sendto(order->a, buffer, (size_t)order->b, 0, address, order->size);
    case ORDER_RECVFROM:
        return from_anyone(order->a);
    case ORDER_CLOSE:
        return close(order->a);
    case ORDER_DUP:
        return dup(order->a);
    case ORDER_OPTION:
        return setsockopt(order->a, order->b, order->c, &order->d, sizeof order->d);
    case ORDER_ABORTIVE:
        return setsockopt(order->a, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    case ORDER_SHUTDOWN:
        return shutdown(order->a, order->b);
    case ORDER_PASS:
        return pass(order->a, order->b);
    case ORDER_TAKE:
        return take(order->a, order->b);
    case ORDER_GETFD:
        return get(order->a, order->b);
    case ORDER_DEAF:
        return deafen(order->a, order->b);
    case ORDER_LEAVE:
        return unshare(CLONE_NEWNET);
    case ORDER_FOLDER:
        return chdir(((const struct sockaddr_un *)&order->address)->sun_path);
    case ORDER_MOUNT:
        return mount_over(((const struct sockaddr_un *)&order->address)->sun_path);
    case ORDER_RANGE:
        return close_range((unsigned)order->a, (unsigned)order->b, order->c);
    case ORDER_MEMBER:
        return setsockopt(order->a, IPPROTO_IP, IP_ADD_MEMBERSHIP,
                          &(struct ip_mreq){{inet_addr("239.1.2.3")}, {htonl(INADDR_LOOPBACK)}},
                          sizeof(struct ip_mreq));
    case ORDER_GROUP:
        return setsockopt(order->a, IPPROTO_IP, IP_MULTICAST_IF, &(struct in_addr){htonl(INADDR_LOOPBACK)},
                          sizeof(struct in_addr));
    case ORDER_FASTOPEN:
        return (int)sendto(order->a, buffer, (size_t)order->b, MSG_FASTOPEN | MSG_NOSIGNAL, address, order->size);
    default:
        return do_rare(order, address);
    }
}

int main(int argc, char **argv)
{
    struct order order;
    if (argc != 2)
        return 2;
    channel = (int)strtol(argv[1], NULL, 10);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY); /* pidfd_getfd() by any other actor */
    answer(getpid(), 0);
    while (read(ORDER_FD(channel), &order, sizeof order) == (ssize_t)sizeof order) {
        int second = -1;
        if (order.kind == ORDER_FORK) {
            fork_child(order.a, order.raw);
        } else if (order.kind == ORDER_EXEC) {
            exec_self();
        } else if (order.kind == ORDER_SPAWN) {
            spawn(order.a, order.b);
        } else if (order.kind == ORDER_EXIT) {
            if (order.a)
                _exit(0);
            return 0;
        } else {
            alarm(30); /* an order that never ends must not outlive the test */
            int result = do_order(&order, &second);
            answer(result, second);
            alarm(0);
        }
    }
    return 0;
}
