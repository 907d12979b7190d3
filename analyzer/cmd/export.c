/* SPDX-License-Identifier: MIT
 *
 * `sockatlas export`: the whole trace in another format, nothing left out.
 */
#include "analyzer/view/export.h"
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/events_print.h"
#include "analyzer/cmd/filter_match.h"
#include "analyzer/cmd/model_trace.h"
#include "analyzer/cmd/progress.h"
#include "analyzer/cmd/shape.h"
#include "analyzer/cmd/usage.h"
#include "analyzer/trace/json.h"
#include "analyzer/trace/jsonl.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct shape_format formats[] = {{"jsonl", NULL},
#define X(name, summary) {#name, NULL},
                                              EXPORT_FORMATS(X)
#undef X
                                                  {0}};

/* In their order; NULL: the events as they are. */
static const struct export_format *const reports[] = {NULL,
#define X(name, summary) &export_##name,
                                                      EXPORT_FORMATS(X)
#undef X
};

/* Writes the images that came up since the last call; false on a write error. */
static bool write_images(const struct stream *stream, unsigned *written, struct members *line, FILE *out)
{
    for (; *written < stream_image_count(stream); ++*written)
        if (!jsonl_print_image(line, stream_image(stream, *written), out))
            return false;
    return true;
}

static void write_jsonl(struct stream *stream, const struct filter *filter, FILE *out)
{
    struct event event;
    struct progress progress;
    struct members line = {0};
    struct events_print print = {.out = out, .json = true, .filter = filter, .lives = true};
    unsigned images = 0;
    events_print_begin(&print);
    bool good = write_images(stream, &images, &line, out);
    progress_begin(&progress, out);
    while (good && stream_next(stream, &event)) {
        good = write_images(stream, &images, &line, out);
        events_print(&print, &event);
        good = good && !ferror(out);
        progress_step(&progress, stream);
    }
    progress_end(&progress);
    /* Images of which there is no event. */
    if (good)
        write_images(stream, &images, &line, out);
    events_print_end(&print);
    members_free(&line);
}

struct report {
    const struct export_format *format;
    struct export export;
    const struct filter *filter;
};

static void take_event(void *context, const struct event *event, const struct process *process,
                       const struct socket *socket)
{
    struct report *report = context;
    if (!process || filter_process(report->filter, process))
        report->format->event(&report->export, event, process, socket);
}

static void take_socket(void *context, const struct socket *socket)
{
    struct report *report = context;
    if (filter_socket(report->filter, report->export.model, socket))
        report->format->socket(&report->export, socket);
}

/* A half passes if its conversation does. */
static bool half_wanted(const struct report *report, const struct half *half, const struct half *mate)
{
    bool answered = half->initiator == INITIATOR_PEER || (!half->initiator && half->side == SIDE_SERVER);
    struct conversation conversation = {.from = answered ? mate : half,
                                        .to = answered ? half : mate,
                                        .from_process = answered ? half->peer_process : half->process,
                                        .to_process = answered ? half->process : half->peer_process,
                                        .match = half->edge,
                                        .failed = outcome_failed(half->outcome)};
    return !filter_given(report->filter) || filter_conversation(report->filter, report->export.model, &conversation);
}

static void take_half(void *context, const struct half *half, const struct half *mate)
{
    struct report *report = context;
    if (half_wanted(report, half, mate))
        report->format->half(&report->export, half, mate);
}

static bool write_report(struct stream *stream, const struct export_format *format, const struct filter *filter,
                         FILE *out)
{
    struct report report = {.format = format, .filter = filter};
    struct model *model = model_new(&(struct model_callbacks){.context = &report,
                                                              .alive = model_trace_alive,
                                                              .socket_done = format->socket ? take_socket : NULL,
                                                              .half_done = format->half ? take_half : NULL,
                                                              .event_seen = format->event ? take_event : NULL});
    report.export = (struct export){.out = out, .model = model};
    format->begin(&report.export);
    model_trace_feed(model, stream, out);
    format->finish(&report.export);
    model_free(model);
    return !report.export.failed;
}

struct request {
    struct shape shape;
    struct filter filter;
};

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct request *request = state->input;
    (void)text;
    if (key == ARGP_KEY_SUCCESS && !reports[request->shape.format] && request->filter.terms[FILTER_end])
        usage_error(state, "--end: an event does not know how its socket will end; another format does");
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
    .args_doc = "--format FORMAT [TRACE...]",
    .doc = "Writes the whole trace in another format. " CMD_TRACE_DOC "\v"
           "Formats:\n"
           "  jsonl: every event and file header, lossless: readable as a TRACE\n"
#define X(name, summary) "  " #name ": " summary "\n"
    EXPORT_FORMATS(X)
#undef X
        "\nExamples:\n"
        "  sockatlas export --format jsonl | gzip >trace.jsonl.gz\n"
        "  sockatlas export --format chrome -o trace.json   # for ui.perfetto.dev\n"
        "  sockatlas export --format zeek | zeek-cut id.orig_h id.resp_h id.resp_p\n"
        "  sockatlas export --format clickhouse | curl --data-binary @- "
        "'http://HOST:8123/DB?query=INSERT%20INTO%20halves%20FORMAT%20RowBinary'\n",
};

int cmd_export(int argc, char **argv)
{
    struct request request = {.shape = {.formats = formats, .required = true}};
    const struct shape *shape = &request.shape;
    usage_parse(&argp, argc, argv, 0, &request);
    if (output_is_input(shape->output, shape->traces, shape->count))
        return CMD_USAGE;
    FILE *out = output_open(shape->output);
    if (out == NULL)
        return CMD_UNREADABLE;
    struct stream *stream = stream_open(shape->traces, shape->count, NULL, NULL);
    bool whole = true;
    if (reports[shape->format])
        whole = write_report(stream, reports[shape->format], &request.filter, out);
    else
        write_jsonl(stream, &request.filter, out);
    bool good = output_close(out, shape->output); /* of standard output main.c says it */
    unsigned errors = stream_errors(stream);
    stream_close(stream);
    filter_free(&request.filter);
    return good && whole && errors == 0 ? CMD_DONE : CMD_UNREADABLE;
}
