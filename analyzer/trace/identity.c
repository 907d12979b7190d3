/* SPDX-License-Identifier: MIT
 *
 * Which log it is, see identity.h.
 */
#include "analyzer/trace/identity.h"

#include "analyzer/trace/budget.h"
#include "analyzer/trace/memory.h"

#include <stdlib.h>
#include <string.h>

void identity_of(const struct trace_image *image, struct identity *out)
{
    const struct sockatlas_header *header = &image->header;
    memset(out, 0, sizeof *out);
    memcpy(out->boot_id, header->boot_id, strnlen(header->boot_id, sizeof out->boot_id));
    if (!out->boot_id[0])
        memcpy(out->host, header->host, strnlen(header->host, sizeof out->host));
    out->boottime_ns = header->boottime_ns;
    out->start_ticks = header->start_ticks;
    out->pidns_inode = header->pidns_inode;
    memcpy(out->run_id, header->run_id, sizeof out->run_id);
    out->pid = header->pid;
    out->writer = header->writer;
    out->foreign = image->foreign;
    out->owner = image->foreign ? image->owner : 0;
}

bool identity_equal(const struct trace_image *a, const struct trace_image *b)
{
    struct identity one, other;
    identity_of(a, &one);
    identity_of(b, &other);
    return memcmp(&one, &other, sizeof one) == 0;
}

/* How many ranges begin at `slot` or before. */
static size_t begun(const struct identity_told *told, uint64_t slot)
{
    size_t low = 0, high = told->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (told->ranges[middle].from <= slot)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Only a trace that somebody made up has many that do not stand in order: what they cost is charged to it. */
static void insert(struct identity_told *told, size_t at, struct identity_range range)
{
    budget_work((told->count - at) / 16);
    if (!told->ranges || (told->count & (told->count - 1)) == 0) {
        size_t capacity = told->count == 0 ? 1 : 2 * told->count;
        told->ranges = memory_must(realloc(told->ranges, capacity * sizeof *told->ranges));
    }
    memmove(told->ranges + at + 1, told->ranges + at, (told->count - at) * sizeof *told->ranges);
    told->ranges[at] = range;
    told->count++;
}

bool identity_tell(struct identity_told *told, uint64_t slot, unsigned slots)
{
    struct identity_range *last = told->count > 0 ? &told->ranges[told->count - 1] : NULL;
    if (last != NULL && slot == last->to) {
        last->to += slots;
        return true;
    }
    size_t at = last == NULL || slot > last->to ? told->count : begun(told, slot);
    struct identity_range *before = at > 0 ? &told->ranges[at - 1] : NULL;
    if (before != NULL && slot < before->to)
        return false;
    if (before != NULL && slot == before->to)
        before->to += slots;
    else
        insert(told, at, (struct identity_range){.from = slot, .to = slot + slots});
    return true;
}

void identity_forget(struct identity_told *told)
{
    free(told->ranges);
    *told = (struct identity_told){.count = 0};
}
