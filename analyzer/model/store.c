/* SPDX-License-Identifier: MIT
 *
 * What all of the model stands on: memory, texts kept once, networks, the list of processes, a host's wall clock.
 * Called by every file of this module; calls none of them.
 */
#include "analyzer/model/internal.h"

#include <stdlib.h>
#include <string.h>

void *store_alloc(size_t size)
{
    void *memory = calloc(1, size);
    if (!memory)
        abort();
    return memory;
}

void store_free_entries(struct table *table, size_t offset)
{
    for (size_t i = 0; i < table->size; i++)
        for (struct table_link *first = table->buckets[i], *next; first; first = next) {
            next = first->next;
            for (struct table_link *link = first, *after; link; link = after) {
                after = link->after;
                free((char *)link - offset);
            }
        }
    table_free(table);
}

void *store_grow(void *array, unsigned count, unsigned *capacity, size_t element)
{
    if (count < *capacity)
        return array;
    *capacity = *capacity ? *capacity * 2 : 16;
    array = realloc(array, *capacity * element);
    if (!array)
        abort();
    return array;
}

const char *store_text(struct model *model, const char *bytes, size_t size)
{
    if (!size)
        return "";
    uint64_t hash = hash_bytes(bytes, size);
    for (struct table_link *link = table_first(&model->texts, hash); link; link = table_next(link)) {
        struct text_entry *entry = TABLE_OF(link, struct text_entry, link);
        if (strncmp(entry->text, bytes, size) == 0 && !entry->text[size])
            return entry->text;
    }
    struct text_entry *entry = store_alloc(sizeof *entry + size + 1);
    memcpy(entry->text, bytes, size);
    table_insert(&model->texts, &entry->link, hash);
    return entry->text;
}

uint64_t store_wall(const struct model *model, unsigned host, uint64_t boottime_ns)
{
    return boottime_ns + (uint64_t)model->hosts[host].image->offset_ns;
}

/* ---- Networks ---- */

static uint64_t network_key(unsigned host, uint64_t number, bool cookie_known)
{
    return hash_numbers(number, (uint64_t)host << 1 | cookie_known);
}

static struct network *network_by_cookie(const struct model *model, unsigned host, uint64_t cookie)
{
    struct table_link *link = table_first(&model->network_cookies, network_key(host, cookie, true));
    for (; link; link = table_next(link)) {
        struct network *network = TABLE_OF(link, struct network, by_cookie);
        if (network->host == host && network->cookie == cookie)
            return network;
    }
    return NULL;
}

/* The latest one that has it: the kernel uses an inode's number again. */
static struct network *network_by_inode(const struct model *model, unsigned host, uint64_t inode, bool cookie_known)
{
    struct table_link *first = table_first(&model->network_inodes, network_key(host, inode, cookie_known));
    struct network *network = first ? TABLE_OF(first->before, struct network, by_inode) : NULL;
    return network && network->host == host && network->inode == inode ? network : NULL;
}

static void network_learn(struct model *model, struct network *network, uint64_t cookie, uint64_t inode)
{
    if (cookie && !network->cookie) {
        network->cookie = cookie;
        table_insert(&model->network_cookies, &network->by_cookie, network_key(network->host, cookie, true));
    } else if (!inode || network->inode) {
        return;
    }
    if (!network->inode)
        network->inode = inode;
    table_remove(&model->network_inodes, &network->by_inode);
    if (network->inode)
        table_insert(&model->network_inodes, &network->by_inode,
                     network_key(network->host, network->inode, network->cookie != 0));
}

struct network *store_network(struct model *model, unsigned host, uint64_t cookie, uint64_t inode)
{
    struct network *network = NULL;
    if (!cookie && !inode)
        return NULL;
    if (cookie)
        network = network_by_cookie(model, host, cookie);
    if (!network && inode)
        network = network_by_inode(model, host, inode, false);
    if (!network && inode && !cookie)
        network = network_by_inode(model, host, inode, true);
    if (!network) {
        network = store_alloc(sizeof *network);
        network->host = host;
        network->next = model->networks;
        model->networks = network;
    }
    network_learn(model, network, cookie, inode);
    return network;
}

struct process *store_process(struct model *model, struct process *process)
{
    model->processes =
        store_grow(model->processes, model->processes_count, &model->processes_capacity, sizeof(struct process *));
    process->id = model->processes_count;
    model->processes[model->processes_count++] = process;
    return process;
}
