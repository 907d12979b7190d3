/* SPDX-License-Identifier: MIT
 *
 * Reading filters from the command line, see filter.h.
 */
#include "analyzer/cmd/filter.h"

#include "analyzer/cmd/nearest.h"
#include "analyzer/cmd/usage.h"
#include "analyzer/names/names.h"
#include "analyzer/trace/text.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
    KEY_FIRST = 0x1000,
    KEY_FAILED = KEY_FIRST + FILTER_KINDS,
    KEY_SINCE,
    KEY_UNTIL,
    KEY_MIN_DURATION,
    KEY_INTERNAL
};
#define KEY(name) (KEY_FIRST + FILTER_##name)

static const struct argp_option options[] = {
    {"pid", KEY(pid), "PID", 0, "of these processes", 0},
    {"comm", KEY(comm), "NAME", 0, "of programs of this name (shell pattern)", 0},
    {"unit", KEY(unit), "NAME", 0, "of this systemd unit (shell pattern): nginx.service", 0},
    {"container", KEY(container), "ID", 0, "of this container: how its id begins, or its name (shell pattern)", 0},
    {"address", KEY(address), "ADDRESS", 0, "either end: an address, ADDRESS/BITS, or a unix path (shell pattern)", 0},
    {"port", KEY(port), "PORT", 0, "either end's port, or FROM-TO", 0},
    {"transport", KEY(transport), "WORD", 0, "tcp, udp, unix, mptcp, sctp, netlink, ...", 0},
    {"role", KEY(role), "WORD", 0, "client, server, listener, pair, datagram or unused", 0},
    {"end", KEY(end), "WORD", 0, "how a connection ended: closed, reset, broken, or open", 0},
    {"failed", KEY_FAILED, "no", OPTION_ARG_OPTIONAL, "only what failed; =no: only what did not", 0},
    {"since", KEY_SINCE, "TIME", 0, "not before TIME: 1.5, 200ms, 2m after the first event; a date; @EPOCH", 0},
    {"until", KEY_UNTIL, "TIME", 0, "not after TIME", 0},
    {"min-duration", KEY_MIN_DURATION, "TIME", 0, "that lasted so long: 1.5, 200ms, 2m", 0},
    {"internal", KEY_INTERNAL, NULL, 0, "also socket pairs within one process", 0},
    {0}};

/* The words that an option knows, and that are suggested. */
static const char *const transports[] = {"tcp",  "udp", "unix",   "mptcp", "sctp", "netlink",
                                         "icmp", "raw", "packet", "vsock", NULL};
static const char *const roles[] = {"client", "server", "listener", "pair", "datagram", "unused", NULL};
static const char *const ends[] = {"closed", "reset", "broken", "open", NULL};

static void *must(const struct argp_state *state, void *memory)
{
    if (memory == NULL)
        argp_failure(state, 1, 0, "out of memory");
    return memory;
}

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

/* "1.5", "200ms", "2m" */
static bool parse_duration(const char *text, int64_t *us)
{
    static const struct {
        const char *suffix;
        double us;
    } units[] = {{"", 1e6}, {"s", 1e6}, {"ms", 1e3}, {"us", 1}, {"m", 60e6}, {"h", 3600e6}};
    char *end = NULL;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (parse_decimal(text, &end, units[i].us, us) && strcmp(end, units[i].suffix) == 0)
            return true;
    return false;
}

static bool parse_time(const char *text, struct filter_time *out)
{
    char *end = NULL;
    *out = (struct filter_time){.given = true};
    if (*text == '@')
        return parse_decimal(text + 1, &end, 1e6, &out->us) && *end == 0;
    if (parse_date(text, &out->us))
        return true;
    out->relative = true;
    return parse_duration(text, &out->us);
}

/* An address, ADDRESS/BITS, or else a pattern. */
static bool parse_address(struct filter_term *term)
{
    char host[INET6_ADDRSTRLEN + 16];
    const char *text = term->text;
    size_t length = strcspn(text, "/");
    unsigned long bits = 128;
    if (length < sizeof host) {
        memcpy(host, text, length);
        host[length] = 0;
        bool found =
            address_parse(&term->address, AF_INET, host, 0) || address_parse(&term->address, AF_INET6, host, 0);
        unsigned long all = term->address.family == AF_INET ? 32 : 128;
        term->prefix = (unsigned)all;
        if (found && text[length] == 0)
            return true;
        if (found) {
            bool good = parse_number(text + length + 1, all, &bits);
            term->prefix = (unsigned)bits;
            return good;
        }
        term->address = (struct address){.family = 0};
    }
    return strspn(text, "0123456789.") != strlen(text); /* an IPv4 address that is none */
}

/* NUMBER, FROM-TO, FROM- or -TO. */
static bool parse_range(struct filter_term *term, unsigned long max)
{
    unsigned long low = 0, high = max;
    char *text = term->text, *hyphen = strchr(text, '-');
    if (hyphen == NULL)
        hyphen = text; /* one number is both */
    else
        *hyphen = 0;
    bool good = (hyphen != text || *text != 0) && (*text == 0 || parse_number(text, max, &low));
    const char *to = hyphen == text && *text != 0 ? text : hyphen + 1;
    good = good && (*to == 0 || parse_number(to, max, &high)) && low <= high;
    term->low = (uint32_t)low;
    term->high = (uint32_t)high;
    return good;
}

/* ---- Values ---- */

static const char *const *meant_among; /* for nearest_word() */

