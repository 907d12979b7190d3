/* SPDX-License-Identifier: MIT
 *
 * What a rule counts for each address that was talked to, in doctor->notes[]: so that one cause is one finding, whoever
 * met it.
 */
#ifndef ANALYZER_DOCTOR_TALLY_H
#define ANALYZER_DOCTOR_TALLY_H

#include "analyzer/doctor/internal.h"

struct tally {
    UT_hash_handle hh;
    struct tally_key {
        uint64_t netns;
        uint32_t host;
        struct address address;
    } key;
    const struct process *process; /* whom it was first seen of */
    uint64_t socket;               /* the first */
    uint64_t seen;
    uint64_t counts[4]; /* the rule's own */
    bool inferred;
    struct tally_sample {
        uint64_t value, count, time_ns, socket;
    } samples[EVIDENCE_MAX]; /* those with the largest values, which are first when sorted; 0 none */
};

/* That of `address` as the chart's host and network know it, made if there was none. */
struct tally *tally_of(struct doctor *doctor, enum rule_id rule, const struct chart *chart,
                       const struct address *address);
/* NULL: there is none. */
struct tally *tally_find(const struct doctor *doctor, enum rule_id rule, const struct chart *chart,
                         const struct address *address);
/* One more sight of it. */
void tally_add(struct tally *tally, const struct process *process, const struct tally_sample *sample);
void tally_sort(struct tally *tally);
/* For a rule's `free`. */
void tally_free(void *notes);

#endif
