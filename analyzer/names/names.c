/* SPDX-License-Identifier: MIT
 *
 * Looking names up, see names.h.
 */
#include "analyzer/names/names.h"

#include "shim/trace_format.h"

#include <ctype.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

struct name {
    uint8_t table; /* enum names_table */
    bool alias;
    int32_t context; /* NAMES_OPTION: the level */
    int32_t value;
    const char *name;
};

/* Every constant's value by table and name, so that options.def can say its levels by name. */
enum value {
#define NAME(table, value, name)       VALUE_##table##_##name = (value),
#define NAME_ALIAS(table, value, name) VALUE_##table##_##name = (value),
#include "analyzer/names/constants.def"
};

/* Rows of one table are neighbours. */
static const struct name names[] = {
#define NAME(table_, value_, name_)       {.table = NAMES_##table_, .value = (value_), .name = #name_},
#define NAME_ALIAS(table_, value_, name_) {.table = NAMES_##table_, .alias = true, .value = (value_), .name = #name_},
#include "analyzer/names/constants.def"

#define OPTION(level, value_, name_, type)                                                                             \
    {.table = NAMES_OPTION, .context = VALUE_LEVEL_##level, .value = (value_), .name = #name_},
#define OPTION_ALIAS(level, value_, name_)                                                                             \
    {.table = NAMES_OPTION, .alias = true, .context = VALUE_LEVEL_##level, .value = (value_), .name = #name_},
#include "analyzer/names/options.def"

#define X(value_, name_) {.table = NAMES_CALL, .value = (value_), .name = #name_},
    SOCKATLAS_CALLS(X)
#undef X
#define X(value_, name_, word_, body) {.table = NAMES_KIND, .value = (value_), .name = #word_},
        SOCKATLAS_KINDS(X)
#undef X
#define X(value_, name_, word_) {.table = NAMES_COVERAGE, .value = (value_), .name = #word_},
            SOCKATLAS_COVERAGES(X)
#undef X
};

/* Where each table's rows begin and end. */
static struct range {
    const struct name *first, *end;
} ranges[NAMES_TABLES];

__attribute__((constructor)) static void find_ranges(void)
{
    for (const struct name *name = names; name < names + sizeof names / sizeof *names; name++) {
        struct range *range = &ranges[name->table];
        if (range->first == NULL)
            range->first = name;
        range->end = name + 1;
    }
}

/* The table that really has the names: some depend on their context. */
static enum names_table resolve(enum names_table table, int64_t context)
{
    bool eai = context == SOCKATLAS_CALL_getaddrinfo || context == SOCKATLAS_CALL_getnameinfo ||
               context == SOCKATLAS_CALL_getaddrinfo_a;
    bool inet = context == AF_INET || context == AF_INET6;
    switch (table) {
    case NAMES_RESOLVER:
        return eai ? NAMES_EAI : NAMES_H_ERRNO;
    case NAMES_PROTOCOL:
        return inet ? NAMES_PROTOCOL : context == AF_NETLINK ? NAMES_NETLINK : NAMES_NONE;
    default:
        return table;
    }
}

static const char *search(enum names_table table, int64_t context, int64_t value)
{
    const struct range *range = &ranges[resolve(table, context)];
    for (const struct name *name = range->first; name < range->end; name++)
        if (name->value == value && !name->alias && (table != NAMES_OPTION || name->context == context))
            return name->name;
    return NULL;
}

/* Views ask for the same few names at every line: the answers last given are kept. */
const char *names_find(enum names_table table, int64_t context, int64_t value)
{
    enum { KEPT = 256 };
    static struct answer {
        bool given;
        enum names_table table;
        int64_t context, value;
        const char *name;
    } answers[KEPT];
    if (table == NAMES_ERRNO)
        return value > 0 && value <= INT32_MAX ? strerrorname_np((int)value) : NULL;
    struct answer *answer = &answers[((uint64_t)table * 31 + (uint64_t)context * 7 + (uint64_t)value) % KEPT];
    if (!answer->given || answer->table != table || answer->context != context || answer->value != value)
        *answer = (struct answer){true, table, context, value, search(table, context, value)};
    return answer->name;
}

/* Above every errno that Linux gives to programs. */
#define ERRNO_MAX 200

/* The name itself as we have it, or NULL when it is none. */
static const char *search_value(enum names_table table, int64_t context, const char *text, int64_t *value)
{
    for (int error = 1; table == NAMES_ERRNO && error < ERRNO_MAX; error++) {
        const char *name = strerrorname_np(error);
        if (name != NULL && strcmp(name, text) == 0) {
            *value = error;
            return name;
        }
    }
    const struct range *range = &ranges[resolve(table, context)];
    for (const struct name *name = range->first; name < range->end; name++)
        if (strcmp(name->name, text) == 0 && (table != NAMES_OPTION || name->context == context)) {
            *value = name->value;
            return name->name;
        }
    return NULL;
}

/* As names_find(): an export has the same few names in every line. */
bool names_value(enum names_table table, int64_t context, const char *text, int64_t *value)
{
    enum { KEPT = 256 };
    static struct answer {
        const char *name; /* NULL: none yet */
        enum names_table table;
        int64_t context, value;
    } answers[KEPT];
    uint64_t hash = (uint64_t)table * 31 + (uint64_t)context * 7;
    for (const char *at = text; *at; at++)
        hash = hash * 33 + (unsigned char)*at;
    struct answer *answer = &answers[hash % KEPT];
    if (!answer->name || answer->table != table || answer->context != context || strcmp(answer->name, text) != 0) {
        const char *name = search_value(table, context, text, value);
        if (name)
            *answer = (struct answer){name, table, context, *value};
        return name != NULL;
    }
    *value = answer->value;
    return true;
}

struct transport {
    int protocol; /* 0: the default of the type */
    int type;     /* 0: any */
    const char *word;
};

static const struct transport transports[] = {
    {0, SOCK_STREAM, "tcp"},
    {0, SOCK_DGRAM, "udp"},
    {IPPROTO_TCP, SOCK_STREAM, "tcp"},
    {IPPROTO_UDP, SOCK_DGRAM, "udp"},
    {IPPROTO_MPTCP, 0, "mptcp"},
    {IPPROTO_SCTP, 0, "sctp"},
    {IPPROTO_DCCP, 0, "dccp"},
    {IPPROTO_UDPLITE, 0, "udplite"},
    {IPPROTO_ICMP, SOCK_DGRAM, "icmp"},
    {IPPROTO_ICMPV6, SOCK_DGRAM, "icmp"},
    {0, SOCK_SEQPACKET, "sctp"},
};

const char *names_transport(int family, int type, int protocol)
{
    static char words[64][16];
    if (family == AF_INET || family == AF_INET6) {
        for (size_t i = 0; type != SOCK_RAW && i < sizeof transports / sizeof *transports; i++)
            if (transports[i].protocol == protocol && (transports[i].type == 0 || transports[i].type == type))
                return transports[i].word;
        return "raw";
    }
    const char *name = names_family(family);
    if (family <= 0 || family >= 64 || name == NULL)
        return NULL;
    char *word = words[family];
    size_t length = strnlen(name + 3, sizeof words[0] - 1);
    for (size_t i = 0; i < length; i++)
        word[i] = (char)tolower((unsigned char)name[i + 3]);
    return word;
}

bool names_is_transport(const char *word)
{
    bool known = strcmp(word, "raw") == 0;
    for (size_t i = 0; i < sizeof transports / sizeof *transports; i++)
        known |= strcmp(word, transports[i].word) == 0;
    for (int family = 1; family < 64; family++) {
        const char *name = family == AF_INET || family == AF_INET6 ? NULL : names_transport(family, 0, 0);
        known |= name && strcmp(word, name) == 0;
    }
    return known;
}
