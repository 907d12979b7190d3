/* SPDX-License-Identifier: MIT
 *
 * Reading maps, and what ids in them mean.
 */
#include "tests/ground/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_all(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    char *text = NULL;
    size_t capacity = 0;
    if (!file || getdelim(&text, &capacity, '\0', file) < 0) {
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

struct report report_read(const char *folder)
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

const char *report_node(const struct report *report, const cJSON *id)
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

const char *report_socket(const struct report *report, const cJSON *id)
{
    const cJSON *socket = cJSON_IsNumber(id) ? find(report->sockets, "socket", id->valuedouble) : NULL;
    const char *cookie = cJSON_GetStringValue(cJSON_GetObjectItem(socket, "cookie"));
    return cookie ? cookie : "-";
}
