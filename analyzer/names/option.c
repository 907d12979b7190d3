/* SPDX-License-Identifier: MIT
 *
 * Option values as people read them, see names.h. Nothing here trusts that the bytes are as many as the type wants.
 */
#include "analyzer/names/names.h"
#include "analyzer/trace/text.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

/* Bytes shown of a value that fits no type. */
#define HEX_SHOWN_MAX 32

struct typed {
    int32_t name;
    const char *level;
    enum option_type type;
};

static const struct typed options[] = {
#define OPTION(level_, value, name_, type_) {.name = (value), .level = #level_, .type = OPTION_##type_},
#define OPTION_ALIAS(...)
#include "analyzer/names/options.def"
};

static enum option_type search(int level, int name)
{
    const char *level_name = names_level(level);
    for (size_t i = 0; level_name != NULL && i < sizeof options / sizeof *options; i++)
        if (options[i].name == name && strcmp(options[i].level, level_name) == 0)
            return options[i].type;
    return OPTION_RAW;
}

/* The answer last given to each of some questions is kept: a program sets the same few options again and again. */
enum option_type option_type(int level, int name)
{
    enum { KEPT = 64 };
    static struct answer {
        bool given;
        int level, name;
        enum option_type type;
    } answers[KEPT];
    struct answer *answer = &answers[((unsigned)level * 31 + (unsigned)name) % KEPT];
    if (!answer->given || answer->level != level || answer->name != name)
        *answer = (struct answer){true, level, name, search(level, name)};
    return answer->type;
}

static bool integer(const void *bytes, size_t size, bool is_signed, int64_t *value)
{
    union {
        int8_t i8;
        uint8_t u8;
        int16_t i16;
        uint16_t u16;
        int32_t i32;
        uint32_t u32;
        int64_t i64;
    } number = {0};
    if (size > sizeof number)
        return false;
    memcpy(&number, bytes, size);
    switch (size) {
    case 1:
        *value = is_signed ? number.i8 : number.u8;
        return true;
    case 2:
        *value = is_signed ? number.i16 : number.u16;
        return true;
    case 4:
        *value = is_signed ? (int64_t)number.i32 : (int64_t)number.u32;
        return true;
    case 8:
        *value = number.i64;
        return true;
    default:
        return false;
    }
}

bool option_number(int level, int name, const void *bytes, size_t size, int64_t *value)
{
    enum option_type type = option_type(level, name);
    /* An option no table knows is an int more often than not. */
    if (type == OPTION_RAW && names_option(level, name) == NULL)
        return size == sizeof(int32_t) && integer(bytes, size, true, value);
    if (type == OPTION_NET_INT && size == sizeof(uint32_t)) {
        uint32_t number;
        memcpy(&number, bytes, sizeof number);
        *value = ntohl(number);
        return true;
    }
    bool number = type == OPTION_INT || type == OPTION_UNSIGNED || type == OPTION_BOOL;
    return number && integer(bytes, size, type != OPTION_UNSIGNED, value);
}

/* A socket address of `space` bytes, without its port where that is 0. */
static bool sockaddr_text(const struct sockaddr_storage *storage, char *out, size_t space)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    memcpy(&in, storage, sizeof in);
    memcpy(&in6, storage, sizeof in6);
    if (storage->ss_family == AF_INET)
        return inet_ntop(AF_INET, &in.sin_addr, out, (socklen_t)space) != NULL;
    return storage->ss_family == AF_INET6 && inet_ntop(AF_INET6, &in6.sin6_addr, out, (socklen_t)space) != NULL;
}

/* "interface N" in `out`, or "any interface". */
static const char *interface_text(unsigned index, char out[32])
{
    if (index == 0)
        return "any interface";
    snprintf(out, 32, "interface %u", index);
    return out;
}

/* struct in_addr, ip_mreq or ip_mreqn. */
static bool mreq_text(const void *bytes, size_t size, char *out)
{
    char group[INET_ADDRSTRLEN], where[INET_ADDRSTRLEN], interface[32];
    struct ip_mreqn mreq = {.imr_ifindex = 0};
    if (size == sizeof(struct in_addr))
        return inet_ntop(AF_INET, bytes, out, OPTION_TEXT_MAX) != NULL;
    if (size != sizeof(struct ip_mreq) && size != sizeof mreq)
        return false;
    memcpy(&mreq, bytes, size);
    inet_ntop(AF_INET, &mreq.imr_multiaddr, group, sizeof group);
    inet_ntop(AF_INET, &mreq.imr_address, where, sizeof where);
    snprintf(out, OPTION_TEXT_MAX, "%s on %s", group,
             mreq.imr_ifindex != 0 ? interface_text((unsigned)mreq.imr_ifindex, interface) : where);
    return true;
}

static bool mreq_source_text(const void *bytes, size_t size, char *out)
{
    char group[INET_ADDRSTRLEN], where[INET_ADDRSTRLEN], source[INET_ADDRSTRLEN];
    struct ip_mreq_source mreq;
    if (size != sizeof mreq)
        return false;
    memcpy(&mreq, bytes, size);
    inet_ntop(AF_INET, &mreq.imr_multiaddr, group, sizeof group);
    inet_ntop(AF_INET, &mreq.imr_interface, where, sizeof where);
    inet_ntop(AF_INET, &mreq.imr_sourceaddr, source, sizeof source);
    snprintf(out, OPTION_TEXT_MAX, "%s from %s on %s", group, source, where);
    return true;
}

static bool mreq6_text(const void *bytes, size_t size, char *out)
{
    char group[INET6_ADDRSTRLEN], interface[32];
    struct ipv6_mreq mreq;
    if (size != sizeof mreq)
        return false;
    memcpy(&mreq, bytes, size);
    inet_ntop(AF_INET6, &mreq.ipv6mr_multiaddr, group, sizeof group);
    snprintf(out, OPTION_TEXT_MAX, "%s on %s", group, interface_text(mreq.ipv6mr_interface, interface));
    return true;
}

