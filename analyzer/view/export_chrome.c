/* SPDX-License-Identifier: MIT
 *
 * Chrome trace events, as Perfetto and chrome://tracing read them: a track per process, a slice per connection or
 * other socket that was used, an instant per option set and per failure.
 *
 * Connections overlap, which slices of one thread must not: they are asynchronous slices, one id per socket. Arrows
 * lead from thread slices to thread slices only: where both ends of a connection are in the trace, its connect and its
 * accept are one each, of a microsecond, and the arrow is between them. `pid` is the real one. What has none, or has
 * one that another process had before it (it came back, another host, another namespace), has a number that no pid can
 * be.
 *
 * Readers want times sorted, and sockets come when they end: elements are spooled to a file and put in order at last.
 */
#include "analyzer/names/names.h"
#include "analyzer/trace/hash.h"
#include "analyzer/trace/jsonl.h"
#include "analyzer/trace/members.h"
#include "analyzer/view/export.h"
#include "analyzer/view/socket_json.h"
#include "analyzer/view/words.h"

#include <inttypes.h>
#include <stdlib.h>

/* The kernel's largest pid. */
enum { PID_MOST = 1 << 22 };

/* Which process a pid stands for. */
struct holder {
    UT_hash_handle hh;
    uint32_t pid;
    unsigned process;
};

/* One end of a connection whose other end is still to come. */
struct arrow_end {
    UT_hash_handle hh;
    uint64_t client; /* id of the client's socket */
    const struct process *owner;
    int64_t us;
    char name[ADDRESS_TEXT_MAX + 64];
};

/* Where an element lies in the spool. */
struct element {
    int64_t us;
    uint64_t offset;
    size_t size;
};

struct chrome {
    struct members members;
    struct holder *holders;
    struct arrow_end *halves;
    FILE *spool; /* NULL: none could be made */
    struct element *elements;
    size_t count, capacity;
    uint64_t size; /* of the spool */
    bool failed;
};

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

static void spool_failed(struct chrome *chrome)
{
    perror("sockatlas export: a temporary file");
    chrome->failed = true;
}

static void chrome_begin(struct export *report)
{
    struct chrome *chrome = report->state = must(calloc(1, sizeof *chrome));
    chrome->spool = tmpfile();
    if (!chrome->spool)
        spool_failed(chrome);
    fputs("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n", report->out);
}

static int64_t shown_pid(struct export *report, const struct process *process)
{
    struct chrome *chrome = report->state;
    struct holder *holder = NULL;
    if (process->pid) {
        HASH_FIND(hh, chrome->holders, &process->pid, sizeof holder->pid, holder);
        if (!holder) {
            holder = must(calloc(1, sizeof *holder));
            holder->pid = (uint32_t)process->pid;
            holder->process = process->id;
            HASH_ADD(hh, chrome->holders, pid, sizeof holder->pid, holder);
        }
    }
    return holder && holder->process == process->id ? process->pid : (int64_t)PID_MOST + 1 + process->id;
}

/* A new element, with what every trace event has. */
static struct members *new_element(struct export *report, const char *phase, const char *name, const char *category,
                                   const struct process *process)
{
    struct members *element = &((struct chrome *)report->state)->members;
    int64_t pid = shown_pid(report, process);
    members_line(element);
    members_word(element, "ph", phase);
    members_text(element, "name", name);
    members_word(element, "cat", category);
    members_integer(element, "pid", true, pid);
    members_integer(element, "tid", true, pid);
    return element;
}

/* Of no time: right into the report. */
static void write_element(struct export *report)
{
    if (report->written++)
        fputs(",\n", report->out);
    members_print_element(&((struct chrome *)report->state)->members, report->out);
}

static void spool_element(struct export *report, int64_t us)
{
    struct chrome *chrome = report->state;
    if (chrome->failed)
        return;
    if (chrome->count == chrome->capacity) {
        chrome->capacity = chrome->capacity ? chrome->capacity * 2 : 1024;
        chrome->elements = must(realloc(chrome->elements, chrome->capacity * sizeof *chrome->elements));
    }
    uint64_t before = chrome->size;
    if (!members_print_element(&chrome->members, chrome->spool)) {
        spool_failed(chrome);
        return;
    }
    chrome->size = (uint64_t)ftello(chrome->spool);
    chrome->elements[chrome->count++] =
        (struct element){.us = us, .offset = before, .size = (size_t)(chrome->size - before)};
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
    int64_t us = model_time_us(report->model, socket->host, ns);
    members_integer(element, "ts", true, us);
    if (phase[0] == 'b') {
        members_open(element, "args", '{');
        socket_members(element, report->model, socket);
        members_close(element);
    }
    spool_element(report, us);
}

/* ---- Arrows: from the client's connect to the server's accept ---- */

static void write_step(struct export *report, const struct arrow_end *half)
{
    struct members *element = new_element(report, "X", half->name, "connection", half->owner);
    members_integer(element, "ts", true, half->us);
    members_integer(element, "dur", true, 1);
    spool_element(report, half->us);
}