static const char *word_at(unsigned index)
{
    return meant_among[index];
}

/* "; did you mean reset?", or "". */
static const char *suggestion(const char *text, const char *const *words)
{
    static char out[64];
    meant_among = words;
    const char *meant = nearest_word(text, word_at);
    out[0] = 0;
    if (meant != NULL)
        snprintf(out, sizeof out, "; did you mean %s?", meant);
    return out;
}

static bool is_among(const char *text, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

/* What has no word is called by its number. */
static bool is_transport(const char *text)
{
    unsigned long number;
    return names_is_transport(text) || (strncmp(text, "ip-", 3) == 0 && parse_number(text + 3, INT_MAX, &number)) ||
           (strncmp(text, "family-", 7) == 0 && parse_number(text + 7, INT_MAX, &number));
}

/* Whether the value is one; says so otherwise. */
static void check(const struct argp_state *state, enum filter_kind kind, struct filter_term *term)
{
    char *given = must(state, strdup(term->text));
    switch (kind) {
    case FILTER_pid:
        if (!parse_range(term, UINT32_MAX))
            usage_error(state, "--pid %s: not a process id", text_name(given));
        break;
    case FILTER_port:
        if (!parse_range(term, UINT16_MAX))
            usage_error(state, "--port %s: neither a port nor FROM-TO", text_name(given));
        break;
    case FILTER_address:
        if (!parse_address(term))
            usage_error(state, "--address %s: not an address", text_name(given));
        break;
    case FILTER_transport:
        if (!is_transport(given))
            usage_error(state, "--transport %s: not a transport (tcp, udp, unix, mptcp, sctp, netlink, ...)%s",
                        text_name(given), suggestion(given, transports));
        break;
    case FILTER_role:
        if (!is_among(given, roles))
            usage_error(state, "--role %s: not a role (client, server, listener, pair, datagram, unused)%s",
                        text_name(given), suggestion(given, roles));
        break;
    case FILTER_end:
        if (!is_among(given, ends))
            usage_error(state, "--end %s: not an end (closed, reset, broken, open)%s", text_name(given),
                        suggestion(given, ends));
        break;
    default:
        break;
    }
    free(given);
}

/* Takes one value of an option that may have several. */
static void take(const struct argp_state *state, struct filter *filter, enum filter_kind kind, const char *value)
{
    struct filter_term *term = must(state, calloc(1, sizeof *term)), **last = &filter->terms[kind];
    term->negated = *value == '!';
    term->text = must(state, strdup(value + term->negated));
    while (*last != NULL)
        last = &(*last)->next;
    *last = term;
    if (*term->text == 0)
        usage_error(state, "--%s %s: a value is missing", options[kind].name, text_name(value));
    check(state, kind, term);
}

static void take_times(struct argp_state *state, struct filter *filter, int key, const char *text)
{
    if (key == KEY_MIN_DURATION) {
        filter->min_duration.given = true;
        filter->min_duration.negated = *text == '!';
        if (!parse_duration(text + filter->min_duration.negated, &filter->min_duration.us))
            usage_error(state, "--min-duration %s: not a duration (1.5, 200ms, 2m)", text_name(text));
        return;
    }
    if (!parse_time(text, key == KEY_SINCE ? &filter->since : &filter->until))
        usage_error(state, "--%s %s: not a time (1.5, 200ms, 2m, 2024-05-31T12:00:00, @EPOCH)",
                    key == KEY_SINCE ? "since" : "until", text_name(text));
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct filter *filter = state->input;
    if (key < KEY_FIRST || key > KEY_INTERNAL || filter == NULL)
        return ARGP_ERR_UNKNOWN;
    switch (key) {
    case KEY_FAILED:
        if (argument != NULL && strcmp(argument, "no") != 0 && strcmp(argument, "yes") != 0)
            usage_error(state, "--failed=%s: yes or no", text_name(argument));
        filter->failed = argument != NULL && strcmp(argument, "no") == 0 ? FAILED_NONE : FAILED_ONLY;
        return 0;
    case KEY_SINCE:
    case KEY_UNTIL:
    case KEY_MIN_DURATION:
        take_times(state, filter, key, argument);
        return 0;
    case KEY_INTERNAL:
        filter->internal = true;
        return 0;
    default:
        break;
    }
    if (!argument[strspn(argument, ",")])
        usage_error(state, "--%s: a value is missing", options[key - KEY_FIRST].name);
    char *values = must(state, strdup(argument)), *rest = NULL;
    for (char *value = strtok_r(values, ",", &rest); value != NULL; value = strtok_r(NULL, ",", &rest))
        take(state, filter, (enum filter_kind)(key - KEY_FIRST), value);
    free(values);
    return 0;
}

const struct argp filter_argp = {options, parse, NULL, NULL, NULL, NULL, NULL};

bool filter_given(const struct filter *filter)
{
    for (unsigned i = 0; i < FILTER_KINDS; i++)
        if (filter->terms[i] != NULL)
            return true;
    return filter->failed != FAILED_OR_NOT || filter->since.given || filter->until.given || filter->min_duration.given;
}

void filter_free(struct filter *filter)
{
    for (unsigned i = 0; i < FILTER_KINDS; i++)
        for (struct filter_term *term = filter->terms[i], *next; term != NULL; term = next) {
            next = term->next;
            free(term->text);
            free(term);
        }
    *filter = (struct filter){.internal = false};
}
