/* SPDX-License-Identifier: MIT
 *
 * One socket's life, as text and as JSON.
 */
#include "analyzer/view/show.h"

#include "analyzer/names/names.h"
#include "analyzer/trace/escape.h"
#include "analyzer/trace/jsonl.h"
#include "analyzer/trace/value.h"
#include "analyzer/view/events.h"
#include "analyzer/view/setting.h"
#include "analyzer/view/socket_json.h"
#include "analyzer/view/table.h"
#include "analyzer/view/words.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct show_line {
    int64_t time_us;
    size_t order; /* as they came */
    const struct process *process;
    bool peer;
    bool failed;
    bool told_after; /* by the line of the CONNECT that followed: not shown */
    char *text;      /* NULL where it is `object` */
    cJSON *object;   /* SHOW_JSON: the event */
};

struct show {
    const struct model *model;
    uint64_t socket, peer;
    enum show_form form;
    struct show_line *lines;
    size_t lines_count, lines_capacity;
    struct {
        size_t line; /* 1 is the first; 0 none */
        uint32_t tid;
    } connecting[2]; /* the latest attempt of the socket, and of its peer, whose connect() has not returned */
    char *summary, *peer_summary;
    cJSON *object, *peer_object; /* SHOW_JSON: instead of the summaries */
    const struct process *owner, *peer_owner;
};

struct show *show_new(uint64_t socket, uint64_t peer, enum show_form form)
{
    struct show *show = calloc(1, sizeof *show);
    if (!show)
        abort();
    show->socket = socket;
    show->peer = peer;
    show->form = form;
    return show;
}

void show_attach(struct show *show, const struct model *model)
{
    show->model = model;
}

/* ---- Collecting ---- */

static FILE *memory(char **text, size_t *size)
{
    FILE *out = open_memstream(text, size);
    if (!out)
        abort();
    return out;
}

static void add_line(struct show *show, const struct show_line *line)
{
    if (show->lines_count == show->lines_capacity) {
        show->lines_capacity = show->lines_capacity ? show->lines_capacity * 2 : 64;
        show->lines = realloc(show->lines, show->lines_capacity * sizeof *show->lines);
        if (!show->lines)
            abort();
    }
    show->lines[show->lines_count] = *line;
    show->lines[show->lines_count].order = show->lines_count;
    show->lines_count++;
}

static bool wanted(const struct show *show, const struct socket *socket)
{
    return socket && (socket->id == show->socket || (show->peer && socket->id == show->peer));
}

static cJSON *raw_event(const struct event *event)
{
    struct members line = {0};
    members_line(&line);
    jsonl_members(&line, event);
    cJSON *raw = members_end_raw(&line);
    members_free(&line);
    return raw;
}

/* That an attempt began is for those whose connect() never returned. */
static void join_attempt(struct show *show, const struct event *event, bool peer)
{
    if (event->kind == SOCKATLAS_CONNECTING) {
        show->connecting[peer].line = show->lines_count + 1;
        show->connecting[peer].tid = event->tid;
    } else if (event->kind == SOCKATLAS_CONNECT && show->connecting[peer].line &&
               show->connecting[peer].tid == event->tid) {
        show->lines[show->connecting[peer].line - 1].told_after = true;
        show->connecting[peer].line = 0;
    }
}

static void see_event(void *context, const struct event *event, const struct process *process,
                      const struct socket *socket)
{
    struct show *show = context;
    size_t size;
    if (!wanted(show, socket))
        return;
    struct show_line line = {.time_us = model_time_us(show->model, socket->host, event->time_ns),
                             .process = process,
                             .peer = socket->id == show->peer,
                             .failed = event_failed(event)};
    if (show->form == SHOW_JSON) {
        line.object = raw_event(event);
        add_line(show, &line);
        return;
    }
    join_attempt(show, event, line.peer);
    FILE *out = memory(&line.text, &size);
    events_text_call(out, event, show->form == SHOW_BRIEF);
    fclose(out);
    add_line(show, &line);
}

