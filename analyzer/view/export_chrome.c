/* SPDX-License-Identifier: MIT
 *
 * Chrome trace events, as Perfetto and chrome://tracing read them: a track per process, a slice per connection or
 * other socket that was used, an instant per option set and per failure.
 *
 * Connections overlap, which slices of one thread must not: they are asynchronous slices, one id per socket. `pid` is
 * the map's node id plus one, since a process id may come back and Perfetto takes 0 for the idle process; the process's
 * name on its track ends with its real id.
 */
#include "analyzer/names/names.h"
#include "analyzer/trace/jsonl.h"
#include "analyzer/trace/members.h"
#include "analyzer/view/export.h"
#include "analyzer/view/socket_json.h"
#include "analyzer/view/words.h"

#include <inttypes.h>
#include <stdlib.h>

static void chrome_begin(struct export *report)
{
    report->state = calloc(1, sizeof(struct members));
    if (!report->state)
        abort();
    fputs("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n", report->out);
}

/* A new element, with what every trace event has. */
static struct members *new_element(struct export *report, const char *phase, const char *name, const char *category,
                                   const struct process *process)
{
    struct members *element = report->state;
    members_line(element);
    members_word(element, "ph", phase);
    members_text(element, "name", name);
    members_word(element, "cat", category);
    members_integer(element, "pid", true, (int64_t)process->id + 1);
    members_integer(element, "tid", true, (int64_t)process->id + 1);
    return element;
}

static void write_element(struct export *report)
{
    if (report->written++)
        fputs(",\n", report->out);
    members_print_element(report->state, report->out);
}

/* "tcp client 127.0.0.1:80": slices of one name share a row, so it names the end that stays. */
static const char *slice_name(const struct socket *socket, char *out, size_t size)
{
    char text[ADDRESS_TEXT_MAX] = "";
    bool at_peer = socket->role == ROLE_CLIENT || (socket->role == ROLE_DATAGRAM && address_known(&socket->peer));
    const struct address *address = at_peer ? &socket->peer : &socket->local;
    if (address_known(address))
        address_text_port(address, text);
    snprintf(out, size, "%s %s%s%s", word_transport(socket->family, socket->type, socket->protocol),
             word_role(socket->role), text[0] ? " " : "", text);
    return out;
}

static void write_edge(struct export *report, const struct socket *socket, const char *phase, uint64_t ns)
{
    char name[ADDRESS_TEXT_MAX + 64], id[WORD_MAX];
    struct members *element =
        new_element(report, phase, slice_name(socket, name, sizeof name), word_role(socket->role), socket->owner);
    snprintf(id, sizeof id, "0x%" PRIx64, socket->id);
    members_word(element, "id", id);
    members_integer(element, "ts", true, model_time_us(report->model, socket->host, ns));
    if (phase[0] == 'b') {
        members_open(element, "args", '{');
        socket_members(element, report->model, socket);
        members_close(element);
    }
    write_element(report);
}

/* A slice without an end was open when the trace ended. */
static void chrome_socket(struct export *report, const struct socket *socket)
{
    uint64_t begin = socket->connect_started_ns ? socket->connect_started_ns
                     : socket->connected_ns     ? socket->connected_ns
                                                : socket->opened_ns;
    uint64_t end = socket->closed_ns;
    if (!socket->owner || socket->role == ROLE_UNUSED || !begin)
        return;
    if (socket->state == STATE_FAILED && socket->connect_ns != UINT64_MAX)
        end = begin + socket->connect_ns;
    write_edge(report, socket, "b", begin);
    if (end)
        write_edge(report, socket, "e", end < begin ? begin : end);
}

static const char *instant_name(const struct event *event, char *out, size_t size)
{
    char number[WORD_MAX];
    const char *error = event->error ? word_or_number(names_errno(event->error), event->error, number) : NULL;
    const char *call = names_call(event->call);
    if (event->kind == SOCKATLAS_OPTION) {
        const struct sockatlas_body_option *option = event_body(event);
        char unnamed[WORD_MAX];
        snprintf(out, size, "%s%s%s", word_or_number(names_option(option->level, option->name), option->name, unnamed),
                 error ? ": " : "", error ? error : "");
    } else {
        snprintf(out, size, "%s: %s", call ? call : names_find(NAMES_KIND, 0, event->kind), error ? error : "failed");
    }
    return out;
}

static void chrome_event(struct export *report, const struct event *event, const struct process *process,
                         const struct socket *socket)
{
    char name[128];
    bool option = event->kind == SOCKATLAS_OPTION;
    if (!process || (!option && !event_failed(event)))
        return;
    struct members *element = new_element(report, "i", instant_name(event, name, sizeof name),
                                          event_failed(event) ? "failure" : "option", process);
    members_word(element, "s", "p");
    members_integer(element, "ts", true, event_time_us(event));
    members_open(element, "args", '{');
    jsonl_members(element, event);
    if (socket)
        members_integer(element, "socket", true, (int64_t)socket->id);
    members_close(element);
    write_element(report);
}

/* Names come last: a process is called as its latest image. */
static void chrome_finish(struct export *report)
{
    for (unsigned i = 0; i < model_process_count(report->model); i++) {
        char name[WORD_PROCESS_MAX];
        const struct process *process = model_process(report->model, i);
        if (process->kind != PROCESS_TRACED)
            continue;
        struct members *element = new_element(report, "M", "process_name", "__metadata", process);
        members_open(element, "args", '{');
        members_text(element, "name", word_process(process, name));
        members_close(element);
        write_element(report);
    }
    fputs("\n]}\n", report->out);
    members_free(report->state);
    free(report->state);
}

const struct export_format export_chrome = {
    .begin = chrome_begin, .event = chrome_event, .socket = chrome_socket, .finish = chrome_finish};
