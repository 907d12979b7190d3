/* SPDX-License-Identifier: MIT
 *
 * `sockatlas events`: the decoded log, one line per event.
 */
#include "analyzer/view/events.h"
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/filter.h"
#include "analyzer/names/names.h"
#include "analyzer/trace/jsonl.h"
#include "analyzer/trace/stream.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct settings {
    struct filter filter;
    bool json;
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
    case ARGP_KEY_ARGS:
        settings->traces = state->argv + state->next;
        settings->traces_count = state->argc - state->next;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option option_table[] = {{"json", 'j', NULL, 0, "JSON Lines: one object per event", 0}, {0}};
static const struct argp_child children[] = {{&filter_argp, 0, "Filters:", 1}, {0}};
static const struct argp events_argp = {
    .options = option_table,
    .parser = parse,
    .args_doc = "[TRACE...]",
    .doc = "Prints the decoded log: time since the first event, process, call, result.\v"
           "TRACE is a folder, a log file or an exported .jsonl (- reads one from standard input); none given means "
           "./sockatlas.data. A filter may be given several times, or several values with commas.",
    .children = children,
};

static bool is_wanted(const struct filter *filter, const struct events_known *known, const struct event *event,
                      int64_t origin_us)
{
    struct address first, second;
    const struct events_socket *socket = events_known_socket(known, event);
    event_addresses(event, &first, &second);
    struct filter_subject subject = {
        .pid = event->pid,
        .comm = events_known_comm(known, event),
        .addresses = {&first, &second},
        .failed = event_failed(event),
        .first_us = event_time_us(event),
        .last_us = event_time_us(event),
        .origin_us = origin_us,
    };
    if (socket != NULL) {
        subject.transport = names_transport(socket->family, socket->type, socket->protocol);
        subject.role = socket->role;
        subject.addresses[2] = &socket->local;
        subject.addresses[3] = &socket->peer;
    }
    return filter_match(filter, &subject);
}

/* False on a write error. */
static bool print_all(struct stream *stream, const struct settings *settings)
{
    struct event event;
    struct events_known *known = events_known_new();
    bool filtered = filter_given(&settings->filter);
    uint64_t origin_ns = 0;
    int64_t origin_us = 0;
    bool first = true;
    while (!ferror(stdout) && stream_next(stream, &event)) {
        if (first) {
            origin_ns = event.time_ns + (uint64_t)event.image->offset_ns;
            origin_us = event_time_us(&event);
            first = false;
        }
        events_known_take(known, &event);
        if (filtered && !is_wanted(&settings->filter, known, &event, origin_us))
            continue;
        if (settings->json)
            json_print_line(stdout, jsonl_event(&event));
        else
            events_text(stdout, &event, events_known_comm(known, &event), origin_ns);
    }
    events_known_free(known);
    return !ferror(stdout) && fflush(stdout) == 0;
}

int cmd_events(int argc, char **argv)
{
    struct settings settings = {.json = false};
    argp_err_exit_status = CMD_USAGE;
    argp_parse(&events_argp, argc, argv, 0, NULL, &settings);
    struct stream *stream = stream_open(settings.traces, settings.traces_count, NULL, NULL);
    bool good = print_all(stream, &settings);
    if (!good)
        fprintf(stderr, "stdout: %s\n", strerror(errno));
    unsigned errors = stream_errors(stream);
    stream_close(stream);
    filter_free(&settings.filter);
    return good && errors == 0 ? CMD_DONE : CMD_UNREADABLE;
}
