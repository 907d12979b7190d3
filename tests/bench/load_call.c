/* SPDX-License-Identifier: MIT
 *
 * One libc entry point alone: ARGUMENT names it. What the call needs is made before the stopwatch starts, and put away
 * after it stops.
 */
#include "tests/bench/load.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 128 };

static struct sockaddr_in address, any = {.sin_family = AF_INET};
static int listener, null;
static int left[BATCH], right[BATCH]; /* what the calls of a batch work on */
static const struct call *chosen;

static void open_null(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        load_must((left[i] = dup(null)) >= 0, "dup");
}

static void open_stream(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        load_must((left[i] = socket(AF_INET, SOCK_STREAM, 0)) >= 0, "socket");
}

static void connect_stream(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        left[i] = load_connect(&address);
}

static void connect_both(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        left[i] = load_connect(&address);
        load_must((right[i] = accept(listener, NULL, NULL)) >= 0, "accept");
    }
}

static void connect_and_send(unsigned count)
{
    connect_both(count);
    for (unsigned i = 0; i < count; i++)
        load_must(send(right[i], "x", 1, 0) == 1, "send");
}

static void open_datagram(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        left[i] = i ? dup(left[0]) : socket(AF_INET, SOCK_DGRAM, 0);
        load_must(left[i] >= 0, "socket");
    }
}

static void close_left(unsigned count)
{
    struct linger reset = {.l_onoff = 1};
    for (unsigned i = 0; i < count; i++) {
        setsockopt(left[i], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        close(left[i]);
    }
}

static void close_right(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        close(right[i]);
}

static void close_both(unsigned count)
{
    close_left(count);
    close_right(count);
}

/* connect()'s other ends, still in the listener's queue. */
static void accept_and_close(unsigned count)
{
    close_left(count);
    for (unsigned i = 0; i < count; i++)
        close(accept(listener, NULL, NULL));
}

static void nothing(unsigned count)
{
    (void)count;
}

static void do_socket(unsigned i)
{
    left[i] = socket(AF_INET, SOCK_STREAM, 0);
}
static void do_setsockopt(unsigned i)
{
    int one = 1;
    setsockopt(left[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}
static void do_setsockopt_buffer(unsigned i)
{
    int size = 65536;
    setsockopt(left[i], SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}
static void do_getsockopt_error(unsigned i)
{
    int error;
    socklen_t size = sizeof(error);
    getsockopt(left[i], SOL_SOCKET, SO_ERROR, &error, &size);
}
static void do_bind(unsigned i)
{
    (void)bind(left[i], (struct sockaddr *)&any, sizeof(any));
}
static void do_listen(unsigned i)
{
    listen(left[i], 1);
}
static void do_connect(unsigned i)
{
    (void)connect(left[i], (struct sockaddr *)&address, sizeof(address));
}
static void do_accept(unsigned i)
{
    right[i] = accept(listener, NULL, NULL);
}
static void do_accept_address(unsigned i)
{
    struct sockaddr_in peer;
    socklen_t size = sizeof(peer);
    right[i] = accept(listener, (struct sockaddr *)&peer, &size);
}
static void do_send(unsigned i)
{
    send(left[i], "x", 1, 0);
}
static void do_recv(unsigned i)
{
    char byte;
    recv(left[i], &byte, 1, 0);
}
static void do_sendto_datagram(unsigned i)
{
    sendto(left[i], "x", 1, 0, (struct sockaddr *)&address, sizeof(address));
}
/* To one address, again and again. */
static void do_sendto_again(unsigned i)
{
    (void)i;
    do_sendto_datagram(0);
}
static void do_read_null(unsigned i)
{
    char byte;
    if (read(left[i], &byte, 1) > 0)
        load_die("read");
}
static void do_write_null(unsigned i)
{
    if (write(left[i], "x", 1) != 1)
        load_die("write");
}
static void do_shutdown(unsigned i)
{
    shutdown(left[i], SHUT_WR);
}
static void do_close(unsigned i)
{
    close(left[i]);
}
static void do_dup(unsigned i)
{
    right[i] = dup(left[i]);
}
static void do_fcntl(unsigned i)
{
    fcntl(left[i], F_SETFL, O_RDWR | O_NONBLOCK);
}
static void do_poll(unsigned i)
{
    struct pollfd one = {.fd = left[i], .events = POLLIN};
    poll(&one, 1, 0);
}
static void do_epoll_wait(unsigned i)
{
    static int set;
    struct epoll_event event;
    (void)i;
    if (!set)
        set = epoll_create1(EPOLL_CLOEXEC);
    epoll_wait(set, &event, 1, 0);
}

static const struct call {
    const char *name;
    void (*before)(unsigned count);
    void (*call)(unsigned i);
    void (*after)(unsigned count);
} calls[] = {
    {"socket", nothing, do_socket, close_left},
    {"setsockopt", open_stream, do_setsockopt, close_left},
    {"setsockopt_buffer", open_stream, do_setsockopt_buffer, close_left},
    {"getsockopt_error", open_stream, do_getsockopt_error, close_left},
    {"bind", open_stream, do_bind, close_left},
    {"listen", open_stream, do_listen, close_left},
    {"connect", open_stream, do_connect, accept_and_close},
    {"accept", connect_stream, do_accept, close_both},
    {"accept_address", connect_stream, do_accept_address, close_both},
    {"send", connect_both, do_send, close_both},
    {"recv", connect_and_send, do_recv, close_both},
    {"sendto_datagram", open_datagram, do_sendto_datagram, close_left},
    {"sendto_again", open_datagram, do_sendto_again, close_left},
    {"read_no_socket", open_null, do_read_null, close_left},
    {"write_no_socket", open_null, do_write_null, close_left},
    {"poll", open_stream, do_poll, close_left},
    {"epoll_wait", nothing, do_epoll_wait, nothing},
    {"fcntl_setfl", open_stream, do_fcntl, close_left},
    {"dup", open_stream, do_dup, close_both},
    {"shutdown", connect_both, do_shutdown, close_both},
    {"close_unconnected", open_stream, do_close, nothing},
    {"close_connected", connect_both, do_close, close_right},
    {"close_no_socket", open_null, do_close, nothing},
};

void call_prepare(const char *argument)
{
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        if (strcmp(calls[i].name, argument) == 0)
            chosen = &calls[i];
    load_must(chosen != NULL, argument);
    listener = load_listener(SOCK_STREAM, &address);
    load_must((null = open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0, "/dev/null");
}

void call_run(unsigned long count, struct stopwatch *watch)
{
    while (count) {
        unsigned batch = count < BATCH ? (unsigned)count : BATCH;
        chosen->before(batch);
        stopwatch_start(watch);
        for (unsigned i = 0; i < batch; i++)
            chosen->call(i);
        stopwatch_stop(watch);
        chosen->after(batch);
        count -= batch;
    }
}
