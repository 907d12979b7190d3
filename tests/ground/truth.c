/* SPDX-License-Identifier: MIT
 *
 * The true map in the contract's words: FOLDER/map.json and FOLDER/list.jsonl.
 */
#include "tests/ground/truth.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* External nodes: by address. */
static struct external {
    struct name name;
    int net;
} externals[256];
static unsigned externals_count;

/* Addresses that mean something else in each network namespace. */
static bool is_local(const char *text)
{
    return text[0] == '@' || strncmp(text, "127.", 4) == 0 || strcmp(text, "::1") == 0 || strncmp(text, "fe80", 4) == 0;
}

static int truth_external(const struct name *address, int net)
{
    net = is_local(address->text) ? net : 0;
    for (unsigned i = 0; i < externals_count; i++)
        if (strcmp(externals[i].name.text, address->text) == 0 && externals[i].net == net)
            return EXTERNAL_FIRST + (int)i;
    if (externals_count == sizeof externals / sizeof externals[0])
        cast_fail("too many external addresses");
    externals[externals_count] = (struct external){*address, net};
    return EXTERNAL_FIRST + (int)externals_count++;
}

/* Of a connection, whoever has its ends now. */
bool truth_moves(const struct talk *talk)
{
    return !talk->failed && !talk->datagrams && strcmp(talk->client->role, "pair") != 0;
}

int truth_from(const struct talk *talk)
{
    int from = truth_moves(talk) && !talk->dissolved.from ? talk->client->owner : talk->from;
    return from >= 0 ? from : truth_external(&talk->external, talk->net);
}

int truth_to(const struct talk *talk)
{
    if (truth_moves(talk) && (talk->server || talk->client->other == talk->client))
        return talk->server ? talk->server->owner : talk->client->owner;
    return talk->to >= 0 ? talk->to : truth_external(&talk->external, talk->net);
}

void truth_number(cJSON *object, const char *key, bool known, double value)
{
    cJSON_AddItemToObject(object, key, known ? cJSON_CreateNumber(value) : cJSON_CreateNull());
}

void truth_text(cJSON *object, const char *key, const char *value)
{
    cJSON_AddItemToObject(object, key, value ? cJSON_CreateString(value) : cJSON_CreateNull());
}

void truth_place(cJSON *object, const char *address, const char *port, const struct name *name)
{
    truth_text(object, address, name->known ? name->text : NULL);
    truth_number(object, port, name->known && name->port > 0, name->port);
}

void truth_time(cJSON *object, const char *key, struct cast_span span)
{
    if (!span.from) {
        cJSON_AddItemToObject(object, key, cJSON_CreateNull());
        return;
    }
    double bounds[] = {(double)span.from, (double)span.to};
    cJSON_AddItemToObject(object, key, cJSON_CreateDoubleArray(bounds, 2));
}

void truth_error(cJSON *object, const char *key, int error)
{
    truth_text(object, key, error ? strerrorname_np(error) : NULL);
}

/* ---- The map but for its edges ---- */

static cJSON *listeners(void)
{
    cJSON *array = cJSON_CreateArray();
    for (unsigned i = 0; i < world.rows_count; i++) {
        const struct row *row = &world.rows[i];
        cJSON *listener = cJSON_CreateObject();
        truth_number(listener, "node", true, row->owner);
        truth_text(listener, "transport", row->transport);
        truth_place(listener, "address", "port", &row->address);
        truth_number(listener, "accepted", true, row->accepted);
        if (!row->peak_open)
            truth_number(listener, "peak", true, row->peak);
        cJSON_AddItemToArray(array, listener);
    }
    return array;
}

/* The kernel counts a start in ticks, from before the fork. */
static struct cast_span started(const struct process *process)
{
    enum { TICKS_US = 20000 };
    return (struct cast_span){process->start.from - TICKS_US, process->start.to};
}

static cJSON *coverage(void)
{
    cJSON *array = cJSON_CreateArray();
    for (int i = 0; i < world.processes_count; i++) {
        if (!world.processes[i].sandboxed)
            continue;
        cJSON *entry = cJSON_CreateObject();
        truth_number(entry, "node", true, i);
        truth_text(entry, "what", "seccomp");
        truth_text(entry, "detail", "sandboxed: this thread and what it starts ask nothing of the kernel");
        cJSON_AddItemToArray(array, entry);
    }
    return array;
}

static cJSON *process_node(int index)
{
    const struct process *process = &world.processes[index];
    cJSON *node = cJSON_CreateObject();
    truth_number(node, "id", true, index);
    truth_text(node, "kind", "process");
    truth_number(node, "pid", true, process->pid);
    if (process->parent_told)
        truth_number(node, "ppid", true, process->parent < 0 ? getpid() : world.processes[process->parent].pid);
    truth_text(node, "comm", process->comm);
    truth_time(node, "start_us", started(process));
    truth_time(node, "end_us", process->end);
    return node;
}

static cJSON *nodes(void)
{
    cJSON *array = cJSON_CreateArray();
    for (int i = 0; i < world.processes_count; i++)
        if (world.processes[i].known)
            cJSON_AddItemToArray(array, process_node(i));
    for (unsigned i = 0; i < externals_count; i++) {
        cJSON *node = cJSON_CreateObject();
        truth_number(node, "id", true, EXTERNAL_FIRST + i);
        truth_text(node, "kind", "external");
        truth_text(node, "comm", NULL);
        truth_text(node, "address", externals[i].name.text);
        cJSON_AddItemToArray(array, node);
    }
    return array;
}

/* ---- Files ---- */

static FILE *create(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    if (!file)
        cast_fail("%s: %s", path, strerror(errno));
    return file;
}

static void print(FILE *file, cJSON *object)
{
    char *line = cJSON_PrintUnformatted(object);
    fprintf(file, "%s\n", line);
    free(line);
    cJSON_Delete(object);
}

void truth_write(const char *folder)
{
    cJSON *map = cJSON_CreateObject();
    cJSON_AddItemToObject(map, "edges", truth_edges());
    cJSON_AddItemToObject(map, "coverage", coverage());
    cJSON_AddItemToObject(map, "listeners", listeners());
    cJSON_AddItemToObject(map, "nodes", nodes());
    FILE *file = create(folder, "map.json");
    print(file, map);
    fclose(file);
    file = create(folder, "list.jsonl");
    for (unsigned i = 0; i < world.sockets_count; i++)
        print(file, truth_socket(world.sockets[i]));
    fclose(file);
}
