/* SPDX-License-Identifier: MIT
 *
 * Findings: made by rules, merged where one mistake repeats, kept until they are shown.
 */
#include "analyzer/doctor/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A finding with what tells it from others of its rule. */
struct keyed_finding {
    struct finding finding;
    char *key;
};

static char *format_text(const char *format, va_list arguments)
{
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0)
        abort();
    return text;
}

struct finding *finding_find(const struct doctor *doctor, const struct rule *rule, const struct process *process,
                             const char *key)
{
    for (unsigned i = 0; i < doctor->findings_count; i++) {
        struct keyed_finding *known = (struct keyed_finding *)doctor->findings[i];
        if (known->finding.rule == rule && known->finding.process == process && strcmp(known->key, key) == 0)
            return &known->finding;
    }
    return NULL;
}

struct finding *finding_see(struct doctor *doctor, const struct rule *rule, const struct process *process,
                            uint64_t socket, const char *key)
{
    struct finding *known = finding_find(doctor, rule, process, key);
    if (known) {
        known->times++;
        return known;
    }
    struct keyed_finding *made = calloc(1, sizeof *made);
    if (!made || !(made->key = strdup(key)))
        abort();
    made->finding = (struct finding){.rule = rule,
                                     .severity = rule->severity,
                                     .process = process,
                                     .socket = socket,
                                     .remedy = rule->remedy,
                                     .times = 1};
    if (doctor->findings_count == doctor->findings_room) {
        doctor->findings_room = doctor->findings_room ? doctor->findings_room * 2 : 16;
        doctor->findings = realloc(doctor->findings, doctor->findings_room * sizeof(struct finding *));
        if (!doctor->findings)
            abort();
    }
    doctor->findings[doctor->findings_count++] = &made->finding;
    return &made->finding;
}

void finding_say(struct finding *finding, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    free(finding->message);
    finding->message = format_text(format, arguments);
    va_end(arguments);
}

void finding_evidence(const struct doctor *doctor, struct finding *finding, unsigned host, uint64_t time_ns,
                      uint64_t socket, const char *format, ...)
{
    if (finding->evidence_count == EVIDENCE_MAX)
        return;
    va_list arguments;
    va_start(arguments, format);
    finding->evidence[finding->evidence_count++] =
        (struct evidence){.time_us = time_ns ? model_time_us(doctor->model, host, time_ns) : 0,
                          .socket = socket,
                          .text = format_text(format, arguments)};
    va_end(arguments);
}

static void finding_free(struct finding *finding)
{
    for (unsigned i = 0; i < finding->evidence_count; i++)
        free(finding->evidence[i].text);
    free(finding->message);
    free(((struct keyed_finding *)finding)->key);
    free(finding);
}

void finding_drop(struct doctor *doctor, struct finding *finding)
{
    for (unsigned i = 0; i < doctor->findings_count; i++) {
        if (doctor->findings[i] != finding)
            continue;
        memmove(doctor->findings + i, doctor->findings + i + 1,
                (--doctor->findings_count - i) * sizeof *doctor->findings);
        finding_free(finding);
        return;
    }
}

void finding_free_all(struct doctor *doctor)
{
    for (unsigned i = 0; i < doctor->findings_count; i++)
        finding_free(doctor->findings[i]);
    free(doctor->findings);
}
