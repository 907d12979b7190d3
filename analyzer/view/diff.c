/* SPDX-License-Identifier: MIT
 *
 * Two runs compared by what is stable.
 *
 * A fact is a line of text that says the same in both runs if the same happened: its kind, the program, and what it did
 * ("connects to redis, tcp 127.0.0.1:6379"). Ports that the kernel chose (bind to port 0) are written "*".
 *
 * Latency and noise: of each fact that has a time (connect, round trip) up to 4096 samples are kept, evenly. Medians
 * differ only if there are at least 5 samples on both sides, the ranges from the 25th to the 75th percentile do not
 * overlap, and one median is at least twice the other and 100 us above it.
 *
 * How many connections an edge has depends on the work done: it counts where it is ten times as many and 20 more.
 */
#include "analyzer/view/diff.h"

#include "analyzer/model/setting.h"
#include "analyzer/names/names.h"
#include "analyzer/trace/json.h"
#include "analyzer/trace/text.h"
#include "analyzer/view/setting.h"
#include "analyzer/view/table.h"
#include "analyzer/view/value.h"
#include "analyzer/view/words.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <uthash.h>

enum fact_kind {
    FACT_EDGE,
    FACT_LISTENER,
    FACT_FAILURE,
    FACT_SETTING,
    FACT_CONNECT_TIME,
    FACT_ROUND_TRIP,
    FACT_SOCKET
};

static const char *const kind_words[] = {
    [FACT_EDGE] = "edge",       [FACT_LISTENER] = "listener",         [FACT_FAILURE] = "failure",
    [FACT_SETTING] = "setting", [FACT_CONNECT_TIME] = "connect_time", [FACT_ROUND_TRIP] = "round_trip",
    [FACT_SOCKET] = "socket"}; /* only there to tell whether settings can be compared */

#define SAMPLES_MAX    4096
#define SAMPLES_LEAST  5
#define LEAST_FACTOR   2
#define LEAST_APART_US 100

#define COUNT_LEAST_FACTOR 10
#define COUNT_LEAST_APART  20

struct fact {
    UT_hash_handle hh;
    enum fact_kind kind;
    char *key; /* kind, program, what, value; '\n' between */
    char *program, *what;
    char *value; /* what may change: a setting's; "" */
    uint64_t count;
    uint32_t *samples; /* us */
    unsigned samples_count, samples_room;
    uint64_t samples_step; /* every so many is kept */
};

/* A port that the kernel chose for whoever bound to port 0. */
struct chosen_port {
    UT_hash_handle hh;
    uint32_t port;
};

struct diff_run {
    struct fact *facts;
    struct chosen_port *chosen;
};

struct diff_run *diff_run_new(void)
{
    struct diff_run *run = calloc(1, sizeof *run);
    if (!run)
        abort();
    return run;
}

/* ---- Facts ---- */

static const char *program(const struct process *process, char out[WORD_PROCESS_MAX])
{
    if (!process)
        return "?";
    if (process->kind == PROCESS_EXTERNAL)
        return "outside";
    text_escape(process->comm, strnlen(process->comm, 64), out);
    return out[0] ? out : "?";
}

static void print(char **text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void print(char **text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(text, format, arguments) < 0)
        abort();
    va_end(arguments);
}

static struct fact *fact_add(struct diff_run *run, enum fact_kind kind, const struct process *process, const char *what,
                             const char *value)
{
    char name[WORD_PROCESS_MAX], *key;
    const char *who = program(process, name);
    print(&key, "%s\n%s\n%s\n%s", kind_words[kind], who, what, value);
    struct fact *fact;
    HASH_FIND_STR(run->facts, key, fact);
    if (fact) {
        free(key);
        fact->count++;
        return fact;
    }
    if (!(fact = calloc(1, sizeof *fact)))
        abort();
    *fact = (struct fact){.kind = kind, .key = key, .count = 1, .samples_step = 1};
    fact->program = strdup(who);
    fact->what = strdup(what);
    fact->value = strdup(value);
    if (!fact->program || !fact->what || !fact->value)
        abort();
    HASH_ADD_KEYPTR(hh, run->facts, fact->key, strlen(fact->key), fact);
    return fact;
}

