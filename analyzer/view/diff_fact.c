/* SPDX-License-Identifier: MIT
 *
 * The facts of a run, see diff_fact.h. Of each that has a time up to SAMPLES_MAX samples are kept, evenly.
 */
#include "analyzer/view/diff_fact.h"

#include "analyzer/trace/text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES_MAX 4096

const char *fact_kind_word(enum fact_kind kind)
{
    static const char *const words[] = {
        [FACT_EDGE] = "edge",       [FACT_LISTENER] = "listener",         [FACT_FAILURE] = "failure",
        [FACT_SETTING] = "setting", [FACT_CONNECT_TIME] = "connect_time", [FACT_ROUND_TRIP] = "round_trip",
        [FACT_SOCKET] = "socket"};
    return words[kind];
}

struct diff_run *diff_run_new(void)
{
    struct diff_run *run = calloc(1, sizeof *run);
    if (!run)
        abort();
    return run;
}

const char *fact_program(const struct process *process, char out[WORD_PROCESS_MAX])
{
    if (!process)
        return "?";
    if (process->kind == PROCESS_EXTERNAL)
        return "outside";
    text_escape(process->comm, strnlen(process->comm, 64), out);
    return out[0] ? out : "?";
}

void fact_print(char **text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(text, format, arguments) < 0)
        abort();
    va_end(arguments);
}

struct fact *fact_add(struct diff_run *run, enum fact_kind kind, const struct process *process, const char *what,
                      const char *value)
{
    char name[WORD_PROCESS_MAX], *key;
    const char *who = fact_program(process, name);
    fact_print(&key, "%s\n%s\n%s\n%s", fact_kind_word(kind), who, what, value);
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

/* ---- Groups ---- */

/* How much of a fact's key says which group it belongs to. */
static unsigned group_size(const struct fact *fact)
{
    return (unsigned)(strlen(fact->key) - strlen(fact->value));
}

static bool same_group(const struct fact *a, const struct fact *b)
{
    unsigned size = group_size(a);
    return size == group_size(b) && memcmp(a->key, b->key, size) == 0;
}

static int in_order(struct fact *a, struct fact *b)
{
    return a->kind != b->kind ? (a->kind < b->kind ? -1 : 1) : strcmp(a->key, b->key);
}

void fact_sort(struct diff_run *run)
{
    HASH_SORT(run->facts, in_order);
    for (struct fact *fact = run->facts, *before = NULL; fact; before = fact, fact = fact->hh.next) {
        if (before && same_group(before, fact))
            continue;
        struct fact_group *group = calloc(1, sizeof *group);
        if (!group)
            abort();
        group->first = fact;
        HASH_ADD_KEYPTR(hh, run->groups, fact->key, group_size(fact), group);
    }
}

struct fact *fact_first(const struct diff_run *run, const struct fact *fact)
{
    struct fact_group *group;
    HASH_FIND(hh, run->groups, fact->key, group_size(fact), group);
    return group ? group->first : NULL;
}

struct fact *fact_next(const struct fact *fact)
{
    struct fact *next = fact->hh.next;
    return next && same_group(fact, next) ? next : NULL;
}

/* ---- Times ---- */

/* Every step-th is kept; when the space is full, every second of them, and the step doubles. */
void fact_sample(struct fact *fact, uint64_t us)
{
    if ((fact->count - 1) % fact->samples_step)
        return;
    if (fact->samples_count == SAMPLES_MAX) {
        for (unsigned i = 0; i < SAMPLES_MAX / 2; i++)
            fact->samples[i] = fact->samples[2 * i];
        fact->samples_count /= 2;
        fact->samples_step *= 2;
    }
    if (fact->samples_count == fact->samples_capacity) {
        fact->samples_capacity = fact->samples_capacity ? fact->samples_capacity * 2 : 8;
        fact->samples = realloc(fact->samples, fact->samples_capacity * sizeof *fact->samples);
        if (!fact->samples)
            abort();
    }
    fact->samples[fact->samples_count++] = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
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
    struct fact_group *group = run->groups, *next_group;
    HASH_CLEAR(hh, run->groups);
    for (; group; group = next_group) {
        next_group = group->hh.next;
        free(group);
    }
    port = run->chosen;
    HASH_CLEAR(hh, run->chosen);
    for (; port; port = next_port) {
        next_port = port->hh.next;
        free(port);
    }
    free(run);
}
