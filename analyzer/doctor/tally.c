/* SPDX-License-Identifier: MIT
 *
 * What a rule counts for each address, see tally.h.
 */
#include "analyzer/doctor/tally.h"

#include <stdlib.h>

static void make_key(struct tally_key *key, const struct chart *chart, const struct address *address)
{
    memset(key, 0, sizeof *key);
    key->netns = chart->netns;
    key->host = chart->host;
    address_key(&key->address, address);
}

struct tally *tally_find(const struct doctor *doctor, enum rule_id rule, const struct chart *chart,
                         const struct address *address)
{
    struct tally *all = doctor->notes[rule], *tally;
    struct tally_key key;
    make_key(&key, chart, address);
    HASH_FIND(hh, all, &key, sizeof key, tally);
    return tally;
}

struct tally *tally_of(struct doctor *doctor, enum rule_id rule, const struct chart *chart,
                       const struct address *address)
{
    struct tally *all = doctor->notes[rule], *tally = tally_find(doctor, rule, chart, address);
    if (tally)
        return tally;
    if (!(tally = calloc(1, sizeof *tally)))
        abort();
    make_key(&tally->key, chart, address);
    HASH_ADD(hh, all, key, sizeof tally->key, tally);
    doctor->notes[rule] = all;
    return tally;
}

void tally_add(struct tally *tally, const struct process *process, const struct tally_sample *sample)
{
    unsigned least = 0;
    for (unsigned i = 1; i < EVIDENCE_MAX; i++)
        if (tally->samples[i].value < tally->samples[least].value)
            least = i;
    if (sample->value > tally->samples[least].value)
        tally->samples[least] = *sample;
    if (!tally->seen++) {
        tally->process = process;
        tally->socket = sample->socket;
    }
}

static int largest_first(const void *a, const void *b)
{
    const struct tally_sample *one = a, *other = b;
    if (one->value != other->value)
        return one->value > other->value ? -1 : 1;
    return one->socket < other->socket ? -1 : one->socket > other->socket;
}

void tally_sort(struct tally *tally)
{
    qsort(tally->samples, EVIDENCE_MAX, sizeof *tally->samples, largest_first);
}

void tally_free(void *notes)
{
    struct tally *all = notes, *at = all, *next;
    HASH_CLEAR(hh, all);
    for (; at; at = next) {
        next = at->hh.next;
        free(at);
    }
}
