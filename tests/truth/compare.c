/* SPDX-License-Identifier: MIT
 *
 * compare PREFIX TRACE...: lays what strace saw from outside (PREFIX.TID, see watched.h) beside what the trace says.
 *
 * Every call on a socket that went through libc's public names must be in the trace exactly once with the same
 * descriptors, result and contents, and the trace must have none that strace did not see. What strace saw and the trace
 * has not is listed, each with what explains it. Prints a summary; exit status 1 when something differs or stays
 * unexplained.
 */
#include "tests/truth/said.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_identity(const void *a, const void *b)
{
    const struct said *one = a, *other = b;
    int order = strcmp(one->identity, other->identity);
    return order ? order : one->order < other->order ? -1 : 1;
}

static bool agree(const struct said *one, const struct said *other)
{
    size_t size = one->value_size < other->value_size ? one->value_size : other->value_size;
    bool words = !*one->words || !*other->words || strcmp(one->words, other->words) == 0;
    return words && (size == 0 || memcmp(one->value, other->value, size) == 0);
}

/* Who is paired first: what the program called must be in the trace, what libc did inside may be. */
static bool goes_first(const struct said *watched)
{
    return watched->watched->by == WATCHED_PROGRAM && !watched->optional;
}

static struct said *partner(const struct said *watched, struct said *traced, size_t count, bool alike)
{
    for (size_t i = 0; i < count; i++)
        if (!traced[i].match && (!alike || agree(watched, &traced[i])))
            return &traced[i];
    return NULL;
}

/* Pairs those of one identity: first those that agree, in order, then the rest, which so differ. */
static unsigned pair_up(struct said *watched, size_t watched_count, struct said *traced, size_t traced_count)
{
    unsigned differ = 0;
    for (int round = 0; round < 4; round++) {
        bool first = round % 2 == 0, alike = round < 2;
        for (size_t i = 0; i < watched_count; i++) {
            struct said *other = watched[i].match || goes_first(&watched[i]) != first
                                     ? NULL
                                     : partner(&watched[i], traced, traced_count, alike);
            if (!other)
                continue;
            watched[i].match = other;
            other->match = &watched[i];
            if (alike)
                continue;
            differ++;
            printf("differs: strace: %s: %s\n         trace:  %s: %s\n", watched[i].watched->line, watched[i].words,
                   other->identity, other->words);
        }
    }
    return differ;
}

static size_t run_length(const struct said *all, size_t count)
{
    size_t length = 1;
    while (length < count && strcmp(all[0].identity, all[length].identity) == 0)
        length++;
    return length;
}

static unsigned match(struct said_list *watched, struct said_list *traced)
{
    unsigned differ = 0;
    if (watched->count)
        qsort(watched->all, watched->count, sizeof(*watched->all), by_identity);
    if (traced->count)
        qsort(traced->all, traced->count, sizeof(*traced->all), by_identity);
    for (size_t i = 0, j = 0; i < watched->count && j < traced->count;) {
        size_t here = run_length(watched->all + i, watched->count - i);
        size_t there = run_length(traced->all + j, traced->count - j);
        int order = strcmp(watched->all[i].identity, traced->all[j].identity);
        if (order == 0)
            differ += pair_up(watched->all + i, here, traced->all + j, there);
        i += order <= 0 ? here : 0;
        j += order >= 0 ? there : 0;
    }
    return differ;
}

/* Whether the trace knows the socket that an unmatched call was about. */
static bool socket_known(const struct said_list *watched, uint64_t inode)
{
    for (size_t i = 0; inode && i < watched->count; i++) {
        const struct watched *call = watched->all[i].watched;
        if (watched->all[i].match &&
            (call->inodes[0] == inode || call->result_inode == inode || call->inodes[3] == inode))
            return true;
    }
    return false;
}

/* Whether a close_range() by the same thread covers the descriptor, so that its CLOSE record is right. */
static bool range_closed(const struct watched *calls, size_t count, const struct said *said)
{
    for (size_t i = 0; i < count; i++)
        if (calls[i].tid == said->tid && strcmp(calls[i].name, "close_range") == 0 && !calls[i].error &&
            calls[i].arguments[0] <= said->fd && said->fd <= (calls[i].arguments[1] & 0xffffffff))
            return true;
    return false;
}

static const char *explanation_of(const struct said_list *watched, const struct said *said)
{
    const struct watched *call = said->watched;
    uint64_t inode = call->inodes[0] ? call->inodes[0] : call->result_inode;
    static char text[160];
    if (said->optional)
        return "interrupted, or asks after an earlier connect";
    if (call->by == WATCHED_LIBC && !socket_known(watched, inode)) {
        snprintf(text, sizeof(text), "libc's own, inside %s()", call->called);
        return text;
    }
    size_t count;
    const struct explanation *explanations = said_explanations(&count);
    for (size_t i = 0; i < count; i++) {
        const struct explanation *why = &explanations[i];
        bool meant = why->pid == said->pid && (why->fd == -1 || why->fd == said->fd || why->fd == call->result);
        if (meant && (call->by != WATCHED_PROGRAM || why->untraced) &&
            (why->fd == -1 || why->time >= call->time - 0.001))
            return why->what;
    }
    return NULL;
}

static unsigned report_missing(const struct said_list *watched)
{
    static const char *const by[] = {"the program", "libc", "a raw system call", "the shim"};
    unsigned unexplained = 0;
    for (size_t i = 0; i < watched->count; i++) {
        const struct said *said = &watched->all[i];
        if (said->match)
            continue;
        const char *why = explanation_of(watched, said);
        printf("%s: %u: %s by %s, %s\n", why ? "not in the trace" : "MISSING", said->tid, said->watched->line,
               by[said->watched->by], why ? why : "and nothing explains it");
        unexplained += !why;
    }
    return unexplained;
}

static unsigned report_surplus(const struct said_list *traced, const struct watched *calls, size_t count)
{
    unsigned surplus = 0;
    for (size_t i = 0; i < traced->count; i++) {
        const struct said *said = &traced->all[i];
        if (said->match || (strncmp(said->identity, "close ", 6) == 0 && range_closed(calls, count, said)))
            continue;
        printf("INVENTED: %s %s: strace saw no such call\n", said->identity, said->words);
        surplus++;
    }
    return surplus;
}

int main(int argc, char **argv)
{
    struct said_list watched = {0}, traced = {0};
    size_t count;
    if (argc < 3) {
        fputs("usage: compare PREFIX TRACE...\n", stderr);
        return 2;
    }
    struct watched *calls = watched_read(argv[1], &count);
    said_by_trace(argv + 2, argc - 2, &traced);
    for (size_t i = 0; i < count; i++)
        said_by_strace(&watched, calls, i);
    unsigned differ = match(&watched, &traced), matched = 0;
    for (size_t i = 0; i < watched.count; i++)
        matched += watched.all[i].match != NULL;
    unsigned missing = report_missing(&watched), surplus = report_surplus(&traced, calls, count);
    uint64_t lost = said_lost();
    unsigned lacking = missing > lost ? missing - (unsigned)lost : 0;
    printf("%zu calls watched, %u in the trace and alike, %u differ, %u missing, %u invented, %llu counted as lost\n",
           watched.count, matched - differ, differ, missing, surplus, (unsigned long long)lost);
    return differ || lacking || surplus || matched == 0;
}
