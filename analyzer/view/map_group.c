/* SPDX-License-Identifier: MIT
 *
 * Which processes a picture of the map draws as one: workers of one parent, or all of one program. A program is what
 * was executed and what it is called: scripts of one interpreter are several.
 */
#include "analyzer/view/map_group.h"

#include "analyzer/model/table.h"
#include "analyzer/trace/text.h"
#include "analyzer/view/words.h"

#include <stdio.h>
#include <string.h>

struct member {
    struct table_link by_key;
    unsigned first;             /* of its group */
    unsigned count;             /* of the group, in its first member */
    uint32_t low_pid, high_pid; /* the same */
};

struct map_groups {
    const struct model *model;
    struct member *members;
};

static const char *program(const struct process *process)
{
    return process->exe[0] ? process->exe : process->comm;
}

/* Texts are interned by the model: one program, one pointer. */
static bool same_group(const struct process *a, const struct process *b, bool by_program)
{
    return a->kind == b->kind && a->kind != PROCESS_EXTERNAL && a->host == b->host && program(a) == program(b) &&
           program(a)[0] && a->comm == b->comm && (by_program || (a->ppid && a->ppid == b->ppid));
}

static uint64_t group_key(const struct process *process, bool by_program)
{
    return hash_words((uintptr_t)program(process), (uintptr_t)process->comm, by_program ? 0 : process->ppid,
                      (uint64_t)process->kind << 32 | process->host);
}

static void collect(struct map_groups *groups, struct table *table, unsigned id, bool by_program)
{
    const struct process *process = model_process(groups->model, id);
    struct member *member = &groups->members[id];
    *member = (struct member){.first = id, .count = 1, .low_pid = process->pid, .high_pid = process->pid};
    if (!same_group(process, process, by_program))
        return; /* it is in none */
    uint64_t key = group_key(process, by_program);
    for (struct table_link *link = table_first(table, key); link; link = table_next(link)) {
        struct member *first = TABLE_OF(link, struct member, by_key);
        if (!same_group(process, model_process(groups->model, (unsigned)(first - groups->members)), by_program))
            continue;
        member->first = first->first;
        first->count++;
        if (process->pid < first->low_pid)
            first->low_pid = process->pid;
        if (process->pid > first->high_pid)
            first->high_pid = process->pid;
        return;
    }
    table_insert(table, &member->by_key, key);
}

struct map_groups *map_groups_new(const struct model *model, bool by_program)
{
    struct map_groups *groups = calloc(1, sizeof *groups);
    unsigned count = model_process_count(model);
    struct table table = {.size = 0};
    if (!groups || !(groups->members = calloc(count + 1, sizeof *groups->members)))
        abort();
    groups->model = model;
    for (unsigned id = 0; id < count; id++)
        collect(groups, &table, id, by_program);
    for (unsigned id = count; id-- > 0;) {
        const struct member *first = &groups->members[groups->members[id].first];
        if (!by_program && first->count < GROUP_SIBLINGS_LEAST)
            groups->members[id].first = id;
    }
    for (unsigned id = 0; id < count; id++)
        if (groups->members[id].count < GROUP_SIBLINGS_LEAST && !by_program)
            groups->members[id].count = 1;
    table_free(&table);
    return groups;
}

unsigned map_group(const struct map_groups *groups, const struct process *process)
{
    return groups->members[process->id].first;
}

const char *map_group_text(const struct map_groups *groups, unsigned group, char out[GROUP_TEXT_MAX])
{
    const struct process *process = model_process(groups->model, group);
    const struct member *member = &groups->members[group];
    if (member->count < 2)
        return word_process(process, out);
    char comm[TEXT_ESCAPED_MAX(64)];
    text_escape(process->comm, strnlen(process->comm, 64), comm);
    snprintf(out, GROUP_TEXT_MAX, "%s x%u (%u-%u)", comm[0] ? comm : "?", member->count, member->low_pid,
             member->high_pid);
    return out;
}

void map_groups_free(struct map_groups *groups)
{
    free(groups->members);
    free(groups);
}
