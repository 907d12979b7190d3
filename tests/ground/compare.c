/* SPDX-License-Identifier: MIT
 *
 * compare [-p] TRUTH OURS  compares two maps: each folder has map.json and list.jsonl in the contract's words. Prints
 * what only one of them says; exit status 1 when there is anything. Node and socket ids are replaced by what they mean
 * (pid, address, cookie), so that both may number as they like. -p leaves socket pairs out.
 *
 * TRUTH has times as [earliest, latest], or null, or leaves out what it does not know. The trace has its wall clock
 * from two clocks read one after the other: all of its times may be off by one and the same bit.
 */
#include "tests/ground/report.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLOCK_OFF_US 1e6 /* and no more than that */

static bool without_pairs;
static const cJSON *true_sockets;

/* What is compared as it stands, and the times; each ends with NULL. */
static const char *const edge_keys[] = {"transport",   "server_address", "server_port", "match",
                                        "connections", "open",           "failed",      "error",
                                        "bytes_sent",  "bytes_received", "sockets",     NULL};
static const char *const edge_times[] = {"first_us", "last_us", NULL};
static const char *const listener_keys[] = {"transport", "address", "port", "accepted", NULL};
static const char *const node_keys[] = {"kind", "comm", NULL};
static const char *const node_times[] = {"start_us", "end_us", NULL};
static const char *const coverage_keys[] = {"what", "detail", NULL};
static const char *const socket_keys[] = {
    "family",       "type",      "protocol",   "transport",      "role",  "state", "local_address", "local_port",
    "peer_address", "peer_port", "bytes_sent", "bytes_received", "error", "match", "outcome",       NULL};
static const char *const socket_times[] = {"opened_us", "connected_us", "closed_us", NULL};
static const char *const no_times[] = {NULL};

/* ---- Lines ---- */

static void put(char *line, size_t capacity, const char *key, const cJSON *value)
{
    size_t used = strlen(line);
    char *text = cJSON_IsString(value) ? NULL : cJSON_PrintUnformatted(value);
    snprintf(line + used, capacity - used, " %s=%s", key,
             text    ? text
             : value ? cJSON_GetStringValue(value)
                     : "MISSING");
    free(text);
}

static void add_line(struct report *report, const char *text, const cJSON *item, const char *const *times)
{
    report->lines = realloc(report->lines, (report->count + 1) * sizeof *report->lines);
    report->lines[report->count++] = (struct line){strdup(text), item, times};
}

static bool is_word(const cJSON *object, const char *key, const char *word)
{
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItem(object, key));
    return value && strcmp(value, word) == 0;
}

/* The map's lists: a line is headed by what it is and by whose it is. */
static const struct list {
    const char *name, *head, *node, *other; /* keys of nodes; other may be NULL */
    const char *const *keys, *const *times;
} lists[] = {
    {"edges", "edge", "from", "to", edge_keys, edge_times},
    {"listeners", "listener of", "node", NULL, listener_keys, no_times},
    {"nodes", "node", "id", NULL, node_keys, node_times},
    {"coverage", "coverage of", "node", NULL, coverage_keys, no_times},
};

static void list_line(struct report *report, const struct list *list, const cJSON *item)
{
    char line[2048];
    if (without_pairs && is_word(item, "match", "pair"))
        return;
    const char *other = list->other ? report_node(report, cJSON_GetObjectItem(item, list->other)) : "";
    snprintf(line, sizeof line, "%s %s%s%s", list->head, report_node(report, cJSON_GetObjectItem(item, list->node)),
             list->other ? " -> " : "", other);
    for (const char *const *key = list->keys; *key; key++)
        put(line, sizeof line, *key, cJSON_GetObjectItem(item, *key));
    add_line(report, line, item, list->times);
}

static int by_number(const void *a, const void *b)
{
    long left = strtol(*(char *const *)a, NULL, 10), right = strtol(*(char *const *)b, NULL, 10);
    return (left > right) - (left < right);
}

static void holders(const struct report *report, const cJSON *socket, char *line, size_t capacity)
{
    char *names[64] = {0};
    unsigned count = 0;
    const cJSON *holder = cJSON_GetArrayItem(cJSON_GetObjectItem(socket, "holders"), 0);
    for (; holder && count < 64; holder = holder->next)
        names[count++] = strdup(report_node(report, holder));
    qsort(names, count, sizeof *names, by_number);
    size_t used = strlen(line);
    used += (size_t)snprintf(line + used, capacity - used, " holders=");
    for (unsigned i = 0; i < count; i++) {
        used += (size_t)snprintf(line + used, capacity - used, "%s%s", i ? "," : "", names[i]);
        free(names[i]);
    }
}

/* The truth says of some sockets that they are no one process's. */
static bool has_owner(const cJSON *socket)
{
    const char *cookie = cJSON_GetStringValue(cJSON_GetObjectItem(socket, "cookie"));
    for (const cJSON *true_one = cJSON_GetArrayItem(true_sockets, 0); true_one; true_one = true_one->next)
        if (cookie && is_word(true_one, "cookie", cookie))
            return cJSON_GetObjectItem(true_one, "process") != NULL;
    return true;
}

