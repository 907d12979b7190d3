/* SPDX-License-Identifier: MIT
 *
 * Reading filters and applying them, see filter.h.
 */
#include "analyzer/cmd/filter.h"
#include "analyzer/cmd/usage.h"

#include "analyzer/names/names.h"

#include <arpa/inet.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { KEY_PID = 0x1000, KEY_COMM, KEY_ADDRESS, KEY_PORT, KEY_TRANSPORT, KEY_ROLE, KEY_FAILED, KEY_SINCE, KEY_UNTIL };

static const struct argp_option options[] = {
    {"pid", KEY_PID, "PID", 0, "of these processes", 0},
    {"comm", KEY_COMM, "NAME", 0, "of programs of this name (shell pattern)", 0},
    {"address", KEY_ADDRESS, "ADDRESS", 0, "either end: an address, ADDRESS/BITS, or a unix path (shell pattern)", 0},
    {"port", KEY_PORT, "PORT", 0, "either end's port", 0},
    {"transport", KEY_TRANSPORT, "WORD", 0, "tcp, udp, unix, mptcp, sctp, netlink, ...", 0},
    {"role", KEY_ROLE, "WORD", 0, "client, server, listener, pair, datagram or unused", 0},
    {"failed", KEY_FAILED, NULL, 0, "only what failed", 0},
    {"since", KEY_SINCE, "TIME", 0, "not before TIME: 1.5, 200ms, 2m after the first event; a date; @EPOCH", 0},
    {"until", KEY_UNTIL, "TIME", 0, "not after TIME", 0},
    {0}};

static const char *const roles[] = {"client", "server", "listener", "pair", "datagram", "unused"};

static void *must(struct argp_state *state, void *memory)
{
    if (memory == NULL)
        argp_failure(state, 1, 0, "out of memory");
    return memory;
}

#define GROW(state, array, count) must(state, realloc(array, ((count) + 1) * sizeof *(array)))

