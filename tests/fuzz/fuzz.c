/* SPDX-License-Identifier: MIT
 *
 * From bytes to what the user reads, see fuzz.h.
 */
#include "tests/fuzz/fuzz.h"

#include "analyzer/doctor/doctor.h"
#include "analyzer/model/model.h"
#include "analyzer/trace/jsonl.h"
#include "analyzer/trace/stream.h"
#include "analyzer/view/doctor.h"
#include "analyzer/view/map.h"
#include "analyzer/view/socket_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
    FILE *nowhere;
    struct model *model;
    struct model_callbacks doctor; /* the doctor's own */
};

/* Complaints end on the terminal: one line each, nothing that could steer it. */
static void hear(void *context, const char *line)
{
    (void)context;
    bool good = strstr(line, ": ") != NULL;
    for (const char *at = line; *at; at++)
        good = good && (unsigned char)*at >= ' ' && *at != 127;
    if (good)
        return;
    fprintf(stderr, "a complaint that is none: %s\n", line);
    abort();
}

static void socket_done(void *context, const struct socket *socket)
{
    struct run *run = context;
    json_print_line(run->nowhere, socket_json(run->model, socket));
    if (run->doctor.socket_done)
        run->doctor.socket_done(run->doctor.context, socket);
}

static void event_seen(void *context, const struct event *event, const struct process *process,
                       const struct socket *socket)
{
    struct run *run = context;
    if (run->doctor.event_seen)
        run->doctor.event_seen(run->doctor.context, event, process, socket);
}

static void socket_inherited(void *context, const struct process *process, const struct socket *socket, int32_t fd,
                             uint64_t time_ns)
{
    struct run *run = context;
    if (run->doctor.socket_inherited)
        run->doctor.socket_inherited(run->doctor.context, process, socket, fd, time_ns);
}

/* What `export --format jsonl` promises: reading a line back gives the same bytes, as far as the record means anything.
 */
static void there_and_back(const struct event *event)
{
    static _Alignas(64) unsigned char slots[SOCKATLAS_RECORD_SLOTS_MAX * SOCKATLAS_SLOT_SIZE];
    unsigned count = 0;
    cJSON *object = jsonl_event(event);
    char *line = cJSON_PrintUnformatted(object);
    cJSON *parsed = cJSON_Parse(line);
    const char *fault = parsed == NULL ? "no JSON" : jsonl_parse_event(line, parsed, slots, &count);
    if (fault == NULL &&
        (count != event->slots || memcmp(slots, event->record, (size_t)count * SOCKATLAS_SLOT_SIZE) != 0))
        fault = "other bytes";
    if (fault != NULL) {
        fprintf(stderr, "an event does not come back from its line: %s: %s\n", fault, line);
        abort();
    }
    cJSON_Delete(parsed);
    cJSON_Delete(object);
    cJSON_free(line);
}

void fuzz_read(char *const *traces, int count, bool again)
{
    static FILE *nowhere;
    if (nowhere == NULL)
        nowhere = fopen("/dev/null", "we");
    struct run run = {.nowhere = nowhere};
    struct doctor *doctor = doctor_new();
    doctor_callbacks(doctor, &run.doctor);
    struct model_callbacks callbacks = {
        .context = &run, .socket_done = socket_done, .event_seen = event_seen, .socket_inherited = socket_inherited};
    run.model = model_new(&callbacks);
    doctor_attach(doctor, run.model);
    struct stream *stream = stream_open(traces, count, hear, NULL);
    struct event event;
    while (stream_next(stream, &event)) {
        if (again)
            there_and_back(&event);
        model_event(run.model, &event);
    }
    model_finish(run.model);
    doctor_finish(doctor);
    const struct map_options options = {.width = 80};
    map_text(run.model, &options, nowhere);
    map_json(run.model, &options, nowhere);
    map_dot(run.model, &options, nowhere);
    map_mermaid(run.model, &options, nowhere);
    doctor_text(doctor, run.model, 80, false, nowhere);
    doctor_json(doctor, nowhere);
    doctor_free(doctor);
    model_free(run.model);
    stream_close(stream);
}
