/* SPDX-License-Identifier: MIT
 *
 * AF_PACKET addresses, see address_packet.h. Written as ss(8) does, which has "*:eth0" and "ip:eth0"; an interface's
 * name is not in the trace: it has the one that ss gives to an index without a name.
 */
#include "analyzer/trace/address_packet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Where the fields of sockaddr_ll are in `bytes` (sa_family is not in them). The protocol is in network order, the
 * interface in the writer's, read here in ours. */
enum { PROTOCOL = 0, INTERFACE = 2, HARDWARE = 6, KIND = 8, LENGTH = 9, LINK = 10 };

#define ALL 3 /* ETH_P_ALL */

/* As ss(8) calls them; all others are numbers. */
static const struct {
    uint16_t protocol;
    const char *name;
} names[] = {{ALL, "*"},           {0x0800, "ip"},      {0x0806, "arp"},      {0x8035, "rarp"},
             {0x8100, "802.1Q"},   {0x86dd, "ipv6"},    {0x8847, "mpls_uc"},  {0x8848, "mpls_mc"},
             {0x8863, "ppp_disc"}, {0x8864, "ppp_ses"}, {0x8892, "profinet"}, {0x88a4, "ethercat"},
             {0x88a8, "802.1ad"},  {0x88ca, "tipc"},    {0x88cc, "LLDP"},     {0x88e5, "macsec"}};

bool packet_normalise(struct address *address)
{
    if (address->size < LINK || address->size < LINK + address->bytes[LENGTH])
        return false;
    memset(address->bytes + HARDWARE, 0, LENGTH - HARDWARE);
    size_t size = LINK + (size_t)address->bytes[LENGTH];
    memset(address->bytes + size, 0, sizeof address->bytes - size);
    address->size = (uint8_t)size;
    return true;
}

static void protocol_text(unsigned protocol, char *out, size_t size)
{
    snprintf(out, size, "0x%04x", protocol);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].protocol == protocol)
            snprintf(out, size, "%s", names[i].name);
}

bool packet_text(const struct address *address, char *out)
{
    struct address normal = *address;
    uint32_t interface;
    if (!packet_normalise(&normal) || normal.size != address->size ||
        memcmp(normal.bytes, address->bytes, normal.size) != 0)
        return false;
    char protocol[32], where[32] = "*";
    protocol_text((unsigned)address->bytes[PROTOCOL] << 8 | address->bytes[PROTOCOL + 1], protocol, sizeof protocol);
    memcpy(&interface, address->bytes + INTERFACE, sizeof interface);
    if (interface)
        snprintf(where, sizeof where, "if%u", interface);
    size_t used = (size_t)snprintf(out, ADDRESS_TEXT_MAX, "%s:%s", protocol, where);
    for (size_t i = LINK; i < address->size && used < ADDRESS_TEXT_MAX; i++)
        used +=
            (size_t)snprintf(out + used, ADDRESS_TEXT_MAX - used, "%c%02x", i == LINK ? ' ' : ':', address->bytes[i]);
    return true;
}

/* How many characters of `text` name the protocol, 0 none. */
static size_t parse_protocol(const char *text, unsigned *protocol)
{
    size_t length = strcspn(text, ":");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i].name) == length && strncmp(text, names[i].name, length) == 0) {
            *protocol = names[i].protocol;
            return length;
        }
    if (length != 6 || strncmp(text, "0x", 2) != 0 || strspn(text + 2, "0123456789abcdef") != 4)
        return 0;
    *protocol = (unsigned)strtoul(text, NULL, 16);
    return length;
}

/* ":*" or ":ifN"; what comes behind it, NULL: neither. */
static const char *parse_interface(const char *text, uint32_t *interface)
{
    char *end;
    if (strncmp(text, ":*", 2) == 0) {
        *interface = 0;
        return text + 2;
    }
    if (strncmp(text, ":if", 3) != 0 || text[3] < '1' || text[3] > '9')
        return NULL;
    unsigned long long number = strtoull(text + 3, &end, 10);
    *interface = (uint32_t)number;
    return number <= UINT32_MAX ? end : NULL;
}

bool packet_parse(struct address *out, const char *text)
{
    unsigned protocol, byte;
    uint32_t interface;
    size_t length = parse_protocol(text, &protocol);
    text = length ? parse_interface(text + length, &interface) : NULL;
    if (!text)
        return false;
    out->family = AF_PACKET;
    out->size = LINK;
    out->bytes[PROTOCOL] = (unsigned char)(protocol >> 8);
    out->bytes[PROTOCOL + 1] = (unsigned char)protocol;
    memcpy(out->bytes + INTERFACE, &interface, sizeof interface);
    for (; *text; text += 3) {
        if (*text != (out->size == LINK ? ' ' : ':') || strspn(text + 1, "0123456789abcdef") != 2 ||
            out->size == sizeof out->bytes)
            return false;
        sscanf(text + 1, "%2x", &byte);
        out->bytes[out->size++] = (unsigned char)byte;
    }
    out->bytes[LENGTH] = (unsigned char)(out->size - LINK);
    return true;
}
