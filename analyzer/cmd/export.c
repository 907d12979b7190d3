/* SPDX-License-Identifier: MIT
 *
 * `sockatlas export`: the whole trace in another format, nothing left out.
 */
#include "analyzer/cmd/cmd.h"
#include "analyzer/trace/jsonl.h"
#include "analyzer/trace/stream.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct settings {
    const char *format;
    const char *output; /* NULL: stdout */
    char **traces;
    int traces_count;
};

/* Writes the images that came up since the last call; false on a write error. */
static bool write_images(const struct stream *stream, unsigned *written, FILE *out)
{
    for (; *written < stream_image_count(stream); ++*written)
        if (!json_print_line(out, jsonl_image(stream_image(stream, *written))))
            return false;
    return true;
}

static bool write_jsonl(struct stream *stream, FILE *out)
{
    struct event event;
    unsigned images = 0;
    if (!write_images(stream, &images, out))
        return false;
    while (stream_next(stream, &event))
        if (!write_images(stream, &images, out) || !json_print_line(out, jsonl_event(&event)))
            return false;
    /* Images of which there is no event. */
    return write_images(stream, &images, out);
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct settings *settings = state->input;
    switch (key) {
    case 'f':
        if (strcmp(argument, "jsonl") != 0)
            argp_error(state, "%s: no such format; there is: jsonl", argument);
        settings->format = argument;
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
            argp_error(state, "--format is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"format", 'f', "FORMAT", 0, "jsonl: every event and file header as JSON Lines, readable as a TRACE", 0},
    {"output", 'o', "FILE", 0, "Write to FILE instead of standard output", 0},
    {0}};

static const struct argp argp = {
    options,
    parse,
    "[TRACE...]",
    "Writes the whole trace in another format.\v"
    "TRACE is a folder, a log file or an exported .jsonl (- reads one from standard input); "
    "none given means ./sockatlas.data.",
    NULL,
    NULL,
    NULL};

int cmd_export(int argc, char **argv)
{
    struct settings settings = {.format = NULL};
    argp_err_exit_status = CMD_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &settings);
    FILE *out = settings.output == NULL ? stdout : fopen(settings.output, "we");
    if (out == NULL) {
        fprintf(stderr, "%s: %s\n", settings.output, strerror(errno));
        return CMD_UNREADABLE;
    }
    struct stream *stream = stream_open(settings.traces, settings.traces_count, NULL, NULL);
    bool good = write_jsonl(stream, out);
    good = (out == stdout ? fflush(out) : fclose(out)) == 0 && good;
    if (!good)
        fprintf(stderr, "%s: %s\n", settings.output == NULL ? "stdout" : settings.output, strerror(errno));
    unsigned errors = stream_errors(stream);
    stream_close(stream);
    return good && errors == 0 ? CMD_DONE : CMD_UNREADABLE;
}
