/* SPDX-License-Identifier: MIT
 *
 * `sockatlas top`: the sockets of a trace as they come and go, on the terminal.
 */
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/filter_match.h"
#include "analyzer/cmd/follow.h"
#include "analyzer/cmd/model_trace.h"
#include "analyzer/cmd/reread.h"
#include "analyzer/cmd/usage.h"
#include "analyzer/trace/complaint.h"
#include "analyzer/trace/escape.h"
#include "analyzer/trace/stream.h"
#include "analyzer/view/events.h"
#include "analyzer/view/top_screen.h"

#include <argp.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Events taken in before the keys are looked at, and between two readings of the same life. */
#define EVENTS_AT_ONCE 200000
/* What came in is shown after so long at most. To draw sorts all rows, and a busy trace has something new every few
 * milliseconds. */
#define DRAW_PERIOD_MS 100
#define LIFE_PERIOD_S  1
#define COMPLAINTS_MAX 20

struct top {
    char **traces;
    int count;
    struct filter filter;
    struct top_rows rows;
    struct top_screen screen;
    time_t life_read;
    char *complaints[COMPLAINTS_MAX]; /* said when the terminal is given back */
};

static volatile sig_atomic_t ended_by;

static void take_signal(int number)
{
    ended_by = number;
}

static void take_complaint(void *context, const char *line)
{
    struct top *top = context;
    if (top->screen.complaints < COMPLAINTS_MAX)
        top->complaints[top->screen.complaints] = strdup(line);
    top->screen.complaints++;
}

