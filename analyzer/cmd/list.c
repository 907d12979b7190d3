/* SPDX-License-Identifier: MIT
 *
 * `sockatlas list`: one line per socket, printed as each is settled.
 */
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/filter_match.h"
#include "analyzer/cmd/grouping.h"
#include "analyzer/cmd/model_trace.h"
#include "analyzer/cmd/shape.h"
#include "analyzer/cmd/usage.h"
#include "analyzer/view/export.h"
#include "analyzer/view/list_text.h"
#include "analyzer/view/socket_json.h"
#include "analyzer/view/table.h"
#include "analyzer/view/words.h"

#include <argp.h>
#include <stdlib.h>

enum { OPTION_CSV = 256, OPTION_BY };

enum list_format { LIST_TEXT, LIST_JSON, LIST_CSV };
static const struct shape_format formats[] = {[LIST_TEXT] = {"text", NULL},
                                              [LIST_JSON] = {"json", "JSON Lines, one object a socket"},
                                              [LIST_CSV] = {"csv", "RFC 4180, the same words"},
                                              {0}};

struct request {
    struct shape shape;
    const struct export_format *format; /* NULL: lines of our own */
    struct export export;
    struct list_text *text; /* NULL: another form is wanted */
    struct members line;
    FILE *out;
    struct model *model;
    struct filter filter;
    bool filtered;
    enum map_grouping by;
    uint64_t internal; /* socket pairs within one process that were not listed */
};

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct request *request = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &request->shape;
        state->child_inputs[1] = &request->filter;
        return 0;
    case OPTION_BY:
        request->by = grouping_by(state, text);
        return 0;
    case OPTION_CSV:
        shape_choose(&request->shape, "csv", "--csv", state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"csv", OPTION_CSV, NULL, 0, "the same as --format csv", 0},
    {"by", OPTION_BY, "WHAT", 0, "of text: what processes are called by: " GROUPING_BY_HELP, 0},
    {0}};

static const struct argp_child children[] = {SHAPE_CHILD, FILTER_CHILD, {0}};

static const struct argp argp = {
    .children = children,
    .options = options,
    .parser = parse,
    .args_doc = "[TRACE...]",
    .doc = "Lists sockets, one line each: when each appeared (seconds since the first event), whose it is, where it "
           "leads and "
           "to whom, its bytes out and in. `sockatlas show ID` tells more of one. " CMD_TRACE_DOC "\v"
           "Examples:\n  sockatlas list\n  sockatlas list --json | jq 'select(.state == \"failed\")'\n"
           "  sockatlas list --failed --port 443,8443 --csv -o failed.csv\n"};

/* Asked for, by their role as well. */
static bool shows_internal(const struct filter *filter)
{
    return filter->internal || filter->terms[FILTER_role];
}

static void print(void *context, const struct socket *socket)
{
    struct request *request = context;
    if (request->filtered && !filter_socket(&request->filter, request->model, socket))
        return;
    if (request->text && !shows_internal(&request->filter) && filter_is_internal(socket)) {
        request->internal++;
        return;
    }
    if (request->format) {
        request->format->socket(&request->export, socket);
        return;
    }
    if (request->shape.format == LIST_JSON)
        socket_print(&request->line, request->model, socket, request->out);
    else
        list_text_add(request->text, socket);
}

int cmd_list(int argc, char **argv)
{
    struct request request = {.shape = {.formats = formats}, .by = MAP_BY_PROCESS};
    usage_parse(&argp, argc, argv, 0, &request);
    if (output_is_input(request.shape.output, request.shape.traces, request.shape.count))
        return CMD_USAGE;
    request.format = request.shape.format == LIST_CSV ? &export_csv : NULL;
    request.filtered = filter_given(&request.filter);
    request.out = output_open(request.shape.output);
    if (!request.out)
        return CMD_UNREADABLE;
    struct model_callbacks callbacks = {.context = &request, .socket_done = print, .alive = model_trace_alive};
    request.model = model_new(&callbacks);
    request.export = (struct export){.out = request.out, .model = request.model};
    if (request.format) {
        request.format->begin(&request.export);
    } else if (request.shape.format == LIST_TEXT)
        request.text = list_text_new(request.model, request.by, shape_width(&request.shape, request.out),
                                     view_colour(request.out), request.out);
    struct stream *stream = stream_open(request.shape.traces, request.shape.count, NULL, NULL);
    model_trace_feed(request.model, stream, request.out);
    if (request.format)
        request.format->finish(&request.export);
    bool written = !request.text || list_text_end(request.text);
    if (request.internal)
        fprintf(request.out, "\n%llu ends of socket pairs within one process not listed: --internal lists them\n",
                (unsigned long long)request.internal);
    int status = stream_errors(stream) ? CMD_UNREADABLE : CMD_DONE;
    if (!output_close(request.out, request.shape.output) || !written)
        status = CMD_UNREADABLE;
    model_free(request.model);
    stream_close(stream);
    filter_free(&request.filter);
    members_free(&request.line);
    return status;
}
