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

#include "analyzer/trace/json.h"
#include "analyzer/trace/value.h"
#include "analyzer/view/diff_fact.h"
#include "analyzer/view/table.h"

#include <stdlib.h>
#include <string.h>

#define SAMPLES_LEAST  5
#define LEAST_FACTOR   2
#define LEAST_APART_US 100

#define COUNT_LEAST_FACTOR 10
#define COUNT_LEAST_APART  20

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
    for (const struct fact *at = fact_first(run, fact); at && used < size - 1; at = fact_next(at)) {
        int put = snprintf(out + used, size - used, "%s%s", used ? "; " : "", at->value);
        used += put > 0 ? (size_t)put : 0;
    }
}

static bool told_before(const struct diff_run *run, const struct fact *fact)
{
    return fact_first(run, fact) != fact;
}

static bool put_difference(const struct difference *difference, bool json, unsigned width, bool colour, FILE *out)
{
    bool first = strcmp(difference->change, "new") == 0, gone = strcmp(difference->change, "gone") == 0;
    if (json) {
        cJSON *object = cJSON_CreateObject();
        value_text(object, "change", difference->change);
        value_text(object, "kind", fact_kind_word(difference->kind));
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
                                                             : fact_kind_word(difference->kind);
    const char *values = difference->before[0] && difference->after[0] ? " -> " : "";
    snprintf(label, sizeof label, "%s %-13s ", first ? "+" : gone ? "-" : "~", word);
    fact_print(&text, "%s %s%s%s%s%s", difference->program, difference->what,
               difference->before[0] || difference->after[0] ? ": " : "", difference->before, values,
               difference->after);
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
    fact_print(&key, "%s\n%s\n%.*s\n", fact_kind_word(FACT_SOCKET), fact->program, (int)(comma - fact->what),
               fact->what);
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

bool diff_write(struct diff_run *first, struct diff_run *second, bool json, unsigned width, bool colour, FILE *out,
                unsigned *differences)
{
    struct difference difference;
    bool written = true;
    *differences = 0;
    fact_sort(first);
    fact_sort(second);
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
