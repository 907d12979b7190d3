/* SPDX-License-Identifier: MIT
 *
 * compare PREFIX TRACE...: lays what strace saw from outside (PREFIX.TID, see watched.h) beside what the trace says.
 *
 * Every call on a socket that went through libc's public names must be in the trace exactly once with the same
 * descriptors, result and contents, and the trace must have none that strace did not see. What strace saw and the trace
 * has not is listed, each with what explains it. Prints a summary; exit status 1 when something differs or stays
 * unexplained.
 */
#include "analyzer/trace/stream.h"
#include "tests/truth/watched.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* One thing that happened to a socket, said by either side. Two of the same identity are the same kind of call by the
 * same thread on the same descriptors with the same result; `words` hold what else it must agree in. */
struct said {
    char identity[96];
    char words[ADDRESS_TEXT_MAX + 64]; /* "" not known */
    unsigned char value[SOCKATLAS_OPTION_BYTES_MAX];
    size_t value_size;             /* 0: not known */
    const struct watched *watched; /* NULL: said by the trace */
    bool optional;                 /* the trace may leave it out */
    uint32_t pid, tid;
    int fd;
    size_t order;
    struct said *match;
};

struct said_list {
    struct said *all;
    size_t count, room;
};

static struct said *said_append(struct said_list *list, const struct said *said)
{
    if (list->count == list->room) {
        list->room = list->room ? list->room * 2 : 4096;
        list->all = realloc(list->all, list->room * sizeof(*list->all));
        if (!list->all)
            abort();
    }
    list->all[list->count] = *said;
    list->all[list->count].order = list->count;
    return &list->all[list->count++];
}

/* What explains that the trace lacks something. */
struct explanation {
    uint32_t pid;
    int fd;        /* -1: all of the process */
    bool untraced; /* the shim is not in it */
    double time;   /* CLOCK_REALTIME */
    char what[64];
};

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

/* ---- What the trace says ---- */

/* The process of each thread that recorded anything. */
struct thread {
    uint32_t tid, pid;
};
static struct thread *threads;
static size_t threads_count;

static uint32_t process_of(uint32_t tid)
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

static void address_words(const struct address *address, char *words, size_t room)
{
    char text[ADDRESS_TEXT_MAX];
    if (address->family == AF_INET || address->family == AF_INET6 || address->family == AF_UNIX)
        snprintf(words, room, "%s", address_text_port(address, text));
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
    address_words(&peer, said->words, sizeof(said->words));
}

