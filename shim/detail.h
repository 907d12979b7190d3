/* SPDX-License-Identifier: MIT
 *
 * What else is known of a socket at a descriptor, beside its entry (descriptor.h): its addresses, what it came out of,
 * the settings that the program made. Kept so that it can be told again in another section of the log's ring (tell.c).
 * Callable from anywhere; in a vfork child nothing is kept: the table is its parent's.
 */
#ifndef SHIM_DETAIL_H
#define SHIM_DETAIL_H

#include "shim/descriptor.h"
#include "shim/endpoint.h"

#include <stdbool.h>
#include <stdint.h>

/* The first 64 bytes are all that an ordinary connection writes. */
enum { DETAIL_ADDRESS_MAX = 22, DETAIL_SETTINGS = 8, DETAIL_VALUE_MAX = 8 };

/* One setting: what the program asked for. Threads may set and read it at once: each member is one access. */
struct detail_setting {
    uint64_t key; /* level << 48 | name << 32 | requested size << 16 | bytes kept; stored last, 0 none */
    uint64_t value;
};

struct detail {
    uint64_t cookie;               /* whose it is; any other socket's has nothing here. Never 0 */
    uint64_t origin_cookie;        /* as `origin` says */
    uint8_t origin;                /* enum sockatlas_origin */
    uint8_t local_size, peer_size; /* SOCKATLAS_ABSENT: unknown; addresses of the entry's family */
    uint8_t settings;              /* how many are kept, DETAIL_SETTINGS at most */
    unsigned char local[DETAIL_ADDRESS_MAX], peer[DETAIL_ADDRESS_MAX];
    struct detail_setting setting[DETAIL_SETTINGS];
} __attribute__((aligned(64)));

/* What is kept of the socket of `entry`, which is at `fd`; NULL: nothing. */
const struct detail *detail_of(int fd, const struct descriptor *entry);

/* Its addresses are these now; one that is not known (or NULL) leaves what was known. Only a TCP connection's are kept:
 * the kernel changes others by itself. */
void detail_addresses(int fd, const struct descriptor *entry, const struct endpoint *local,
                      const struct endpoint *peer);
/* connect(AF_UNSPEC): it has neither any more. */
void detail_dissolved(int fd, const struct descriptor *entry);
/* It was accepted on `listener`, which is at that descriptor. `local` is not known where it is the listener's own. */
void detail_accepted(int fd, const struct descriptor *entry, int listener_fd, const struct descriptor *listener,
                     const struct endpoint *local, const struct endpoint *peer);
/* It is one end of a pair, and `cookie` is the other. */
void detail_paired(int fd, const struct descriptor *entry, uint64_t cookie);
/* The program has set this to `kept` bytes at `value`, of `size` that it gave. */
void detail_set(int fd, const struct descriptor *entry, int level, int name, uint32_t size, const void *value,
                unsigned kept);
/* `fd` is the same socket as `old` from now on. */
void detail_copy(int old, int fd, const struct descriptor *entry);

/* False: not known. */
bool detail_local(const struct detail *detail, const struct descriptor *entry, struct endpoint *out);
bool detail_peer(const struct detail *detail, const struct descriptor *entry, struct endpoint *out);

#endif