static void see_inherited(void *context, const struct process *process, const struct socket *socket, int32_t fd,
                          uint64_t time_ns)
{
    struct show *show = context;
    size_t size;
    if (show->form == SHOW_JSON || !wanted(show, socket))
        return;
    struct show_line line = {.time_us = model_time_us(show->model, socket->host, time_ns),
                             .process = process,
                             .peer = socket->id == show->peer};
    FILE *out = memory(&line.text, &size);
    fprintf(out, "a new program began with it as descriptor %d", fd);
    fclose(out);
    add_line(show, &line);
}

/* ---- The summary: "LABEL\tTEXT\n" a line, laid out when it is shown -----------------------------------------------
 */

static double since(const struct show *show, const struct socket *socket, uint64_t ns)
{
    return (double)(model_time_us(show->model, socket->host, ns) - model_origin_us(show->model)) / 1e6;
}

static bool named(const struct address *address)
{
    return address_known(address) && (address->family != AF_UNIX || address->size);
}

static void summarize_ends(const struct show *show, const struct socket *socket, FILE *out)
{
    char address[ADDRESS_TEXT_MAX], process[WORD_PROCESS_MAX];
    fprintf(out, "process\t%s", word_process(socket->owner, process));
    if (socket->fd >= 0)
        fprintf(out, ", descriptor %d", socket->fd);
    fputs("\n", out);
    if (socket->holders_count > 1) {
        fputs("held by\t", out);
        for (unsigned i = 0; i < socket->holders_count; i++)
            fprintf(out, "%s%s", i ? ", " : "", word_process(model_process(show->model, socket->holders[i]), process));
        fputs("\n", out);
    }
    if (named(&socket->local))
        fprintf(out, "local\t%s\n", address_text_port(&socket->local, address));
    bool known = socket->peer_process && socket->peer_process->kind != PROCESS_EXTERNAL;
    if (!named(&socket->peer) && !known)
        return;
    fputs("peer\t", out);
    if (named(&socket->peer)) {
        fputs(address_text_port(&socket->peer, address), out);
        if (socket->peer_name && strcmp(socket->peer_name, address_text(&socket->peer, address)) != 0) {
            fputs(", looked up as ", out);
            escape_put(ESCAPE_TEXT, socket->peer_name, out);
        }
    }
    if (known)
        fprintf(out, "%s%s", named(&socket->peer) ? "; " : "", word_process(socket->peer_process, process));
    if (socket->peer_socket)
        fprintf(out, ", socket %llu", (unsigned long long)socket->peer_socket);
    if (socket->match)
        fprintf(out, " (%s)", word_match(socket->match));
    fputs("\n", out);
}

static void summarize_process(const struct process *process, FILE *out)
{
    if (!process || process->uid == UINT32_MAX)
        return;
    fprintf(out, "runs as\tuser %u", process->uid);
    if (process->cgroup[0]) {
        fputs(", in ", out);
        escape_put(ESCAPE_TEXT, process->cgroup, out);
    }
    fputs("\n", out);
}

static void summarize_life(const struct show *show, const struct socket *socket, FILE *out)
{
    char duration[WORD_MAX], bytes[WORD_MAX];
    const char *comma = "";
    fputs("life\t", out);
    if (socket->opened_ns) {
        fprintf(out, "made at %.6f s", since(show, socket, socket->opened_ns));
        comma = ", ";
    } else if (socket->seen_first) {
        fputs("there before it was first seen", out);
        comma = ", ";
    }
    if (socket->connect_ns != UINT64_MAX) {
        fprintf(out, "%s%s after %s", comma, outcome_failed(socket->outcome) ? "failed" : "connected",
                word_duration(socket->connect_ns, duration));
        comma = ", ";
    }
    if (socket->closed_ns)
        fprintf(out, "%sclosed at %.6f s", comma, since(show, socket, socket->closed_ns));
    else
        fprintf(out, "%s%s", comma,
                socket->state == STATE_CLOSED ? "closed, nobody told when" : "open when the trace ends");
    if (socket->outcome == OUTCOME_UNANSWERED)
        fputs(", not answered", out);
    if (socket->end == END_RESET)
        fprintf(out, ", reset%s",
                socket->reset_by == RESET_LOCAL  ? " by this end"
                : socket->reset_by == RESET_PEER ? " by the other end"
                                                 : "");
    if (socket->end == END_BROKEN)
        fputs(", found broken by a write", out);
    fputs("\n", out);
    if (socket->error)
        fprintf(out, "error\t%s\n", word_or_number(names_errno(socket->error), socket->error, duration));
    if (socket->sent_known || socket->received_known) {
        fprintf(out, "bytes\t%s sent", socket->sent_known ? word_bytes(socket->bytes_sent, bytes) : "unknown");
        fprintf(out, ", %s received", socket->received_known ? word_bytes(socket->bytes_received, bytes) : "unknown");
        if (socket->unread)
            fprintf(out, "; %s of what it received had not been read when it was closed",
                    word_bytes(socket->unread, bytes));
        if (socket->undelivered)
            fprintf(out,
                    "; %s of what it sent did not reach the other end, or was not read there, before that was closed",
                    word_bytes(socket->undelivered, bytes));
        fputs("\n", out);
    }
}

