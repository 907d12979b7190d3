/* SPDX-License-Identifier: MIT
 *
 * agree SOCKATLAS TRACE...  what must hold of every trace, whatever it is of: asks each command and compares the
 * answers. Prints a line for each that does not hold; exit status 1 when there is one.
 *
 *   mirror      the end that a connection's end names names that one, its process and its address
 *   bytes       what one end of a connection sent and the other received are equal where both closed in order
 *   sums        edges add up to what sockets say: attempts that failed, connections, bytes
 *   commands    map folded or not, list, its --failed and --csv, and diff of the trace with itself say the same
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

struct trace {
    const char *sockatlas, *path;
    cJSON **sockets; /* by their number in `list`, NULL where there is none */
    unsigned count;
    bool unreadable; /* some of it */
    bool wrong;
};

__attribute__((format(printf, 2, 3))) static void wrong(struct trace *trace, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    printf("%s: ", trace->path);
    vprintf(format, arguments);
    putchar('\n');
    va_end(arguments);
    trace->wrong = true;
}

/* ---- Asking ---- */

/* What a command prints. Where some input cannot be read (1; a difference, for diff), the rest is looked at. */
static FILE *ask(const struct trace *trace, const char *words, const char *second)
{
    char command[16384];
    snprintf(command, sizeof command, "'%s' %s '%s' '%s' 2>/dev/null", trace->sockatlas, words, trace->path, second);
    if (!*second)
        snprintf(command, sizeof command, "'%s' %s '%s' 2>/dev/null", trace->sockatlas, words, trace->path);
    fflush(stdout);
    return popen(command, "re");
}

/* 2 is what diff says of what cannot be read. */
static void asked(struct trace *trace, FILE *answer, const char *words)
{
    int status = answer ? pclose(answer) : -1, code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    trace->unreadable = trace->unreadable || code == 1;
    if (code < 0 || code > 1 + trace->unreadable)
        wrong(trace, "%s: ended with status %d", words, code);
}

static unsigned count_lines(struct trace *trace, const char *words, const char *second)
{
    unsigned count = 0;
    char *line = NULL;
    size_t capacity = 0;
    FILE *answer = ask(trace, words, second);
    while (answer && getline(&line, &capacity, answer) > 0)
        count++;
    asked(trace, answer, words);
    free(line);
    return count;
}

static cJSON *ask_json(struct trace *trace, const char *words)
{
    char *text = NULL;
    size_t capacity = 0;
    FILE *answer = ask(trace, words, "");
    cJSON *json = answer && getdelim(&text, &capacity, '\0', answer) > 0 ? cJSON_Parse(text) : NULL;
    asked(trace, answer, words);
    if (!json && !(trace->unreadable && !trace->count))
        wrong(trace, "%s: not JSON", words);
    free(text);
    return json;
}

/* ---- One value ---- */

static const char *text_of(const cJSON *object, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(object, key));
    return text ? text : "";
}

static bool is(const cJSON *object, const char *key, const char *word)
{
    return strcmp(text_of(object, key), word) == 0;
}

static bool known(const cJSON *object, const char *key)
{
    return cJSON_IsNumber(cJSON_GetObjectItem(object, key));
}

static double number(const cJSON *object, const char *key)
{
    const cJSON *value = cJSON_GetObjectItem(object, key);
    return cJSON_IsNumber(value) ? value->valuedouble : 0;
}

static bool is_connection(const cJSON *socket)
{
    return is(socket, "role", "client") || is(socket, "role", "server") || is(socket, "role", "pair");
}

static const cJSON *named_end(const struct trace *trace, const cJSON *socket)
{
    double id = number(socket, "peer_socket");
    return id > 0 && id < trace->count ? trace->sockets[(unsigned)id] : NULL;
}

/* A socket that connected again names the other end of its latest connection; those of earlier ones still name it. */
static bool is_former(const struct trace *trace, const cJSON *socket)
{
    const cJSON *other = named_end(trace, socket), *latest = other ? named_end(trace, other) : NULL;
    return latest && latest != socket && is(socket, "role", "server") && is(other, "role", "client") &&
           named_end(trace, latest) == other;
}

static const cJSON *other_end(const struct trace *trace, const cJSON *socket)
{
    return is_former(trace, socket) ? NULL : named_end(trace, socket);
}

/* ---- Sockets ---- */

