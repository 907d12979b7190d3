/* SPDX-License-Identifier: MIT
 *
 * `sockatlas doctor`: what is wrong, by what was seen.
 */
#include "analyzer/view/doctor.h"
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/filter_match.h"
#include "analyzer/cmd/model_trace.h"
#include "analyzer/cmd/shape.h"
#include "analyzer/cmd/usage.h"
#include "analyzer/view/table.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>

enum doctor_format { DOCTOR_TEXT, DOCTOR_JSON, DOCTOR_SARIF };
static const struct shape_format formats[] = {[DOCTOR_TEXT] = {"text", NULL},
                                              [DOCTOR_JSON] = {"json", "JSON Lines, one object a finding"},
                                              [DOCTOR_SARIF] = {"sarif", "2.1.0"},
                                              {0}};

struct request {
    struct shape shape;
    struct filter filter;
    struct doctor *doctor;
    const struct model *model;
    void (*socket_done)(void *doctor, const struct socket *socket);
    void (*event_seen)(void *doctor, const struct event *event, const struct process *process,
                       const struct socket *socket);
    void (*socket_inherited)(void *doctor, const struct process *process, const struct socket *socket, int32_t fd,
                             uint64_t time_ns);
    unsigned char *passed; /* a bit for each socket that passes the filters */
    uint64_t room;         /* bits */
};

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct request *request = state->input;
    (void)text;
    if (key != ARGP_KEY_INIT)
        return ARGP_ERR_UNKNOWN;
    state->child_inputs[0] = &request->shape;
    state->child_inputs[1] = &request->filter;
    return 0;
}

static const struct argp_child children[] = {SHAPE_CHILD, FILTER_CHILD, {0}};

static const struct argp argp = {
    .children = children,
    .parser = parse,
    .args_doc = "[TRACE...]",
    .doc =
        "Looks for the mistakes that people come for help with, and tells for each what was seen, why it matters and "
        "what to do. Exit status 3 when something was found. Some mistakes show only in a trace made with "
        "SOCKATLAS_IO=1 (write-write-read). With filters, what was found of sockets, or else of processes, that pass "
        "them. " CMD_TRACE_DOC "\v"
        "Examples:\n  sockatlas doctor\n  sockatlas doctor --format json | jq -r '.rule + \" \" + .message'\n"
        "  sockatlas doctor --format sarif >findings.sarif\n"};

static bool write_findings(const struct doctor *doctor, const struct model *model, const struct shape *shape, FILE *out)
{
    switch ((enum doctor_format)shape->format) {
    case DOCTOR_JSON:
        return doctor_json(doctor, out);
    case DOCTOR_SARIF:
        return doctor_sarif(doctor, out);
    case DOCTOR_TEXT:
        break;
    }
    return doctor_text(doctor, model, shape_width(shape, out), view_colour(out), out);
}

/* ---- Filters: the rules see all, what they found is chosen from ---- */

static bool has_passed(const struct request *request, uint64_t socket)
{
    return socket < request->room && request->passed[socket / 8] & 1u << socket % 8;
}

static void pass(struct request *request, uint64_t socket)
{
    if (socket >= request->room) {
        uint64_t room = (socket + 1024) * 2 / 8 * 8;
        request->passed = realloc(request->passed, room / 8);
        if (!request->passed)
            abort();
        memset(request->passed + request->room / 8, 0, (room - request->room) / 8);
        request->room = room;
    }
    request->passed[socket / 8] |= (unsigned char)(1u << socket % 8);
}

static void take_socket(void *context, const struct socket *socket)
{
    struct request *request = context;
    if (filter_socket(&request->filter, request->model, socket))
        pass(request, socket->id);
    request->socket_done(request->doctor, socket);
}

static void take_event(void *context, const struct event *event, const struct process *process,
                       const struct socket *socket)
{
    struct request *request = context;
    request->event_seen(request->doctor, event, process, socket);
}

static void take_inherited(void *context, const struct process *process, const struct socket *socket, int32_t fd,
                           uint64_t time_ns)
{
    struct request *request = context;
    request->socket_inherited(request->doctor, process, socket, fd, time_ns);
}

static void add_filter(struct request *request, struct model_callbacks *callbacks)
{
    if (!filter_given(&request->filter))
        return;
    request->socket_done = callbacks->socket_done;
    request->event_seen = callbacks->event_seen;
    request->socket_inherited = callbacks->socket_inherited;
    callbacks->context = request;
    callbacks->socket_done = take_socket;
    callbacks->event_seen = take_event;
    callbacks->socket_inherited = take_inherited;
}

/* Of its sockets one that passes; or where it names none, its process. */
static bool wanted(void *context, const struct finding *finding)
{
    const struct request *request = context;
    bool named = finding->socket != 0;
    if (has_passed(request, finding->socket))
        return true;
    for (unsigned i = 0; i < finding->evidence_count; i++) {
        named = named || finding->evidence[i].socket;
        if (has_passed(request, finding->evidence[i].socket))
            return true;
    }
    return !named && filter_process(&request->filter, finding->process);
}

int cmd_doctor(int argc, char **argv)
{
    struct request request = {.shape = {.formats = formats}};
    const struct shape *shape = &request.shape;
    usage_parse(&argp, argc, argv, 0, &request);
    if (output_is_input(shape->output, shape->traces, shape->count))
        return CMD_USAGE;
    struct doctor *doctor = request.doctor = doctor_new();
    struct model_callbacks callbacks = {.alive = model_trace_alive};
    doctor_callbacks(doctor, &callbacks);
    add_filter(&request, &callbacks);
    struct model *model = model_new(&callbacks);
    request.model = model;
    doctor_attach(doctor, model);
    struct stream *stream;
    int status = model_trace_read(model, shape->traces, shape->count, &stream);
    doctor_finish(doctor);
    if (filter_given(&request.filter))
        doctor_keep(doctor, wanted, &request);
    FILE *out = model_trace_nothing(stream) ? NULL : output_open(shape->output);
    bool written = out && write_findings(doctor, model, shape, out) && fflush(out) == 0;
    if (out && !output_close(out, shape->output)) /* what was found did not arrive */
        written = false;
    if (status == CMD_DONE && doctor_finding_count(doctor))
        status = CMD_FOUND;
    doctor_free(doctor);
    model_free(model);
    stream_close(stream);
    filter_free(&request.filter);
    free(request.passed);
    return written ? status : CMD_UNREADABLE;
}