static void socket_line(struct report *report, const cJSON *socket)
{
    char line[4096];
    if (without_pairs && is_word(socket, "role", "pair"))
        return;
    snprintf(line, sizeof line, "socket %s of %s", cJSON_GetStringValue(cJSON_GetObjectItem(socket, "cookie")),
             has_owner(socket) ? report_node(report, cJSON_GetObjectItem(socket, "process")) : "several");
    for (const char *const *key = socket_keys; *key; key++)
        if (strncmp(*key, "local_", 6) != 0 || !is_word(socket, "state", "failed")) /* the kernel took it back */
            put(line, sizeof line, *key, cJSON_GetObjectItem(socket, *key));
    holders(report, socket, line, sizeof line);
    size_t used = strlen(line);
    snprintf(line + used, sizeof line - used, " peer_socket=%s peer_process=%s",
             report_socket(report, cJSON_GetObjectItem(socket, "peer_socket")),
             report_node(report, cJSON_GetObjectItem(socket, "peer_process")));
    add_line(report, line, socket, socket_times);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct line *)a)->text, ((const struct line *)b)->text);
}

static void make_lines(struct report *report)
{
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        const cJSON *list = cJSON_GetObjectItem(report->map, lists[i].name);
        for (const cJSON *item = cJSON_GetArrayItem(list, 0); item; item = item->next)
            list_line(report, &lists[i], item);
    }
    for (const cJSON *socket = cJSON_GetArrayItem(report->sockets, 0); socket; socket = socket->next)
        socket_line(report, socket);
    if (report->count)
        qsort(report->lines, report->count, sizeof *report->lines, by_text);
}

/* ---- Times ---- */

/* How far our clock may be off by what was compared so far, and which two times say so. */
static struct {
    double low, high;
    char lowest[512], highest[512];
} off = {-CLOCK_OFF_US, CLOCK_OFF_US, "", ""};

static bool compare_time(const struct line *line, const char *key, const cJSON *truth, const cJSON *ours)
{
    char text[512];
    if (!truth)
        return true;
    if (!cJSON_IsArray(truth) || !cJSON_IsNumber(ours)) {
        if (cJSON_IsNull(truth) && cJSON_IsNull(ours))
            return true;
        printf("%s %s: %s\n", cJSON_IsNull(truth) ? "ours, but not true:" : "true, but not ours:", key, line->text);
        return false;
    }
    double from = cJSON_GetArrayItem(truth, 0)->valuedouble, to = cJSON_GetArrayItem(truth, 1)->valuedouble;
    snprintf(text, sizeof text, "%s=%.0f, true [%.0f, %.0f]: %.380s", key, ours->valuedouble, from, to, line->text);
    if (from - ours->valuedouble > off.low) {
        off.low = from - ours->valuedouble;
        snprintf(off.lowest, sizeof off.lowest, "%s", text);
    }
    if (to - ours->valuedouble < off.high) {
        off.high = to - ours->valuedouble;
        snprintf(off.highest, sizeof off.highest, "%s", text);
    }
    return true;
}

static bool compare_times(const struct line *truth, const struct line *ours)
{
    bool agree = true;
    for (const char *const *key = truth->times; *key; key++)
        agree &=
            compare_time(truth, *key, cJSON_GetObjectItem(truth->item, *key), cJSON_GetObjectItem(ours->item, *key));
    return agree;
}

/* What the truth does not always say. */
static bool compare_optional(const struct line *truth, const struct line *ours)
{
    static const char *const keys[] = {"ppid", "fd", "peak"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const cJSON *value = cJSON_GetObjectItem(truth->item, keys[i]);
        double seen = cJSON_GetNumberValue(cJSON_GetObjectItem(ours->item, keys[i]));
        if (!value || value->valuedouble == seen)
            continue;
        printf("true: %s=%.0f, ours: %.0f: %s\n", keys[i], value->valuedouble, seen, truth->text);
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    int at = 1;
    if (argc > 1 && strcmp(argv[1], "-p") == 0) {
        without_pairs = true;
        at = 2;
    }
    if (argc - at != 2) {
        fputs("usage: compare [-p] TRUTH OURS\n", stderr);
        return 2;
    }
    struct report truth = report_read(argv[at]), ours = report_read(argv[at + 1]);
    true_sockets = truth.sockets;
    make_lines(&truth);
    make_lines(&ours);
    bool differ = false;
    for (unsigned i = 0, j = 0; i < truth.count || j < ours.count;) {
        int order = i == truth.count ? 1 : j == ours.count ? -1 : strcmp(truth.lines[i].text, ours.lines[j].text);
        differ = differ || order != 0;
        if (order < 0)
            printf("true: %s\n", truth.lines[i].text);
        if (order > 0)
            printf("ours: %s\n", ours.lines[j].text);
        if (order == 0 &&
            (!compare_times(&truth.lines[i], &ours.lines[j]) || !compare_optional(&truth.lines[i], &ours.lines[j])))
            differ = true;
        i += order <= 0;
        j += order >= 0;
    }
    if (off.low > off.high) {
        printf("too early: %s\ntoo late: %s\n", off.lowest, off.highest);
        differ = true;
    }
    return differ;
}
