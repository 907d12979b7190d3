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

/* What is hashed: the seed, the addresses, protocol and padding, the ports. */
enum { PARTS_MAX = 2 + 2 * 16 + 2 + 4 };

struct answer {
    uint8_t parts[PARTS_MAX];
    size_t size; /* of them; 0: none given yet */
    char text[COMMUNITY_ID_MAX];
};

static uint8_t *put_port(uint8_t *at, uint16_t port)
{
    *at++ = (uint8_t)(port >> 8);
    *at++ = (uint8_t)port;
    return at;
}

static void hash(struct answer *answer)
{
    struct sha1_ctx sha1;
    uint8_t digest[SHA1_DIGEST_SIZE];
    sha1_init(&sha1);
    sha1_update(&sha1, answer->size, answer->parts);
    sha1_digest(&sha1, sizeof digest, digest);
    answer->text[0] = '1';
    answer->text[1] = ':';
    base64_encode_raw(answer->text + 2, sizeof digest, digest);
    answer->text[2 + BASE64_ENCODE_RAW_LENGTH(sizeof digest)] = '\0';
}

/* Both ends of a connection have one id, and are asked for soon after each other: the answers last given are kept. */
char *community_id(const struct address *a, const struct address *b, int protocol, char out[COMMUNITY_ID_MAX])
{
    enum { KEPT = 256 };
    static struct answer answers[KEPT];
    if ((a->family != AF_INET && a->family != AF_INET6) || a->family != b->family || a->size != b->size)
        return NULL;
    if (address_is_any(a) || address_is_any(b))
        return NULL;
    if (protocol == IPPROTO_MPTCP)
        protocol = IPPROTO_TCP;
    if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP && protocol != IPPROTO_SCTP)
        return NULL;
    const struct address *low = swapped(a, b) ? b : a, *high = low == a ? b : a;
    uint8_t parts[PARTS_MAX] = {0}, *at = parts + 2;
    at = mempcpy(at, low->bytes, low->size);
    at = mempcpy(at, high->bytes, high->size);
    *at++ = (uint8_t)protocol;
    *at++ = 0;
    at = put_port(put_port(at, low->port), high->port);
    size_t size = (size_t)(at - parts);
    struct answer *answer = &answers[(low->port * 31u + high->port) % KEPT];
    if (answer->size != size || memcmp(answer->parts, parts, size) != 0) {
        memcpy(answer->parts, parts, size);
        answer->size = size;
        hash(answer);
    }
    return memcpy(out, answer->text, COMMUNITY_ID_MAX);
}
