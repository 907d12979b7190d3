/* SPDX-License-Identifier: MIT
 *
 * `sockatlas export`: the whole trace in another format, nothing left out.
 */
#include "analyzer/view/export.h"
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/model_trace.h"
#include "analyzer/cmd/output.h"
#include "analyzer/cmd/progress.h"
#include "analyzer/cmd/usage.h"
#include "analyzer/trace/json.h"
#include "analyzer/trace/jsonl.h"
#include "analyzer/trace/text.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct format {
    const char *name;
    const struct export_format *report; /* NULL: the events as they are */
};

static const struct format formats[] = {{"jsonl", NULL},
#define X(name, summary) {#name, &export_##name},
                                        EXPORT_FORMATS(X)
#undef X
};

struct settings {
    const struct format *format;
    const char *output; /* NULL: stdout */
    char **traces;
    int traces_count;
};

/* Writes the images that came up since the last call; false on a write error. */
static bool write_images(const struct stream *stream, unsigned *written, struct members *line, FILE *out)
{
    for (; *written < stream_image_count(stream); ++*written)
        if (!jsonl_print_image(line, stream_image(stream, *written), out))
            return false;
    return true;
}

static void write_jsonl(struct stream *stream, FILE *out)
{
    struct event event;
    struct progress progress;
    struct members line = {0};
    unsigned images = 0;
    bool good = write_images(stream, &images, &line, out);
    progress_begin(&progress, out);
    while (good && stream_next(stream, &event)) {
        good = write_images(stream, &images, &line, out) && jsonl_print(&line, &event, out);
        progress_step(&progress, stream);
    }
    progress_end(&progress);
    /* Images of which there is no event. */
    if (good)
        write_images(stream, &images, &line, out);
    members_free(&line);
}

struct report {
    const struct export_format *format;
    struct export export;
};

static void take_event(void *context, const struct event *event, const struct process *process,
                       const struct socket *socket)
{
    struct report *report = context;
    report->format->event(&report->export, event, process, socket);
}

static void take_socket(void *context, const struct socket *socket)
{
    struct report *report = context;
    report->format->socket(&report->export, socket);
}

static void write_report(struct stream *stream, const struct export_format *format, FILE *out)
{
    struct report report = {.format = format};
    struct model *model = model_new(&(struct model_callbacks){.context = &report,
                                                              .alive = model_trace_alive,
                                                              .socket_done = take_socket,
                                                              .event_seen = format->event ? take_event : NULL});
    report.export = (struct export){.out = out, .model = model};
    format->begin(&report.export);
    model_trace_feed(model, stream, out);
    format->finish(&report.export);
    model_free(model);
}

static void list_formats(char *out, size_t size)
{
    for (size_t i = 0, used = 0; i < sizeof formats / sizeof *formats && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "", formats[i].name);
}

static void set_format(struct settings *settings, const char *name, struct argp_state *state)
{
    char names[128];
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (strcmp(name, formats[i].name) == 0)
            settings->format = &formats[i];
    if (settings->format)
        return;
    list_formats(names, sizeof names);
    usage_error(state, "--format %s: no such format (%s)", text_name(name), names);
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct settings *settings = state->input;
    switch (key) {
    case 'f':
        settings->format = NULL;
        set_format(settings, argument, state);
        return 0;
    case 'o':
        settings->output = argument;
        return 0;
    case ARGP_KEY_ARGS:
        settings->traces = state->argv + state->next;
        settings->traces_count = state->argc - state->next;
        return 0;
    case ARGP_KEY_END:
        if (settings->format == NULL)
            usage_error(state, "--format is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {{"format", 'f', "FORMAT", 0, "one of those below", 0},
                                             {"output", 'o', "FILE", 0, "write to FILE instead of standard output", 0},
                                             {0}};

static const struct argp argp = {
    .options = options,
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
        "  sockatlas export --format zeek | zeek-cut id.orig_h id.resp_h id.resp_p\n",
};

int cmd_export(int argc, char **argv)
{
    struct settings settings = {.format = NULL};
    usage_parse(&argp, argc, argv, 0, &settings);
    if (output_is_input(settings.output, settings.traces, settings.traces_count))
        return CMD_USAGE;
    FILE *out = output_open(settings.output);
    if (out == NULL)
        return CMD_UNREADABLE;
    struct stream *stream = stream_open(settings.traces, settings.traces_count, NULL, NULL);
    if (settings.format->report)
        write_report(stream, settings.format->report, out);
    else
        write_jsonl(stream, out);
    bool good = output_close(out, settings.output); /* of standard output main.c says it */
    unsigned errors = stream_errors(stream);
    stream_close(stream);
    return good && errors == 0 ? CMD_DONE : CMD_UNREADABLE;
}
