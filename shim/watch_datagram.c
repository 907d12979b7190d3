/* SPDX-License-Identifier: MIT
 *
 * Messages between datagram sockets that are not connected: the first with each peer is recorded, the rest is counted
 * until the end. Callable from anywhere.
 */
#include "shim/watch.h"

#include "shim/peers.h"
#include "shim/probe.h"
#include "shim/record.h"

#include <stddef.h>

static void record_peer(enum sockatlas_call call, enum watch_direction direction, int fd, struct descriptor *entry,
                        const struct endpoint *peer)
{
    struct endpoint local;
    endpoint_clear(&local);
    if (!(entry->flags & DESCRIPTOR_LOCAL_KNOWN)) {
        probe_local(fd, &local);
        /* A wildcard address stays one, but its port is settled with the first message. */
        descriptor_set(entry, DESCRIPTOR_LOCAL_KNOWN, 0);
    }
    struct record record = {.call = call, .fd = fd, .cookie = entry->cookie, .about = entry, .about_fd = fd};
    struct sockatlas_body_peer *body = record_begin(&record, sizeof(*body), record_addresses_size(peer, &local));
    if (!body)
        return;
    body->sent = direction == WATCH_OUT;
    record_addresses(body, sizeof(*body), &body->addresses, peer, &local, 0);
    record_commit(body, SOCKATLAS_PEER);
}

void watch_message(enum sockatlas_call call, enum watch_direction direction, int fd,
                   const struct watch_transfer *transfer, const struct sockaddr *address, socklen_t size, size_t bytes)
{
    struct descriptor *entry = descriptor_find(fd);
    if (!size || transfer->late || !watch_wants_peer(fd) || process_identity().vforked)
        return;
    struct endpoint peer;
    endpoint_encode_sent(&peer, entry->family, address, size);
    if (!endpoint_known(&peer))
        return;
    bool fresh;
    struct peer *found = peers_find(entry, &peer, &fresh);
    if (!found)
        return;
    bool out = direction == WATCH_OUT;
    __atomic_fetch_add(out ? &found->bytes_sent : &found->bytes_received, bytes, __ATOMIC_RELAXED);
    __atomic_fetch_add(out ? &found->messages_sent : &found->messages_received, 1, __ATOMIC_RELAXED);
    if (fresh)
        record_peer(call, direction, fd, entry, &peer);
}

static void record_total(void *context, const struct peer *peer, uint32_t unlisted)
{
    struct record *record = context;
    const struct endpoint *address = peer ? &peer->address : NULL;
    record->time_ns = 0;
    struct sockatlas_body_peer_total *body = record_begin(record, sizeof(*body), record_addresses_size(address, NULL));
    if (!body)
        return;
    body->unlisted = unlisted;
    if (peer) {
        body->bytes_sent = peer->bytes_sent;
        body->bytes_received = peer->bytes_received;
        body->messages_sent = peer->messages_sent;
        body->messages_received = peer->messages_received;
    }
    record_addresses(body, sizeof(*body), &body->addresses, address, NULL, 0);
    record_commit(body, SOCKATLAS_PEER_TOTAL);
}

void watch_peers_end(enum sockatlas_call call, int fd, struct descriptor *entry)
{
    struct record record = {.call = call, .fd = fd, .cookie = entry->cookie, .about = entry, .about_fd = fd};
    peers_drain(entry, record_total, &record);
}
