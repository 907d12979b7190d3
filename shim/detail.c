/* SPDX-License-Identifier: MIT
 *
 * The details of sockets, see detail.h: a table beside the descriptor table, filled in where there is something to
 * keep. What a number's former socket left there is told by its cookie. Callable from anywhere.
 */
#include "shim/detail.h"

#include "shim/process.h"
#include "shim/sys.h"

#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

enum { CHUNK = DESCRIPTOR_FIRST, CHUNKS = 8192 };

static struct detail first[CHUNK] LARGE;
static struct detail *chunks[CHUNKS] LARGE;

_Static_assert(offsetof(struct detail, setting) == 64, "a connection without settings writes one cache line");

static struct detail *find(int fd)
{
    if ((unsigned)fd < CHUNK)
        return &first[fd];
    if ((unsigned)fd >= CHUNK * CHUNKS)
        return NULL;
    struct detail *chunk = __atomic_load_n(&chunks[(unsigned)fd / CHUNK], __ATOMIC_ACQUIRE);
    return chunk ? &chunk[(unsigned)fd % CHUNK] : NULL;
}

static __attribute__((noinline, cold)) struct detail *make(int fd)
{
    if ((unsigned)fd >= CHUNK * CHUNKS)
        return NULL;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    long chunk = sys_mmap(NULL, CHUNK * sizeof(struct detail), PROT_READ | PROT_WRITE, flags, -1);
    if (sys_is_error(chunk))
        return NULL;
    struct detail *none = NULL;
    if (!__atomic_compare_exchange_n(&chunks[(unsigned)fd / CHUNK], &none, (struct detail *)chunk, false,
                                     __ATOMIC_RELEASE, __ATOMIC_ACQUIRE))
        sys(SYS_munmap, chunk, CHUNK * sizeof(struct detail));
    return find(fd);
}

/* Its details to write to, empty where there were none; NULL: nothing can be kept. */
static inline struct detail *begin(int fd, const struct descriptor *entry)
{
    if (!entry->cookie || process_in_vfork())
        return NULL;
    struct detail *detail = find(fd);
    if (__builtin_expect(!detail, 0) && !(detail = make(fd)))
        return NULL;
    if (detail->cookie != entry->cookie) {
        detail->origin = SOCKATLAS_ORIGIN_NONE;
        detail->local_size = detail->peer_size = SOCKATLAS_ABSENT;
        detail->settings = 0;
        detail->cookie = entry->cookie;
    }
    return detail;
}

const struct detail *detail_of(int fd, const struct descriptor *entry)
{
    const struct detail *detail = entry->cookie ? find(fd) : NULL;
    return detail && detail->cookie == entry->cookie ? detail : NULL;
}

static void keep(uint8_t *size, unsigned char *bytes, const struct descriptor *entry, const struct endpoint *endpoint)
{
    if (!endpoint || endpoint->size > DETAIL_ADDRESS_MAX || endpoint->family != entry->family)
        return;
    endpoint_put(bytes, endpoint);
    *size = endpoint->size;
}

static void keep_both(struct detail *detail, const struct descriptor *entry, const struct endpoint *local,
                      const struct endpoint *peer)
{
    if (!descriptor_is_tcp(entry))
        return;
    keep(&detail->local_size, detail->local, entry, local);
    keep(&detail->peer_size, detail->peer, entry, peer);
}

void detail_addresses(int fd, const struct descriptor *entry, const struct endpoint *local, const struct endpoint *peer)
{
    struct detail *detail = descriptor_is_tcp(entry) ? begin(fd, entry) : NULL;
    if (detail)
        keep_both(detail, entry, local, peer);
}

void detail_dissolved(int fd, const struct descriptor *entry)
{
    struct detail *detail = descriptor_is_tcp(entry) ? begin(fd, entry) : NULL;
    if (detail)
        detail->local_size = detail->peer_size = SOCKATLAS_ABSENT;
}

void detail_accepted(int fd, const struct descriptor *entry, int listener_fd, const struct descriptor *listener,
                     const struct endpoint *local, const struct endpoint *peer)
{
    struct detail *detail = begin(fd, entry);
    if (!detail)
        return;
    detail->origin = SOCKATLAS_ORIGIN_LISTENER;
    detail->origin_cookie = listener->cookie;
    keep_both(detail, entry, local, peer);
    const struct detail *from = endpoint_known(local) ? NULL : detail_of(listener_fd, listener);
    if (from && from->local_size <= DETAIL_ADDRESS_MAX) {
        memcpy(detail->local, from->local, DETAIL_ADDRESS_MAX);
        detail->local_size = from->local_size;
    }
}

void detail_paired(int fd, const struct descriptor *entry, uint64_t cookie)
{
    struct detail *detail = begin(fd, entry);
    if (!detail)
        return;
    detail->origin = SOCKATLAS_ORIGIN_PAIR;
    detail->origin_cookie = cookie;
}

void detail_set(int fd, const struct descriptor *entry, int level, int name, uint32_t size, const void *value,
                unsigned kept)
{
    struct detail *detail = (unsigned)level > UINT16_MAX || (unsigned)name > UINT16_MAX ? NULL : begin(fd, entry);
    if (!detail)
        return;
    struct detail_setting fresh = {.value = 0};
    uint64_t which = (uint64_t)level << 16 | (uint64_t)name;
    unsigned count = detail->settings, at = 0;
    kept = kept <= DETAIL_VALUE_MAX ? kept : 0;
    memcpy(&fresh.value, value, kept);
    fresh.key = which << 32 | (uint64_t)(size < UINT16_MAX ? size : UINT16_MAX) << 16 | kept;
    while (at < count && detail->setting[at].key >> 32 != which)
        at++;
    /* Two threads that come here at once may lose one of two settings. */
    if (at == count && count < DETAIL_SETTINGS) {
        __atomic_store_n(&detail->setting[at].key, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&detail->settings, (uint8_t)(count + 1), __ATOMIC_RELEASE);
    }
    if (at == DETAIL_SETTINGS)
        return;
    __atomic_store_n(&detail->setting[at].value, fresh.value, __ATOMIC_RELAXED);
    __atomic_store_n(&detail->setting[at].key, fresh.key, __ATOMIC_RELEASE);
}

void detail_copy(int old, int fd, const struct descriptor *entry)
{
    const struct detail *from = detail_of(old, entry);
    struct detail *to = from ? begin(fd, entry) : NULL;
    if (to)
        *to = *from;
}

static bool take(struct endpoint *out, const struct descriptor *entry, uint8_t size, const unsigned char *bytes)
{
    if (size > DETAIL_ADDRESS_MAX)
        return false;
    out->family = entry->family;
    out->size = size;
    memcpy(out->bytes, bytes, size);
    return true;
}

bool detail_local(const struct detail *detail, const struct descriptor *entry, struct endpoint *out)
{
    return take(out, entry, detail->local_size, detail->local);
}

bool detail_peer(const struct detail *detail, const struct descriptor *entry, struct endpoint *out)
{
    return take(out, entry, detail->peer_size, detail->peer);
}
