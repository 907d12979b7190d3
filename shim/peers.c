/* SPDX-License-Identifier: MIT
 *
 * Peer sets: open-addressed tables in mapped memory that is never given back, only used again, so that a thread still
 * sending while another closes does no harm. Callable from anywhere.
 */
#include "shim/peers.h"

#include "shim/sys.h"

#include <stddef.h>
#include <sys/mman.h>

enum { PLACES = 2 * PEERS_MAX, SETS = 65536 };

struct peer_set {
    uint32_t used;
    uint32_t unlisted;
    uint16_t order[PEERS_MAX]; /* places taken, in order: a set is emptied without walking it all */
    struct peer places[PLACES];
};

/* Sets by number; number 0 means none. `idle[i]`: set i waits for a socket. */
static struct peer_set *sets[SETS] LARGE;
static bool idle[SETS] LARGE;
static uint32_t made = 1;
static uint32_t idle_count;

static uint32_t take_idle(void)
{
    uint32_t end = __atomic_load_n(&made, __ATOMIC_ACQUIRE);
    for (uint32_t i = 1; __atomic_load_n(&idle_count, __ATOMIC_RELAXED) && i < end && i < SETS; i++) {
        bool yes = true;
        if (__atomic_compare_exchange_n(&idle[i], &yes, false, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
            __atomic_fetch_sub(&idle_count, 1, __ATOMIC_RELAXED);
            return i;
        }
    }
    return 0;
}

static uint32_t make_set(void)
{
    uint32_t number = take_idle();
    if (number)
        return number;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    long memory = sys_mmap(NULL, sizeof(struct peer_set), PROT_READ | PROT_WRITE, flags, -1);
    if (sys_is_error(memory))
        return 0;
    number = __atomic_fetch_add(&made, 1, __ATOMIC_ACQ_REL);
    if (number >= SETS) {
        __atomic_store_n(&made, SETS, __ATOMIC_RELAXED);
        sys(SYS_munmap, memory, sizeof(struct peer_set));
        return 0;
    }
    __atomic_store_n(&sets[number], (struct peer_set *)memory, __ATOMIC_RELEASE);
    return number;
}

static struct peer_set *set_of(struct descriptor *entry)
{
    uint32_t number = __atomic_load_n(&entry->peers, __ATOMIC_ACQUIRE);
    if (!number) {
        uint32_t none = 0, fresh = make_set();
        if (!fresh)
            return NULL;
        number = fresh;
        if (!__atomic_compare_exchange_n(&entry->peers, &none, fresh, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            __atomic_store_n(&idle[fresh], true, __ATOMIC_RELEASE);
            __atomic_fetch_add(&idle_count, 1, __ATOMIC_RELAXED);
            number = none;
        }
    }
    return __atomic_load_n(&sets[number], __ATOMIC_ACQUIRE);
}

/* FNV-1a; never 0. */
static uint64_t hash_of(const struct endpoint *address)
{
    uint64_t hash = 0xcbf29ce484222325u ^ address->family;
    for (unsigned i = 0; i < address->size; i++)
        hash = (hash ^ address->bytes[i]) * 0x100000001b3u;
    return hash ? hash : 1;
}

struct peer *peers_find(struct descriptor *entry, const struct endpoint *address, bool *fresh)
{
    *fresh = false;
    struct peer_set *set = set_of(entry);
    if (!set)
        return NULL;
    uint64_t hash = hash_of(address);
    for (unsigned step = 0; step < PLACES; step++) {
        struct peer *peer = &set->places[(hash + step) % PLACES];
        uint64_t found = __atomic_load_n(&peer->hash, __ATOMIC_ACQUIRE);
        if (found == hash)
            return peer;
        if (found)
            continue;
        if (__atomic_load_n(&set->used, __ATOMIC_RELAXED) >= PEERS_MAX)
            break;
        if (__atomic_compare_exchange_n(&peer->hash, &found, hash, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            uint32_t rank = __atomic_fetch_add(&set->used, 1, __ATOMIC_RELAXED);
            if (rank < PEERS_MAX)
                set->order[rank] = (uint16_t)(peer - set->places);
            peer->address = *address;
            *fresh = true;
            return peer;
        }
        if (found == hash)
            return peer;
    }
    __atomic_fetch_add(&set->unlisted, 1, __ATOMIC_RELAXED);
    return NULL;
}

void peers_drain(struct descriptor *entry, void (*visit)(void *context, const struct peer *peer, uint32_t unlisted),
                 void *context)
{
    uint32_t number = entry->peers;
    struct peer_set *set = number ? sets[number] : NULL;
    if (!set)
        return;
    entry->peers = 0;
    for (unsigned i = 0; i < set->used && i < PEERS_MAX; i++) {
        struct peer *peer = &set->places[set->order[i]];
        if (peer->messages_sent || peer->messages_received)
            visit(context, peer, 0);
        *peer = (struct peer){0};
    }
    if (set->unlisted)
        visit(context, NULL, set->unlisted);
    set->used = set->unlisted = 0;
    __atomic_store_n(&idle[number], true, __ATOMIC_RELEASE);
    __atomic_fetch_add(&idle_count, 1, __ATOMIC_RELAXED);
}
