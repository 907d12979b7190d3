/* SPDX-License-Identifier: MIT
 *
 * `sockatlas show`: one socket's life, event by event. Reads the trace twice: to find the socket and its peer, and to
 * tell of them.
 */
#include "analyzer/view/show.h"
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/filter_match.h"
#include "analyzer/cmd/model_trace.h"
#include "analyzer/cmd/reread.h"
#include "analyzer/cmd/shape.h"
#include "analyzer/cmd/usage.h"
#include "analyzer/trace/buffer.h"
#include "analyzer/trace/complaint.h"
#include "analyzer/trace/stream.h"
#include "analyzer/trace/text.h"
#include "analyzer/view/table.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SOCKET_TEXT, SOCKET_JSON };
static const struct shape_format formats[] = {
    [SOCKET_TEXT] = {"text", NULL},
    [SOCKET_JSON] = {"json", "one object: the socket and its peer as in list --json, and their events"},
    {0}};

enum selector { BY_ID, BY_COOKIE, BY_DESCRIPTOR };

#define FOUND_MAX 16

/* Which socket is meant, and what was found. */
struct search {
    const char *text;
    enum selector selector;
    uint64_t number; /* id or cookie */
    uint32_t pid;
    int32_t fd;
    uint64_t found[FOUND_MAX];
    unsigned found_count;
    struct filter filter;
    const struct model *model;
    uint64_t peer; /* of the latest found */
    bool nowhere;  /* there was no trace to search, as is said already */
};

struct request {
    struct search search;
    struct shape shape;
    FILE *out;
};

