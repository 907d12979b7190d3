/* SPDX-License-Identifier: MIT
 *
 * A model that is told, see made.h.
 */
#include "analyzer/model/made.h"

#include "analyzer/model/internal.h"

#include <string.h>

struct made_process {
    struct table_link link;
    struct process *process;
};

struct made_edge {
    struct edge edge; /* stands first: model_free() frees it */
    struct table_link link;
};

struct made {
    struct model *model;
    struct table processes, edges;
    struct process **untraced; /* that model_free() does not know */
    unsigned untraced_count, untraced_capacity;
};

struct made *made_new(void)
{
    struct made *made = store_alloc(sizeof *made);
    made->model = model_new(NULL);
    return made;
}

struct model *made_model(struct made *made)
{
    return made->model;
}

static void copy(char *to, size_t size, const char *from)
{
    size_t length = strnlen(from, size - 1);
    memcpy(to, from, length);
}

static unsigned host_of(struct model *model, const char *name, const char *boot_id)
{
    for (unsigned i = 0; i < model->hosts_count; i++)
        if (strncmp(model->hosts[i].image->header.boot_id, boot_id, sizeof model->hosts[i].image->header.boot_id) == 0)
            return i;
    struct trace_image *image = store_alloc(sizeof *image);
    image->id = image->host = model->hosts_count;
    copy(image->header.host, sizeof image->header.host, name);
    copy(image->header.boot_id, sizeof image->header.boot_id, boot_id);
    model->hosts = store_grow(model->hosts, model->hosts_count, &model->hosts_capacity, sizeof *model->hosts);
    model->hosts[model->hosts_count] = (struct host){.image = image};
    return model->hosts_count++;
}

static bool same_process(const struct process *process, const struct made_node *node, unsigned host)
{
    if (process->kind != node->kind)
        return false;
    if (node->kind == PROCESS_EXTERNAL)
        return address_equal(&process->address, &node->address) && process->located == (node->boot_id[0] != '\0') &&
               (!process->located || process->host == host);
    return process->host == host && process->pid == node->pid && process->start_ns == node->start_us * 1000;
}

static struct process *new_process(struct made *made, enum process_kind kind)
{
    if (kind == PROCESS_TRACED) {
        struct task *task = store_alloc(sizeof *task);
        return &task->process;
    }
    struct process *process = store_alloc(sizeof *process);
    if (kind == PROCESS_UNTRACED) {
        made->untraced =
            store_grow(made->untraced, made->untraced_count, &made->untraced_capacity, sizeof(struct process *));
        made->untraced[made->untraced_count++] = process;
    }
    return process;
}

struct process *made_process(struct made *made, const struct made_node *node)
{
    struct model *model = made->model;
    unsigned host = node->boot_id[0] ? host_of(model, node->host, node->boot_id) : 0;
    uint64_t hash = hash_words(node->kind, host, node->pid, node->start_us);
    if (node->kind == PROCESS_EXTERNAL)
        hash = address_hash(&node->address, hash);
    for (struct table_link *link = table_first(&made->processes, hash); link; link = table_next(link)) {
        struct made_process *known = TABLE_OF(link, struct made_process, link);
        if (same_process(known->process, node, host))
            return known->process;
    }
    struct process *process = new_process(made, node->kind);
    process->kind = node->kind;
    process->host = host;
    process->pid = node->pid;
    process->start_ns = node->start_us * 1000;
    process->comm = store_text(model, node->comm, strlen(node->comm));
    process->exe = store_text(model, node->exe, strlen(node->exe));
    process->cmdline = process->cgroup = "";
    process->unit = store_text(model, node->unit, strlen(node->unit));
    process->container = store_text(model, node->container, strlen(node->container));
    process->uid = UINT32_MAX;
    process->address = node->address;
    process->located = node->kind == PROCESS_EXTERNAL && node->boot_id[0];
    struct made_process *entry = store_alloc(sizeof *entry);
    entry->process = store_process(model, process);
    table_insert(&made->processes, &entry->link, hash);
    return process;
}

struct edge *made_edge(struct made *made, const struct edge *like)
{
    struct model *model = made->model;
    uint64_t kind = (uint64_t)like->family << 32 | (uint64_t)like->type << 16 | (uint16_t)like->protocol;
    uint64_t hash = hash_words(like->from->id, like->to->id, kind, like->match);
    hash = address_hash(&like->server, hash);
    for (struct table_link *link = table_first(&made->edges, hash); link; link = table_next(link)) {
        struct edge *edge = &TABLE_OF(link, struct made_edge, link)->edge;
        if (edge->from == like->from && edge->to == like->to && edge->match == like->match &&
            edge->family == like->family && edge->type == like->type && edge->protocol == like->protocol &&
            address_equal(&edge->server, &like->server))
            return edge;
    }
    struct made_edge *entry = store_alloc(sizeof *entry);
    entry->edge = *like;
    table_insert(&made->edges, &entry->link, hash);
    model->edges = store_grow(model->edges, model->edges_count, &model->edges_capacity, sizeof *model->edges);
    model->edges[model->edges_count++] = &entry->edge;
    return &entry->edge;
}

struct listener *made_listener(struct made *made, const struct listener *like)
{
    struct model *model = made->model;
    struct listener *listener = store_alloc(sizeof *listener);
    *listener = *like;
    model->listeners =
        store_grow(model->listeners, model->listeners_count, &model->listeners_capacity, sizeof *model->listeners);
    model->listeners[model->listeners_count++] = listener;
    return listener;
}

const char *made_text(struct made *made, const char *text)
{
    return store_text(made->model, text, strlen(text));
}

void made_free(struct made *made)
{
    if (!made)
        return;
    for (unsigned i = 0; i < made->model->hosts_count; i++)
        free((void *)made->model->hosts[i].image);
    table_free(&made->edges); /* its entries are the model's */
    model_free(made->model);
    for (unsigned i = 0; i < made->untraced_count; i++)
        free(made->untraced[i]);
    free(made->untraced);
    store_free_entries(&made->processes, offsetof(struct made_process, link));
    free(made);
}
