/* SPDX-License-Identifier: MIT
 *
 * The map as one JSON object, schema "sockatlas.map/1".
 */
#include "analyzer/names/names.h"
#include "analyzer/trace/escape.h"
#include "analyzer/trace/json.h"
#include "analyzer/trace/value.h"
#include "analyzer/view/map.h"
#include "analyzer/view/summary.h"
#include "analyzer/view/words.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void wall(cJSON *object, const char *key, uint64_t ns)
{
    value_integer(object, key, ns != 0, (int64_t)(ns / 1000));
}

static void boot(cJSON *object, const char *key, const struct model *model, unsigned host, uint64_t ns)
{
    value_integer(object, key, ns != 0, ns ? model_time_us(model, host, ns) : 0);
}

static cJSON *host_json(const struct model *model, unsigned id)
{
    const struct sockatlas_header *header = &model_host(model, id)->header;
    char name[sizeof header->host + 1] = "", boot_id[sizeof header->boot_id + 1] = "";
    memcpy(name, header->host, sizeof header->host);
    memcpy(boot_id, header->boot_id, sizeof header->boot_id);
    cJSON *object = cJSON_CreateObject();
    value_integer(object, "id", true, id);
    value_bytes(object, "name", name);
    value_bytes(object, "boot_id", boot_id);
    return object;
}

static cJSON *node_json(const struct model *model, const struct process *process)
{
    char text[ADDRESS_TEXT_MAX], name[CGROUP_NAME_MAX];
    bool external = process->kind == PROCESS_EXTERNAL;
    cJSON *object = cJSON_CreateObject();
    value_integer(object, "id", true, process->id);
    value_text(object, "kind", word_process_kind(process->kind));
    value_integer(object, "host", !external || process->located, process->host);
    value_integer(object, "pid", process->pid != 0, process->pid);
    value_integer(object, "ppid", process->ppid != 0, process->ppid);
    value_bytes(object, "comm", process->comm);
    value_bytes(object, "exe", process->exe);
    value_bytes(object, "cmdline", process->cmdline);
    value_integer(object, "uid", process->kind == PROCESS_TRACED && process->uid != UINT32_MAX, process->uid);
    value_bytes(object, "cgroup", process->cgroup);
    boot(object, "start_us", model, process->host, process->start_ns);
    boot(object, "end_us", model, process->host, process->end_ns);
    value_text(object, "address", external ? address_text(&process->address, text) : NULL);
    value_text(object, "via", word_via(process->via));
    boot(object, "attached_us", model, process->host, process->attached_ns);
    value_bytes(object, "unit", process_unit(process, name));
    value_bytes(object, "container", process_container(process, name));
    return object;
}

static void place(cJSON *object, const char *address_key, const char *port_key, const struct address *address)
{
    char text[ADDRESS_TEXT_MAX];
    value_text(object, address_key, address_text(address, text));
    value_integer(object, port_key, address->family == AF_INET || address->family == AF_INET6, address->port);
}

/* Of those that failed with an errno, by errno. */
static cJSON *errors_json(const struct edge_errors *errors)
{
    char number[WORD_MAX];
    cJSON *object = cJSON_CreateObject();
    for (unsigned i = 0; i < errors->kinds; i++)
        if (errors->of[i].error)
            value_integer(object, word_or_number(names_errno(errors->of[i].error), errors->of[i].error, number), true,
                          (int64_t)errors->of[i].count);
    return object;
}

static void percentile(cJSON *object, const char *key, const struct spread *spread, unsigned percent)
{
    value_integer(object, key, spread->total != 0, (int64_t)spread_percentile(spread, percent));
}

static cJSON *edge_json(const struct edge *edge)
{
    char number[WORD_MAX];
    cJSON *object = cJSON_CreateObject();
    value_integer(object, "from", true, edge->from->id);
    value_integer(object, "to", true, edge->to->id);
    value_text(object, "transport", word_transport(edge->family, edge->type, edge->protocol));
    place(object, "server_address", "server_port", &edge->server);
    value_integer(object, "connections", true, (int64_t)edge->connections);
    value_integer(object, "open", true, (int64_t)edge->open);
    value_integer(object, "failed", true, (int64_t)edge->failed);
    value_text(object, "error", edge->error ? word_or_number(names_errno(edge->error), edge->error, number) : NULL);
    value_integer(object, "bytes_sent", edge->sent_known, (int64_t)edge->bytes_sent);
    value_integer(object, "bytes_received", edge->received_known, (int64_t)edge->bytes_received);
    wall(object, "first_us", edge->first_ns);
    wall(object, "last_us", edge->last_ns);
    value_text(object, "match", word_match(edge->match));
    value_integer(object, "sockets", true, (int64_t)edge->sockets);
    value_integer(object, "unanswered", true, (int64_t)edge->unanswered);
    value_integer(object, "reset", true, (int64_t)edge->reset);
    value_integer(object, "retransmits", true, (int64_t)edge->retransmits);
    cJSON_AddItemToObject(object, "errors", errors_json(&edge->errors));
    value_bytes(object, "name", edge->name);
    percentile(object, "connect_p50_us", &edge->connect_us, 50);
    percentile(object, "connect_p99_us", &edge->connect_us, 99);
    percentile(object, "rtt_p50_us", &edge->rtt_us, 50);
    return object;
}

static cJSON *listener_json(const struct listener *listener)
{
    cJSON *object = cJSON_CreateObject();
    value_integer(object, "node", true, listener->process->id);
    value_text(object, "transport", word_transport(listener->family, listener->type, listener->protocol));
    place(object, "address", "port", &listener->address);
    bool complete = !listener->process->incomplete; /* else there may have been more */
    value_integer(object, "accepted", complete, (int64_t)listener->accepted);
    value_integer(object, "peak", complete, (int64_t)listener->peak);
    return object;
}