/* "12": an id; "sk:1a", "0x1a", "1a": a cookie; "4242:5": a descriptor of a process. */
static bool read_selector(struct search *search, const char *text)
{
    char *end;
    search->text = text;
    errno = 0;
    if (strncmp(text, "sk:", 3) == 0 || strncmp(text, "0x", 2) == 0) {
        search->selector = BY_COOKIE;
        search->number = strtoull(text + (text[0] == 's' ? 3 : 2), &end, 16);
        return !*end && !errno && search->number;
    }
    if (text[0] < '0' || strchr(text, '-') || strchr(text, ' '))
        return false;
    search->number = strtoull(text, &end, 10);
    if (*end == ':' && end != text) {
        const char *fd_text = end + 1;
        long fd = strtol(fd_text, &end, 10);
        search->selector = BY_DESCRIPTOR;
        search->pid = (uint32_t)search->number;
        search->fd = (int32_t)fd;
        return end != fd_text && !*end && !errno && search->number <= INT32_MAX && fd <= INT32_MAX;
    }
    search->selector = BY_ID;
    if (!*end)
        return !errno && search->number;
    search->selector = BY_COOKIE;
    search->number = strtoull(text, &end, 16);
    return !*end && !errno && search->number;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct request *request = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &request->shape;
        state->child_inputs[1] = &request->search.filter;
        return 0;
    case ARGP_KEY_ARG:
        if (!read_selector(&request->search, text))
            usage_error(state, "%s: neither a socket's id, nor a cookie, nor PID:FD", text_name(text));
        request->shape.traces = state->argv + state->next;
        request->shape.count = state->argc - state->next;
        state->next = state->argc;
        return 0;
    case ARGP_KEY_NO_ARGS:
        usage_error(state, "which socket?");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {SHAPE_CHILD, FILTER_CHILD, {0}};

static const struct argp argp = {
    .children = children,
    .parser = parse,
    .args_doc = "SOCKET [TRACE...]",
    .doc =
        "Shows one socket's life, event by event, through all processes that held it, and its peer's beside it. SOCKET "
        "is the id that list and doctor give it, its cookie as `ss -e` prints it (sk:1a), or PID:FD. " CMD_TRACE_DOC
        "\v"
        "Examples:\n  sockatlas show 12\n  sockatlas show sk:4001\n  sockatlas show 4242:5 yesterday.data\n"
        "  sockatlas show --json 12 | jq '.events[] | select(.event == \"option\")'\n"};

/* ---- Finding it ---- */

static void found(struct search *search, uint64_t id)
{
    for (unsigned i = 0; i < search->found_count; i++)
        if (search->found[i] == id)
            return;
    if (search->found_count < FOUND_MAX)
        search->found[search->found_count++] = id;
}

/* What events named may turn out not to be what is asked for. */
static void leave_out(struct search *search, const struct socket *socket)
{
    unsigned kept = 0;
    if (filter_socket(&search->filter, search->model, socket))
        return;
    for (unsigned i = 0; i < search->found_count; i++)
        if (search->found[i] != socket->id)
            search->found[kept++] = search->found[i];
    search->found_count = kept;
}

static void look_at_event(void *context, const struct event *event, const struct process *process,
                          const struct socket *socket)
{
    struct search *search = context;
    (void)process;
    if (search->selector == BY_DESCRIPTOR && socket && event->pid == search->pid && event->fd == search->fd)
        found(search, socket->id);
}

static void look_at_socket(void *context, const struct socket *socket)
{
    struct search *search = context;
    if (search->selector == BY_DESCRIPTOR)
        leave_out(search, socket);
    else if (!filter_socket(&search->filter, search->model, socket))
        return;
    if ((search->selector == BY_ID && socket->id == search->number) ||
        (search->selector == BY_COOKIE && socket->cookie == search->number))
        found(search, socket->id);
    if (search->found_count && search->found[search->found_count - 1] == socket->id)
        search->peer = socket->peer_socket;
}

/* Complaints were made at the first reading. */
static void quiet(void *context, const char *line)
{
    (void)context;
    (void)line;
}

static bool complain_none(const struct search *search)
{
    if (!search->nowhere)
        complain_line("sockatlas show: %s: no such socket in the trace; `sockatlas list` lists them", search->text);
    return false;
}

static bool one_found(const struct search *search)
{
    if (!search->found_count)
        return complain_none(search);
    if (search->found_count == 1)
        return true;
    struct buffer ids = {0};
    for (unsigned i = 0; i < search->found_count; i++) {
        buffer_add(&ids, " ", 1);
        buffer_end(&ids, text_unsigned(search->found[i], buffer_space(&ids, TEXT_INTEGER_MAX)));
    }
    complain_line("sockatlas show: %s was %u sockets, one after the other; ask for one:%.*s", search->text,
                  search->found_count, (int)ids.size, ids.text);
    buffer_free(&ids);
    return false;
}

static bool tell(const struct request *request, const struct reread *reread)
{
    FILE *out = request->out;
    unsigned width = shape_width(&request->shape, out);
    bool json = request->shape.format == SOCKET_JSON;
    struct show *show = show_new(request->search.found[0], request->search.peer,
                                 json    ? SHOW_JSON
                                 : width ? SHOW_BRIEF
                                         : SHOW_WHOLE);
    struct model_callbacks callbacks = {.alive = model_trace_alive};
    show_callbacks(show, &callbacks);
    struct model *model = model_new(&callbacks);
    show_attach(show, model);
    struct stream *stream = stream_open(reread->traces, reread->count, quiet, NULL);
    model_trace_feed(model, stream, NULL);
    bool written = false;
    if (!show_complete(show)) /* the trace was replaced between the two readings */
        complain_line("sockatlas show: %s: no longer in the trace", request->search.text);
    else
        written = json ? show_json(show, out) : show_text(show, width, view_colour(out), out);
    show_free(show);
    model_free(model);
    stream_close(stream);
    return written;
}

/* The first reading: which socket it is, and what the input has to be complained about. */
static int find(struct request *request, struct reread *reread)
{
    struct model_callbacks callbacks = {.context = &request->search,
                                        .socket_done = look_at_socket,
                                        .event_seen = look_at_event,
                                        .alive = model_trace_alive};
    struct model *model = model_new(&callbacks);
    request->search.model = model;
    struct stream *stream = stream_open(reread->traces, reread->count, reread_complain, reread);
    model_trace_feed(model, stream, NULL);
    int status = stream_errors(stream) ? CMD_UNREADABLE : CMD_DONE;
    request->search.nowhere = model_trace_nothing(stream);
    model_free(model);
    stream_close(stream);
    return status;
}

/* What was found, into what -o names. */
static bool write_it(struct request *request, const struct reread *reread)
{
    if (!one_found(&request->search) || !(request->out = output_open(request->shape.output)))
        return false;
    bool written = tell(request, reread);
    return output_close(request->out, request->shape.output) && written;
}

int cmd_show(int argc, char **argv)
{
    struct request request = {.shape = {.formats = formats}};
    struct reread reread;
    int status = CMD_UNREADABLE;
    usage_parse(&argp, argc, argv, 0, &request);
    if (output_is_input(request.shape.output, request.shape.traces, request.shape.count))
        return CMD_USAGE;
    if (reread_begin(&reread, request.shape.traces, request.shape.count)) {
        status = find(&request, &reread);
        if (!write_it(&request, &reread))
            status = CMD_UNREADABLE;
    }
    reread_end(&reread);
    filter_free(&request.search.filter);
    return status;
}
