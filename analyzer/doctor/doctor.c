/* SPDX-License-Identifier: MIT
 *
 * Brings events and sockets to the rules, and has their findings in order at the end.
 */
#include "analyzer/doctor/doctor.h"

#include "analyzer/doctor/internal.h"

#include <stdlib.h>
#include <string.h>

static const struct rule_row *const rows[RULES] = {
#define RULE(name) &rule_##name,
#include "analyzer/doctor/rules.def"
#undef RULE
};

/* ---- To the rules ---- */

static void see_event(void *context, const struct event *event, const struct process *process,
                      const struct socket *socket)
{
    struct doctor *doctor = context;
    struct sight sight = {.event = event, .process = process, .socket = socket};
    if (event->time_ns > doctor->last_ns)
        doctor->last_ns = event->time_ns;
    if (socket) {
        sight.chart = chart_of(doctor, socket);
        chart_note(doctor, &sight);
        sight.outcome = connect_outcome(&sight);
        destination_event(doctor, &sight);
        queue_event(doctor, &sight);
    }
    unsigned kind = event->kind < KINDS_MAX ? event->kind : 0;
    /* A setting that is told again is in force, but was made at another time. */
    if (kind == SOCKATLAS_OPTION && event->call == SOCKATLAS_CALL_NONE)
        kind = 0;
    for (unsigned i = 0; i < doctor->by_kind[kind].count; i++) {
        const struct rule_row *row = doctor->by_kind[kind].rules[i];
        row->on_event(doctor, &row->rule, &sight);
    }
    if (sight.chart)
        sight.chart->last_ns = event->time_ns;
}

static void see_socket(void *context, const struct socket *socket)
{
    struct doctor *doctor = context;
    struct chart *chart = chart_find(doctor, socket->id);
    if (!chart)
        return;
    queue_socket(doctor, socket, chart);
    queue_leave(chart);
    for (unsigned i = 0; i < RULES; i++)
        if (rows[i]->on_socket)
            rows[i]->on_socket(doctor, &rows[i]->rule, socket, chart);
    listening_note(doctor, socket, chart);
    chart_free(doctor, chart);
}

static void see_inherited(void *context, const struct process *process, const struct socket *socket, int32_t fd,
                          uint64_t time_ns)
{
    struct doctor *doctor = context;
    for (unsigned i = 0; i < RULES; i++)
        if (rows[i]->on_inherit)
            rows[i]->on_inherit(doctor, &rows[i]->rule, process, socket, fd, time_ns);
}

/* ---- Life ---- */

struct doctor *doctor_new(void)
{
    struct doctor *doctor = calloc(1, sizeof *doctor);
    if (!doctor)
        abort();
    for (unsigned kind = 0; kind < KINDS_MAX; kind++)
        for (unsigned i = 0; i < RULES; i++)
            if (rows[i]->on_event && (!rows[i]->kinds || rows[i]->kinds & KIND(kind)))
                doctor->by_kind[kind].rules[doctor->by_kind[kind].count++] = rows[i];
    return doctor;
}

void doctor_callbacks(struct doctor *doctor, struct model_callbacks *callbacks)
{
    callbacks->context = doctor;
    callbacks->socket_done = see_socket;
    callbacks->event_seen = see_event;
    callbacks->socket_inherited = see_inherited;
}

void doctor_attach(struct doctor *doctor, const struct model *model)
{
    doctor->model = model;
}

static int most_severe_first(const void *a, const void *b)
{
    const struct finding *one = *(const struct finding *const *)a, *other = *(const struct finding *const *)b;
    if (one->severity != other->severity)
        return one->severity > other->severity ? -1 : 1;
    int64_t first = one->evidence_count ? one->evidence[0].time_us : 0;
    int64_t second = other->evidence_count ? other->evidence[0].time_us : 0;
    if (first != second)
        return first < second ? -1 : 1;
    return strcmp(one->rule->name, other->rule->name);
}

void doctor_finish(struct doctor *doctor)
{
    for (unsigned i = 0; i < RULES; i++)
        if (rows[i]->on_finish)
            rows[i]->on_finish(doctor, &rows[i]->rule);
    if (doctor->findings_count)
        qsort(doctor->findings, doctor->findings_count, sizeof *doctor->findings, most_severe_first);
}

void doctor_keep(struct doctor *doctor, bool (*wanted)(void *context, const struct finding *finding), void *context)
{
    for (unsigned i = 0; i < doctor->findings_count;)
        if (wanted(context, doctor->findings[i]))
            i++;
        else
            finding_drop(doctor, doctor->findings[i]);
}

unsigned doctor_finding_count(const struct doctor *doctor)
{
    return doctor->findings_count;
}

const struct finding *doctor_finding(const struct doctor *doctor, unsigned index)
{
    return doctor->findings[index];
}

unsigned doctor_rule_count(void)
{
    return RULES;
}

const struct rule *doctor_rule(unsigned index)
{
    return &rows[index]->rule;
}

uint64_t doctor_sockets_seen(const struct doctor *doctor)
{
    return doctor->sockets_seen;
}

void doctor_free(struct doctor *doctor)
{
    for (unsigned i = 0; i < RULES; i++)
        if (rows[i]->free && doctor->notes[i])
            rows[i]->free(doctor->notes[i]);
    chart_free_all(doctor);
    free(doctor->listenings);
    destination_free_all(doctor);
    queue_free_all(doctor);
    finding_free_all(doctor);
    free(doctor);
}
