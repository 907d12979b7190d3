/* SPDX-License-Identifier: MIT
 *
 * Community ID version 1: "1:" + base64(sha1(seed, low address, high address, protocol, 0, low port, high port)),
 * ordered by address and then by port, so that both directions of a flow have one.
 */
#include "analyzer/model/community_id.h"

#include <netinet/in.h>
#include <nettle/base64.h>
#include <nettle/sha1.h>
#include <string.h>

static bool swapped(const struct address *a, const struct address *b)
{
    int order = memcmp(a->bytes, b->bytes, a->size);
    return order > 0 || (order == 0 && a->port > b->port);
}

char *community_id(const struct address *a, const struct address *b, int protocol, char out[COMMUNITY_ID_MAX])
{
    if ((a->family != AF_INET && a->family != AF_INET6) || a->family != b->family || a->size != b->size)
        return NULL;
    if (address_is_any(a) || address_is_any(b))
        return NULL;
    if (protocol == IPPROTO_MPTCP)
        protocol = IPPROTO_TCP;
    if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP && protocol != IPPROTO_SCTP)
        return NULL;
    const struct address *low = swapped(a, b) ? b : a, *high = low == a ? b : a;
    uint8_t seed[2] = {0}, middle[2] = {(uint8_t)protocol, 0};
    uint8_t ports[4] = {(uint8_t)(low->port >> 8), (uint8_t)low->port, (uint8_t)(high->port >> 8), (uint8_t)high->port};
    struct sha1_ctx sha1;
    uint8_t digest[SHA1_DIGEST_SIZE];
    sha1_init(&sha1);
    sha1_update(&sha1, sizeof seed, seed);
    sha1_update(&sha1, low->size, low->bytes);
    sha1_update(&sha1, high->size, high->bytes);
    sha1_update(&sha1, sizeof middle, middle);
    sha1_update(&sha1, sizeof ports, ports);
    sha1_digest(&sha1, sizeof digest, digest);
    out[0] = '1';
    out[1] = ':';
    base64_encode_raw(out + 2, sizeof digest, digest);
    out[2 + BASE64_ENCODE_RAW_LENGTH(sizeof digest)] = '\0';
    return out;
}
