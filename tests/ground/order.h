/* SPDX-License-Identifier: MIT
 *
 * What passes between the coordinator and its actors: one order, one answer, over two pipes an actor. The pipes stand
 * at descriptor numbers far from those that sockets get, are there before the first actor starts, and survive fork and
 * exec.
 */
#ifndef TESTS_GROUND_ORDER_H
#define TESTS_GROUND_ORDER_H

#include <stdbool.h>
#include <sys/socket.h>

#define OPENED_FD    290 /* a folder that unix sockets are named by */
#define ACTORS_MAX   24
#define ORDER_FD(n)  (300 + 2 * (n)) /* actor n reads orders here */
#define ANSWER_FD(n) (301 + 2 * (n)) /* and answers there */

/* The arguments are what the call of that name takes; `fd` is the answer's result where a call makes one. */
#define ORDERS(X)                                                                                                      \
    X(SOCKET)   /* family, type, protocol */                                                                           \
    X(PAIR)     /* type; second result: fd2 */                                                                         \
    X(BIND)     /* fd, address */                                                                                      \
    X(LISTEN)   /* fd, backlog */                                                                                      \
    X(CONNECT)  /* fd, address */                                                                                      \
    X(FINISH)   /* fd: waits until a connect is through; the result is SO_ERROR, negated */                            \
    X(ACCEPT)   /* fd, flags */                                                                                        \
    X(SEND)     /* fd, bytes, enum way */                                                                              \
    X(RECEIVE)  /* fd, bytes, enum way: until all of them are there */                                                 \
    X(SENDTO)   /* fd, bytes, address */                                                                               \
    X(RECVFROM) /* fd */                                                                                               \
    X(CLOSE)    /* fd */                                                                                               \
    X(DUP)      /* fd */                                                                                               \
    X(OPTION)   /* fd, level, name, value */                                                                           \
    X(ABORTIVE) /* fd: SO_LINGER 0 */                                                                                  \
    X(SHUTDOWN) /* fd, how */                                                                                          \
    X(FORK)     /* channel of the child, which answers there with its pid */                                           \
    X(EXEC)     /* becomes a new image of itself, which answers with its pid */                                        \
    X(PASS)     /* fd of the carrier, fd to pass */                                                                    \
    X(TAKE)     /* fd of the carrier, flags */                                                                         \
    X(GETFD)    /* pid, fd there: pidfd_getfd(2) */                                                                    \
    X(SPAWN)    /* channel of the child, a new image of itself, which answers there; 1: vfork() and exec */            \
    X(DEAF)     /* fd, 1: drop all that comes in; 0: no more */                                                        \
    X(FASTOPEN) /* fd, bytes, address: connects and sends at once */                                                   \
    X(LEAVE)    /* for a network namespace of its own */                                                               \
    X(OPENED)   /* address: a folder, opened as OPENED_FD */                                                           \
    X(FOLDER)   /* address: a folder to work in */                                                                     \
    X(MOUNT)    /* address: a folder; it goes into a mount namespace where that is another file system */              \
    X(RANGE)    /* first, last, flags: close_range(2) */                                                               \
    X(MEMBER)   /* fd: of 239.1.2.3 on loopback */                                                                     \
    X(GROUP)    /* fd: what it sends to groups goes out on loopback */                                                 \
    X(LEAP)     /* fd, address: connect() left by siglongjmp() */                                                      \
    X(GONE)     /* fd: waits until it is told that the other end is gone */                                            \
    X(BUFFER)   /* fd, bytes: into a stdio stream, which exit() flushes */                                             \
    X(CROSS)    /* fd, bytes: sends in a thread; a new socket gets the number meanwhile */                             \
    X(JOIN)     /* the result of that send */                                                                          \
    X(SANDBOX)  /* enters a seccomp sandbox, whose filter lets all through */                                          \
    X(NAME)     /* fd: getsockname() */                                                                                \
    X(PEERNAME) /* fd: getpeername() */                                                                                \
    X(DUPTO)    /* fd, number: dup2() */                                                                               \
    X(EXIT)     /* 0: exit(), 1: _exit() */

enum order_kind {
#define X(name) ORDER_##name,
    ORDERS(X)
#undef X
};

/* By which call bytes are sent and received. */
enum way { WAY_PLAIN, WAY_FILE, WAY_VECTOR, WAY_VECTOR2, WAY_MESSAGE, WAY_MESSAGES, WAY_SENDFILE, WAY_SPLICE, WAYS };

struct order {
    enum order_kind kind;
    bool raw; /* by syscall(2), where there is such a call */
    int a, b, c, d;
    socklen_t size;
    struct sockaddr_storage address;
};

struct answer {
    int result; /* negative: -errno */
    int second;
};

#endif
