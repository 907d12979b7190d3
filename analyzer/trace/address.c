/* SPDX-License-Identifier: MIT
 *
 * Decoding, comparing and printing addresses, see address.h.
 */
#include "analyzer/trace/address.h"

#include "analyzer/trace/text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define ENCODED_INET_SIZE  6
#define ENCODED_INET6_SIZE 22

static const unsigned char mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool address_decode(struct address *out, unsigned family, const void *encoded, size_t size)
{
    const unsigned char *in = encoded;
    *out = (struct address){0};
    bool inet = family == AF_INET || family == AF_INET6;
    if (inet && size != (family == AF_INET ? ENCODED_INET_SIZE : ENCODED_INET6_SIZE))
        return false;
    if (family == AF_UNSPEC || size > sizeof out->bytes || (family == AF_UNIX && size > 108))
        return false;

    out->family = (uint16_t)family;
    if (!inet) {
        out->size = (uint8_t)size;
        memcpy(out->bytes, in, size);
        return true;
    }
    out->port = (uint16_t)(in[0] << 8 | in[1]);
    in += 2;
    if (family == AF_INET6 && memcmp(in, mapped_prefix, sizeof mapped_prefix) == 0) {
        in += sizeof mapped_prefix;
        out->family = AF_INET;
    } else if (family == AF_INET6) {
        memcpy(&out->scope, in + 16, sizeof out->scope);
    }
    out->size = out->family == AF_INET ? 4 : 16;
    memcpy(out->bytes, in, out->size);
    return true;
}

size_t address_encode(const struct address *address, void *out)
{
    unsigned char *to = out;
    if (address->family == AF_INET || address->family == AF_INET6) {
        *to++ = (unsigned char)(address->port >> 8);
        *to++ = (unsigned char)address->port;
    }
    memcpy(to, address->bytes, address->size);
    to += address->size;
    if (address->family == AF_INET6) {
        memcpy(to, &address->scope, sizeof address->scope);
        to += sizeof address->scope;
    }
    return (size_t)(to - (unsigned char *)out);
}

bool address_known(const struct address *address)
{
    return address->family != AF_UNSPEC;
}

bool address_equal(const struct address *a, const struct address *b)
{
    return a->family == b->family && a->port == b->port && a->scope == b->scope && a->size == b->size &&
           memcmp(a->bytes, b->bytes, a->size) == 0;
}

bool address_is_any(const struct address *address)
{
    static const unsigned char zero[16];
    return (address->family == AF_INET || address->family == AF_INET6) &&
           memcmp(address->bytes, zero, address->size) == 0;
}

bool address_is_loopback(const struct address *address)
{
    static const unsigned char one[16] = {[15] = 1};
    if (address->family == AF_INET)
        return address->bytes[0] == 127;
    return address->family == AF_INET6 && memcmp(address->bytes, one, sizeof one) == 0;
}

bool address_is_multicast(const struct address *address)
{
    static const unsigned char broadcast[4] = {255, 255, 255, 255};
    if (address->family == AF_INET)
        return (address->bytes[0] & 0xf0) == 0xe0 || memcmp(address->bytes, broadcast, sizeof broadcast) == 0;
    return address->family == AF_INET6 && address->bytes[0] == 0xff;
}

/* The finalizer of SplitMix64: every bit of the input moves every bit of the output. */
static uint64_t mix(uint64_t value)
{
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return value ^ value >> 31;
}

uint64_t address_hash(const struct address *address, uint64_t seed)
{
    uint64_t hash =
        mix(seed ^ ((uint64_t)address->family << 48 | (uint64_t)address->port << 32 | address->scope)) + address->size;
    for (size_t i = 0; i < address->size; i += 8) {
        uint64_t word = 0;
        size_t rest = address->size - i;
        memcpy(&word, address->bytes + i, rest < 8 ? rest : 8);
        hash = mix(hash ^ word);
    }
    return hash;
}

static void unix_text(const struct address *address, char *out)
{
    if (address->size == 0) {
        *out = 0;
    } else if (address->bytes[0] == 0) {
        *out = '@';
        text_escape(address->bytes + 1, address->size - 1u, out + 1);
    } else if (address->bytes[0] == '@') {
        /* A path that begins with @ must not look like an abstract name. */
        strcpy(out, "\\x40");
        text_escape(address->bytes + 1, address->size - 1u, out + 4);
    } else {
        text_escape(address->bytes, address->size, out);
    }
}

char *address_text(const struct address *address, char out[ADDRESS_TEXT_MAX])
{
    switch (address->family) {
    case AF_UNSPEC:
        return NULL;
    case AF_INET:
    case AF_INET6:
        inet_ntop(address->family, address->bytes, out, ADDRESS_TEXT_MAX);
        if (address->scope != 0)
            sprintf(out + strlen(out), "%%%u", address->scope);
        break;
    case AF_UNIX:
        unix_text(address, out);
        break;
    default:
        text_hex(address->bytes, address->size, out);
    }
    return out;
}

char *address_text_port(const struct address *address, char out[ADDRESS_TEXT_MAX])
{
    if (address->family == AF_UNSPEC)
        return strcpy(out, "?");
    if (address->family == AF_UNIX && address->size == 0)
        return strcpy(out, "(unnamed)");
    address_text(address, out);
    if (address->family != AF_INET && address->family != AF_INET6)
        return out;
    char host[INET6_ADDRSTRLEN + 12];
    snprintf(host, sizeof host, "%s", address_is_any(address) ? "*" : out);
    bool brackets = strchr(host, ':') != NULL;
    snprintf(out, ADDRESS_TEXT_MAX, brackets ? "[%s]:%u" : "%s:%u", host, (unsigned)address->port);
    return out;
}

/* "ADDRESS" or "ADDRESS%SCOPE". */
static bool parse_inet6(struct address *out, const char *text)
{
    char host[INET6_ADDRSTRLEN];
    size_t length = strcspn(text, "%");
    if (length >= sizeof host)
        return false;
    memcpy(host, text, length);
    host[length] = 0;
    unsigned scope = 0;
    if (text[length] == '%') {
        int end = 0;
        if (sscanf(text + length, "%%%u%n", &scope, &end) != 1 || text[length + (size_t)end] != 0)
            return false;
    }
    if (inet_pton(AF_INET6, host, out->bytes) != 1)
        return false;
    out->family = AF_INET6;
    out->scope = scope;
    out->size = 16;
    return true;
}

static bool parse_unix(struct address *out, const char *text)
{
    size_t size = 0;
    bool abstract = text[0] == '@';
    if (!text_unescape(text + abstract, out->bytes + abstract, 108u - abstract, &size))
        return false;
    out->family = AF_UNIX;
    out->size = (uint8_t)(size + abstract);
    return true;
}

bool address_parse(struct address *out, unsigned family, const char *text, unsigned port)
{
    bool good = false;
    size_t size = 0;
    *out = (struct address){0};
    switch (family) {
    case AF_UNSPEC:
        break;
    case AF_INET:
    case AF_INET6:
        good = inet_pton(AF_INET, text, out->bytes) == 1;
        if (good) {
            out->family = AF_INET;
            out->size = 4;
        } else if (family == AF_INET6) {
            good = parse_inet6(out, text);
        }
        good = good && port <= UINT16_MAX;
        out->port = (uint16_t)port;
        break;
    case AF_UNIX:
        good = parse_unix(out, text);
        break;
    default:
        good = text_unhex(text, out->bytes, sizeof out->bytes, &size);
        out->family = (uint16_t)family;
        out->size = (uint8_t)size;
    }
    if (!good)
        *out = (struct address){0};
    return good;
}
