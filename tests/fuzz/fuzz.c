/* SPDX-License-Identifier: MIT
 *
 * From bytes to what the user reads, see fuzz.h.
 */
#include "tests/fuzz/fuzz.h"

#include "analyzer/doctor/doctor.h"
#include "analyzer/model/model.h"
#include "analyzer/trace/jsonl.h"
#include "analyzer/trace/stream.h"
#include "tests/fuzz/oracle.h"
#include "tests/fuzz/views.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
    struct views *views;
    struct model_callbacks doctor; /* the doctor's own */
};

/* Complaints end on the terminal: one line each, nothing that could steer it. */
static void hear(void *context, const char *line)
{
    (void)context;
    bool good = strstr(line, ": ") != NULL;
    oracle_check("a complaint", DEMAND_TEXT, line, strlen(line));
    if (good && strchr(line, '\n') == NULL)
        return;
    fprintf(stderr, "a complaint that is none: %s\n", line);
    abort();
}

static void socket_done(void *context, const struct socket *socket)
{
    struct run *run = context;
    views_socket(run->views, socket);
    if (run->doctor.socket_done)
        run->doctor.socket_done(run->doctor.context, socket);
}

static void event_seen(void *context, const struct event *event, const struct process *process,
                       const struct socket *socket)
{
    struct run *run = context;
    views_event(run->views, event, process, socket);
    if (run->doctor.event_seen)
        run->doctor.event_seen(run->doctor.context, event, process, socket);
}

static void socket_inherited(void *context, const struct process *process, const struct socket *socket, int32_t fd,
                             uint64_t time_ns)
{
    struct run *run = context;
    views_inherited(run->views, process, socket, fd, time_ns);
    if (run->doctor.socket_inherited)
        run->doctor.socket_inherited(run->doctor.context, process, socket, fd, time_ns);
}

/* What is wrong with the record that this line is read back as, or NULL. */
static const char *other_record(const struct event *event, const char *line, const cJSON *parsed)
{
    static _Alignas(64) unsigned char slots[SOCKATLAS_RECORD_SLOTS_MAX * SOCKATLAS_SLOT_SIZE];
    unsigned count = 0;
    const char *fault = parsed == NULL ? "no JSON" : jsonl_parse_event(line, parsed, SOCKATLAS_VERSION, slots, &count);
    if (fault == NULL &&
        (count != event->slots || memcmp(slots, event->record, (size_t)count * SOCKATLAS_SLOT_SIZE) != 0))
        fault = "other bytes";
    return fault;
}

/* What `export --format jsonl` promises without reading any line again: it gives the same bytes; raw bytes stand in it
 * only where nothing else tells them. */
static void there_and_back(const struct event *event)
{
    struct members members = {0};
    char *line = NULL;
    size_t size;
    FILE *out = open_memstream(&line, &size);
    if (out == NULL || !jsonl_print(&members, event, out) || fclose(out) != 0)
        abort();
    line[size - 1] = '\0';
    cJSON *parsed = cJSON_Parse(line);
    const char *fault = other_record(event, line, parsed);
    if (fault == NULL && cJSON_HasObjectItem(parsed, "raw")) {
        cJSON_DeleteItemFromObject(parsed, "raw");
        fault = other_record(event, line, parsed) == NULL ? "raw bytes that nothing needs" : NULL;
    }
    if (fault != NULL) {
        fprintf(stderr, "an event does not come back from its line: %s: %s\n", fault, line);
        abort();
    }
    cJSON_Delete(parsed);
    free(line);
    members_free(&members);
}

void fuzz_read(char *const *traces, int count, bool again)
{
    struct run run = {.views = views_new()};
    struct doctor *doctor = doctor_new();
    doctor_callbacks(doctor, &run.doctor);
    struct model_callbacks callbacks = {
        .context = &run, .socket_done = socket_done, .event_seen = event_seen, .socket_inherited = socket_inherited};
    struct model *model = model_new(&callbacks);
    doctor_attach(doctor, model);
    views_attach(run.views, model);
    struct stream *stream = stream_open(traces, count, hear, NULL);
    struct event event;
    while (stream_next(stream, &event)) {
        if (again)
            there_and_back(&event);
        views_line(run.views, &event);
        model_event(model, &event);
    }
    for (unsigned i = 0; i < stream_image_count(stream); i++)
        model_image(model, stream_image(stream, i));
    model_finish(model);
    doctor_finish(doctor);
    views_finish(run.views, doctor);
    doctor_free(doctor);
    model_free(model);
    stream_close(stream);
}
