/* SPDX-License-Identifier: MIT
 *
 * Descriptor tables: one per process, from number to socket, and what is noted at a number. A table is a tree whose
 * memory follows how many numbers are in use, not how large they are. Says what stands there; descriptor_hold.c puts it
 * there. Calls store.c alone.
 */
#include "analyzer/model/internal.h"

#include "analyzer/trace/budget.h"

#include <string.h>

/* An inner node leads on by INNER_BITS bits of a number. */
enum { INNER_BITS = 4, INNER_CHILDREN = 1 << INNER_BITS, LEAF_SIZE = DESCRIPTOR_LEAF * sizeof(struct descriptor) };

struct inner {
    void *children[INNER_CHILDREN]; /* inner nodes, or leaves in the lowest */
};

_Static_assert(sizeof(struct descriptor) == 16, "a table of many processes has millions of entries");

/* The lowest bit of a number that a node of this height decides about; a leaf has height 1. */
static unsigned shift_of(unsigned height)
{
    return DESCRIPTOR_LEAF_BITS + (height - 2) * INNER_BITS;
}

/* Whether a tree of this height has a place for the number. */
static bool reaches(unsigned height, uint64_t fd)
{
    return height && fd >> (DESCRIPTOR_LEAF_BITS + (height - 1) * INNER_BITS) == 0;
}

struct descriptor *descriptor_place(struct task *task, int32_t fd)
{
    struct descriptor_table *table = &task->descriptors;
    if (table->latest_leaf && table->latest == (uint32_t)fd >> DESCRIPTOR_LEAF_BITS)
        return &table->latest_leaf[fd & (DESCRIPTOR_LEAF - 1)];
    while (!reaches(table->height, (uint32_t)fd)) {
        if (table->height) {
            struct inner *above = store_alloc(sizeof *above);
            above->children[0] = table->root;
            table->root = above;
        }
        if (++table->height == 1)
            table->root = store_alloc(LEAF_SIZE);
    }
    void *node = table->root;
    for (unsigned height = table->height; height > 1; height--) {
        void **child = &((struct inner *)node)->children[(uint32_t)fd >> shift_of(height) & (INNER_CHILDREN - 1)];
        if (!*child)
            *child = store_alloc(height > 2 ? sizeof(struct inner) : LEAF_SIZE);
        node = *child;
    }
    table->latest = (uint32_t)fd >> DESCRIPTOR_LEAF_BITS;
    table->latest_leaf = node;
    return &((struct descriptor *)node)[fd & (DESCRIPTOR_LEAF - 1)];
}

struct descriptor *descriptor_leaf(struct descriptor_table *table, int32_t fd)
{
    if (!reaches(table->height, (uint32_t)fd))
        return NULL;
    void *node = table->root;
    for (unsigned height = table->height; height > 1 && node; height--)
        node = ((struct inner *)node)->children[(uint32_t)fd >> shift_of(height) & (INNER_CHILDREN - 1)];
    table->latest = (uint32_t)fd >> DESCRIPTOR_LEAF_BITS;
    return table->latest_leaf = node;
}

struct descriptor *descriptor_next(const struct task *task, int64_t *fd)
{
    const struct descriptor_table *table = &task->descriptors;
    while (reaches(table->height, (uint64_t)*fd)) {
        void *node = table->root;
        unsigned height = table->height;
        budget_work(1);
        for (; height > 1 && node; height--)
            node = ((struct inner *)node)->children[*fd >> shift_of(height) & (INNER_CHILDREN - 1)];
        if (!node) { /* nothing below what was just left */
            unsigned shift = shift_of(height + 1);
            *fd = ((*fd >> shift) + 1) << shift;
            continue;
        }
        struct descriptor *leaf = node;
        do {
            struct descriptor *descriptor = &leaf[*fd & (DESCRIPTOR_LEAF - 1)];
            if (descriptor_sock(descriptor))
                return descriptor;
        } while (++*fd & (DESCRIPTOR_LEAF - 1));
    }
    return NULL;
}

static void free_node(void *node, unsigned height)
{
    for (unsigned i = 0; node && height > 1 && i < INNER_CHILDREN; i++)
        free_node(((struct inner *)node)->children[i], height - 1);
    free(node);
}

void descriptor_free(struct task *task)
{
    free_node(task->descriptors.root, task->descriptors.height);
    task->descriptors = (struct descriptor_table){.height = 0};
}

int32_t descriptor_number(const struct task *task, const struct sock *sock)
{
    const struct descriptor *descriptor;
    if (!sock->refs && !sock->weak_refs)
        return -1;
    if (sock->held_by == task && descriptor_get(task, sock->held_fd) == sock)
        return sock->held_fd;
    for (int64_t fd = 0; (descriptor = descriptor_next(task, &fd)); fd++)
        if (descriptor->sock == sock)
            return (int32_t)fd;
    return -1;
}

void descriptor_untold(struct task *task, int32_t fd)
{
    struct descriptor *descriptor = descriptor_at(task, fd);
    if (!descriptor || descriptor->uncounted)
        return;
    descriptor->uncounted = true;
    descriptor->sock->uncounted++;
}

bool descriptor_told(struct task *task, int32_t fd)
{
    struct descriptor *descriptor = descriptor_at(task, fd);
    if (!descriptor || !descriptor->uncounted)
        return false;
    descriptor->uncounted = false;
    descriptor->sock->uncounted--;
    return true;
}

void descriptor_flags(struct task *task, int32_t fd, bool cloexec)
{
    struct descriptor *descriptor = descriptor_at(task, fd);
    if (descriptor)
        descriptor->cloexec = cloexec;
}