static void summarize_settings(const struct socket *socket, FILE *out)
{
    if (socket->role == ROLE_LISTENER)
        fprintf(out, "backlog\t%d\n", socket->backlog);
    if (socket->rcvbuf || socket->sndbuf)
        fprintf(out, "buffers\t%u to receive, %u to send\n", socket->rcvbuf, socket->sndbuf);
    if (socket->tcp_known)
        fprintf(out,
                "tcp\tround trip %u us (varies by %u), segments of %u out and %u in, window %u, %u retransmits, %u "
                "lost\n",
                socket->tcp.rtt_us, socket->tcp.rttvar_us, socket->tcp.snd_mss, socket->tcp.rcv_mss,
                socket->tcp.snd_cwnd, socket->tcp.retransmits, socket->tcp.lost);
    for (const struct socket_option *option = socket->options; option; option = option->next) {
        char name[SETTING_NAME_MAX], text[OPTION_TEXT_MAX], number[WORD_MAX];
        const unsigned char *bytes;
        size_t size = setting_effective(option, &bytes);
        enum setting_verdict verdict = setting_verdict(option);
        fprintf(out, "%s\t%s", option == socket->options ? "set" : "", setting_name(option->level, option->name, name));
        bool unknown = setting_request_unknown(option);
        fprintf(out, " %s",
                unknown ? "?" : option_text(option->level, option->name, option->bytes, option->kept_size, text));
        if (option->error)
            fprintf(out, ", REFUSED %s", word_or_number(names_errno(option->error), option->error, number));
        else if (verdict == SETTING_FOUND)
            fprintf(out, "%s, found when attached", option_text(option->level, option->name, bytes, size, text));
        else if (verdict != SETTING_AS_ASKED)
            fprintf(out, ", %s: %s",
                    verdict == SETTING_CLAMPED ? "CLAMPED"
                    : unknown                  ? "in force"
                                               : setting_verdict_word(verdict),
                    option_text(option->level, option->name, bytes, size, text));
        fputs("\n", out);
    }
}

static void see_socket(void *context, const struct socket *socket)
{
    struct show *show = context;
    size_t size;
    if (!wanted(show, socket))
        return;
    bool peer = socket->id != show->socket;
    if (show->form == SHOW_JSON) {
        *(peer ? &show->peer_object : &show->object) = socket_json(show->model, socket);
        return;
    }
    *(peer ? &show->peer_owner : &show->owner) = socket->owner;
    FILE *out = memory(peer ? &show->peer_summary : &show->summary, &size);
    fprintf(out, "socket %llu\t%s %s, %s", (unsigned long long)socket->id,
            word_transport(socket->family, socket->type, socket->protocol), word_role(socket->role),
            word_state(socket->state));
    if (socket->cookie)
        fprintf(out, ", cookie %llx", (unsigned long long)socket->cookie);
    fputs("\n", out);
    summarize_ends(show, socket, out);
    if (!peer) {
        summarize_process(socket->owner, out);
        summarize_life(show, socket, out);
        summarize_settings(socket, out);
    }
    fclose(out);
}

