/* SPDX-License-Identifier: MIT
 *
 * An address as the analyzer holds it: one end of a socket, of any family. Owns comparison, hashing and printing.
 */
#ifndef ANALYZER_TRACE_ADDRESS_H
#define ANALYZER_TRACE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* family 0: unknown (never told). IPv4-mapped IPv6 addresses are stored as AF_INET: the map knows one 127.0.0.1.
 * AF_INET: 4 bytes, AF_INET6: 16 bytes, AF_UNIX: sun_path (leading NUL: abstract; size 0: unnamed),
 * others: raw, without what does not tell two addresses apart (netlink's padding; of AF_PACKET all but protocol,
 * interface and hardware address). */
struct address {
    uint16_t family;
    uint16_t port;  /* host order; 0 for families without ports */
    uint32_t scope; /* AF_INET6 link-local scope id, else 0 */
    uint8_t size;   /* of bytes */
    unsigned char bytes[126];
};

/* Decodes one address as trace_format.h encodes it (`family`, `size` bytes). False, and *out unknown, when the size
 * does not fit the family. */
bool address_decode(struct address *out, unsigned family, const void *encoded, size_t size);
/* The inverse; returns the encoded size. An AF_INET address is written as family AF_INET. `out` has space for 126
 * bytes.
 */
size_t address_encode(const struct address *address, void *out);
/* The same for a record that states this family: an IPv4 address of AF_INET6 is a mapped one. */
size_t address_encode_as(const struct address *address, unsigned family, void *out);

bool address_known(const struct address *address);
bool address_equal(const struct address *a, const struct address *b); /* family, bytes, port, scope */
/* Copies into a struct that was cleared, which is then a key as its bytes stand: member by member, without padding. */
void address_key(struct address *to, const struct address *from);
bool address_is_any(const struct address *address);       /* 0.0.0.0, :: */
bool address_is_loopback(const struct address *address);  /* 127/8, ::1 */
bool address_is_multicast(const struct address *address); /* 224/4, ff00::/8, and 255.255.255.255 */
/* For tables: differs from one run of the analyzer to the next. */
uint64_t address_hash(const struct address *address, uint64_t seed);
/* The same in every run, for identities that are printed; equal ones can be made on purpose. */
uint64_t address_digest(const struct address *address, uint64_t seed);

#define ADDRESS_TEXT_MAX 512
/* The address without the port, as the JSON contract writes it: "127.0.0.1", "::1", "fe80::1%2", "/run/x.sock",
 * "@name", "" for an unnamed unix address, "2:1024" and "*:*" (vsock: CID and port), "kernel", "port 77 groups 0x1"
 * (netlink), "ip:if2 52:54:00:12:34:56", "*:*" (AF_PACKET: protocol, interface, hardware address); others in
 * hexadecimal; unprintable bytes of a path as \xNN. Returns `out`, or NULL when unknown. */
char *address_text(const struct address *address, char out[ADDRESS_TEXT_MAX]);
/* The same with the port for people: "127.0.0.1:80", "[::1]:80", "@name", "*:80" for a wildcard; "?" when unknown,
 * "(unnamed)" for an unnamed unix address. */
char *address_text_port(const struct address *address, char out[ADDRESS_TEXT_MAX]);
/* Reads what address_text wrote, given family and port. False when it is none. */
bool address_parse(struct address *out, unsigned family, const char *text, unsigned port);

#endif
