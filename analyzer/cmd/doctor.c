/* SPDX-License-Identifier: MIT
 *
 * `sockatlas doctor`: what is wrong, by what was seen.
 */
#include "analyzer/view/doctor.h"
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/examine.h"
#include "analyzer/cmd/model_trace.h"
#include "analyzer/cmd/shape.h"
#include "analyzer/cmd/usage.h"
#include "analyzer/view/table.h"

#include <argp.h>
#include <stdlib.h>

enum doctor_format { DOCTOR_TEXT, DOCTOR_JSON, DOCTOR_SARIF };
static const struct shape_format formats[] = {[DOCTOR_TEXT] = {"text", NULL},
                                              [DOCTOR_JSON] = {"json", "JSON Lines, one object a finding"},
                                              [DOCTOR_SARIF] = {"sarif", "2.1.0"},
                                              {0}};

struct request {
    struct shape shape;
    struct filter filter;
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

int cmd_doctor(int argc, char **argv)
{
    struct request request = {.shape = {.formats = formats}};
    const struct shape *shape = &request.shape;
    usage_parse(&argp, argc, argv, 0, &request);
    if (output_is_input(shape->output, shape->traces, shape->count))
        return CMD_USAGE;
    struct examine examine = {.filter = &request.filter};
    struct model_callbacks callbacks = {.alive = model_trace_alive};
    examine_begin(&examine, &callbacks);
    struct model *model = model_new(&callbacks);
    examine_attach(&examine, model);
    struct stream *stream;
    int status = model_trace_read(model, shape->traces, shape->count, &stream);
    examine_finish(&examine);
    FILE *out = model_trace_nothing(stream) ? NULL : output_open(shape->output);
    bool written = out && write_findings(examine.doctor, model, shape, out) && fflush(out) == 0;
    if (out && !output_close(out, shape->output)) /* what was found did not arrive */
        written = false;
    if (status == CMD_DONE && doctor_finding_count(examine.doctor))
        status = CMD_FOUND;
    examine_free(&examine);
    model_free(model);
    stream_close(stream);
    filter_free(&request.filter);
    return written ? status : CMD_UNREADABLE;
}
