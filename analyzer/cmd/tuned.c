/* SPDX-License-Identifier: MIT
 *
 * `sockatlas tuned`: the parameters that programs set on their sockets.
 */
#include "analyzer/view/tuned.h"
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/filter_match.h"
#include "analyzer/cmd/model_trace.h"
#include "analyzer/cmd/shape.h"
#include "analyzer/cmd/usage.h"
#include "analyzer/view/table.h"

#include <argp.h>

enum tuned_format { TUNED_TEXT, TUNED_JSON };
static const struct shape_format formats[] = {
    [TUNED_TEXT] = {"text", NULL},
    [TUNED_JSON] = {"json", "JSON Lines: an object for what one process set alike on one kind of socket"},
    {0}};

struct request {
    struct shape shape;
    struct filter filter;
    const struct model *model;
    struct tuned *tuned;
};

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct request *request = state->input;
    (void)text;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &request->shape;
        state->child_inputs[1] = &request->filter;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {SHAPE_CHILD, FILTER_CHILD, {0}};

static const struct argp argp = {
    .children = children,
    .parser = parse,
    .args_doc = "[TRACE...]",
    .doc = "Shows the parameters that programs set on their sockets: what they asked for, what the kernel made of it "
           "where that differs, and what it refused. xN: on N sockets alike. " CMD_TRACE_DOC "\v"
           "Examples:\n  sockatlas tuned\n  sockatlas tuned --json | jq 'select(.verdict == \"clamped\")'\n"};

static void add(void *context, const struct socket *socket)
{
    struct request *request = context;
    if (filter_socket(&request->filter, request->model, socket))
        tuned_add(request->tuned, socket);
}

int cmd_tuned(int argc, char **argv)
{
    struct request request = {.shape = {.formats = formats}};
    usage_parse(&argp, argc, argv, 0, &request);
    if (output_is_input(request.shape.output, request.shape.traces, request.shape.count))
        return CMD_USAGE;
    struct tuned *tuned = request.tuned = tuned_new();
    struct model_callbacks callbacks = {.context = &request, .socket_done = add, .alive = model_trace_alive};
    struct model *model = model_new(&callbacks);
    request.model = model;
    struct stream *stream;
    int status = model_trace_read(model, request.shape.traces, request.shape.count, &stream);
    FILE *out = model_trace_nothing(stream) ? NULL : output_open(request.shape.output);
    bool written = out && (request.shape.format == TUNED_JSON
                               ? tuned_json(tuned, out)
                               : tuned_text(tuned, model, shape_width(&request.shape, out), view_colour(out), out));
    if (out && !output_close(out, request.shape.output))
        written = false;
    tuned_free(tuned);
    model_free(model);
    stream_close(stream);
    filter_free(&request.filter);
    return written ? status : CMD_UNREADABLE;
}
