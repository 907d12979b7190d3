/* SPDX-License-Identifier: MIT
 *
 * Addresses that a call returns in the program's own buffer: is what stands there whole? For wrappers only.
 */
#ifndef SHIM_CALLER_H
#define SHIM_CALLER_H

#include "shim/config.h"
#include "shim/descriptor.h"
#include "shim/memory.h"
#include "shim/probe.h"
#include "shim/sandbox.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* The size of the program's buffer, read before the call; 0: not known. The kernel has not looked at the pointer yet,
 * and a bad one must fail with EFAULT, not crash here. */
static inline socklen_t caller_capacity(const socklen_t *size)
{
    return size && memory_readable(size, sizeof(*size)) == sizeof(*size) ? *size : 0;
}

/* The size of the address that the kernel returned; 0: none, cut short, or not known to be whole. After the call
 * succeeded: then the kernel has written to both. */
static inline socklen_t caller_whole(const struct sockaddr *address, const socklen_t *size, socklen_t capacity)
{
    return address && size && *size <= capacity ? *size : 0;
}

/* How many bytes a call with a vector asked for; 0 where that is of no interest: it matters for a record a call. After
 * the call succeeded: then the kernel has read the vector. */
static inline size_t caller_vector(const struct iovec *vector, size_t count, ssize_t result)
{
    size_t size = 0;
    for (size_t i = 0; result >= 0 && config.io && i < count; i++)
        size += vector[i].iov_len;
    return size;
}

/* Where accept() puts the peer's address. A caller that does not want it gets ours filled instead, which saves asking
 * again, and is known even if the peer has reset the connection since; but in a sandbox, which may look at what a call
 * is given. */
struct caller_peer {
    union {
        struct sockaddr address;
        unsigned char bytes[128];
    } own;
    socklen_t own_size;
    struct sockaddr *address;
    socklen_t *size;
    socklen_t capacity; /* 0: not known */
};

/* An accept() that asks for the address fails where the family has none to give (AF_ALG): so the shim asks only where
 * it always has. Of a listener that was not met yet, because it came from another image, the family is asked. */
static inline bool caller_has_address(int listener)
{
    const struct descriptor *entry = descriptor_find(listener);
    int family = AF_UNSPEC;
    if (!entry || entry->state == DESCRIPTOR_UNKNOWN)
        family = probe_int(listener, SOL_SOCKET, SO_DOMAIN, AF_UNSPEC);
    else if (entry->state == DESCRIPTOR_SOCKET)
        family = entry->family;
    return family == AF_INET || family == AF_INET6 || family == AF_UNIX;
}

static inline void caller_peer_prepare(struct caller_peer *peer, int listener, bool wanted, struct sockaddr *address,
                                       socklen_t *size)
{
    bool given = address || !wanted || sandbox_inside() || !caller_has_address(listener);
    peer->own_size = sizeof(peer->own);
    peer->address = given ? address : &peer->own.address;
    peer->size = given ? size : &peer->own_size;
    peer->capacity = !given ? sizeof(peer->own) : address && wanted ? caller_capacity(size) : 0;
}

#endif
