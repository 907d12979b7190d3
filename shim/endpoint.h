/* SPDX-License-Identifier: MIT
 *
 * One address of a socket in the trace's encoding (trace_format.h, struct sockatlas_addresses). Callable from anywhere.
 */
#ifndef SHIM_ENDPOINT_H
#define SHIM_ENDPOINT_H

#include "shim/trace_format.h"

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

enum { ENDPOINT_BYTES_MAX = 126 };

/* size SOCKATLAS_ABSENT: unknown. */
struct endpoint {
    uint8_t family;
    uint8_t size;
    unsigned char bytes[ENDPOINT_BYTES_MAX];
};

/* Encodes `size` bytes of a socket address as the kernel or a program gave them; absent when too short for its family.
 */
void endpoint_encode(struct endpoint *out, const struct sockaddr *address, socklen_t size);

/* The same for where a message goes: an IPv4 socket takes a family of 0 for its own (udp_sendmsg()), others for the
 * peer that they are connected to, which is absent here. */
void endpoint_encode_sent(struct endpoint *out, int family, const struct sockaddr *address, socklen_t size);

static inline void endpoint_clear(struct endpoint *out)
{
    out->family = 0;
    out->size = SOCKATLAS_ABSENT;
}

static inline bool endpoint_known(const struct endpoint *endpoint)
{
    return endpoint->size != SOCKATLAS_ABSENT;
}

/* Puts the bytes of one that is known at `out`; returns where they end. */
static inline unsigned char *endpoint_put(unsigned char *out, const struct endpoint *endpoint)
{
    enum { INET = 6 };
    if (__builtin_expect(endpoint->size == INET, 1))
        memcpy(out, endpoint->bytes, INET);
    else
        memcpy(out, endpoint->bytes, endpoint->size);
    return out + endpoint->size;
}

/* An internet address that is neither the wildcard nor without a port: what the kernel will not change any more. */
bool endpoint_is_specific(const struct endpoint *endpoint);

#endif