/* A number up to `max`, all of `text`. */
static bool parse_number(const char *text, unsigned long max, unsigned long *out)
{
    char *end = NULL;
    *out = strtoul(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == 0 && *out <= max;
}

/* A decimal number as microseconds, times `unit`; what stands behind it in *end. */
static bool parse_decimal(const char *text, char **end, double unit, int64_t *us)
{
    double number = strtod(text, end);
    if (*end == text || !(number >= 0) || number * unit > 9e18)
        return false;
    *us = (int64_t)(number * unit + 0.5);
    return true;
}

static bool parse_date(const char *text, int64_t *us)
{
    static const char *const formats[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M",
                                          "%Y-%m-%d"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        struct tm date = {.tm_isdst = -1};
        int64_t fraction = 0;
        char *rest = strptime(text, formats[i], &date);
        if (rest != NULL && *rest == '.' && !parse_decimal(rest, &rest, 1e6, &fraction))
            continue;
        if (rest == NULL || (*rest != 0 && strcmp(rest, "Z") != 0))
            continue;
        time_t seconds = *rest == 'Z' ? timegm(&date) : mktime(&date);
        *us = (int64_t)seconds * 1000000 + fraction;
        return true;
    }
    return false;
}

static bool parse_time(const char *text, struct filter_time *out)
{
    static const struct {
        const char *suffix;
        double us;
    } units[] = {{"", 1e6}, {"s", 1e6}, {"ms", 1e3}, {"us", 1}, {"m", 60e6}, {"h", 3600e6}};
    char *end = NULL;
    out->given = true;
    out->relative = false;
    if (*text == '@')
        return parse_decimal(text + 1, &end, 1e6, &out->us) && *end == 0;
    if (parse_date(text, &out->us))
        return true;
    out->relative = true;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (parse_decimal(text, &end, units[i].us, &out->us) && strcmp(end, units[i].suffix) == 0)
            return true;
    return false;
}

/* An address, ADDRESS/BITS, or else a pattern. */
static bool parse_address(struct argp_state *state, const char *text, struct filter_address *out)
{
    char host[INET6_ADDRSTRLEN + 16];
    size_t length = strcspn(text, "/");
    unsigned long bits = 128;
    *out = (struct filter_address){.pattern = NULL};
    if (length < sizeof host) {
        memcpy(host, text, length);
        host[length] = 0;
        bool found = address_parse(&out->address, AF_INET, host, 0) || address_parse(&out->address, AF_INET6, host, 0);
        unsigned long all = out->address.family == AF_INET ? 32 : 128;
        if (found && text[length] == 0) {
            out->prefix = (unsigned)all;
            return true;
        }
        if (found) {
            out->prefix = parse_number(text + length + 1, all, &bits) ? (unsigned)bits : 0;
            return bits <= all && strspn(text + length + 1, "0123456789") == strlen(text + length + 1) &&
                   text[length + 1] != 0;
        }
    }
    out->pattern = must(state, strdup(text));
    return strspn(text, "0123456789.") != strlen(text); /* an IPv4 address that is none */
}

/* What has no word is called by its number. */
static bool numbered(const char *transport)
{
    unsigned long number;
    return (strncmp(transport, "ip-", 3) == 0 && parse_number(transport + 3, INT_MAX, &number)) ||
           (strncmp(transport, "family-", 7) == 0 && parse_number(transport + 7, INT_MAX, &number));
}

/* Takes one value of an option that may have several. */
static void take(struct argp_state *state, struct filter *filter, int key, char *value)
{
    unsigned long number = 0;
    bool known = false;
    switch (key) {
    case KEY_PID:
        if (!parse_number(value, UINT32_MAX, &number))
            usage_error(state, "--pid %s: not a process id", value);
        filter->pids = GROW(state, filter->pids, filter->pids_count);
        filter->pids[filter->pids_count++] = (uint32_t)number;
        break;
    case KEY_COMM:
        filter->comms = GROW(state, filter->comms, filter->comms_count);
        filter->comms[filter->comms_count++] = must(state, strdup(value));
        break;
    case KEY_ADDRESS:
        filter->addresses = GROW(state, filter->addresses, filter->addresses_count);
        if (!parse_address(state, value, &filter->addresses[filter->addresses_count++]))
            usage_error(state, "--address %s: not an address", value);
        break;
    case KEY_PORT:
        if (!parse_number(value, UINT16_MAX, &number))
            usage_error(state, "--port %s: not a port", value);
        filter->ports = GROW(state, filter->ports, filter->ports_count);
        filter->ports[filter->ports_count++] = (uint16_t)number;
        break;
    case KEY_TRANSPORT:
        if (!names_is_transport(value) && !numbered(value))
            usage_error(state, "--transport %s: not a transport (tcp, udp, unix, mptcp, sctp, netlink, ...)", value);
        filter->transports = GROW(state, filter->transports, filter->transports_count);
        filter->transports[filter->transports_count++] = must(state, strdup(value));
        break;
    case KEY_ROLE:
        for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
            known |= strcmp(roles[i], value) == 0;
        if (!known)
            usage_error(state, "--role %s: not a role (client, server, listener, pair, datagram, unused)", value);
        filter->roles = GROW(state, filter->roles, filter->roles_count);
        filter->roles[filter->roles_count++] = must(state, strdup(value));
        break;
    default:
        break;
    }
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct filter *filter = state->input;
    if (key < KEY_PID || key > KEY_UNTIL || filter == NULL)
        return ARGP_ERR_UNKNOWN;
    if (key == KEY_FAILED) {
        filter->failed = true;
        return 0;
    }
    if (key == KEY_SINCE || key == KEY_UNTIL) {
        if (!parse_time(argument, key == KEY_SINCE ? &filter->since : &filter->until))
            usage_error(state, "--%s %s: not a time (1.5, 200ms, 2m, 2024-05-31T12:00:00, @EPOCH)",
                        key == KEY_SINCE ? "since" : "until", argument);
        return 0;
    }
    if (!argument[strspn(argument, ",")])
        usage_error(state, "--%s: a value is missing", options[key - KEY_PID].name);
    char *values = must(state, strdup(argument));
    char *rest = NULL;
    for (char *value = strtok_r(values, ",", &rest); value != NULL; value = strtok_r(NULL, ",", &rest))
        take(state, filter, key, value);
    free(values);
    return 0;
}

const struct argp filter_argp = {options, parse, NULL, NULL, NULL, NULL, NULL};

/* ---- Applying ---- */

static bool same_prefix(const struct filter_address *wanted, const struct address *address)
{
    if (wanted->address.family != address->family)
        return false;
    unsigned bytes = wanted->prefix / 8;
    unsigned bits = wanted->prefix % 8;
    if (memcmp(wanted->address.bytes, address->bytes, bytes) != 0)
        return false;
    return bits == 0 || (wanted->address.bytes[bytes] ^ address->bytes[bytes]) >> (8 - bits) == 0;
}

static bool address_matches(const struct filter *filter, const struct address *address)
{
    char text[ADDRESS_TEXT_MAX];
    for (unsigned i = 0; i < filter->addresses_count; i++) {
        const struct filter_address *wanted = &filter->addresses[i];
        if (wanted->pattern == NULL && same_prefix(wanted, address))
            return true;
        if (wanted->pattern != NULL && address_text(address, text) != NULL && fnmatch(wanted->pattern, text, 0) == 0)
            return true;
    }
    return filter->addresses_count == 0;
}

static bool port_matches(const struct filter *filter, const struct address *address)
{
    bool has_port = address->family == AF_INET || address->family == AF_INET6;
    for (unsigned i = 0; i < filter->ports_count; i++)
        if (has_port && filter->ports[i] == address->port)
            return true;
    return filter->ports_count == 0;
}

/* An address and a port that are both asked for must be of the same end. */
static bool any_end_matches(const struct filter *filter, const struct filter_subject *subject)
{
    if (filter->addresses_count == 0 && filter->ports_count == 0)
        return true;
    for (size_t i = 0; i < sizeof subject->addresses / sizeof *subject->addresses; i++) {
        const struct address *address = subject->addresses[i];
        if (address != NULL && address_known(address) && address_matches(filter, address) &&
            port_matches(filter, address))
            return true;
    }
    return false;
}

static bool word_matches(char *const *words, unsigned count, const char *word, bool pattern)
{
    for (unsigned i = 0; i < count; i++)
        if (word != NULL && (pattern ? fnmatch(words[i], word, 0) == 0 : strcmp(words[i], word) == 0))
            return true;
    return count == 0;
}

static bool pid_matches(const struct filter *filter, uint32_t pid)
{
    for (unsigned i = 0; i < filter->pids_count; i++)
        if (filter->pids[i] == pid)
            return true;
    return filter->pids_count == 0;
}

static int64_t absolute(const struct filter_time *time, int64_t origin_us)
{
    return time->relative ? origin_us + time->us : time->us;
}

bool filter_given(const struct filter *filter)
{
    return filter->pids_count + filter->comms_count + filter->addresses_count + filter->ports_count +
                   filter->transports_count + filter->roles_count >
               0 ||
           filter->failed || filter->since.given || filter->until.given;
}

bool filter_match(const struct filter *filter, const struct filter_subject *subject)
{
    if (filter->failed && !subject->failed)
        return false;
    if (filter->since.given && subject->last_us < absolute(&filter->since, subject->origin_us))
        return false;
    if (filter->until.given && subject->first_us > absolute(&filter->until, subject->origin_us))
        return false;
    return pid_matches(filter, subject->pid) && word_matches(filter->comms, filter->comms_count, subject->comm, true) &&
           word_matches(filter->transports, filter->transports_count, subject->transport, false) &&
           word_matches(filter->roles, filter->roles_count, subject->role, false) && any_end_matches(filter, subject);
}

static void free_words(char **words, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        free(words[i]);
    free(words);
}

void filter_free(struct filter *filter)
{
    free_words(filter->comms, filter->comms_count);
    free_words(filter->transports, filter->transports_count);
    free_words(filter->roles, filter->roles_count);
    for (unsigned i = 0; i < filter->addresses_count; i++)
        free(filter->addresses[i].pattern);
    free(filter->addresses);
    free(filter->pids);
    free(filter->ports);
    *filter = (struct filter){.pids = NULL};
}
