/* SPDX-License-Identifier: MIT
 *
 * Findings: made by rules, merged where one mistake repeats, kept until they are shown.
 */
#include "analyzer/doctor/internal.h"

#include "analyzer/trace/escape.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_TEXT_MAX 2048

/* What tells a finding from others; every byte counts. Only so much of the text as there is. */
struct finding_key {
    const struct rule *rule;
    const struct process *process;
    char text[KEY_TEXT_MAX];
};

struct keyed_finding {
    struct finding finding;
    UT_hash_handle hh;
    unsigned key_size;
    unsigned char key[]; /* a struct finding_key's beginning */
};

static unsigned make_key(struct finding_key *key, const struct rule *rule, const struct process *process,
                         const char *text)
{
    size_t size = strnlen(text, KEY_TEXT_MAX);
    key->rule = rule;
    key->process = process;
    memcpy(key->text, text, size);
    return (unsigned)(offsetof(struct finding_key, text) + size);
}

/* Names of programs and hosts may have any bytes in them. */
static char *format_text(const char *format, va_list arguments)
{
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0)
        abort();
    char *escaped = escape_new(ESCAPE_MESSAGE, text);
    free(text);
    return escaped;
}

static struct keyed_finding *find(const struct doctor *doctor, const struct finding_key *key, unsigned size)
{
    struct keyed_finding *known;
    HASH_FIND(hh, doctor->keyed, key, size, known);
    return known;
}

struct finding *finding_find(const struct doctor *doctor, const struct rule *rule, const struct process *process,
                             const char *text)
{
    struct finding_key key;
    unsigned size = make_key(&key, rule, process, text);
    struct keyed_finding *known = find(doctor, &key, size);
    return known ? &known->finding : NULL;
}

struct finding *finding_see(struct doctor *doctor, const struct rule *rule, const struct process *process,
                            uint64_t socket, const char *text)
{
    struct finding_key key;
    unsigned size = make_key(&key, rule, process, text);
    struct keyed_finding *known = find(doctor, &key, size);
    if (known) {
        known->finding.times++;
        return &known->finding;
    }
    struct keyed_finding *made = calloc(1, sizeof *made + size);
    if (!made)
        abort();
    made->key_size = size;
    memcpy(made->key, &key, size);
    HASH_ADD_KEYPTR(hh, doctor->keyed, made->key, size, made);
    made->finding = (struct finding){.rule = rule,
                                     .severity = rule->severity,
                                     .process = process,
                                     .socket = socket,
                                     .remedy = rule->remedy,
                                     .times = 1};
    if (doctor->findings_count == doctor->findings_capacity) {
        doctor->findings_capacity = doctor->findings_capacity ? doctor->findings_capacity * 2 : 16;
        doctor->findings = realloc(doctor->findings, doctor->findings_capacity * sizeof(struct finding *));
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
    free((struct keyed_finding *)finding);
}

void finding_drop(struct doctor *doctor, struct finding *finding)
{
    for (unsigned i = 0; i < doctor->findings_count; i++) {
        if (doctor->findings[i] != finding)
            continue;
        memmove(doctor->findings + i, doctor->findings + i + 1,
                (--doctor->findings_count - i) * sizeof *doctor->findings);
        HASH_DEL(doctor->keyed, (struct keyed_finding *)finding);
        finding_free(finding);
        return;
    }
}

void finding_free_all(struct doctor *doctor)
{
    HASH_CLEAR(hh, doctor->keyed);
    for (unsigned i = 0; i < doctor->findings_count; i++)
        finding_free(doctor->findings[i]);
    free(doctor->findings);
}
