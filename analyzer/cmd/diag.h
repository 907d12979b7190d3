/* SPDX-License-Identifier: MIT
 *
 * What the kernel tells of any process's sockets: sock_diag(7), and /proc for who holds them. For the caller's network
 * namespace, and for processes that the caller may look into. Only `run` and the reader of
 * the kernel's notices use it.
 */
#ifndef ANALYZER_CMD_DIAG_H
#define ANALYZER_CMD_DIAG_H

#include "analyzer/trace/address.h"

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct diag_socket {
    struct address local, peer;
    bool listening;      /* or, for datagrams, not connected */
    bool parting;        /* of no process any more, while its end is told to its peer */
    uint16_t type;       /* SOCK_* */
    uint32_t inode;      /* 0: not accepted yet */
    uint64_t cookie;     /* of an internet socket */
    uint32_t peer_inode; /* unix: the other end's; 0 none, or not accepted yet */
};

/* An address as sock_diag has it; `family`: AF_INET or AF_INET6. */
void diag_address(struct address *out, unsigned family, const __be32 *bytes, __be16 port, __be32 scope);

typedef void diag_found(void *context, const struct diag_socket *socket);

/* Calls `found` for all sockets of `family` (AF_INET, AF_INET6: of `protocol`; AF_UNIX: bound or connected ones). */
void diag_sockets(int family, int protocol, diag_found *found, void *context);
/* The same for one datagram of the kernel's answer, which begins at a multiple of 4; false at the end of the answer. */
bool diag_answer(const void *answer, size_t size, int family, int protocol, diag_found *found, void *context);

struct diag_holder {
    uint32_t inode;
    pid_t pid; /* 0 when nobody is found */
};
/* Finds who holds each of `holders`' inodes: of several processes that of the highest pid (a forked worker) when
 * `latest`, else of the lowest (the parent). */
void diag_holders(struct diag_holder *holders, unsigned count, bool latest);

#endif
