/* SPDX-License-Identifier: MIT
 *
 * `sockatlas events`: the decoded log, one line per event.
 */
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/events_print.h"
#include "analyzer/cmd/follow.h"
#include "analyzer/cmd/shape.h"
#include "analyzer/cmd/usage.h"
#include "analyzer/trace/stream.h"
#include "analyzer/view/table.h"

#include <argp.h>
#include <stdio.h>

enum events_format { EVENTS_TEXT, EVENTS_JSON };
static const struct shape_format formats[] = {
    [EVENTS_TEXT] = {"text", NULL}, [EVENTS_JSON] = {"json", "JSON Lines: one object per event"}, {0}};

struct settings {
    struct filter filter;
    struct shape shape;
    bool follow;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct settings *settings = state->input;
    (void)argument;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &settings->shape;
        state->child_inputs[1] = &settings->filter;
        return 0;
    case ARGP_KEY_SUCCESS:
        if (settings->filter.terms[FILTER_end])
            usage_error(state, "--end: an event does not know how its socket will end; `sockatlas list` does");
        return 0;
    case 'f':
        settings->follow = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option option_table[] = {
    {"follow", 'f', NULL, 0, "go on with what a live trace adds, until interrupted", 0}, {0}};
static const struct argp_child children[] = {SHAPE_CHILD, FILTER_CHILD, {0}};
static const struct argp events_argp = {
    .options = option_table,
    .parser = parse,
    .args_doc = "[TRACE...]",
    .doc = "Prints the decoded log: time since the first event, process, call, result.\v" CMD_TRACE_DOC
           " A filter may be given several times, or several values with commas.\n\n"
           "Examples:\n"
           "  sockatlas events --failed\n"
           "  sockatlas events -f --comm nginx --port 80,443\n"
           "  sockatlas events --json | jq 'select(.event == \"connect\")'\n",
    .children = children,
};

/* False on a write error. */
static bool print_all(struct stream *stream, const struct settings *settings, FILE *out)
{
    struct event event;
    struct follow follow;
    struct events_print print = {.out = out,
                                 .json = settings->shape.format == EVENTS_JSON,
                                 .filter = &settings->filter,
                                 .look = {shape_width(&settings->shape, out), view_colour(out)}};
    bool more = settings->follow;
    events_print_begin(&print);
    follow_begin(&follow, settings->shape.traces, settings->shape.count);
    do {
        bool busy = false;
        while (!ferror(out) && stream_next(stream, &event)) {
            events_print(&print, &event);
            busy = true;
        }
        more = more && fflush(out) == 0 && stream_may_grow(stream) && follow_wait(&follow, busy, -1, fileno(out));
        if (more)
            stream_refresh(stream);
    } while (more);
    follow_end(&follow);
    events_print_end(&print);
    return !ferror(out) && fflush(out) == 0;
}

int cmd_events(int argc, char **argv)
{
    struct settings settings = {.shape = {.formats = formats}};
    usage_parse(&events_argp, argc, argv, 0, &settings);
    if (output_is_input(settings.shape.output, settings.shape.traces, settings.shape.count))
        return CMD_USAGE;
    FILE *out = output_open(settings.shape.output);
    if (!out)
        return CMD_UNREADABLE;
    struct stream *stream =
        (settings.follow ? stream_open_live : stream_open)(settings.shape.traces, settings.shape.count, NULL, NULL);
    bool good = print_all(stream, &settings, out);
    good = output_close(out, settings.shape.output) && good;
    unsigned errors = stream_errors(stream);
    stream_close(stream);
    filter_free(&settings.filter);
    return good && errors == 0 ? CMD_DONE : CMD_UNREADABLE;
}
