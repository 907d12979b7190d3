/* SPDX-License-Identifier: MIT
 *
 * The doctor: looks at every event and socket as the model replays them, and finds what people come for help with. A
 * finding has evidence (what was seen, when), or there is none; what is concluded rather than seen says so.
 *
 *   doctor.c       events and sockets to the rules; what is noted of a socket while it lives
 *   finding.c      findings, merged where one mistake repeats
 *   destination.c  what one process tried with one peer address
 *   queue.c        connections that wait to be accepted
 *   listening.c    who listened where, and until when
 *   tally.c        what a rule counts for each address
 *   rules.def      the rules; rule_NAME.c has a rule's row and its functions
 */
#ifndef ANALYZER_DOCTOR_DOCTOR_H
#define ANALYZER_DOCTOR_DOCTOR_H

#include "analyzer/model/model.h"

enum severity { SEVERITY_NOTE, SEVERITY_WARNING, SEVERITY_ERROR };

struct rule {
    const char *name; /* "clamped-buffer" */
    enum severity severity;
    const char *title;  /* what is wrong, in a few words */
    const char *why;    /* why it matters */
    const char *remedy; /* what to do */
};

#define EVIDENCE_MAX 6
struct evidence {
    int64_t time_us; /* since the Unix epoch; 0: of no single moment */
    uint64_t socket; /* id, 0 none */
    char *text;
};

struct finding {
    const struct rule *rule;
    enum severity severity;
    const struct process *process; /* NULL unknown */
    uint64_t socket;               /* id of the first it was seen on, 0 none */
    char *message;                 /* what was seen, in one sentence */
    const char *remedy;
    bool inferred;                          /* concluded from what was seen, not seen itself */
    uint64_t times;                         /* how often it was seen */
    struct evidence evidence[EVIDENCE_MAX]; /* the first ones */
    unsigned evidence_count;
};

struct doctor;
struct doctor *doctor_new(void);
/* Fills in the callbacks that bring the doctor what it looks at. `context` is the doctor itself. */
void doctor_callbacks(struct doctor *doctor, struct model_callbacks *callbacks);
/* The model that calls back; before its first event. */
void doctor_attach(struct doctor *doctor, const struct model *model);
/* After model_finish(): what only the whole shows. */
void doctor_finish(struct doctor *doctor);
/* Once finished: drops the findings that are not wanted. */
void doctor_keep(struct doctor *doctor, bool (*wanted)(void *context, const struct finding *finding), void *context);
/* Findings, the most severe first. */
unsigned doctor_finding_count(const struct doctor *doctor);
const struct finding *doctor_finding(const struct doctor *doctor, unsigned index);
unsigned doctor_rule_count(void);
const struct rule *doctor_rule(unsigned index);
uint64_t doctor_sockets_seen(const struct doctor *doctor);
void doctor_free(struct doctor *doctor);

#endif
