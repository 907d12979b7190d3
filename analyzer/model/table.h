/* SPDX-License-Identifier: MIT
 *
 * An intrusive hash multimap: entries with one hash form a list, oldest first, several entries may be equal, and one
 * object may be in several tables. Our own, because half-open connections share keys on purpose (a reused tuple has one
 * entry per connection), entries come and go with every socket, and neither may cost an allocation. Inserting, removing
 * and going on to the next entry take the same time however many share a hash. Used by the model and the doctor.
 * Whoever uses it compares keys and owns the entries, and takes hashes from hash.h, so that nobody can choose values
 * that fall together.
 */
#ifndef ANALYZER_MODEL_TABLE_H
#define ANALYZER_MODEL_TABLE_H

#include "analyzer/trace/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct table_link {
    struct table_link *next;   /* in the first entry of a hash: the first one of another hash in the same bucket */
    struct table_link *before; /* of the same hash; before the first one stands the last */
    struct table_link *after;  /* of the same hash; NULL behind the last one */
    uint64_t hash;
    bool listed;
};

struct table {
    struct table_link **buckets;
    size_t size;  /* a power of two, or 0 before the first entry */
    size_t count; /* of entries */
};

#define TABLE_OF(link, type, member) ((type *)((char *)(link)-offsetof(type, member)))

static inline uint64_t table_mix(uint64_t value)
{
    return hash_numbers(value, 0);
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

/* Where the first entry with this hash is referred to from, or would be. */
static inline struct table_link **table_at(const struct table *table, uint64_t hash)
{
    struct table_link **at = &table->buckets[hash & (table->size - 1)];
    while (*at && (*at)->hash != hash)
        at = &(*at)->next;
    return at;
}

/* The hash is one of hash.h's. */
static inline void table_insert(struct table *table, struct table_link *link, uint64_t hash)
{
    if (table->count >= table->size)
        table_resize(table, table->size ? table->size * 2 : 64);
    struct table_link **at = table_at(table, hash), *first = *at;
    *link = (struct table_link){.hash = hash, .before = first ? first->before : link, .listed = true};
    if (first) {
        first->before->after = link;
        first->before = link;
    } else {
        *at = link;
    }
    table->count++;
}

/* No effect on an entry that is not listed. */
static inline void table_remove(struct table *table, struct table_link *link)
{
    if (!link->listed)
        return;
    struct table_link **at = table_at(table, link->hash), *first = *at;
    if (!first)
        return; /* cannot be: it is listed */
    if (link->after)
        link->after->before = link->before;
    else
        first->before = link->before;
    if (link != first) {
        link->before->after = link->after;
    } else if (link->after) {
        link->after->next = link->next;
        *at = link->after;
    } else {
        *at = link->next;
    }
    link->listed = false;
    table->count--;
}

/* The entries with this hash, the oldest first: `for (link = table_first(...); link; link = table_next(link))`. */
static inline struct table_link *table_first(const struct table *table, uint64_t hash)
{
    return table->size ? *table_at(table, hash) : NULL;
}

static inline struct table_link *table_next(const struct table_link *link)
{
    return link->after;
}

/* A walk over the entries with one hash that looks at so many at most: the oldest, then, where there are more, the
 * newest, latest first. For rules that nearly always find what they look for at either end, while whoever makes a trace
 * can have any number of entries share a hash: `for (link = table_look(&look, ...); link; link =
 * table_look_on(&look))`.
 */
#define TABLE_LOOK_MAX 32

struct table_look {
    struct table_link *first, *at;
    const struct table_link *stop; /* walking back: the last that was looked at before */
    unsigned left;
    bool cut; /* some were not looked at */
};

static inline struct table_link *table_look(struct table_look *look, const struct table *table, uint64_t hash)
{
    struct table_link *first = table_first(table, hash);
    *look = (struct table_look){.first = first, .at = first, .left = TABLE_LOOK_MAX};
    return first;
}

static inline struct table_link *table_look_on(struct table_look *look)
{
    struct table_link *next = look->stop ? look->at->before : look->at->after;
    if (!next || next == look->stop)
        return NULL;
    if (--look->left == 0) {
        look->cut = look->stop != NULL;
        if (look->stop)
            return NULL;
        look->stop = look->at;
        look->left = TABLE_LOOK_MAX;
        next = look->first->before;
    }
    return look->at = next;
}

static inline void table_free(struct table *table)
{
    free(table->buckets);
    *table = (struct table){.size = 0};
}

#endif
