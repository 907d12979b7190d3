/* SPDX-License-Identifier: MIT
 *
 * `sockatlas doctor`: what is wrong, by what was seen.
 */
#include "analyzer/view/doctor.h"
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/model_trace.h"
#include "analyzer/cmd/usage.h"
#include "analyzer/trace/text.h"
#include "analyzer/view/table.h"

#include <argp.h>
#include <string.h>

enum doctor_format { DOCTOR_TEXT, DOCTOR_JSON, DOCTOR_SARIF };

struct request {
    enum doctor_format format;
    char **traces;
    int count;
};

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct request *request = state->input;
    switch (key) {
    case 'f':
        if (strcmp(text, "text") == 0)
            request->format = DOCTOR_TEXT;
        else if (strcmp(text, "json") == 0)
            request->format = DOCTOR_JSON;
        else if (strcmp(text, "sarif") == 0)
            request->format = DOCTOR_SARIF;
        else
            usage_error(state, "--format %s: no such format (text, json, sarif)", text_name(text));
        return 0;
    case ARGP_KEY_ARGS:
        request->traces = state->argv + state->next;
        request->count = state->argc - state->next;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"format", 'f', "FORMAT", 0, "text (default), json (JSON Lines, one object a finding), or sarif (2.1.0)", 0}, {0}};

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "[TRACE...]",
    .doc =
        "Looks for the mistakes that people come for help with, and tells for each what was seen, why it matters and "
        "what to do. Exit status 3 when something was found. Some mistakes show only in a trace made with "
        "SOCKATLAS_IO=1 (write-write-read). " CMD_TRACE_DOC "\v"
        "Examples:\n  sockatlas doctor\n  sockatlas doctor --format json | jq -r '.rule + \" \" + .message'\n"
        "  sockatlas doctor --format sarif >findings.sarif\n"};

int cmd_doctor(int argc, char **argv)
{
    struct request request = {.format = DOCTOR_TEXT};
    usage_parse(&argp, argc, argv, 0, &request);
    struct doctor *doctor = doctor_new();
    struct model_callbacks callbacks = {.alive = model_trace_alive};
    doctor_callbacks(doctor, &callbacks);
    struct model *model = model_new(&callbacks);
    doctor_attach(doctor, model);
    struct stream *stream;
    int status = model_trace_read(model, request.traces, request.count, &stream);
    doctor_finish(doctor);
    bool written = model_trace_nothing(stream)     ? false
                   : request.format == DOCTOR_JSON ? doctor_json(doctor, stdout)
                   : request.format == DOCTOR_SARIF
                       ? doctor_sarif(doctor, stdout)
                       : doctor_text(doctor, model, view_width(stdout), view_colour(stdout), stdout);
    written = written && fflush(stdout) == 0; /* what was found did not arrive */
    if (status == CMD_DONE && doctor_finding_count(doctor))
        status = CMD_FOUND;
    doctor_free(doctor);
    model_free(model);
    stream_close(stream);
    return written ? status : CMD_UNREADABLE;
}