/* Every step-th is kept; when the room is full, every second of them, and the step doubles. */
static void fact_sample(struct fact *fact, uint64_t us)
{
    if ((fact->count - 1) % fact->samples_step)
        return;
    if (fact->samples_count == SAMPLES_MAX) {
        for (unsigned i = 0; i < SAMPLES_MAX / 2; i++)
            fact->samples[i] = fact->samples[2 * i];
        fact->samples_count /= 2;
        fact->samples_step *= 2;
    }
    if (fact->samples_count == fact->samples_room) {
        fact->samples_room = fact->samples_room ? fact->samples_room * 2 : 8;
        fact->samples = realloc(fact->samples, fact->samples_room * sizeof *fact->samples);
        if (!fact->samples)
            abort();
    }
    fact->samples[fact->samples_count++] = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

/* ---- From sockets ---- */

static bool chosen(const struct diff_run *run, const struct address *address)
{
    uint32_t port = address->port;
    struct chosen_port *found;
    HASH_FIND(hh, run->chosen, &port, sizeof port, found);
    return found != NULL;
}

/* Takes the random end of a temporary folder's name out: "/tmp/run.aB3x9Q/socket" is "/tmp/run.*" + "/socket". */
static void stable_path(char *path)
{
    static const char *const folders[] = {"/tmp/", "/var/tmp/"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        size_t prefix = strlen(folders[i]);
        if (strncmp(path, folders[i], prefix) != 0)
            continue;
        char *end = path + prefix + strcspn(path + prefix, "/"), *at = end;
        while (at > path + prefix && isalnum((unsigned char)at[-1]))
            at--;
        if (end - at < 6 || (at > path + prefix && !strchr(".-_", at[-1])))
            return;
        *at = '*';
        memmove(at + 1, end, strlen(end) + 1);
        return;
    }
}

/* "tcp 127.0.0.1:80", "tcp 127.0.0.1:*". */
static void service(const struct diff_run *run, const struct socket *socket, const struct address *address, char *out,
                    size_t size)
{
    char text[ADDRESS_TEXT_MAX];
    const char *transport = word_transport(socket->family, socket->type, socket->protocol);
    bool inet = address->family == AF_INET || address->family == AF_INET6;
    if (inet && chosen(run, address))
        snprintf(out, size, "%s %s:*", transport, address_is_any(address) ? "*" : address_text(address, text));
    else if (address->family == AF_UNIX && !address->size)
        snprintf(out, size, "%s pair", transport);
    else {
        address_text_port(address, text);
        if (address->family == AF_UNIX)
            stable_path(text);
        snprintf(out, size, "%s %s", transport, text);
    }
}

static void add_settings(struct diff_run *run, const struct socket *socket, const char *what)
{
    for (const struct socket_option *option = socket->options; option; option = option->next) {
        char name[SETTING_NAME_MAX], *key, *value, requested[OPTION_TEXT_MAX], effective[OPTION_TEXT_MAX],
            number[WORD_MAX];
        const unsigned char *bytes;
        size_t size = setting_effective(option, &bytes);
        option_text(option->level, option->name, option->bytes, option->kept_size, requested);
        option_text(option->level, option->name, bytes, size, effective);
        print(&key, "%s, %s", what, setting_name(option->level, option->name, name));
        if (option->error)
            print(&value, "%s, refused %s", requested,
                  word_or_number(names_errno(option->error), option->error, number));
        else if (setting_verdict(option) != SETTING_AS_ASKED)
            print(&value, "%s, granted %s", requested, effective);
        else
            print(&value, "%s", requested);
        fact_add(run, FACT_SETTING, socket->owner, key, value);
        free(key);
        free(value);
    }
}

static void add_times(struct diff_run *run, const struct socket *socket, const char *what)
{
    if (socket->connect_ns != UINT64_MAX && socket->state != STATE_FAILED)
        fact_sample(fact_add(run, FACT_CONNECT_TIME, socket->owner, what, ""), socket->connect_ns / 1000);
    if (socket->tcp_known && socket->tcp.rtt_us)
        fact_sample(fact_add(run, FACT_ROUND_TRIP, socket->owner, what, ""), socket->tcp.rtt_us);
}

static void add_client(struct diff_run *run, const struct socket *socket, const char *served)
{
    char other[WORD_PROCESS_MAX], *what, number[WORD_MAX];
    if (socket->state == STATE_FAILED) {
        print(&what, "connect to %s", served);
        fact_add(run, FACT_FAILURE, socket->owner, what,
                 word_or_number(names_errno(socket->error), socket->error, number));
    } else {
        print(&what, "to %s, %s", program(socket->peer_process, other), served);
        fact_add(run, FACT_EDGE, socket->owner, what, "");
        add_times(run, socket, what);
    }
    free(what);
}

static void add_server(struct diff_run *run, const struct socket *socket, const char *served)
{
    char *what;
    print(&what, "accepts on %s", served);
    if (!socket->peer_socket) { /* else the other end has told of it */
        char *from, other[WORD_PROCESS_MAX];
        print(&from, "from %s, %s", program(socket->peer_process, other), served);
        fact_add(run, FACT_EDGE, socket->owner, from, "");
        free(from);
    }
    if (socket->tcp_known && socket->tcp.rtt_us)
        fact_sample(fact_add(run, FACT_ROUND_TRIP, socket->owner, what, ""), socket->tcp.rtt_us);
    free(what);
}

static void take_socket(void *context, const struct socket *socket)
{
    struct diff_run *run = context;
    char served[ADDRESS_TEXT_MAX + 64] = "", *kind;
    bool local = socket->role == ROLE_LISTENER || socket->role == ROLE_SERVER;
    const struct address *address = local ? &socket->local : &socket->peer;
    if (socket->role == ROLE_DATAGRAM && !address_known(address))
        address = &socket->local;
    if (address_known(address))
        service(run, socket, address, served, sizeof served);
    else
        snprintf(served, sizeof served, "%s", word_transport(socket->family, socket->type, socket->protocol));
    if (socket->role == ROLE_LISTENER)
        fact_add(run, FACT_LISTENER, socket->owner, served, "");
    else if (socket->role == ROLE_CLIENT || (socket->role == ROLE_DATAGRAM && address_known(&socket->peer)))
        add_client(run, socket, served);
    else if (socket->role == ROLE_SERVER)
        add_server(run, socket, served);
    print(&kind, "%s %s", word_role(socket->role), served);
    fact_add(run, FACT_SOCKET, socket->owner, kind, "");
    add_settings(run, socket, kind);
    free(kind);
}

static void take_event(void *context, const struct event *event, const struct process *process,
                       const struct socket *socket)
{
    struct diff_run *run = context;
    struct address requested, local;
    (void)process;
    (void)socket;
    if (event->kind != SOCKATLAS_BIND)
        return;
    event_addresses(event, &requested, &local);
    if (event->error) {
        char *what, text[ADDRESS_TEXT_MAX], number[WORD_MAX];
        print(&what, "bind to %s", address_text_port(&requested, text));
        fact_add(run, FACT_FAILURE, process, what, word_or_number(names_errno(event->error), event->error, number));
        free(what);
        return;
    }
    if (requested.port || !local.port || chosen(run, &local))
        return;
    struct chosen_port *made = calloc(1, sizeof *made);
    if (!made)
        abort();
    made->port = local.port;
    HASH_ADD(hh, run->chosen, port, sizeof made->port, made);
}

void diff_run_callbacks(struct diff_run *run, struct model_callbacks *callbacks)
{
    callbacks->context = run;
    callbacks->socket_done = take_socket;
    callbacks->event_seen = take_event;
}

/* ---- Comparing ---- */

struct difference {
    const char *change; /* "new", "gone", "changed" */
    enum fact_kind kind;
    const char *program, *what;
    char before[1300], after[1300]; /* "" none */
    int64_t before_us, after_us;    /* times; -1 none */
};

static int by_size(const void *a, const void *b)
{
    uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;
    return one < other ? -1 : one > other;
}

static uint32_t quartile(const struct fact *fact, unsigned quarters)
{
    return fact->samples[(fact->samples_count - 1) * quarters / 4];
}

/* Whether two sets of times differ beyond noise, as the head of this file says. */
static bool times_differ(struct fact *before, struct fact *after)
{
    if (before->samples_count < SAMPLES_LEAST || after->samples_count < SAMPLES_LEAST)
        return false;
    qsort(before->samples, before->samples_count, sizeof *before->samples, by_size);
    qsort(after->samples, after->samples_count, sizeof *after->samples, by_size);
    const struct fact *low = quartile(before, 2) <= quartile(after, 2) ? before : after;
    const struct fact *high = low == before ? after : before;
    return quartile(high, 1) > quartile(low, 3) && quartile(high, 2) >= (uint64_t)LEAST_FACTOR * quartile(low, 2) &&
           quartile(high, 2) - quartile(low, 2) >= LEAST_APART_US;
}

static bool counts_differ(uint64_t before, uint64_t after)
{
    uint64_t few = before < after ? before : after, many = before < after ? after : before;
    return many >= COUNT_LEAST_FACTOR * few && many - few >= COUNT_LEAST_APART;
}

static void put_count(uint64_t count, char *out, size_t size)
{
    snprintf(out, size, "%llu connection%s", (unsigned long long)count, count == 1 ? "" : "s");
}

static bool is_time(const struct fact *fact)
{
    return fact->kind == FACT_CONNECT_TIME || fact->kind == FACT_ROUND_TRIP;
}

/* All values that a run has for the setting of `fact`, sorted by when they were first set. */
static void values_of(const struct diff_run *run, const struct fact *fact, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (const struct fact *at = run->facts; at && used < size - 1; at = at->hh.next) {
        if (at->kind != fact->kind || strcmp(at->program, fact->program) != 0 || strcmp(at->what, fact->what) != 0)
            continue;
        int put = snprintf(out + used, size - used, "%s%s", used ? "; " : "", at->value);
        used += put > 0 ? (size_t)put : 0;
    }
}

static bool told_before(const struct diff_run *run, const struct fact *fact)
{
    for (const struct fact *at = run->facts; at && at != fact; at = at->hh.next)
        if (at->kind == fact->kind && strcmp(at->program, fact->program) == 0 && strcmp(at->what, fact->what) == 0)
            return true;
    return false;
}

static bool put_difference(const struct difference *difference, bool json, unsigned width, bool colour, FILE *out)
{
    bool first = strcmp(difference->change, "new") == 0, gone = strcmp(difference->change, "gone") == 0;
    if (json) {
        cJSON *object = cJSON_CreateObject();
        value_text(object, "change", difference->change);
        value_text(object, "kind", kind_words[difference->kind]);
        value_text(object, "program", difference->program);
        value_text(object, "what", difference->what);
        value_text(object, "before", difference->before[0] ? difference->before : NULL);
        value_text(object, "after", difference->after[0] ? difference->after : NULL);
        value_integer(object, "before_us", difference->before_us >= 0, difference->before_us);
        value_integer(object, "after_us", difference->after_us >= 0, difference->after_us);
        return json_print_line(out, object);
    }
    char label[32], *text;
    const char *word = difference->kind == FACT_CONNECT_TIME ? "connect time"
                       : difference->kind == FACT_ROUND_TRIP ? "round trip"
                                                             : kind_words[difference->kind];
    const char *values = difference->before[0] && difference->after[0] ? " -> " : "";
    snprintf(label, sizeof label, "%s %-13s ", first ? "+" : gone ? "-" : "~", word);
    print(&text, "%s %s%s%s%s%s", difference->program, difference->what,
          difference->before[0] || difference->after[0] ? ": " : "", difference->before, values, difference->after);
    fputs(!colour ? "" : first ? "\033[32m" : gone ? "\033[31m" : "\033[33m", out);
    view_wrap(label, text, (unsigned)strlen(label), width, out);
    fputs(colour ? "\033[0m" : "", out);
    free(text);
    return !ferror(out);
}

/* Whether a run has sockets of the kind that the setting `fact` was made on. Where it has none, the edge or listener
 * that came or went says it all. */
static bool has_sockets(const struct diff_run *run, const struct fact *fact)
{
    char *key;
    struct fact *found;
    const char *comma = strrchr(fact->what, ',');
    print(&key, "%s\n%s\n%.*s\n", kind_words[FACT_SOCKET], fact->program, (int)(comma - fact->what), fact->what);
    HASH_FIND_STR(run->facts, key, found);
    free(key);
    return found != NULL;
}

/* Fills in how `fact` of the second run differs from the first; false when it does not. */
static bool differs(const struct diff_run *first, const struct diff_run *second, struct fact *fact,
                    struct difference *difference)
{
    struct fact *before;
    char median[WORD_MAX];
    *difference = (struct difference){
        .kind = fact->kind, .program = fact->program, .what = fact->what, .before_us = -1, .after_us = -1};
    HASH_FIND_STR(first->facts, fact->key, before);
    if (is_time(fact)) {
        if (!before || !times_differ(before, fact))
            return false;
        difference->change = "changed";
        difference->before_us = quartile(before, 2);
        difference->after_us = quartile(fact, 2);
        snprintf(difference->before, sizeof difference->before, "%s",
                 word_duration((uint64_t)difference->before_us * 1000, median));
        snprintf(difference->after, sizeof difference->after, "%s (median of %u)",
                 word_duration((uint64_t)difference->after_us * 1000, median), fact->samples_count);
        return true;
    }
    if (fact->kind == FACT_EDGE && before) {
        difference->change = "changed";
        put_count(before->count, difference->before, sizeof difference->before);
        put_count(fact->count, difference->after, sizeof difference->after);
        return counts_differ(before->count, fact->count);
    }
    if (fact->kind != FACT_SETTING) {
        difference->change = "new";
        snprintf(difference->after, sizeof difference->after, "%s", fact->value);
        return !before;
    }
    if (told_before(second, fact) || !has_sockets(first, fact))
        return false;
    values_of(first, fact, difference->before, sizeof difference->before);
    values_of(second, fact, difference->after, sizeof difference->after);
    difference->change = difference->before[0] ? "changed" : "new";
    return strcmp(difference->before, difference->after) != 0;
}

/* What the second run no longer does. */
static bool gone(const struct diff_run *first, const struct diff_run *second, const struct fact *fact,
                 struct difference *difference)
{
    struct fact *after;
    HASH_FIND_STR(second->facts, fact->key, after);
    if (after || is_time(fact))
        return false;
    *difference = (struct difference){.change = "gone",
                                      .kind = fact->kind,
                                      .program = fact->program,
                                      .what = fact->what,
                                      .before_us = -1,
                                      .after_us = -1};
    snprintf(difference->before, sizeof difference->before, "%s", fact->value);
    if (fact->kind != FACT_SETTING)
        return true;
    if (told_before(first, fact) || !has_sockets(second, fact))
        return false;
    values_of(first, fact, difference->before, sizeof difference->before);
    values_of(second, fact, difference->after, sizeof difference->after);
    return !difference->after[0]; /* else it was told of as changed */
}

static int in_order(struct fact *a, struct fact *b)
{
    return a->kind != b->kind ? (a->kind < b->kind ? -1 : 1) : strcmp(a->key, b->key);
}

bool diff_write(struct diff_run *first, struct diff_run *second, bool json, unsigned width, bool colour, FILE *out,
                unsigned *differences)
{
    struct difference difference;
    bool written = true;
    *differences = 0;
    HASH_SORT(first->facts, in_order);
    HASH_SORT(second->facts, in_order);
    for (enum fact_kind kind = FACT_EDGE; kind <= FACT_ROUND_TRIP; kind++) {
        for (struct fact *fact = first->facts; fact && written; fact = fact->hh.next)
            if (fact->kind == kind && gone(first, second, fact, &difference)) {
                written = put_difference(&difference, json, width, colour, out);
                ++*differences;
            }
        for (struct fact *fact = second->facts; fact && written; fact = fact->hh.next)
            if (fact->kind == kind && differs(first, second, fact, &difference)) {
                written = put_difference(&difference, json, width, colour, out);
                ++*differences;
            }
    }
    return written && !ferror(out);
}

void diff_run_free(struct diff_run *run)
{
    struct fact *fact, *next_fact;
    struct chosen_port *port, *next_port;
    if (!run)
        return;
    fact = run->facts;
    HASH_CLEAR(hh, run->facts);
    for (; fact; fact = next_fact) {
        next_fact = fact->hh.next;
        free(fact->key);
        free(fact->program);
        free(fact->what);
        free(fact->value);
        free(fact->samples);
        free(fact);
    }
    port = run->chosen;
    HASH_CLEAR(hh, run->chosen);
    for (; port; port = next_port) {
        next_port = port->hh.next;
        free(port);
    }
    free(run);
}
