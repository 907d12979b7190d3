/* SPDX-License-Identifier: MIT
 *
 * What two halves by themselves say about being one conversation: networks, addresses, times, bytes. Decides nothing.
 */
#include "analyzer/pair/internal.h"

#include <string.h>
#include <sys/socket.h>

/* ---- Networks and addresses ---- */

bool evidence_same_network(const struct half *a, const struct half *b)
{
    return a->host == b->host && (a->network == b->network || !a->network || !b->network);
}

static bool leaves_host(const struct address *address)
{
    return address_known(address) && !address_is_loopback(address) && !address_is_any(address);
}

/* Also where the addresses are link-local: two links on which both addresses and both ports are the same at one time
 * cannot be told apart. */
bool evidence_may_meet(const struct half *a, const struct half *b)
{
    return evidence_same_network(a, b) || (leaves_host(&a->local) && leaves_host(&a->peer));
}

bool evidence_routable(const struct address *address)
{
    if (!leaves_host(address))
        return false;
    if (address->family == AF_INET)
        return !(address->bytes[0] == 169 && address->bytes[1] == 254);
    return address->family == AF_INET6 && !(address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80);
}

bool evidence_same_endpoint(const struct address *a, const struct address *b)
{
    return a->family == b->family && a->port == b->port && a->size == b->size &&
           memcmp(a->bytes, b->bytes, a->size) == 0;
}

bool evidence_mirrored(const struct half *a, const struct half *b)
{
    return evidence_same_endpoint(&a->local, &b->peer) && evidence_same_endpoint(&a->peer, &b->local);
}

static uint64_t endpoint_key(const struct half *half, const struct address *address)
{
    if (!address->scope)
        return address_hash(address, half->class);
    struct address bare = *address;
    bare.scope = 0;
    return address_hash(&bare, half->class);
}

void evidence_hash_ends(struct entry *entry)
{
    entry->local_key = endpoint_key(&entry->half, &entry->half.local);
    entry->peer_key = endpoint_key(&entry->half, &entry->half.peer);
}

const struct address *evidence_client_address(const struct half *half)
{
    return half->side == SIDE_SERVER ? &half->peer : &half->local;
}

/* ---- Times ---- */

/* Clocks of two hosts are clock.c's. */
bool evidence_overlap(const struct half *client, const struct half *server)
{
    if (client->host != server->host)
        return true;
    if (server->closed_ns && server->closed_ns < client->began_ns)
        return false;
    /* accept() takes even what the client has closed, but not what it began later. */
    return server->start_ns == 0 || server->start_ns >= client->began_ns || server->side != SIDE_SERVER;
}

bool evidence_met(const struct half *client, const struct half *server)
{
    return !client->closed_ns || client->closed_ns >= server->start_ns;
}

/* ---- Bytes ---- */

/* What a FIN adds to the kernel's count. */
#define FIN 1

enum agreement evidence_bytes(const struct half *a, const struct half *b)
{
    if (!half_counted(a) || !half_counted(b) || a->open || b->open)
        return BYTES_UNKNOWN;
    if (a->bytes_received > b->bytes_sent + FIN || b->bytes_received > a->bytes_sent + FIN)
        return BYTES_CONTRADICT;
    if (a->bytes_received + FIN < b->bytes_sent || b->bytes_received + FIN < a->bytes_sent)
        return BYTES_DIFFER;
    if (!a->bytes_sent || !a->bytes_received)
        return BYTES_UNKNOWN;
    return a->bytes_sent == b->bytes_received && a->bytes_received == b->bytes_sent ? BYTES_AGREE : BYTES_NEAR;
}
