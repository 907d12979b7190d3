/* SPDX-License-Identifier: MIT
 *
 * An intrusive hash multimap: entries with one hash form a chain, several entries may be equal, and one object may be
 * in several tables. Our own, because half-open connections share keys on purpose (a reused tuple has one entry per
 * connection), entries come and go with every socket, and neither may cost an allocation. Used by the model and the
 * doctor. Whoever uses it compares keys and owns the entries.
 */
#ifndef ANALYZER_MODEL_TABLE_H
#define ANALYZER_MODEL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct table_link {
    struct table_link *next;
    uint64_t hash;
    bool listed;
};

struct table {
    struct table_link **buckets;
    size_t size; /* a power of two, or 0 before the first entry */
    size_t count;
};

#define TABLE_OF(link, type, member) ((type *)((char *)(link)-offsetof(type, member)))

static inline uint64_t table_mix(uint64_t value)
{
    value ^= value >> 32;
    value *= 0x9e3779b97f4a7c15u;
    return value ^ value >> 29;
}

static inline void table_resize(struct table *table, size_t size)
{
    struct table_link **buckets = calloc(size, sizeof(struct table_link *));
    if (!buckets)
        abort();
    for (size_t i = 0; i < table->size; i++)
        for (struct table_link *link = table->buckets[i], *next; link; link = next) {
            next = link->next;
            link->next = buckets[link->hash & (size - 1)];
            buckets[link->hash & (size - 1)] = link;
        }
    free(table->buckets);
    table->buckets = buckets;
    table->size = size;
}

/* The hash must already be well mixed in its low bits. */
static inline void table_insert(struct table *table, struct table_link *link, uint64_t hash)
{
    if (table->count >= table->size)
        table_resize(table, table->size ? table->size * 2 : 64);
    struct table_link **bucket = &table->buckets[hash & (table->size - 1)];
    link->hash = hash;
    link->next = *bucket;
    link->listed = true;
    *bucket = link;
    table->count++;
}

/* No effect on an entry that is not listed. */
static inline void table_remove(struct table *table, struct table_link *link)
{
    if (!link->listed)
        return;
    struct table_link **at = &table->buckets[link->hash & (table->size - 1)];
    while (*at != link)
        at = &(*at)->next;
    *at = link->next;
    link->listed = false;
    table->count--;
}

static inline struct table_link *table_same(struct table_link *link, uint64_t hash)
{
    while (link && link->hash != hash)
        link = link->next;
    return link;
}

/* The entries with this hash, in no order: `for (link = table_first(...); link; link = table_next(link))`. */
static inline struct table_link *table_first(const struct table *table, uint64_t hash)
{
    return table->size ? table_same(table->buckets[hash & (table->size - 1)], hash) : NULL;
}

static inline struct table_link *table_next(const struct table_link *link)
{
    return table_same(link->next, link->hash);
}

static inline void table_free(struct table *table)
{
    free(table->buckets);
    *table = (struct table){.size = 0};
}

#endif
