/* SPDX-License-Identifier: MIT
 *
 * compare [-p] TRUTH OURS  compares two maps: each folder has map.json and list.jsonl in the contract's words. Prints
 * what only one of them says; exit status 1 when there is anything. Node and socket ids are replaced by what they mean
 * (pid, address, cookie), so that both may number as they like. -p leaves socket pairs out.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool without_pairs;

struct report {
    cJSON *map;
    cJSON *sockets; /* array */
    char **lines;
    unsigned count;
};

static char *read_all(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    char *text = NULL;
    size_t room = 0;
    if (!file || getdelim(&text, &room, '\0', file) < 0) {
        fprintf(stderr, "compare: %s: %s\n", path, file ? "empty" : strerror(errno));
        exit(2);
    }
    fclose(file);
    return text;
}

static cJSON *parse(const char *text, const char *what)
{
    cJSON *json = cJSON_Parse(text);
    if (!json) {
        fprintf(stderr, "compare: %s: not JSON: %.80s\n", what, text);
        exit(2);
    }
    return json;
}

static struct report read_report(const char *folder)
{
    struct report report = {.sockets = cJSON_CreateArray()};
    char *text = read_all(folder, "map.json"), *list = read_all(folder, "list.jsonl"), *rest = list;
    report.map = parse(text, folder);
    for (char *line; (line = strsep(&rest, "\n"));)
        if (*line)
            cJSON_AddItemToArray(report.sockets, parse(line, folder));
    free(text);
    free(list);
    return report;
}

/* ---- What ids mean ---- */

static const cJSON *find(const cJSON *array, const char *key, double value)
{
    for (const cJSON *item = cJSON_GetArrayItem(array, 0); item; item = item->next)
        if (cJSON_GetNumberValue(cJSON_GetObjectItem(item, key)) == value)
            return item;
    return NULL;
}

static const char *node_name(const struct report *report, const cJSON *id)
{
    static char names[4][256];
    static unsigned turn;
    char *name = names[turn++ % 4];
    const cJSON *node =
        cJSON_IsNumber(id) ? find(cJSON_GetObjectItem(report->map, "nodes"), "id", id->valuedouble) : NULL;
    if (!node)
        return "-";
    const char *address = cJSON_GetStringValue(cJSON_GetObjectItem(node, "address"));
    const cJSON *pid = cJSON_GetObjectItem(node, "pid");
    if (address)
        snprintf(name, sizeof names[0], "%s", address);
    else
        snprintf(name, sizeof names[0], "%.0f", cJSON_GetNumberValue(pid));
    return name;
}

static const char *socket_name(const struct report *report, const cJSON *id)
{
    const cJSON *socket = cJSON_IsNumber(id) ? find(report->sockets, "socket", id->valuedouble) : NULL;
    const char *cookie = cJSON_GetStringValue(cJSON_GetObjectItem(socket, "cookie"));
    return cookie ? cookie : "-";
}

/* ---- Lines ---- */

static void put(char *line, size_t room, const char *key, const cJSON *value)
{
    size_t used = strlen(line);
    char *text = cJSON_IsString(value) ? NULL : cJSON_PrintUnformatted(value);
    snprintf(line + used, room - used, " %s=%s", key, text ? text : value ? cJSON_GetStringValue(value) : "MISSING");
    free(text);
}

static void add_line(struct report *report, const char *line)
{
    report->lines = realloc(report->lines, (report->count + 1) * sizeof *report->lines);
    report->lines[report->count++] = strdup(line);
}

static bool is_word(const cJSON *object, const char *key, const char *word)
{
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItem(object, key));
    return value && strcmp(value, word) == 0;
}

static void edge_line(struct report *report, const cJSON *edge)
{
    static const char *const keys[] = {"transport", "server_address", "server_port", "match",         "connections",
                                       "open",      "failed",         "bytes_sent",  "bytes_received"};
    char line[2048];
    if (without_pairs && is_word(edge, "match", "pair"))
        return;
    snprintf(line, sizeof line, "edge %s -> %s", node_name(report, cJSON_GetObjectItem(edge, "from")),
             node_name(report, cJSON_GetObjectItem(edge, "to")));
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        put(line, sizeof line, keys[i], cJSON_GetObjectItem(edge, keys[i]));
    add_line(report, line);
}

