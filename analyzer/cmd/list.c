/* SPDX-License-Identifier: MIT
 *
 * `sockatlas list`: one line per socket, printed as each is settled.
 */
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/filter.h"
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

enum { OPTION_CSV = 256 };

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
    case OPTION_CSV:
        shape_choose(&request->shape, "csv", "--csv", state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {{"csv", OPTION_CSV, NULL, 0, "the same as --format csv", 0}, {0}};

static const struct argp_child children[] = {SHAPE_CHILD, {&filter_argp, 0, "Filters:", 0}, {0}};

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

static bool wanted(const struct request *request, const struct socket *socket)
{
    const struct model *model = request->model;
    uint64_t first = socket->opened_ns ? socket->opened_ns : socket->connected_ns;
    struct filter_subject subject = {
        .pid = socket->owner ? socket->owner->pid : 0,
        .comm = socket->owner ? socket->owner->comm : NULL,
        .addresses = {&socket->local, &socket->peer},
        .transport = word_transport(socket->family, socket->type, socket->protocol),
        .role = word_role(socket->role),
        .failed = socket->failures != 0,
        .first_us = first ? model_time_us(model, socket->host, first) : 0,
        .last_us = socket->closed_ns ? model_time_us(model, socket->host, socket->closed_ns) : INT64_MAX,
        .origin_us = model_origin_us(model),
    };
    return filter_match(&request->filter, &subject);
}

static void print(void *context, const struct socket *socket)
{
    struct request *request = context;
    if (request->filtered && !wanted(request, socket))
        return;
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
    struct request request = {.shape = {.formats = formats}};
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
        request.text = list_text_new(request.model, shape_width(&request.shape, request.out), view_colour(request.out),
                                     request.out);
    struct stream *stream = stream_open(request.shape.traces, request.shape.count, NULL, NULL);
    model_trace_feed(request.model, stream, request.out);
    if (request.format)
        request.format->finish(&request.export);
    bool written = !request.text || list_text_end(request.text);
    int status = stream_errors(stream) ? CMD_UNREADABLE : CMD_DONE;
    if (!output_close(request.out, request.shape.output) || !written)
        status = CMD_UNREADABLE;
    model_free(request.model);
    stream_close(stream);
    filter_free(&request.filter);
    members_free(&request.line);
    return status;
}