static bool read_list(struct trace *trace)
{
    char *line = NULL;
    size_t capacity = 0;
    FILE *answer = ask(trace, "list --json", "");
    while (answer && getline(&line, &capacity, answer) > 0) {
        cJSON *socket = cJSON_Parse(line);
        unsigned id = (unsigned)number(socket, "socket");
        if (id >= trace->count) {
            trace->sockets = realloc(trace->sockets, (id * 2 + 2) * sizeof *trace->sockets);
            memset(trace->sockets + trace->count, 0, (id * 2 + 2 - trace->count) * sizeof *trace->sockets);
            trace->count = id * 2 + 2;
        }
        if (!id || trace->sockets[id])
            wrong(trace, "list: socket %u twice", id);
        trace->sockets[id] = socket;
    }
    asked(trace, answer, "list --json");
    free(line);
    return trace->count > 0;
}

/* Addresses are compared where both are known, and without the link's number, which each end has of its own. */
static bool same_place(const cJSON *one, const char *prefix, const cJSON *other, const char *other_prefix)
{
    char keys[4][32];
    snprintf(keys[0], sizeof keys[0], "%s_address", prefix);
    snprintf(keys[1], sizeof keys[1], "%s_address", other_prefix);
    snprintf(keys[2], sizeof keys[2], "%s_port", prefix);
    snprintf(keys[3], sizeof keys[3], "%s_port", other_prefix);
    const char *a = text_of(one, keys[0]), *b = text_of(other, keys[1]);
    size_t a_size = strcspn(a, "%"), b_size = strcspn(b, "%");
    if (!*a || !*b)
        return true;
    return a_size == b_size && strncmp(a, b, a_size) == 0 && number(one, keys[2]) == number(other, keys[3]);
}

static void check_mirror(struct trace *trace, unsigned id)
{
    const cJSON *socket = trace->sockets[id], *other = other_end(trace, socket);
    if (is(socket, "role", "unused") && is(socket, "outcome", "established") && known(socket, "peer_process"))
        wrong(trace, "socket %u: connected to a process, and unused", id);
    if (!is_connection(socket) || !known(socket, "peer_socket") || is_former(trace, socket))
        return;
    if (!other)
        wrong(trace, "socket %u: its other end %.0f is not listed", id, number(socket, "peer_socket"));
    else if ((unsigned)number(other, "peer_socket") != id)
        wrong(trace, "socket %u has %.0f, which has %.0f", id, number(socket, "peer_socket"),
              number(other, "peer_socket"));
    else if (number(socket, "peer_process") != number(other, "process") ||
             known(socket, "peer_process") != known(other, "process"))
        wrong(trace, "socket %u: its other end is of process %.0f, not %.0f", id, number(other, "process"),
              number(socket, "peer_process"));
    else if (strcmp(text_of(socket, "match"), text_of(other, "match")) != 0)
        wrong(trace, "socket %u: %s, and its other end %s", id, text_of(socket, "match"), text_of(other, "match"));
    else if (is(socket, "match", "exact") &&
             (!same_place(socket, "local", other, "peer") || !same_place(socket, "peer", other, "local")))
        wrong(trace, "socket %u: its addresses are not those of its other end", id);
}

/* What one received the other sent, but for what is said to be lost. Over TCP that is said only where the one was
 * closed before it had heard the other's end, which comes behind all else. */
static void check_bytes(struct trace *trace, unsigned id)
{
    const cJSON *socket = trace->sockets[id], *other = other_end(trace, socket);
    if (!other || other == socket || !is_connection(socket) || !known(socket, "bytes_sent") ||
        !known(other, "bytes_received") || !is(socket, "end", "closed") || !is(other, "end", "closed"))
        return;
    double sent = number(socket, "bytes_sent"), received = number(other, "bytes_received");
    double lost = number(socket, "bytes_undelivered") - number(other, "bytes_unread");
    if (received + lost != sent)
        wrong(trace, "socket %u sent %.0f, of which %.0f were lost, and its other end %.0f received %.0f", id, sent,
              lost, number(socket, "peer_socket"), received);
}

/* ---- Sums ---- */

struct sums {
    double failed, unanswered, connections, bytes, processes;
};

/* Transports whose edges have nothing but connections. */
static bool is_counted(const cJSON *object)
{
    return is(object, "transport", "tcp") || is(object, "transport", "mptcp");
}

static bool is_traced(const cJSON *map, const cJSON *edge, const char *end)
{
    const cJSON *node = cJSON_GetArrayItem(cJSON_GetObjectItem(map, "nodes"), (int)number(edge, end));
    return is(node, "kind", "process");
}

