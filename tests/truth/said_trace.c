/* SPDX-License-Identifier: MIT
 *
 * What the trace says of system calls, and what it says of its own gaps.
 */
#include "analyzer/trace/stream.h"
#include "tests/truth/said.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct said *said_append(struct said_list *list, const struct said *said)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 4096;
        list->all = realloc(list->all, list->capacity * sizeof(*list->all));
        if (!list->all)
            abort();
    }
    list->all[list->count] = *said;
    list->all[list->count].order = list->count;
    return &list->all[list->count++];
}

static struct explanation *explanations;
static size_t explanations_count;
static uint64_t lost;

static void explain(uint32_t pid, int fd, bool untraced, double time, const char *what)
{
    explanations = realloc(explanations, (explanations_count + 1) * sizeof(*explanations));
    if (!explanations)
        abort();
    explanations[explanations_count] = (struct explanation){.pid = pid, .fd = fd, .untraced = untraced, .time = time};
    snprintf(explanations[explanations_count++].what, sizeof(explanations->what), "%s", what);
}

const struct explanation *said_explanations(size_t *count)
{
    *count = explanations_count;
    return explanations;
}

uint64_t said_lost(void)
{
    return lost;
}

/* The process of each thread that recorded anything. */
struct thread {
    uint32_t tid, pid;
};
static struct thread *threads;
static size_t threads_count;

uint32_t said_process(uint32_t tid)
{
    for (size_t i = threads_count; i-- > 0;)
        if (threads[i].tid == tid)
            return threads[i].pid;
    return tid;
}

static void note_thread(uint32_t tid, uint32_t pid)
{
    if (threads_count && threads[threads_count - 1].tid == tid && threads[threads_count - 1].pid == pid)
        return;
    threads = realloc(threads, (threads_count + 1) * sizeof(*threads));
    if (!threads)
        abort();
    threads[threads_count++] = (struct thread){.tid = tid, .pid = pid};
}

void said_address(const struct address *address, char *words, size_t capacity)
{
    char text[ADDRESS_TEXT_MAX];
    if (address->family == AF_INET || address->family == AF_INET6 || address->family == AF_UNIX)
        snprintf(words, capacity, "%s", address_text_port(address, text));
}

static void say_option(const struct event *event, struct said *said)
{
    const struct sockatlas_body_option *body = event_body(event);
    snprintf(said->identity, sizeof(said->identity), "setsockopt %d level %d name %d", event->fd, body->level,
             body->name);
    snprintf(said->words, sizeof(said->words), "size %u", body->requested_size);
    said->value_size = body->kept_size;
    event_tail(event, sizeof(*body), 0, said->value, body->kept_size);
}

static void say_accept(const struct event *event, struct said *said)
{
    const struct sockatlas_body_accept *body = event_body(event);
    struct address peer;
    event_addresses(event, &peer, NULL);
    snprintf(said->identity, sizeof(said->identity), "accept %d gives %d", body->listener_fd, event->fd);
    said_address(&peer, said->words, sizeof(said->words));
}