static void drop_complaint(void *context, const char *line)
{
    (void)context;
    (void)line;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct top *top = state->input;
    (void)text;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[1] = &top->filter;
        return 0;
    case ARGP_KEY_ARGS:
        top->traces = state->argv + state->next;
        top->count = state->argc - state->next;
        if (top->count > 1)
            usage_error(state, "one TRACE at a time");
        if (strcmp(top->traces[0], "-") == 0)
            usage_error(state, "-: standard input is where the keys come from");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {USAGE_CHILD, FILTER_CHILD, {0}};

static const struct argp argp = {
    .parser = parse,
    .children = children,
    .args_doc = "[TRACE]",
    .doc =
        "Shows the sockets of a trace as they come and go. " CMD_TRACE_WHAT
        "; none means ./sockatlas.data. Keys: arrows choose a socket, Enter shows its life, s sorts, r reverses, / "
        "filters, c hides closed ones, q quits. Bytes are known once a socket is "
        "closed, and as they go in a trace made with SOCKATLAS_IO=1. Records that were overwritten before they could "
        "be read, or lost, are told above the keys.\v"
        "Examples:\n  sockatlas top\n  sockatlas run -d /tmp/web ./server &   sockatlas top /tmp/web\n",
};

/* The record names this socket. */
static bool is_of(const struct event *event, uint64_t cookie)
{
    if (event->cookie == cookie)
        return true;
    if (event->kind == SOCKATLAS_ACCEPT)
        return ((const struct sockatlas_body_accept *)event_body(event))->listener_cookie == cookie;
    if (event->kind == SOCKATLAS_SOCKETPAIR)
        return ((const struct sockatlas_body_socketpair *)event_body(event))->cookie2 == cookie;
    return event->kind == SOCKATLAS_PASS &&
           ((const struct sockatlas_body_pass *)event_body(event))->passed_cookie == cookie;
}

/* Reads the trace once more for the events of one socket: nothing has to be kept for those that nobody looks at. */
static void read_life(struct top *top, const struct top_row *row)
{
    size_t size = 0;
    struct event event;
    const char *boot_id = model_host(top->rows.model, row->socket.host)->header.boot_id;
    free(top->screen.life_text);
    top->screen.life_text = NULL;
    FILE *out = open_memstream(&top->screen.life_text, &size);
    if (!out || !row->socket.cookie) {
        if (out)
            fclose(out);
        return;
    }
    struct stream *stream = stream_open(top->traces, top->count, drop_complaint, NULL);
    struct events_known *known = events_known_new(false);
    struct events_look look = {.width = top_screen_width()};
    uint64_t origin_ns = 0;
    while (stream_next(stream, &event) && !ended_by) {
        if (!origin_ns)
            origin_ns = event.time_ns + (uint64_t)event.image->offset_ns;
        events_known_take(known, &event);
        if (is_of(&event, row->socket.cookie) &&
            strncmp(event.image->header.boot_id, boot_id, sizeof event.image->header.boot_id) == 0)
            events_text(out, &event, events_known_comm(known), origin_ns, &look);
    }
    events_known_free(known);
    stream_close(stream);
    fclose(out);
}

/* A life on the screen goes on with its socket. True: the socket has gone on meanwhile, and it is too soon to read
 * again. */
static bool refresh_life(struct top *top)
{
    struct top_row *row = NULL;
    HASH_FIND(hh, top->rows.table, &top->screen.selected, sizeof top->screen.selected, row);
    time_t now = time(NULL);
    if (!row || row->events == top->screen.life_events)
        return false;
    if (top->screen.life_events && now - top->life_read < LIFE_PERIOD_S)
        return true;
    read_life(top, row);
    top->screen.life_events = row->events;
    top->life_read = time(NULL);
    return false;
}

/* Records that were overwritten before they were read, or lost, come as an event (stream_open_live()). */
static void note_gap(struct top_screen *screen, const struct event *event)
{
    const struct sockatlas_body_coverage *body = event_body(event);
    const struct sockatlas_header *header = &event->image->header;
    char detail[128] = "";
    bool overwritten = body->what == SOCKATLAS_COVERAGE_OVERWRITTEN;
    size_t size = body->detail_size < sizeof detail ? body->detail_size : sizeof detail - 1;
    if (!overwritten && body->what != SOCKATLAS_COVERAGE_LOST)
        return;
    event_tail(event, sizeof *body, 0, detail, size);
    char name[sizeof header->comm + 1] = "";
    memcpy(name, header->comm, sizeof header->comm);
    char *comm = escape_new(ESCAPE_MESSAGE, name);
    snprintf(screen->gap, sizeof screen->gap, "%s (%u): %s%s", comm, header->pid, overwritten ? "overwritten " : "",
             detail);
    free(comm);
    screen->gaps++;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void watch(struct top *top, struct stream *stream)
{
    struct follow follow;
    struct event event;
    uint64_t drawn_ms = 0;
    unsigned complaints = 0;
    bool stale = true; /* what the screen shows */
    follow_begin(&follow, top->traces, top->count);
    while (!ended_by) {
        unsigned taken = 0;
        while (taken < EVENTS_AT_ONCE && stream_next(stream, &event)) {
            if (event.kind == SOCKATLAS_COVERAGE)
                note_gap(&top->screen, &event);
            model_event(top->rows.model, &event);
            taken++;
        }
        stale = stale || taken > 0 || complaints != top->screen.complaints;
        enum top_wish wish = top_screen_keys(&top->screen, &top->rows);
        if (wish == TOP_QUIT)
            break;
        if (wish == TOP_DRAW || (stale && now_ms() - drawn_ms >= DRAW_PERIOD_MS)) {
            top_rows_update(&top->rows);
            stale = top->screen.life && refresh_life(top);
            top_screen_draw(&top->screen, &top->rows);
            drawn_ms = now_ms();
            complaints = top->screen.complaints;
        }
        if (taken == EVENTS_AT_ONCE)
            continue;
        follow_wait(&follow, taken > 0 || stale, STDIN_FILENO, -1);
        stream_refresh(stream);
    }
    follow_end(&follow);
}

static void catch_signals(void)
{
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
        sigaction(ending[i], &(struct sigaction){.sa_handler = take_signal}, NULL);
}

/* Dies of the signal that ended it, now that the terminal is as it was. */
static void end_by_signal(void)
{
    sigaction(ended_by, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    raise(ended_by);
}

static bool wanted(void *context, const struct socket *socket)
{
    const struct top *top = context;
    return filter_socket(&top->filter, top->rows.model, socket);
}

int cmd_top(int argc, char **argv)
{
    struct top top = {.screen = {.title = "./sockatlas.data"}};
    char *title = NULL;
    usage_parse(&argp, argc, argv, 0, &top);
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        complain_line("%s: needs a terminal; `sockatlas events -f` does not", argv[0]);
        return CMD_USAGE;
    }
    if (top.count)
        top.screen.title = title = escape_new(ESCAPE_MESSAGE, top.traces[0]);
    struct reread reread; /* a life is read again */
    if (!reread_begin(&reread, top.traces, top.count)) {
        reread_end(&reread);
        return CMD_UNREADABLE;
    }
    top.traces = reread.traces;
    top.count = reread.count;
    if (filter_given(&top.filter)) {
        top.rows.wanted = wanted;
        top.rows.context = &top;
    }
    top.rows.model = model_new(&(struct model_callbacks){.context = &top.rows,
                                                         .alive = model_trace_alive,
                                                         .event_seen = top_rows_event,
                                                         .socket_done = top_rows_settled});
    struct stream *stream = stream_open_live(top.traces, top.count, take_complaint, &top);
    if (top.screen.complaints == 0 || stream_image_count(stream) > 0) {
        setlocale(LC_CTYPE, "");
        top_screen_open();
        catch_signals();
        watch(&top, stream);
        top_screen_close();
    }
    for (unsigned i = 0; i < COMPLAINTS_MAX && top.complaints[i]; i++) {
        reread_complain(&reread, top.complaints[i]);
        free(top.complaints[i]);
    }
    int status = stream_errors(stream) ? CMD_UNREADABLE : CMD_DONE;
    stream_close(stream);
    reread_end(&reread);
    top_rows_free(&top.rows);
    model_free(top.rows.model);
    free(top.screen.life_text);
    free(title);
    filter_free(&top.filter);
    if (ended_by)
        end_by_signal();
    return status;
}