static void listener_line(struct report *report, const cJSON *listener)
{
    static const char *const keys[] = {"transport", "address", "port", "accepted", "peak"};
    char line[2048];
    snprintf(line, sizeof line, "listener of %s", node_name(report, cJSON_GetObjectItem(listener, "node")));
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        put(line, sizeof line, keys[i], cJSON_GetObjectItem(listener, keys[i]));
    add_line(report, line);
}

static int by_number(const void *a, const void *b)
{
    long left = strtol(*(char *const *)a, NULL, 10), right = strtol(*(char *const *)b, NULL, 10);
    return (left > right) - (left < right);
}

static void holders(const struct report *report, const cJSON *socket, char *line, size_t room)
{
    char *names[64] = {0};
    unsigned count = 0;
    const cJSON *holder = cJSON_GetArrayItem(cJSON_GetObjectItem(socket, "holders"), 0);
    for (; holder && count < 64; holder = holder->next)
        names[count++] = strdup(node_name(report, holder));
    qsort(names, count, sizeof *names, by_number);
    size_t used = strlen(line);
    used += (size_t)snprintf(line + used, room - used, " holders=");
    for (unsigned i = 0; i < count; i++) {
        used += (size_t)snprintf(line + used, room - used, "%s%s", i ? "," : "", names[i]);
        free(names[i]);
    }
}

static void socket_line(struct report *report, const cJSON *socket)
{
    static const char *const keys[] = {"family",     "type",           "protocol",   "transport",    "role",
                                       "state",      "local_address",  "local_port", "peer_address", "peer_port",
                                       "bytes_sent", "bytes_received", "error",      "match"};
    char line[4096];
    if (without_pairs && is_word(socket, "role", "pair"))
        return;
    snprintf(line, sizeof line, "socket %s of %s", cJSON_GetStringValue(cJSON_GetObjectItem(socket, "cookie")),
             node_name(report, cJSON_GetObjectItem(socket, "process")));
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (strncmp(keys[i], "local_", 6) != 0 || !is_word(socket, "state", "failed")) /* the kernel took it back */
            put(line, sizeof line, keys[i], cJSON_GetObjectItem(socket, keys[i]));
    holders(report, socket, line, sizeof line);
    size_t used = strlen(line);
    snprintf(line + used, sizeof line - used, " peer_socket=%s peer_process=%s",
             socket_name(report, cJSON_GetObjectItem(socket, "peer_socket")),
             node_name(report, cJSON_GetObjectItem(socket, "peer_process")));
    add_line(report, line);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void each(struct report *report, const cJSON *array, void (*line)(struct report *report, const cJSON *item))
{
    for (const cJSON *item = cJSON_GetArrayItem(array, 0); item; item = item->next)
        line(report, item);
}

static void make_lines(struct report *report)
{
    each(report, cJSON_GetObjectItem(report->map, "edges"), edge_line);
    each(report, cJSON_GetObjectItem(report->map, "listeners"), listener_line);
    each(report, report->sockets, socket_line);
    if (report->count)
        qsort(report->lines, report->count, sizeof *report->lines, by_text);
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
    struct report truth = read_report(argv[at]), ours = read_report(argv[at + 1]);
    make_lines(&truth);
    make_lines(&ours);
    bool differ = false;
    for (unsigned i = 0, j = 0; i < truth.count || j < ours.count;) {
        int order = i == truth.count ? 1 : j == ours.count ? -1 : strcmp(truth.lines[i], ours.lines[j]);
        differ = differ || order != 0;
        if (order < 0)
            printf("true: %s\n", truth.lines[i]);
        if (order > 0)
            printf("ours: %s\n", ours.lines[j]);
        i += order <= 0;
        j += order >= 0;
    }
    return differ;
}
