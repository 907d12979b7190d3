/* SPDX-License-Identifier: MIT
 *
 * Decoding, comparing and printing addresses, see address.h.
 */
#include "analyzer/trace/address.h"

#include "analyzer/trace/address_packet.h"
#include "analyzer/trace/hash.h"
#include "analyzer/trace/text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define ENCODED_INET_SIZE  6
#define ENCODED_INET6_SIZE 22

/* Families whose sockaddr is numbers in the writer's byte order, read here in ours: where the fields are in `bytes`
 * (sa_family is not in them), and what of them is not shown, so that it must be zero to be left out. */
enum { VSOCK_SIZE = 14, VSOCK_PORT = 2, VSOCK_CID = 6, NETLINK_SIZE = 10, NETLINK_PORT = 2, NETLINK_GROUPS = 6 };

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
        if (family == AF_PACKET)
            packet_normalise(out);
        if (family == AF_NETLINK && size == NETLINK_SIZE)
            memset(out->bytes, 0, NETLINK_PORT); /* nl_pad, which the kernel does not look at */
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

size_t address_encode_as(const struct address *address, unsigned family, void *out)
{
    if (family != AF_INET6 || address->family != AF_INET)
        return address_encode(address, out);
    struct address mapped = {.family = AF_INET6, .port = address->port, .size = 16};
    mapped.bytes[10] = mapped.bytes[11] = 0xff;
    memcpy(mapped.bytes + 12, address->bytes, 4);
    return address_encode(&mapped, out);
}

bool address_known(const struct address *address)
{
    return address->family != AF_UNSPEC;
}

void address_key(struct address *to, const struct address *from)
{
    to->family = from->family;
    to->port = from->port;
    to->scope = from->scope;
    to->size = from->size;
    memcpy(to->bytes, from->bytes, from->size);
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

uint64_t address_hash(const struct address *address, uint64_t seed)
{
    uint64_t fixed = (uint64_t)address->family << 48 | (uint64_t)address->port << 32 | address->scope;
    uint64_t words[2] = {0, 0};
    if (address->size <= sizeof words) { /* the size tells one that ends in zeros from a shorter one */
        memcpy(words, address->bytes, address->size);
        return hash_words(fixed, seed, words[0], words[1]) + address->size;
    }
    return hash_words(fixed, seed, hash_bytes(address->bytes, address->size), 0);
}

/* The finalizer of SplitMix64: every bit of the input moves every bit of the output. */
static uint64_t mix(uint64_t value)
{
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return value ^ value >> 31;
}

uint64_t address_digest(const struct address *address, uint64_t seed)
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
        memcpy(out, "\\x40", 4);
        text_escape(address->bytes + 1, address->size - 1u, out + 4);
    } else {
        text_escape(address->bytes, address->size, out);
    }
}

static uint32_t number_at(const struct address *address, size_t offset)
{
    uint32_t number;
    memcpy(&number, address->bytes + offset, sizeof number);
    return number;
}

static bool zero_but(const struct address *address, size_t first, size_t size)
{
    for (size_t i = 0; i < address->size; i++)
        if ((i < first || i >= first + size) && address->bytes[i])
            return false;
    return true;
}

/* "CID:PORT", a number that means any as "*". */
static bool vsock_text(const struct address *address, char *out)
{
    if (address->size != VSOCK_SIZE || !zero_but(address, VSOCK_PORT, 8))
        return false;
    const uint32_t parts[2] = {number_at(address, VSOCK_CID), number_at(address, VSOCK_PORT)};
    for (int i = 0; i < 2; i++) {
        if (i)
            *out++ = ':';
        if (parts[i] == UINT32_MAX)
            *out++ = '*';
        else
            out = text_unsigned(parts[i], out);
    }
    *out = '\0';
    return true;
}

/* "kernel", or the port that netlink(7) calls a pid; the groups behind it. */
static bool netlink_text(const struct address *address, char *out)
{
    if (address->size != NETLINK_SIZE || !zero_but(address, NETLINK_PORT, 8))
        return false;
    uint32_t port = number_at(address, NETLINK_PORT), groups = number_at(address, NETLINK_GROUPS);
    int size = port ? snprintf(out, ADDRESS_TEXT_MAX, "port %u", port) : snprintf(out, ADDRESS_TEXT_MAX, "kernel");
    if (groups)
        snprintf(out + size, ADDRESS_TEXT_MAX - (size_t)size, " groups 0x%x", groups);
    return true;
}

/* As inet_ntop(), without printf's time: a line or two of every list is this. Returns its end. */
static char *inet4_text(const unsigned char bytes[4], char *out)
{
    for (int i = 0; i < 4; i++) {
        unsigned byte = bytes[i];
        if (byte >= 100)
            *out++ = (char)('0' + byte / 100);
        if (byte >= 10)
            *out++ = (char)('0' + byte / 10 % 10);
        *out++ = (char)('0' + byte % 10);
        *out++ = '.';
    }
    *--out = '\0';
    return out;
}