void show_callbacks(struct show *show, struct model_callbacks *callbacks)
{
    callbacks->context = show;
    callbacks->event_seen = see_event;
    callbacks->socket_inherited = see_inherited;
    callbacks->socket_done = see_socket;
}

/* ---- Showing ---- */

bool show_complete(const struct show *show)
{
    return show->summary || show->object;
}

#define LABEL_WIDTH 12
#define TIME_WIDTH  14

static void put_summary(const char *summary, unsigned width, bool colour, FILE *out)
{
    char *copy = strdup(summary), *rest = copy;
    if (!copy)
        abort();
    for (char *line; (line = strsep(&rest, "\n")) && *line;) {
        char *text = strchr(line, '\t');
        *text++ = '\0';
        bool title = strncmp(line, "socket ", 7) == 0;
        fputs(title && colour ? "\033[1m" : "", out);
        view_wrap(line, text, LABEL_WIDTH, width, out);
        fputs(title && colour ? "\033[0m" : "", out);
    }
    free(copy);
}

/* The peer's events stand further in, behind a bar. */
static void put_line(const struct show *show, const struct show_line *line, const struct process *latest,
                     unsigned width, bool colour, FILE *out)
{
    char process[WORD_PROCESS_MAX], label[TIME_WIDTH + 8], *text = NULL;
    snprintf(label, sizeof label, "%12.6f  %s", (double)(line->time_us - model_origin_us(show->model)) / 1e6,
             line->peer ? "  | " : "");
    if (asprintf(&text, "%s%s%s", line->process != latest ? word_process(line->process, process) : "",
                 line->process != latest ? ": " : "", line->text) < 0)
        abort();
    events_text_join_result(text);
    const char *on = !colour ? "" : line->failed ? "\033[31m" : line->peer ? "\033[2m" : "";
    fputs(on, out);
    view_wrap(label, text, (unsigned)strlen(label), width, out);
    fputs(*on ? "\033[0m" : "", out);
    free(text);
}

static int by_time(const void *a, const void *b)
{
    const struct show_line *one = a, *other = b;
    if (one->time_us != other->time_us)
        return one->time_us < other->time_us ? -1 : 1;
    return one->order < other->order ? -1 : 1;
}

static void sort(struct show *show)
{
    if (show->lines_count)
        qsort(show->lines, show->lines_count, sizeof *show->lines, by_time);
}

bool show_text(struct show *show, unsigned width, bool colour, FILE *out)
{
    put_summary(show->summary, width, colour, out);
    fputc('\n', out);
    if (show->peer_summary) {
        put_summary(show->peer_summary, width, colour, out);
        fputc('\n', out);
    }
    sort(show);
    /* Named where it is not whose events these mostly are. */
    const struct process *latest[2] = {show->owner, show->peer_owner};
    for (size_t i = 0; i < show->lines_count; i++)
        if (!show->lines[i].told_after)
            put_line(show, &show->lines[i], latest[show->lines[i].peer], width, colour, out);
    return !ferror(out);
}

bool show_json(struct show *show, FILE *out)
{
    cJSON *object = cJSON_CreateObject(), *events = cJSON_CreateArray();
    sort(show);
    for (size_t i = 0; i < show->lines_count; i++) {
        cJSON_AddItemToArray(events, show->lines[i].object);
        show->lines[i].object = NULL;
    }
    value_text(object, "schema", "sockatlas.show/1");
    cJSON_AddItemToObject(object, "socket", show->object);
    cJSON_AddItemToObject(object, "peer", show->peer_object ? show->peer_object : cJSON_CreateNull());
    cJSON_AddItemToObject(object, "events", events);
    show->object = show->peer_object = NULL;
    return value_print(object, out);
}

void show_free(struct show *show)
{
    if (!show)
        return;
    for (size_t i = 0; i < show->lines_count; i++) {
        free(show->lines[i].text);
        cJSON_Delete(show->lines[i].object);
    }
    free(show->lines);
    free(show->summary);
    free(show->peer_summary);
    cJSON_Delete(show->object);
    cJSON_Delete(show->peer_object);
    free(show);
}
