/* SPDX-License-Identifier: MIT
 *
 * What all of the model stands on: memory, texts kept once, networks, the list of processes, a host's wall clock.
 * Called by every file of this room; calls none of them.
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
        for (struct table_link *link = table->buckets[i], *next; link; link = next) {
            next = link->next;
            free((char *)link - offset);
        }
    table_free(table);
}

void *store_grow(void *array, unsigned count, unsigned *room, size_t element)
{
    if (count < *room)
        return array;
    *room = *room ? *room * 2 : 16;
    array = realloc(array, *room * element);
    if (!array)
        abort();
    return array;
}

const char *store_text(struct model *model, const char *bytes, size_t size)
{
    if (!size)
        return "";
    uint64_t hash = size;
    for (size_t i = 0; i < size; i++)
        hash = hash * 131 + (unsigned char)bytes[i];
    hash = table_mix(hash);
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

struct network *store_network(struct model *model, unsigned host, uint64_t cookie, uint64_t inode)
{
    if (!cookie && !inode)
        return NULL;
    for (struct network *network = model->networks; network; network = network->next) {
        if (network->host != host)
            continue;
        if ((cookie && network->cookie == cookie) ||
            (inode && network->inode == inode && (!cookie || !network->cookie))) {
            if (!network->cookie)
                network->cookie = cookie;
            if (!network->inode)
                network->inode = inode;
            return network;
        }
    }
    struct network *network = store_alloc(sizeof *network);
    *network = (struct network){.next = model->networks, .host = host, .cookie = cookie, .inode = inode};
    return model->networks = network;
}

struct process *store_process(struct model *model, struct process *process)
{
    model->processes =
        store_grow(model->processes, model->processes_count, &model->processes_room, sizeof(struct process *));
    process->id = model->processes_count;
    model->processes[model->processes_count++] = process;
    return process;
}