/* Fills in what a record says of a system call; false when it speaks of none. */
static bool say_event(const struct event *event, struct said *said)
{
    struct address address;
    const void *body = event_body(event);
    const struct sockatlas_body_socket *socket = body;
    const struct sockatlas_body_socketpair *pair = body;
    char *identity = said->identity;
    enum { SPACE = sizeof(said->identity) };
    switch (event->kind) {
    case SOCKATLAS_SOCKET:
        snprintf(identity, SPACE, "socket gives %d", event->fd);
        snprintf(said->words, sizeof(said->words), "family %u type %u flags %u protocol %d", socket->family,
                 socket->type, socket->flags, socket->protocol);
        return true;
    case SOCKATLAS_SOCKETPAIR:
        snprintf(identity, SPACE, "socketpair gives %d %d", event->fd, pair->fd2);
        snprintf(said->words, sizeof(said->words), "family %u type %u flags %u protocol %d", pair->family, pair->type,
                 pair->flags, pair->protocol);
        return true;
    case SOCKATLAS_BIND:
    case SOCKATLAS_CONNECT:
        event_addresses(event, &address, NULL);
        snprintf(identity, SPACE, "%s %d", event->kind == SOCKATLAS_BIND ? "bind" : "connect", event->fd);
        said_address(&address, said->words, sizeof(said->words));
        return true;
    case SOCKATLAS_LISTEN:
        snprintf(identity, SPACE, "listen %d", event->fd);
        snprintf(said->words, sizeof(said->words), "backlog %d", ((const struct sockatlas_body_listen *)body)->backlog);
        return true;
    case SOCKATLAS_ACCEPT:
        say_accept(event, said);
        return true;
    case SOCKATLAS_OPTION:
        say_option(event, said);
        return true;
    case SOCKATLAS_SHUTDOWN:
        snprintf(identity, SPACE, "shutdown %d", event->fd);
        snprintf(said->words, sizeof(said->words), "how %d", ((const struct sockatlas_body_shutdown *)body)->how);
        return true;
    case SOCKATLAS_CLOSE:
        snprintf(identity, SPACE, "close %d", event->fd);
        if (event->call == SOCKATLAS_CALL_close)
            snprintf(said->words, sizeof(said->words), "closed");
        else if (event->call == SOCKATLAS_CALL_dup2 || event->call == SOCKATLAS_CALL_dup3)
            snprintf(said->words, sizeof(said->words), "replaced");
        return true;
    case SOCKATLAS_DUP:
        snprintf(identity, SPACE, "dup %d gives %d", ((const struct sockatlas_body_dup *)body)->old_fd, event->fd);
        return true;
    default:
        return false;
    }
}

/* A snapshot at the end of a process is no close. */
static bool at_exit(const struct event *event)
{
    return event->kind == SOCKATLAS_CLOSE && event->call >= SOCKATLAS_CALL_exit && event->call <= SOCKATLAS_CALL_abort;
}

static void note_explanations(const struct event *event)
{
    static const char *const coverages[] = {
#define X(value, name, word) [value] = #word,
        SOCKATLAS_COVERAGES(X)
#undef X
    };
    double time = (double)event_time_us(event) / 1e6;
    const struct sockatlas_body_coverage *coverage = event_body(event);
    const struct sockatlas_body_spawn *spawn = event_body(event);
    const struct sockatlas_body_exec *exec = event_body(event);
    if (event->kind == SOCKATLAS_SEEN)
        explain(event->pid, event->fd, false, time, "seen first later");
    else if (event->kind == SOCKATLAS_COVERAGE && coverage->what < sizeof(coverages) / sizeof(coverages[0]))
        explain(event->pid, -1, false, time, coverages[coverage->what] ? coverages[coverage->what] : "coverage");
    else if (event->kind == SOCKATLAS_EXEC && exec->untraced)
        explain(event->pid, -1, true, time, "the program it became is not traced");
    else if (event->kind == SOCKATLAS_SPAWN && spawn->untraced)
        explain(spawn->child_pid, -1, true, time, "a spawned program that is not traced");
}

void said_by_trace(char *const *traces, int count, struct said_list *list)
{
    struct stream *stream = stream_open(traces, count, NULL, NULL);
    struct event event;
    while (stream_next(stream, &event)) {
        struct said said = {.pid = event.pid, .tid = event.tid, .fd = event.fd};
        note_thread(event.tid, event.pid);
        note_explanations(&event);
        bool told_again = event.kind == SOCKATLAS_OPTION && event.call == SOCKATLAS_CALL_NONE;
        if (at_exit(&event) || told_again || !say_event(&event, &said))
            continue;
        size_t used = strlen(said.identity);
        snprintf(said.identity + used, sizeof(said.identity) - used, " error %d thread %u", event.error, event.tid);
        said_append(list, &said);
    }
    for (unsigned i = 0; i < stream_image_count(stream); i++)
        lost += stream_image(stream, i)->header.lost;
    if (stream_errors(stream))
        exit(1);
    stream_close(stream);
}