static bool group_text(const void *bytes, size_t size, char *out)
{
    char group[INET6_ADDRSTRLEN], interface[32];
    struct group_req request;
    if (size != sizeof request)
        return false;
    memcpy(&request, bytes, size);
    if (!sockaddr_text(&request.gr_group, group, sizeof group))
        return false;
    snprintf(out, OPTION_TEXT_MAX, "%s on %s", group, interface_text(request.gr_interface, interface));
    return true;
}

static bool group_source_text(const void *bytes, size_t size, char *out)
{
    char group[INET6_ADDRSTRLEN], source[INET6_ADDRSTRLEN], interface[32];
    struct group_source_req request;
    if (size != sizeof request)
        return false;
    memcpy(&request, bytes, size);
    if (!sockaddr_text(&request.gsr_group, group, sizeof group) ||
        !sockaddr_text(&request.gsr_source, source, sizeof source))
        return false;
    snprintf(out, OPTION_TEXT_MAX, "%s from %s on %s", group, source, interface_text(request.gsr_interface, interface));
    return true;
}

static bool multicast_text(enum option_type type, const void *bytes, size_t size, char *out)
{
    switch (type) {
    case OPTION_IP_MREQ:
        return mreq_text(bytes, size, out);
    case OPTION_IP_MREQ_SOURCE:
        return mreq_source_text(bytes, size, out);
    case OPTION_IPV6_MREQ:
        return mreq6_text(bytes, size, out);
    case OPTION_GROUP_REQ:
        return group_text(bytes, size, out);
    case OPTION_GROUP_SOURCE_REQ:
        return group_source_text(bytes, size, out);
    default:
        return false;
    }
}

/* Seconds and a fraction without trailing zeros: "5 s", "0.25 s". */
static void timeval_text(const struct timeval *time, char *out)
{
    char fraction[8] = "";
    if (time->tv_usec > 0 && time->tv_usec < 1000000) {
        unsigned number = (unsigned)time->tv_usec, digits = 6;
        for (; number % 10 == 0; number /= 10)
            digits--;
        snprintf(fraction, sizeof fraction, ".%0*u", (int)digits, number);
    }
    snprintf(out, OPTION_TEXT_MAX, "%lld%s s", (long long)time->tv_sec, fraction);
}

static bool structure_text(enum option_type type, const void *bytes, size_t size, char *out)
{
    struct linger linger;
    struct timeval time;
    struct ucred credentials;
    struct sock_fprog filter;
    struct in6_pktinfo packet;
    char address[INET6_ADDRSTRLEN], interface[32];
    uint32_t range;
    switch (type) {
    case OPTION_LINGER:
        if (size != sizeof linger)
            return false;
        memcpy(&linger, bytes, size);
        snprintf(out, OPTION_TEXT_MAX, "{%s, %d s}", linger.l_onoff != 0 ? "on" : "off", linger.l_linger);
        return true;
    case OPTION_TIMEVAL:
        if (size != sizeof time)
            return false;
        memcpy(&time, bytes, size);
        timeval_text(&time, out);
        return true;
    case OPTION_UCRED:
        if (size != sizeof credentials)
            return false;
        memcpy(&credentials, bytes, size);
        snprintf(out, OPTION_TEXT_MAX, "{pid %d, uid %u, gid %u}", credentials.pid, credentials.uid, credentials.gid);
        return true;
    case OPTION_FILTER:
        if (size != sizeof filter)
            return false;
        memcpy(&filter, bytes, size);
        snprintf(out, OPTION_TEXT_MAX, "%u instructions", (unsigned)filter.len);
        return true;
    case OPTION_IN6_PKTINFO:
        if (size != sizeof packet)
            return false;
        memcpy(&packet, bytes, size);
        inet_ntop(AF_INET6, &packet.ipi6_addr, address, sizeof address);
        snprintf(out, OPTION_TEXT_MAX, "%s on %s", address, interface_text(packet.ipi6_ifindex, interface));
        return true;
    case OPTION_PORT_RANGE:
        if (size != sizeof range)
            return false;
        memcpy(&range, bytes, size);
        snprintf(out, OPTION_TEXT_MAX, "%u-%u", (unsigned)(range & 0xffff), (unsigned)(range >> 16));
        return true;
    default:
        return multicast_text(type, bytes, size, out);
    }
}

char *option_text(int level, int name, const void *bytes, size_t size, char out[OPTION_TEXT_MAX])
{
    enum option_type type = option_type(level, name);
    int64_t number = 0;
    *out = 0;
    if (option_number(level, name, bytes, size, &number)) {
        if (type == OPTION_BOOL && (number == 0 || number == 1))
            text_copy(out, OPTION_TEXT_MAX, number != 0 ? "on" : "off");
        else if (type == OPTION_UNSIGNED)
            snprintf(out, OPTION_TEXT_MAX, "%" PRIu64, (uint64_t)number);
        else
            snprintf(out, OPTION_TEXT_MAX, "%" PRId64, number);
    } else if (type == OPTION_STRING && TEXT_ESCAPED_MAX(size) <= OPTION_TEXT_MAX) {
        text_escape(bytes, strnlen(bytes, size), out);
    } else if (!structure_text(type, bytes, size, out)) {
        text_hex(bytes, size < HEX_SHOWN_MAX ? size : HEX_SHOWN_MAX, out);
        if (size > HEX_SHOWN_MAX)
            text_copy(out + 2 * HEX_SHOWN_MAX, OPTION_TEXT_MAX - 2 * HEX_SHOWN_MAX, "...");
    }
    return out;
}
