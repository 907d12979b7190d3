/* SPDX-License-Identifier: MIT
 *
 * The peers of a datagram socket that is not connected: who it exchanged messages with, and how much. At most PEERS_MAX
 * for each descriptor; what goes beyond is counted together. No lock; callable from anywhere but a vfork child.
 */
#ifndef SHIM_PEERS_H
#define SHIM_PEERS_H

#include "shim/descriptor.h"
#include "shim/endpoint.h"

enum { PEERS_MAX = 256 };

struct peer {
    _Alignas(8) uint64_t hash; /* 0: free */
    uint64_t bytes_sent, bytes_received;
    uint32_t messages_sent, messages_received;
    struct endpoint address;
};

/* The peer's counters, `fresh` when this is the first exchange with it. NULL: beyond the bound; the exchange was
 * counted as unlisted. */
struct peer *peers_find(struct descriptor *entry, const struct endpoint *address, bool *fresh);
/* Calls `visit` for each peer with a count, then once with NULL if exchanges went unlisted; afterwards the set is free
 * for another socket. */
void peers_drain(struct descriptor *entry, void (*visit)(void *context, const struct peer *peer, uint32_t unlisted),
                 void *context);

#endif
