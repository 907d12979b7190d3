/* SPDX-License-Identifier: MIT
 *
 * TCP connections of a program to itself, each call counted in a ledger: what the target programs for faults are made
 * of.
 */
#ifndef TESTS_TARGETS_BUSY_H
#define TESTS_TARGETS_BUSY_H

#include "tests/fault/ledger.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

static struct ledger *ledger;

/* Counts the call and hands its result on; one that failed ends the program. Safe in a signal handler. */
static inline int did(enum sockatlas_kind kind, int result, const char *what)
{
    if (result >= 0) {
        ledger_count(ledger, kind);
        return result;
    }
    const char *name = strerrorname_np(errno);
    const char *words[] = {"went wrong: ", what, " ", name ? name : "?", "\n"};
    enum { WORDS = sizeof words / sizeof *words };
    struct iovec line[WORDS];
    for (int i = 0; i < WORDS; i++)
        line[i] = (struct iovec){(void *)words[i], strlen(words[i])};
    __atomic_fetch_add(&ledger->wrong, 1, __ATOMIC_RELAXED);
    if (writev(2, line, WORDS) < 0)
        _exit(2);
    _exit(1);
}

/* This process is under a seccomp filter. */
static bool busy_in_sandbox;

/* connect() of a stream that may wait, which is recorded before the call, but in a sandbox, and after it. */
static inline void busy_connect(int fd, const void *address, socklen_t size)
{
    did(SOCKATLAS_CONNECT, connect(fd, address, size), "connect");
    if (!busy_in_sandbox)
        ledger_count(ledger, SOCKATLAS_CONNECTING);
}

/* A listener on a free port of 127.0.0.1. */
static inline int busy_listen(struct sockaddr_in *address)
{
    socklen_t size = sizeof(*address);
    /* No TIME_WAIT, so that thousands of runs do not spend the ports. */
    struct linger reset = {.l_onoff = 1};
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int server = did(SOCKATLAS_SOCKET, socket(AF_INET, SOCK_STREAM, 0), "socket");
    did(SOCKATLAS_OPTION, setsockopt(server, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), "setsockopt");
    did(SOCKATLAS_BIND, bind(server, (struct sockaddr *)address, size), "bind");
    did(SOCKATLAS_LISTEN, listen(server, 128), "listen");
    if (getsockname(server, (struct sockaddr *)address, &size) < 0)
        did(SOCKATLAS_BIND, -1, "getsockname");
    return server;
}

/* One connection, from its making to its end. */
static inline void busy_round(int server, const struct sockaddr_in *address)
{
    int on = 1, client = did(SOCKATLAS_SOCKET, socket(AF_INET, SOCK_STREAM, 0), "socket");
    char byte = 'x';
    did(SOCKATLAS_OPTION, setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), "setsockopt");
    busy_connect(client, address, sizeof(*address));
    int accepted = did(SOCKATLAS_ACCEPT, accept(server, NULL, NULL), "accept");
    if (send(client, &byte, 1, 0) != 1 || recv(accepted, &byte, 1, 0) != 1)
        did(SOCKATLAS_IO, -1, "transfer");
    did(SOCKATLAS_SHUTDOWN, shutdown(client, SHUT_WR), "shutdown");
    did(SOCKATLAS_CLOSE, close(client), "close");
    did(SOCKATLAS_CLOSE, close(accepted), "close");
}

/* `rounds` of them, listener included; for ever when 0. */
static inline void busy_rounds(long rounds)
{
    struct sockaddr_in address;
    int server = busy_listen(&address);
    for (long i = 0; rounds == 0 || i < rounds; i++)
        busy_round(server, &address);
    did(SOCKATLAS_CLOSE, close(server), "close");
}

/* Maps the ledger or ends the program. */
static inline void busy_begin(const char *path, long workers)
{
    ledger = ledger_map(path);
    if (!ledger) {
        perror(path);
        exit(2);
    }
    ledger->workers = (uint64_t)workers;
}

#endif
