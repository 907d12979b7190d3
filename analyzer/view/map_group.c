/* SPDX-License-Identifier: MIT
 *
 * Which processes a picture of the map draws as one: workers of one parent that do the same, or all of one program. A
 * program is what was executed and what it is called: scripts of one interpreter are several.
 */
#include "analyzer/view/map_group.h"

#include "analyzer/model/table.h"
#include "analyzer/trace/text.h"
#include "analyzer/view/words.h"

#include <stdio.h>
#include <string.h>

struct member {
    struct table_link by_key;
    uint64_t does;              /* hash of what it does: listens, and with whom it talks in which direction */
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

/* ---- What each does ---- */

/* One thing that a process does; `what` is a hash. */
struct deed {
    unsigned process;
    uint64_t what;
};

static int by_process(const void *a, const void *b)
{
    const struct deed *x = a, *y = b;
    if (x->process != y->process)
        return x->process < y->process ? -1 : 1;
    return x->what < y->what ? -1 : x->what > y->what;
}

/* Peers of one program are alike. So are all hosts that connect to a server, but not those that a client connects to.
 */
static uint64_t peer_key(const struct process *peer, bool connects)
{
    if (peer->kind == PROCESS_EXTERNAL)
        return hash_numbers(peer->kind, connects ? peer->id : 0);
    return hash_numbers((uintptr_t)program(peer), (uintptr_t)peer->comm);
}

static void describe(struct map_groups *groups)
{
    const struct model *model = groups->model;
    unsigned edges = model_edge_count(model), listeners = model_listener_count(model), count = 0;
    struct deed *deeds = calloc(2u * edges + listeners + 1, sizeof *deeds);
    if (!deeds)
        abort();
    for (unsigned i = 0; i < edges; i++) {
        const struct edge *edge = model_edge(model, i);
        deeds[count++] = (struct deed){edge->from->id, hash_numbers(1, peer_key(edge->to, true))};
        deeds[count++] = (struct deed){edge->to->id, hash_numbers(2, peer_key(edge->from, false))};
    }
    for (unsigned i = 0; i < listeners; i++)
        deeds[count++] = (struct deed){model_listener(model, i)->process->id, hash_numbers(3, 0)};
    qsort(deeds, count, sizeof *deeds, by_process);
    for (unsigned i = 0; i < count; i++)
        if (!i || by_process(&deeds[i], &deeds[i - 1]) != 0) {
            struct member *member = &groups->members[deeds[i].process];
            member->does = hash_numbers(member->does, deeds[i].what);
        }
    free(deeds);
}

/* ---- Grouping ---- */

/* Texts are interned by the model: one program, one pointer. */
static bool same_group(const struct map_groups *groups, const struct process *a, const struct process *b,
                       enum map_grouping by)
{
    if (a->kind != b->kind || a->kind == PROCESS_EXTERNAL || a->host != b->host || program(a) != program(b) ||
        !program(a)[0] || a->comm != b->comm)
        return false;
    return by == MAP_BY_PROGRAM ||
           (a->ppid && a->ppid == b->ppid && groups->members[a->id].does == groups->members[b->id].does);
}

static uint64_t group_key(const struct map_groups *groups, const struct process *process, enum map_grouping by)
{
    uint64_t sibling = by == MAP_BY_PROGRAM ? 0 : hash_numbers(process->ppid, groups->members[process->id].does);
    return hash_words((uintptr_t)program(process), (uintptr_t)process->comm, sibling,
                      (uint64_t)process->kind << 32 | process->host);
}

static void collect(struct map_groups *groups, struct table *table, unsigned id, enum map_grouping by)
{
    const struct process *process = model_process(groups->model, id);
    struct member *member = &groups->members[id];
    member->first = id;
    member->count = 1;
    member->low_pid = member->high_pid = process->pid;
    if (by == MAP_BY_PROCESS || !same_group(groups, process, process, by))
        return; /* it is in none */
    uint64_t key = group_key(groups, process, by);
    for (struct table_link *link = table_first(table, key); link; link = table_next(link)) {
        struct member *first = TABLE_OF(link, struct member, by_key);
        if (!same_group(groups, process, model_process(groups->model, (unsigned)(first - groups->members)), by))
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

/* Those that talk to one another are not one: who with whom could not be read. */
static void dissolve(struct map_groups *groups)
{
    for (unsigned i = 0; i < model_edge_count(groups->model); i++) {
        const struct edge *edge = model_edge(groups->model, i);
        unsigned first = groups->members[edge->from->id].first;
        if (edge->from != edge->to && first == groups->members[edge->to->id].first)
            groups->members[first].count = 1;
    }
}

struct map_groups *map_groups_new(const struct model *model, enum map_grouping by)
{
    struct map_groups *groups = calloc(1, sizeof *groups);
    unsigned count = model_process_count(model);
    struct table table = {.size = 0};
    if (!groups || !(groups->members = calloc(count + 1, sizeof *groups->members)))
        abort();
    groups->model = model;
    if (by == MAP_BY_SIBLINGS)
        describe(groups);
    for (unsigned id = 0; id < count; id++)
        collect(groups, &table, id, by);
    bool siblings = by == MAP_BY_SIBLINGS;
    if (siblings)
        dissolve(groups);
    for (unsigned id = count; siblings && id-- > 0;)
        if (groups->members[groups->members[id].first].count < GROUP_SIBLINGS_LEAST)
            groups->members[id].first = id;
    for (unsigned id = 0; siblings && id < count; id++)
        if (groups->members[id].count < GROUP_SIBLINGS_LEAST)
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
