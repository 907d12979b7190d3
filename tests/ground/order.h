/* SPDX-License-Identifier: MIT
 *
 * What passes between the coordinator and its actors: one order, one answer, over two pipes an actor. The pipes stand
 * at descriptor numbers far from those that sockets get, are there before the first actor starts, and survive fork and
 * exec.
 */
#ifndef TESTS_GROUND_ORDER_H
#define TESTS_GROUND_ORDER_H

#include <sys/socket.h>

#define ACTORS_MAX   24
#define ORDER_FD(n)  (300 + 2 * (n)) /* actor n reads orders here */
#define ANSWER_FD(n) (301 + 2 * (n)) /* and answers there */

/* The arguments are what the call of that name takes; `fd` is the answer's result where a call makes one. */
enum order_kind {
    ORDER_SOCKET,   /* family, type, protocol */
    ORDER_PAIR,     /* type; second result: fd2 */
    ORDER_BIND,     /* fd, address */
    ORDER_LISTEN,   /* fd, backlog */
    ORDER_CONNECT,  /* fd, address */
    ORDER_FINISH,   /* fd: waits until a connect is through; the result is SO_ERROR, negated */
    ORDER_ACCEPT,   /* fd, flags */
    ORDER_SEND,     /* fd, bytes */
    ORDER_RECEIVE,  /* fd, bytes: until all of them are there */
    ORDER_SENDTO,   /* fd, bytes, address */
    ORDER_RECVFROM, /* fd */
    ORDER_CLOSE,    /* fd */
    ORDER_DUP,      /* fd */
    ORDER_OPTION,   /* fd, level, name, value */
    ORDER_ABORTIVE, /* fd: SO_LINGER 0 */
    ORDER_SHUTDOWN, /* fd, how */
    ORDER_FORK,     /* channel of the child, which answers there with its pid */
    ORDER_EXEC,     /* becomes a new image of itself, which answers with its pid */
    ORDER_PASS,     /* fd of the carrier, fd to pass */
    ORDER_TAKE,     /* fd of the carrier, flags */
    ORDER_EXIT,     /* 0: exit(), 1: _exit() */
};

struct order {
    enum order_kind kind;
    int a, b, c, d;
    socklen_t size;
    struct sockaddr_storage address;
};

struct answer {
    int result; /* negative: -errno */
    int second;
};

#endif
