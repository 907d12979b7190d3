/* SPDX-License-Identifier: MIT
 *
 * The names of the kernel's and the trace's constants, from tables kept as data (constants.def, options.def, and what
 * trace_format.h lists itself), in both directions. Numbers without a name are the caller's to print.
 */
#ifndef ANALYZER_NAMES_NAMES_H
#define ANALYZER_NAMES_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum names_table {
    NAMES_NONE, /* no names: numbers */
    NAMES_FAMILY,
    NAMES_TYPE,
    NAMES_PROTOCOL, /* context: the family, since AF_NETLINK has protocols of its own */
    NAMES_NETLINK,
    NAMES_ERRNO,
    NAMES_LEVEL,
    NAMES_OPTION, /* context: the level */
    NAMES_SHUTDOWN,
    NAMES_TCP_STATE,
    NAMES_CALL,
    NAMES_KIND,
    NAMES_HOW,
    NAMES_ORIGIN,
    NAMES_ROLE,
    NAMES_UNTRACED,
    NAMES_COVERAGE,
    NAMES_LOSS,
    NAMES_WRITER,
    NAMES_RESOLVER, /* context: the call, which tells EAI_* from h_errno */
    NAMES_EAI,
    NAMES_H_ERRNO,
    NAMES_TABLES
};

/* The name of `value`, or NULL when it has none. `context` matters to the tables that say so above. */
const char *names_find(enum names_table table, int64_t context, int64_t value);
/* Whether they do. */
static inline bool names_has_context(enum names_table table)
{
    return table == NAMES_PROTOCOL || table == NAMES_OPTION || table == NAMES_RESOLVER;
}
/* The inverse, aliases included; false when there is no such name. */
bool names_value(enum names_table table, int64_t context, const char *name, int64_t *value);

static inline const char *names_family(int family)
{
    return names_find(NAMES_FAMILY, 0, family);
}

static inline const char *names_type(int type)
{
    return names_find(NAMES_TYPE, 0, type);
}

static inline const char *names_protocol(int family, int protocol)
{
    return names_find(NAMES_PROTOCOL, family, protocol);
}

static inline const char *names_errno(int error)
{
    return names_find(NAMES_ERRNO, 0, error);
}

static inline const char *names_level(int level)
{
    return names_find(NAMES_LEVEL, 0, level);
}

static inline const char *names_option(int level, int name)
{
    return names_find(NAMES_OPTION, level, name);
}

static inline const char *names_tcp_state(int state)
{
    return names_find(NAMES_TCP_STATE, 0, state);
}

static inline const char *names_call(int call)
{
    return names_find(NAMES_CALL, 0, call);
}

/* The contract's `transport`: "tcp", "udp", "unix", "mptcp", "sctp", "icmp", "raw", ...; for families without a better
 * word the family's name in lower case without AF_ ("netlink", "packet"); NULL when the family is unknown. */
const char *names_transport(int family, int type, int protocol);
/* Whether that returns `word` for any socket. */
bool names_is_transport(const char *word);

/* ---- Option values ---- */

/* What an option's bytes are. */
enum option_type {
    OPTION_RAW,
    OPTION_INT,      /* 1, 2, 4 or 8 bytes, signed */
    OPTION_UNSIGNED, /* the same, unsigned */
    OPTION_BOOL,     /* the same, 0 off, else on */
    OPTION_NET_INT,  /* 4 bytes in network order: an interface index */
    OPTION_LINGER,
    OPTION_TIMEVAL,
    OPTION_UCRED,
    OPTION_STRING,
    OPTION_FILTER,           /* struct sock_fprog: its length is all that says something */
    OPTION_IP_MREQ,          /* struct in_addr, ip_mreq or ip_mreqn, by size */
    OPTION_IP_MREQ_SOURCE,   /* struct ip_mreq_source */
    OPTION_IPV6_MREQ,        /* struct ipv6_mreq */
    OPTION_IN6_PKTINFO,      /* struct in6_pktinfo */
    OPTION_GROUP_REQ,        /* struct group_req */
    OPTION_GROUP_SOURCE_REQ, /* struct group_source_req */
    OPTION_PORT_RANGE,       /* low port, high port << 16 */
};

enum option_type option_type(int level, int name);
/* Whether the value is one integer (INT, UNSIGNED, BOOL, NET_INT, PORT_RANGE not), and which. */
bool option_number(int level, int name, const void *bytes, size_t size, int64_t *value);

#define OPTION_TEXT_MAX 1200
/* The value for people: "131072", "on", "{on, 5 s}", "bbr", "239.1.2.3 on 127.0.0.1"; hexadecimal where the bytes fit
 * no type, "" when there are none. Returns `out`. */
char *option_text(int level, int name, const void *bytes, size_t size, char out[OPTION_TEXT_MAX]);

#endif