static void write_flow(struct export *report, const struct arrow_end *half, const char *phase)
{
    char id[WORD_MAX];
    struct members *element = new_element(report, phase, "connection", "connection", half->owner);
    snprintf(id, sizeof id, "0x%" PRIx64, half->client);
    members_word(element, "id", id);
    members_integer(element, "ts", true, half->us);
    if (phase[0] == 'f')
        members_word(element, "bp", "e"); /* the slice that is there then, not the next one */
    spool_element(report, half->us);
}

/* An arrow goes forth in time: of hosts whose clocks differ by more than it took, there is none. */
static void write_arrow(struct export *report, const struct arrow_end *client, const struct arrow_end *server)
{
    write_step(report, client);
    if (client->us <= server->us)
        write_flow(report, client, "s");
    write_step(report, server);
    if (client->us <= server->us)
        write_flow(report, server, "f");
}

static void take_end(struct export *report, const struct socket *socket, uint64_t ns)
{
    struct chrome *chrome = report->state;
    bool client = socket->role == ROLE_CLIENT;
    struct arrow_end *other = NULL;
    struct arrow_end half = {.client = client ? socket->id : socket->peer_socket,
                             .owner = socket->owner,
                             .us = model_time_us(report->model, socket->host, ns)};
    char address[ADDRESS_TEXT_MAX] = "";
    if (!socket->peer_socket || !(client || socket->role == ROLE_SERVER))
        return;
    if (address_known(client ? &socket->peer : &socket->local))
        address_text_port(client ? &socket->peer : &socket->local, address);
    snprintf(half.name, sizeof half.name, "%s %s", client ? "connect" : "accept", address);
    HASH_FIND(hh, chrome->halves, &half.client, sizeof half.client, other);
    if (!other) {
        other = must(malloc(sizeof *other));
        *other = half;
        HASH_ADD(hh, chrome->halves, client, sizeof other->client, other);
        return;
    }
    write_arrow(report, client ? &half : other, client ? other : &half);
    HASH_DEL(chrome->halves, other);
    free(other);
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
    if (socket->state != STATE_FAILED)
        take_end(report, socket, begin);
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
    int64_t us = event_time_us(event);
    members_integer(element, "ts", true, us);
    members_open(element, "args", '{');
    jsonl_members(element, event);
    if (socket)
        members_integer(element, "socket", true, (int64_t)socket->id);
    members_close(element);
    spool_element(report, us);
}

static int earlier_first(const void *a, const void *b)
{
    const struct element *one = a, *other = b;
    if (one->us != other->us)
        return one->us < other->us ? -1 : 1;
    return one->offset < other->offset ? -1 : one->offset > other->offset;
}

/* False: the spool could not be read back. */
static bool copy_element(struct export *report, const struct element *element, char **text, size_t *capacity)
{
    struct chrome *chrome = report->state;
    if (element->size > *capacity) {
        *capacity = element->size * 2;
        *text = must(realloc(*text, *capacity));
    }
    if (fseeko(chrome->spool, (off_t)element->offset, SEEK_SET) != 0 ||
        fread(*text, 1, element->size, chrome->spool) != element->size)
        return false;
    if (report->written++)
        fputs(",\n", report->out);
    fwrite(*text, 1, element->size, report->out);
    return true;
}

static void write_sorted(struct export *report)
{
    struct chrome *chrome = report->state;
    char *text = NULL;
    size_t capacity = 0;
    if (!chrome->failed && fflush(chrome->spool) != 0) {
        spool_failed(chrome);
    }
    if (chrome->count)
        qsort(chrome->elements, chrome->count, sizeof *chrome->elements, earlier_first);
    for (size_t i = 0; i < chrome->count && !chrome->failed; i++)
        if (!copy_element(report, &chrome->elements[i], &text, &capacity))
            spool_failed(chrome);
    free(text);
}

static void chrome_free(struct chrome *chrome)
{
    struct holder *holder = chrome->holders, *next_holder;
    struct arrow_end *half = chrome->halves, *next_half;
    HASH_CLEAR(hh, chrome->holders);
    HASH_CLEAR(hh, chrome->halves);
    for (; holder; holder = next_holder) {
        next_holder = holder->hh.next;
        free(holder);
    }
    for (; half; half = next_half) {
        next_half = half->hh.next;
        free(half);
    }
    if (chrome->spool)
        fclose(chrome->spool);
    free(chrome->elements);
    members_free(&chrome->members);
    free(chrome);
}

/* Names are known at last only: a process is called as its latest image. */
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
    write_sorted(report);
    fputs("\n]}\n", report->out);
    report->failed = ((struct chrome *)report->state)->failed;
    chrome_free(report->state);
}

const struct export_format export_chrome = {
    .begin = chrome_begin, .event = chrome_event, .socket = chrome_socket, .finish = chrome_finish};
