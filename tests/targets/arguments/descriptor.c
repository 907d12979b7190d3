/* SPDX-License-Identifier: MIT
 *
 * The descriptors that calls are tried with. All are non-blocking, with something to be read where there can be.
 */
#include "tests/targets/arguments/argument.h"
#include "tests/targets/target.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

/* Sockets that are reset when they close leave no port busy behind. */
static void close_at_once(int fd)
{
    must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger)), "SO_LINGER");
}

static int bound(int type, unsigned number)
{
    struct sockaddr_in address = argument_address(number);
    int fd = must(socket(AF_INET, type | SOCK_NONBLOCK, 0), "socket");
    must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)), "SO_REUSEADDR");
    must(bind(fd, (struct sockaddr *)&address, sizeof address), "bind");
    if (type == SOCK_STREAM)
        close_at_once(fd);
    return fd;
}

static int listening(void)
{
    int fd = bound(SOCK_STREAM, 1);
    must(listen(fd, 5), "listen");
    return fd;
}

static int connected(void)
{
    struct sockaddr_in address = argument_address(1);
    int fd = bound(SOCK_STREAM, 2);
    must_fail(connect(fd, (struct sockaddr *)&address, sizeof address), EINPROGRESS, "connect");
    return fd;
}

int make_listener(void)
{
    int fd = listening();
    connected();
    return fd;
}

int make_stream(void)
{
    int listener = listening(), fd = connected();
    int other = must(accept4(listener, NULL, NULL, SOCK_NONBLOCK), "accept4");
    close_at_once(other);
    must((int)send(other, "0123456789", 10, 0), "send");
    must((int)send(other, "u", 1, MSG_OOB), "send");
    return fd;
}

int make_datagram(void)
{
    struct sockaddr_in address = argument_address(1);
    int fd = bound(SOCK_DGRAM, 1), other = bound(SOCK_DGRAM, 2);
    for (int i = 0; i < 3; i++)
        must((int)sendto(other, "0123456789", 10, 0, (struct sockaddr *)&address, sizeof address), "sendto");
    return fd;
}

/* With a descriptor and an unnamed sender. */
int make_unix(void)
{
    int pair[2];
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    struct iovec vector = {(char *)"0123456789", 10};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control};
    must(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair), "socketpair");
    memcpy(CMSG_DATA(&control.header), &pair[1], sizeof pair[1]);
    for (int i = 0; i < 3; i++)
        must((int)sendmsg(pair[1], &message, 0), "sendmsg");
    return pair[0];
}

int make_new_stream(void)
{
    listening();
    return must(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");
}

int make_new_datagram(void)
{
    bound(SOCK_DGRAM, 1);
    return must(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), "socket");
}

static int a_pipe(int end)
{
    int ends[2];
    must(pipe2(ends, O_NONBLOCK), "pipe2");
    must((int)write(ends[1], "0123456789", 10), "write");
    return ends[end];
}

int make_pipe_in(void)
{
    return a_pipe(0);
}

int make_pipe_out(void)
{
    return a_pipe(1);
}

int make_file(void)
{
    return must(open("/proc/self/exe", O_RDONLY), "open");
}

int make_epoll(void)
{
    int fd = must(epoll_create1(0), "epoll_create1");
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = 7};
    must(epoll_ctl(fd, EPOLL_CTL_ADD, a_pipe(0), &event), "epoll_ctl");
    return fd;
}

int make_process(void)
{
    return must((int)syscall(SYS_pidfd_open, getpid(), 0), "pidfd_open");
}
