/* SPDX-License-Identifier: MIT
 *
 * Addresses that a call returns in the program's own buffer: is what stands there whole? For wrappers only.
 */
#ifndef SHIM_CALLER_H
#define SHIM_CALLER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

/* The room in the program's buffer, read before the call; 0: not known. The pointer may only be followed if it is sure
 * to be good, since the kernel has not looked at it yet and a bad one must fail with EFAULT, not crash: a variable a
 * little way up our own stack is. */
static inline socklen_t caller_room(const socklen_t *size)
{
    enum { NEAR = 16 << 10 };
    const char *frame = __builtin_frame_address(0), *at = (const char *)size;
    return at > frame && at < frame + NEAR ? *size : 0;
}

/* The size of the address that the kernel returned; 0: cut short, or not sure. An IPv4 address is taken to fit, it
 * always does in practice. */
static inline socklen_t caller_whole(const struct sockaddr *address, const socklen_t *size, socklen_t room)
{
    if (!address || !size)
        return 0;
    return *size <= room || (room == 0 && *size == sizeof(struct sockaddr_in)) ? *size : 0;
}

/* Where accept() puts the peer's address. A caller that does not want it gets ours filled instead, which saves asking
 * again, and is known even if the peer has reset the connection since. */
struct caller_peer {
    union {
        struct sockaddr address;
        unsigned char bytes[128];
    } own;
    socklen_t own_size;
    struct sockaddr *address;
    socklen_t *size;
    socklen_t room; /* 0: not known */
};

static inline void caller_peer_prepare(struct caller_peer *peer, bool wanted, struct sockaddr *address, socklen_t *size)
{
    bool given = address || !wanted;
    peer->own_size = sizeof(peer->own);
    peer->address = given ? address : &peer->own.address;
    peer->size = given ? size : &peer->own_size;
    peer->room = given ? caller_room(size) : sizeof(peer->own);
}

#endif