static cJSON *coverage_json(const struct coverage *coverage)
{
    cJSON *object = cJSON_CreateObject();
    value_integer(object, "node", coverage->process != NULL, coverage->process ? coverage->process->id : 0);
    value_text(object, "what", coverage->what);
    value_bytes(object, "detail", coverage->detail);
    return object;
}

/* NULL: a number that no host has. Likewise below: what is left out. */
static cJSON *host_at(const struct model *model, unsigned index)
{
    return model_host(model, index) ? host_json(model, index) : NULL;
}

static cJSON *node_at(const struct model *model, unsigned index)
{
    return model_process(model, index)->left_out ? NULL : node_json(model, model_process(model, index));
}

static cJSON *edge_at(const struct model *model, unsigned index)
{
    return edge_json(model_edge(model, index));
}

static cJSON *listener_at(const struct model *model, unsigned index)
{
    return listener_json(model_listener(model, index));
}

static cJSON *coverage_at(const struct model *model, unsigned index)
{
    const struct coverage *coverage = model_coverage(model, index);
    return coverage->process && coverage->process->left_out ? NULL : coverage_json(coverage);
}

/* The map's arrays, in order. */
static const struct array {
    const char *key;
    unsigned (*count)(const struct model *model);
    cJSON *(*at)(const struct model *model, unsigned index);
} arrays[] = {
    {"hosts", model_host_count, host_at},
    {"nodes", model_process_count, node_at},
    {"edges", model_edge_count, edge_at},
    {"listeners", model_listener_count, listener_at},
    {"coverage", model_coverage_count, coverage_at},
};
enum { ARRAYS = sizeof arrays / sizeof arrays[0] };

static const char schema[] = "sockatlas.map/1";

/* Deletes it. */
static void put_element(cJSON *element, bool page, FILE *out)
{
    if (!page) {
        json_print(out, element);
        return;
    }
    char *text = cJSON_PrintUnformatted(element);
    if (!text)
        abort();
    escape_put(ESCAPE_SCRIPT, text, out);
    cJSON_free(text);
    cJSON_Delete(element);
}

/* An element a line, and never more than one of them in memory. */
static void put_array(const struct model *model, const struct array *array, bool page, FILE *out)
{
    const char *before = "\n";
    fprintf(out, ",\n\"%s\": [", array->key);
    for (unsigned i = 0; i < array->count(model); i++) {
        cJSON *element = array->at(model, i);
        if (!element)
            continue;
        fputs(before, out);
        put_element(element, page, out);
        before = ",\n";
    }
    fputs("]", out);
}

static void put_members(const struct model *model, bool page, FILE *out)
{
    fprintf(out, "\"schema\": \"%s\"", schema);
    for (unsigned i = 0; i < ARRAYS; i++)
        put_array(model, &arrays[i], page, out);
}

void map_put(const struct model *model, bool page, FILE *out)
{
    fputs("{", out);
    put_members(model, page, out);
    fputs("}", out);
}

/* Who is in a group, and what it is called; `next` leads from member to member. NULL: nobody that is wanted. */
static cJSON *group_json(const struct model *model, const struct map_groups *groups, unsigned group,
                         const unsigned *next)
{
    char name[GROUP_TEXT_MAX];
    cJSON *object = cJSON_CreateObject(), *nodes = cJSON_CreateArray();
    value_integer(object, "id", true, group);
    value_text(object, "name", map_group_label(groups, group, name));
    for (unsigned i = group; i < model_process_count(model); i = next[i])
        if (!model_process(model, i)->left_out)
            cJSON_AddItemToArray(nodes, cJSON_CreateNumber(i));
    cJSON_AddItemToObject(object, "nodes", nodes);
    if (cJSON_GetArraySize(nodes))
        return object;
    cJSON_Delete(object);
    return NULL;
}

/* The members of each group in order, from the first one on; behind the last a number that no process has. */
static unsigned *list_members(const struct model *model, const struct map_groups *groups)
{
    unsigned count = model_process_count(model);
    unsigned *next = calloc(count + 1, sizeof *next), *behind = calloc(count + 1, sizeof *behind);
    if (!next || !behind)
        abort();
    for (unsigned i = 0; i < count; i++)
        behind[i] = count;
    for (unsigned i = count; i-- > 0;) {
        unsigned group = map_group(groups, model_process(model, i));
        next[i] = behind[group];
        behind[group] = i;
    }
    free(behind);
    return next;
}

/* With --by: the groups, and the lines between them as `summary` has them. */
static void put_grouped(const struct model *model, const struct map_options *options, FILE *out)
{
    struct map_groups *groups = map_groups_new(model, options->by);
    const char *before = "\n";
    fprintf(out, ",\n\"by\": \"%s\",\n\"groups\": [", map_grouping_name(options->by));
    unsigned *next = list_members(model, groups);
    for (unsigned i = 0; i < model_process_count(model); i++) {
        bool first = map_group(groups, model_process(model, i)) == i;
        cJSON *object = first ? group_json(model, groups, i, next) : NULL;
        if (!object)
            continue;
        fputs(before, out);
        json_print(out, object);
        before = ",\n";
    }
    free(next);
    map_groups_free(groups);
    fputs("],\n\"lines\": [\n", out);
    summary_elements(model,
                     &(struct summary_options){
                         .by = options->by, .sort = line_column_find("connections"), .internal = options->internal},
                     out);
    fputs("]", out);
}

bool map_json(const struct model *model, const struct map_options *options, FILE *out)
{
    fputs("{", out);
    put_members(model, false, out);
    if (options->by != MAP_BY_SIBLINGS)
        put_grouped(model, options, out);
    fputs("}\n", out);
    return !ferror(out);
}