/* Fills in what a record says of a system call; false when it speaks of none. */
static bool say_event(const struct event *event, struct said *said)
{
    struct address address;
    const void *body = event_body(event);
    const struct sockatlas_body_socket *socket = body;
    const struct sockatlas_body_socketpair *pair = body;
    char *identity = said->identity;
    enum { ROOM = sizeof(said->identity) };
    switch (event->kind) {
    case SOCKATLAS_SOCKET:
        snprintf(identity, ROOM, "socket gives %d", event->fd);
        snprintf(said->words, sizeof(said->words), "family %u type %u flags %u protocol %d", socket->family,
                 socket->type, socket->flags, socket->protocol);
        return true;
    case SOCKATLAS_SOCKETPAIR:
        snprintf(identity, ROOM, "socketpair gives %d %d", event->fd, pair->fd2);
        snprintf(said->words, sizeof(said->words), "family %u type %u flags %u protocol %d", pair->family, pair->type,
                 pair->flags, pair->protocol);
        return true;
    case SOCKATLAS_BIND:
    case SOCKATLAS_CONNECT:
        event_addresses(event, &address, NULL);
        snprintf(identity, ROOM, "%s %d", event->kind == SOCKATLAS_BIND ? "bind" : "connect", event->fd);
        address_words(&address, said->words, sizeof(said->words));
        return true;
    case SOCKATLAS_LISTEN:
        snprintf(identity, ROOM, "listen %d", event->fd);
        snprintf(said->words, sizeof(said->words), "backlog %d", ((const struct sockatlas_body_listen *)body)->backlog);
        return true;
    case SOCKATLAS_ACCEPT:
        say_accept(event, said);
        return true;
    case SOCKATLAS_OPTION:
        say_option(event, said);
        return true;
    case SOCKATLAS_SHUTDOWN:
        snprintf(identity, ROOM, "shutdown %d", event->fd);
        snprintf(said->words, sizeof(said->words), "how %d", ((const struct sockatlas_body_shutdown *)body)->how);
        return true;
    case SOCKATLAS_CLOSE:
        snprintf(identity, ROOM, "close %d", event->fd);
        if (event->call == SOCKATLAS_CALL_close)
            snprintf(said->words, sizeof(said->words), "closed");
        else if (event->call == SOCKATLAS_CALL_dup2 || event->call == SOCKATLAS_CALL_dup3)
            snprintf(said->words, sizeof(said->words), "replaced");
        return true;
    case SOCKATLAS_DUP:
        snprintf(identity, ROOM, "dup %d gives %d", ((const struct sockatlas_body_dup *)body)->old_fd, event->fd);
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

static void read_trace(char *const *traces, int count, struct said_list *list)
{
    struct stream *stream = stream_open(traces, count, NULL, NULL);
    struct event event;
    while (stream_next(stream, &event)) {
        struct said said = {.pid = event.pid, .tid = event.tid, .fd = event.fd};
        note_thread(event.tid, event.pid);
        note_explanations(&event);
        if (at_exit(&event) || !say_event(&event, &said))
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

/* ---- What strace says ---- */

enum { TYPE_MASK = 0xf }; /* the kernel's SOCK_TYPE_MASK */

static unsigned flags_of(long type)
{
    return (type & SOCK_CLOEXEC ? SOCKATLAS_CLOEXEC : 0) | (type & SOCK_NONBLOCK ? SOCKATLAS_NONBLOCK : 0);
}

static void say(struct said_list *list, struct said *said, int error)
{
    size_t used = strlen(said->identity);
    snprintf(said->identity + used, sizeof(said->identity) - used, " error %d thread %u", error, said->tid);
    said_append(list, said);
}

static void say_replaced(struct said_list *list, const struct watched *call, struct said said)
{
    if (call->error || call->arguments[0] == call->arguments[1] || !call->inodes[1])
        return;
    said.fd = (int)call->arguments[1];
    snprintf(said.identity, sizeof(said.identity), "close %d", said.fd);
    snprintf(said.words, sizeof(said.words), "replaced");
    say(list, &said, 0);
}

static void say_dup(struct said_list *list, const struct watched *call, struct said said)
{
    if (call->error || !call->inodes[0] || call->result == call->arguments[0])
        return;
    snprintf(said.identity, sizeof(said.identity), "dup %ld gives %ld", call->arguments[0], call->result);
    say(list, &said, 0);
}

/* The kernel's choice where the program passed protocol 0. */
static long protocol_of(const long arguments[])
{
    long type = arguments[1] & TYPE_MASK;
    bool inet = arguments[0] == AF_INET || arguments[0] == AF_INET6;
    if (arguments[2] == 0 && inet)
        return type == SOCK_STREAM ? IPPROTO_TCP : type == SOCK_DGRAM ? IPPROTO_UDP : 0;
    return arguments[2];
}

/* On a descriptor: nothing is said of what is no socket. */
static void say_on_socket(struct said_list *list, const struct watched *call, struct said said)
{
    const long *arguments = call->arguments;
    char *words = said.words;
    enum { ROOM = sizeof(said.identity), WORDS = sizeof(said.words) };
    if (!call->inodes[0])
        return;
    if (strcmp(call->name, "bind") == 0 || strcmp(call->name, "connect") == 0) {
        snprintf(said.identity, ROOM, "%s %ld", call->name, arguments[0]);
        address_words(&call->address, words, WORDS);
    } else if (strcmp(call->name, "listen") == 0) {
        snprintf(said.identity, ROOM, "listen %ld", arguments[0]);
        snprintf(words, WORDS, "backlog %ld", arguments[1]);
    } else if (strcmp(call->name, "shutdown") == 0) {
        snprintf(said.identity, ROOM, "shutdown %ld", arguments[0]);
        snprintf(words, WORDS, "how %ld", arguments[1]);
    } else if (strcmp(call->name, "setsockopt") == 0) {
        snprintf(said.identity, ROOM, "setsockopt %ld level %ld name %ld", arguments[0], arguments[1], arguments[2]);
        snprintf(words, WORDS, "size %u", (unsigned)arguments[4]);
        said.value_size = call->value_size < sizeof(said.value) ? call->value_size : sizeof(said.value);
        memcpy(said.value, call->value, said.value_size);
    } else if (strncmp(call->name, "accept", 6) == 0) {
        if (call->error == EAGAIN || call->error == EINTR)
            return;
        snprintf(said.identity, ROOM, "accept %ld gives %ld", arguments[0], call->result);
        address_words(&call->address, words, WORDS);
    } else if (strcmp(call->name, "close") == 0 && !call->error) {
        snprintf(said.identity, ROOM, "close %ld", arguments[0]);
        snprintf(words, WORDS, "closed");
    } else {
        return;
    }
    say(list, &said, call->error);
}

static void say_call(struct said_list *list, const struct watched *call)
{
    const long *arguments = call->arguments;
    struct said said = {.watched = call,
                        .tid = call->tid,
                        .pid = process_of(call->tid),
                        .optional = call->restarted,
                        .fd = (int)arguments[0]};
    if (strcmp(call->name, "socket") == 0) {
        said.fd = (int)call->result;
        snprintf(said.identity, sizeof(said.identity), "socket gives %ld", call->result);
        snprintf(said.words, sizeof(said.words), "family %ld type %ld flags %u protocol %ld", arguments[0],
                 arguments[1] & TYPE_MASK, flags_of(arguments[1]), protocol_of(arguments));
        say(list, &said, call->error);
    } else if (strcmp(call->name, "socketpair") == 0) {
        said.fd = call->error ? -1 : (int)arguments[3];
        snprintf(said.identity, sizeof(said.identity), "socketpair gives %d %ld", said.fd, call->second_fd);
        snprintf(said.words, sizeof(said.words), "family %ld type %ld flags %u protocol %ld", arguments[0],
                 arguments[1] & TYPE_MASK, flags_of(arguments[1]), arguments[2]);
        say(list, &said, call->error);
    } else if (strcmp(call->name, "dup2") == 0 || strcmp(call->name, "dup3") == 0) {
        say_replaced(list, call, said);
        say_dup(list, call, said);
    } else if (strcmp(call->name, "dup") == 0 ||
               (strcmp(call->name, "fcntl") == 0 && (arguments[1] == F_DUPFD || arguments[1] == F_DUPFD_CLOEXEC))) {
        say_dup(list, call, said);
    } else {
        say_on_socket(list, call, said);
    }
}

/* A connect() after one that was still under way only asks how that one ended. */
static bool asks_after(const struct watched *calls, size_t index)
{
    for (size_t i = index; i-- > 0 && calls[i].tid == calls[index].tid;)
        if (strcmp(calls[i].name, "connect") == 0 && calls[i].inodes[0] == calls[index].inodes[0])
            return calls[i].error == EINPROGRESS || calls[i].error == EALREADY || calls[i].restarted;
    return false;
}

/* ---- Both ---- */

static int by_identity(const void *a, const void *b)
{
    const struct said *one = a, *other = b;
    int order = strcmp(one->identity, other->identity);
    return order ? order : one->order < other->order ? -1 : 1;
}

static bool agree(const struct said *one, const struct said *other)
{
    size_t size = one->value_size < other->value_size ? one->value_size : other->value_size;
    bool words = !*one->words || !*other->words || strcmp(one->words, other->words) == 0;
    return words && (size == 0 || memcmp(one->value, other->value, size) == 0);
}

/* Who is paired first: what the program called must be in the trace, what libc did inside may be. */
static bool goes_first(const struct said *watched)
{
    return watched->watched->by == WATCHED_PROGRAM && !watched->optional;
}

static struct said *partner(const struct said *watched, struct said *traced, size_t count, bool alike)
{
    for (size_t i = 0; i < count; i++)
        if (!traced[i].match && (!alike || agree(watched, &traced[i])))
            return &traced[i];
    return NULL;
}

/* Pairs those of one identity: first those that agree, in order, then the rest, which so differ. */
static unsigned pair_up(struct said *watched, size_t watched_count, struct said *traced, size_t traced_count)
{
    unsigned differ = 0;
    for (int round = 0; round < 4; round++) {
        bool first = round % 2 == 0, alike = round < 2;
        for (size_t i = 0; i < watched_count; i++) {
            struct said *other = watched[i].match || goes_first(&watched[i]) != first
                                     ? NULL
                                     : partner(&watched[i], traced, traced_count, alike);
            if (!other)
                continue;
            watched[i].match = other;
            other->match = &watched[i];
            if (alike)
                continue;
            differ++;
            printf("differs: strace: %s: %s\n         trace:  %s: %s\n", watched[i].watched->line, watched[i].words,
                   other->identity, other->words);
        }
    }
    return differ;
}

static size_t run_length(const struct said *all, size_t count)
{
    size_t length = 1;
    while (length < count && strcmp(all[0].identity, all[length].identity) == 0)
        length++;
    return length;
}

static unsigned match(struct said_list *watched, struct said_list *traced)
{
    unsigned differ = 0;
    if (watched->count)
        qsort(watched->all, watched->count, sizeof(*watched->all), by_identity);
    if (traced->count)
        qsort(traced->all, traced->count, sizeof(*traced->all), by_identity);
    for (size_t i = 0, j = 0; i < watched->count && j < traced->count;) {
        size_t here = run_length(watched->all + i, watched->count - i);
        size_t there = run_length(traced->all + j, traced->count - j);
        int order = strcmp(watched->all[i].identity, traced->all[j].identity);
        if (order == 0)
            differ += pair_up(watched->all + i, here, traced->all + j, there);
        i += order <= 0 ? here : 0;
        j += order >= 0 ? there : 0;
    }
    return differ;
}

/* Whether the trace knows the socket that an unmatched call was about. */
static bool socket_known(const struct said_list *watched, uint64_t inode)
{
    for (size_t i = 0; inode && i < watched->count; i++) {
        const struct watched *call = watched->all[i].watched;
        if (watched->all[i].match &&
            (call->inodes[0] == inode || call->result_inode == inode || call->inodes[3] == inode))
            return true;
    }
    return false;
}

/* Whether a close_range() by the same thread covers the descriptor, so that its CLOSE record is right. */
static bool range_closed(const struct watched *calls, size_t count, const struct said *said)
{
    for (size_t i = 0; i < count; i++)
        if (calls[i].tid == said->tid && strcmp(calls[i].name, "close_range") == 0 && !calls[i].error &&
            calls[i].arguments[0] <= said->fd && said->fd <= (calls[i].arguments[1] & 0xffffffff))
            return true;
    return false;
}

static const char *explanation_of(const struct said_list *watched, const struct said *said)
{
    const struct watched *call = said->watched;
    uint64_t inode = call->inodes[0] ? call->inodes[0] : call->result_inode;
    static char text[160];
    if (said->optional)
        return "interrupted, or asks after an earlier connect";
    if (call->by == WATCHED_LIBC && !socket_known(watched, inode)) {
        snprintf(text, sizeof(text), "libc's own, inside %s()", call->door);
        return text;
    }
    for (size_t i = 0; i < explanations_count; i++) {
        const struct explanation *why = &explanations[i];
        bool meant = why->pid == said->pid && (why->fd == -1 || why->fd == said->fd || why->fd == call->result);
        if (meant && (call->by != WATCHED_PROGRAM || why->untraced) &&
            (why->fd == -1 || why->time >= call->time - 0.001))
            return why->what;
    }
    return NULL;
}

static unsigned report_missing(const struct said_list *watched)
{
    static const char *const by[] = {"the program", "libc", "a raw system call", "the shim"};
    unsigned unexplained = 0;
    for (size_t i = 0; i < watched->count; i++) {
        const struct said *said = &watched->all[i];
        if (said->match)
            continue;
        const char *why = explanation_of(watched, said);
        printf("%s: %u: %s by %s, %s\n", why ? "not in the trace" : "MISSING", said->tid, said->watched->line,
               by[said->watched->by], why ? why : "and nothing explains it");
        unexplained += !why;
    }
    return unexplained;
}

static unsigned report_surplus(const struct said_list *traced, const struct watched *calls, size_t count)
{
    unsigned surplus = 0;
    for (size_t i = 0; i < traced->count; i++) {
        const struct said *said = &traced->all[i];
        if (said->match || (strncmp(said->identity, "close ", 6) == 0 && range_closed(calls, count, said)))
            continue;
        printf("INVENTED: %s %s: strace saw no such call\n", said->identity, said->words);
        surplus++;
    }
    return surplus;
}

int main(int argc, char **argv)
{
    struct said_list watched = {0}, traced = {0};
    size_t count;
    if (argc < 3) {
        fputs("usage: compare PREFIX TRACE...\n", stderr);
        return 2;
    }
    struct watched *calls = watched_read(argv[1], &count);
    read_trace(argv + 2, argc - 2, &traced);
    for (size_t i = 0; i < count; i++) {
        size_t before = watched.count;
        if (calls[i].by != WATCHED_SHIM)
            say_call(&watched, &calls[i]);
        if (watched.count > before && strcmp(calls[i].name, "connect") == 0 && asks_after(calls, i))
            watched.all[before].optional = true;
    }
    unsigned differ = match(&watched, &traced), matched = 0;
    for (size_t i = 0; i < watched.count; i++)
        matched += watched.all[i].match != NULL;
    unsigned missing = report_missing(&watched), surplus = report_surplus(&traced, calls, count);
    unsigned lacking = missing > lost ? missing - (unsigned)lost : 0;
    printf("%zu calls watched, %u in the trace and alike, %u differ, %u missing, %u invented, %llu counted as lost\n",
           watched.count, matched - differ, differ, missing, surplus, (unsigned long long)lost);
    return differ || lacking || surplus || matched == 0;
}