static char *inet6_text(const struct address *address, char *out)
{
    inet_ntop(AF_INET6, address->bytes, out, INET6_ADDRSTRLEN);
    char *end = out + strlen(out);
    if (address->scope != 0) {
        *end++ = '%';
        end = text_unsigned(address->scope, end);
    }
    *end = '\0';
    return end;
}

char *address_text(const struct address *address, char out[ADDRESS_TEXT_MAX])
{
    switch (address->family) {
    case AF_UNSPEC:
        return NULL;
    case AF_INET:
        inet4_text(address->bytes, out);
        break;
    case AF_INET6:
        inet6_text(address, out);
        break;
    case AF_UNIX:
        unix_text(address, out);
        break;
    case AF_VSOCK:
        if (!vsock_text(address, out))
            text_hex(address->bytes, address->size, out);
        break;
    case AF_NETLINK:
        if (!netlink_text(address, out))
            text_hex(address->bytes, address->size, out);
        break;
    case AF_PACKET:
        if (!packet_text(address, out))
            text_hex(address->bytes, address->size, out);
        break;
    default:
        text_hex(address->bytes, address->size, out);
    }
    return out;
}

char *address_text_port(const struct address *address, char out[ADDRESS_TEXT_MAX])
{
    if (address->family == AF_UNSPEC)
        return text_copy(out, ADDRESS_TEXT_MAX, "?");
    if (address->family == AF_UNIX && address->size == 0)
        return text_copy(out, ADDRESS_TEXT_MAX, "(unnamed)");
    if (address->family != AF_INET && address->family != AF_INET6)
        return address_text(address, out);
    char *at = out;
    if (address_is_any(address)) {
        *at++ = '*';
    } else if (address->family == AF_INET) {
        at = inet4_text(address->bytes, at);
    } else {
        *at++ = '[';
        at = inet6_text(address, at);
        *at++ = ']';
    }
    *at++ = ':';
    *text_unsigned(address->port, at) = '\0';
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

static bool parse_raw(struct address *out, unsigned family, const char *text)
{
    size_t size = 0;
    bool good = text_unhex(text, out->bytes, sizeof out->bytes, &size);
    out->family = (uint16_t)family;
    out->size = (uint8_t)size;
    return good;
}

static bool parse_number(const char **text, int base, uint32_t *number)
{
    if (**text == '*') {
        *number = UINT32_MAX;
        ++*text;
        return true;
    }
    char *end;
    unsigned long value = strtoul(*text, &end, base);
    bool good = end != *text && **text >= '0' && **text <= '9' && value <= UINT32_MAX;
    *text = end;
    *number = (uint32_t)value;
    return good;
}

static bool parse_numbers(struct address *out, unsigned family, size_t size, size_t first, uint32_t number,
                          uint32_t second)
{
    out->family = (uint16_t)family;
    out->size = (uint8_t)size;
    memcpy(out->bytes + first, &number, sizeof number);
    memcpy(out->bytes + first + sizeof number, &second, sizeof second);
    return true;
}

static bool parse_vsock(struct address *out, const char *text)
{
    uint32_t cid, port;
    const char *at = text;
    if (!strchr(text, ':'))
        return parse_raw(out, AF_VSOCK, text);
    if (!parse_number(&at, 10, &cid) || *at++ != ':' || !parse_number(&at, 10, &port) || *at)
        return false;
    return parse_numbers(out, AF_VSOCK, VSOCK_SIZE, VSOCK_PORT, port, cid);
}

static bool parse_netlink(struct address *out, const char *text)
{
    uint32_t port = 0, groups = 0;
    const char *at = text;
    if (strncmp(at, "kernel", 6) == 0)
        at += 6;
    else if (strncmp(at, "port ", 5) != 0)
        return parse_raw(out, AF_NETLINK, text);
    else if (at += 5, !parse_number(&at, 10, &port))
        return false;
    if (strncmp(at, " groups ", 8) == 0 && (at += 8, !parse_number(&at, 16, &groups)))
        return false;
    return !*at && parse_numbers(out, AF_NETLINK, NETLINK_SIZE, NETLINK_PORT, port, groups);
}

bool address_parse(struct address *out, unsigned family, const char *text, unsigned port)
{
    bool good = false;
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
    case AF_VSOCK:
        good = parse_vsock(out, text);
        break;
    case AF_NETLINK:
        good = parse_netlink(out, text);
        break;
    case AF_PACKET:
        good = strchr(text, ':') ? packet_parse(out, text) : parse_raw(out, family, text);
        break;
    default:
        good = parse_raw(out, family, text);
    }
    if (!good)
        *out = (struct address){0};
    return good;
}