/* Without what only the kernel's notices tell of, between programs that are not traced: there is no socket of it. */
static struct sums sums_of_map(const cJSON *map)
{
    struct sums sums = {0};
    for (const cJSON *edge = cJSON_GetArrayItem(cJSON_GetObjectItem(map, "edges"), 0); edge; edge = edge->next) {
        if (!is_traced(map, edge, "from") && !is_traced(map, edge, "to"))
            continue;
        sums.failed += number(edge, "failed");
        sums.unanswered += number(edge, "unanswered");
        if (is_counted(edge)) {
            sums.connections += number(edge, "connections");
            sums.bytes += number(edge, "bytes_sent") + number(edge, "bytes_received");
        }
    }
    return sums;
}

/* A connection with two ends is counted once. */
static void add_connection(const struct trace *trace, const cJSON *socket, struct sums *sums)
{
    const cJSON *other = other_end(trace, socket);
    bool first = !other || other == socket || number(socket, "socket") < number(other, "socket");
    if (!is_counted(socket) || !is_connection(socket) || !is(socket, "outcome", "established") ||
        !known(socket, "peer_process") || !first)
        return;
    sums->connections++;
    /* Each way as the client tells, else as its server does. */
    bool turned = other && is(other, "role", "client") && !is(socket, "role", "client");
    const cJSON *from = turned ? other : socket, *to = turned ? socket : other;
    sums->bytes += number(known(from, "bytes_sent") || !to ? from : to,
                          known(from, "bytes_sent") || !to ? "bytes_sent" : "bytes_received");
    sums->bytes += number(known(from, "bytes_received") || !to ? from : to,
                          known(from, "bytes_received") || !to ? "bytes_received" : "bytes_sent");
}

static struct sums sums_of_list(const struct trace *trace)
{
    struct sums sums = {0};
    for (unsigned id = 1; id < trace->count; id++) {
        const cJSON *socket = trace->sockets[id];
        if (!socket)
            continue;
        if (known(socket, "peer_process")) /* else there is no address to draw an edge to */
            sums.failed += number(socket, "failures");
        add_connection(trace, socket, &sums);
    }
    return sums;
}

static void check_sums(struct trace *trace, const char *words, const struct sums *list)
{
    cJSON *map = ask_json(trace, words);
    if (!map)
        return;
    struct sums sums = sums_of_map(map);
    if (sums.failed != list->failed)
        wrong(trace, "%s: %.0f failed, list: %.0f", words, sums.failed, list->failed);
    if (sums.connections != list->connections)
        wrong(trace, "%s: %.0f TCP connections, list: %.0f", words, sums.connections, list->connections);
    if (sums.bytes != list->bytes)
        wrong(trace, "%s: %.0f bytes over TCP, list: %.0f", words, sums.bytes, list->bytes);
    cJSON_Delete(map);
}

/* ---- A trace ---- */

static void check(struct trace *trace)
{
    unsigned sockets = 0, failed = 0;
    read_list(trace);
    for (unsigned id = 1; id < trace->count; id++) {
        if (!trace->sockets[id])
            continue;
        check_mirror(trace, id);
        check_bytes(trace, id);
        sockets++;
        failed += number(trace->sockets[id], "failures") > 0;
    }
    struct sums sums = sums_of_list(trace);
    check_sums(trace, "map --format json", &sums);
    check_sums(trace, "map --by process --format json", &sums);
    unsigned only_failed = count_lines(trace, "list --failed --json", ""), rows = count_lines(trace, "list --csv", "");
    if (only_failed != failed)
        wrong(trace, "list --failed: %u sockets, of which %u have failed", only_failed, failed);
    if (rows && rows != sockets + 1)
        wrong(trace, "list --csv: %u sockets, list --json: %u", rows - 1, sockets);
    unsigned differences = count_lines(trace, "diff --json", trace->path);
    if (differences)
        wrong(trace, "diff with itself: %u differences", differences);
}

static void forget(struct trace *trace)
{
    for (unsigned id = 0; id < trace->count; id++)
        cJSON_Delete(trace->sockets[id]);
    free(trace->sockets);
}

int main(int argc, char **argv)
{
    bool bad = false;
    if (argc < 3) {
        fputs("usage: agree SOCKATLAS TRACE...\n", stderr);
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        struct trace trace = {.sockatlas = argv[1], .path = argv[i]};
        check(&trace);
        forget(&trace);
        bad = bad || trace.wrong;
    }
    return bad;
}
