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
#include "analyzer/trace/json.h"
#include "analyzer/trace/jsonl.h"
#include "analyzer/trace/value.h"
#include "analyzer/view/export.h"
#include "analyzer/view/socket_json.h"
#include "analyzer/view/words.h"

#include <inttypes.h>

static void chrome_begin(struct export *report)
{
    fputs("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n", report->out);
}

static void write_element(struct export *report, cJSON *element)
{
    if (report->written++)
        fputs(",\n", report->out);
    char *text = cJSON_PrintUnformatted(element);
    if (text)
        fputs(text, report->out);
    cJSON_free(text);
    cJSON_Delete(element);
}

/* What every trace event has. */
static cJSON *new_element(const char *phase, const char *name, const char *category, const struct process *process)
{
    cJSON *element = cJSON_CreateObject();
    value_text(element, "ph", phase);
    value_text(element, "name", name);
    value_text(element, "cat", category);
    value_integer(element, "pid", true, (int64_t)process->id + 1);
    value_integer(element, "tid", true, (int64_t)process->id + 1);
    return element;
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
    cJSON *element = new_element(phase, slice_name(socket, name, sizeof name), word_role(socket->role), socket->owner);
    snprintf(id, sizeof id, "0x%" PRIx64, socket->id);
    value_text(element, "id", id);
    value_integer(element, "ts", true, model_time_us(report->model, socket->host, ns));
    if (phase[0] == 'b')
        cJSON_AddItemToObjectCS(element, "args", socket_json(report->model, socket));
    write_element(report, element);
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
    cJSON *element =
        new_element("i", instant_name(event, name, sizeof name), event_failed(event) ? "failure" : "option", process);
    value_text(element, "s", "p");
    value_integer(element, "ts", true, event_time_us(event));
    cJSON *arguments = jsonl_event(event);
    if (socket)
        value_integer(arguments, "socket", true, (int64_t)socket->id);
    cJSON_AddItemToObjectCS(element, "args", arguments);
    write_element(report, element);
}

/* Names come last: a process is called as its latest image. */
static void chrome_finish(struct export *report)
{
    for (unsigned i = 0; i < model_process_count(report->model); i++) {
        char name[WORD_PROCESS_MAX];
        const struct process *process = model_process(report->model, i);
        if (process->kind != PROCESS_TRACED)
            continue;
        cJSON *element = new_element("M", "process_name", "__metadata", process);
        cJSON *arguments = cJSON_CreateObject();
        value_text(arguments, "name", word_process(process, name));
        cJSON_AddItemToObjectCS(element, "args", arguments);
        write_element(report, element);
    }
    fputs("\n]}\n", report->out);
}

const struct export_format export_chrome = {
    .begin = chrome_begin, .event = chrome_event, .socket = chrome_socket, .finish = chrome_finish};
