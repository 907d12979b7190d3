/* SPDX-License-Identifier: MIT
 *
 * `sockatlas events`: the decoded log, one line per event.
 */
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/events_print.h"
#include "analyzer/cmd/follow.h"
#include "analyzer/cmd/usage.h"
#include "analyzer/trace/stream.h"
#include "analyzer/view/table.h"

#include <argp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { OPTION_WIDE = 256 };

struct settings {
    struct filter filter;
    bool json, follow, wide;
    char **traces;
    int traces_count;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct settings *settings = state->input;
    (void)argument;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &settings->filter;
        return 0;
    case 'j':
        settings->json = true;
        return 0;
    case 'f':
        settings->follow = true;
        return 0;
    case OPTION_WIDE:
        settings->wide = true;
        return 0;
    case ARGP_KEY_ARGS:
        settings->traces = state->argv + state->next;
        settings->traces_count = state->argc - state->next;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option option_table[] = {
    {"json", 'j', NULL, 0, "JSON Lines: one object per event", 0},
    {"follow", 'f', NULL, 0, "go on with what a live trace adds, until interrupted", 0},
    {"wide", OPTION_WIDE, NULL, 0, "whole lines, however narrow the terminal", 0},
    {0}};
static const struct argp_child children[] = {{&filter_argp, 0, "Filters:", 1}, {0}};
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
static bool print_all(struct stream *stream, const struct settings *settings)
{
    struct event event;
    struct follow follow;
    struct events_print print = {.out = stdout,
                                 .json = settings->json,
                                 .filter = &settings->filter,
                                 .look = {settings->wide ? 0 : view_width(stdout), view_colour(stdout)}};
    bool more = settings->follow;
    events_print_begin(&print);
    follow_begin(&follow, settings->traces, settings->traces_count);
    do {
        bool busy = false;
        while (!ferror(stdout) && stream_next(stream, &event)) {
            events_print(&print, &event);
            busy = true;
        }
        more = more && fflush(stdout) == 0 && stream_may_grow(stream) && follow_wait(&follow, busy, -1, STDOUT_FILENO);
        if (more)
            stream_refresh(stream);
    } while (more);
    follow_end(&follow);
    events_print_end(&print);
    return !ferror(stdout) && fflush(stdout) == 0;
}

int cmd_events(int argc, char **argv)
{
    struct settings settings = {.json = false};
    argp_err_exit_status = CMD_USAGE;
    usage_parse(&events_argp, argc, argv, 0, &settings);
    struct stream *stream =
        (settings.follow ? stream_open_live : stream_open)(settings.traces, settings.traces_count, NULL, NULL);
    bool good = print_all(stream, &settings);
    unsigned errors = stream_errors(stream);
    stream_close(stream);
    filter_free(&settings.filter);
    return good && errors == 0 ? CMD_DONE : CMD_UNREADABLE;
}
