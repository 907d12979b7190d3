/* SPDX-License-Identifier: MIT
 *
 * Which processes a picture of the map draws as one: workers of one parent that do the same, or all of one program,
 * unit, container or host. A program is what was executed and what it is called: scripts of one interpreter are
 * several.
 */
#include "analyzer/view/map_group.h"

#include "analyzer/model/table.h"
#include "analyzer/trace/escape.h"
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
    enum map_grouping by;
    struct member *members;
};

static const char *program(const struct process *process)
{
    return process->exe[0] ? process->exe : process->comm;
}

/* ---- What people call it ---- */

static const struct {
    const char *word;
    enum map_grouping by;
} groupings[] = {{"process", MAP_BY_PROCESS},
                 {"program", MAP_BY_PROGRAM},
                 {"unit", MAP_BY_UNIT},
                 {"container", MAP_BY_CONTAINER},
                 {"host", MAP_BY_HOST}};

enum { GROUPINGS = sizeof groupings / sizeof *groupings, ID_SHOWN = 12, NAME_SHOWN = 80 };

const char *map_grouping_word(unsigned index)
{
    return index < GROUPINGS ? groupings[index].word : NULL;
}

const char *map_grouping_name(enum map_grouping by)
{
    for (unsigned i = 0; i < GROUPINGS; i++)
        if (groupings[i].by == by)
            return groupings[i].word;
    return "";
}

bool map_grouping_of(const char *word, enum map_grouping *by)
{
    for (unsigned i = 0; i < GROUPINGS; i++)
        if (strcmp(groupings[i].word, word) == 0) {
            *by = groupings[i].by;
            return true;
        }
    return false;
}

static bool is_id(const char *name)
{
    return strlen(name) == 64 && strspn(name, "0123456789abcdef") == 64;
}

/* By what it runs in: false where that has no name. */
static bool has_name(const struct process *process, enum map_grouping by, char out[CGROUP_NAME_MAX])
{
    if (by == MAP_BY_UNIT && process_unit(process, out)) {
        char container[CGROUP_NAME_MAX];
        /* Docker's scopes are named after the container. */
        if (!process_container(process, container) || !is_id(container) || !strstr(out, container))
            return true;
    }
    if (!process_container(process, out))
        return false;
    if (is_id(out))
        out[ID_SHOWN] = '\0';
    return true;
}

static void host_name(const struct model *model, unsigned host, char *out, size_t size)
{
    const struct trace_image *image = host < model_host_count(model) ? model_host(model, host) : NULL;
    if (image && image->header.host[0])
        snprintf(out, size, "%.*s", (int)sizeof image->header.host, image->header.host);
    else
        snprintf(out, size, "host %u", host);
}

/* The name as it is; "": it is in no group. */
static void raw_name(const struct model *model, const struct process *process, enum map_grouping by,
                     char out[GROUP_TEXT_MAX])
{
    char name[CGROUP_NAME_MAX], host[128];
    out[0] = '\0';
    if (process->kind == PROCESS_EXTERNAL && !(by == MAP_BY_HOST && process->located))
        return;
    if (by == MAP_BY_HOST) {
        host_name(model, process->host, out, GROUP_TEXT_MAX);
        return;
    }
    if (by == MAP_BY_PROGRAM || !has_name(process, by, name))
        snprintf(name, sizeof name, "%.64s", process->comm);
    host_name(model, process->host, host, sizeof host);
    bool several = model_host_count(model) > 1 && name[0];
    snprintf(out, GROUP_TEXT_MAX, "%s%s%s", name, several ? " on " : "", several ? host : "");
}

const char *map_group_name(const struct model *model, const struct process *process, enum map_grouping by,
                           char out[GROUP_TEXT_MAX])
{
    char raw[GROUP_TEXT_MAX] = "";
    if (process && by >= MAP_BY_PROGRAM)
        raw_name(model, process, by, raw);
    if (!raw[0])
        return word_process(process, out);
    escape(ESCAPE_TEXT, raw, escape_cut(raw, NAME_SHOWN), out);
    return out;
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

static bool same_name(const struct map_groups *groups, const struct process *a, const struct process *b)
{
    char one[GROUP_TEXT_MAX], other[GROUP_TEXT_MAX];
    if (a->host != b->host)
        return false;
    raw_name(groups->model, a, groups->by, one);
    raw_name(groups->model, b, groups->by, other);
    return one[0] && strcmp(one, other) == 0;
}

/* Texts are interned by the model: one program, one pointer. */
static bool same_group(const struct map_groups *groups, const struct process *a, const struct process *b,
                       enum map_grouping by)
{
    if (by > MAP_BY_PROGRAM)
        return same_name(groups, a, b);
    if (a->kind != b->kind || a->kind == PROCESS_EXTERNAL || a->host != b->host || program(a) != program(b) ||
        !program(a)[0] || a->comm != b->comm)
        return false;
    return by == MAP_BY_PROGRAM ||
           (a->ppid && a->ppid == b->ppid && groups->members[a->id].does == groups->members[b->id].does);
}

static uint64_t group_key(const struct map_groups *groups, const struct process *process, enum map_grouping by)
{
    if (by > MAP_BY_PROGRAM) {
        char name[GROUP_TEXT_MAX];
        raw_name(groups->model, process, by, name);
        return hash_numbers(hash_bytes(name, strlen(name)), process->host);
    }
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
    groups->by = by;
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

unsigned map_group_size(const struct map_groups *groups, unsigned group)
{
    return groups->members[group].count;
}

const char *map_group_label(const struct map_groups *groups, unsigned group, char out[GROUP_TEXT_MAX])
{
    return map_group_name(groups->model, model_process(groups->model, group), groups->by, out);
}

const char *map_group_text(const struct map_groups *groups, unsigned group, char out[GROUP_TEXT_MAX])
{
    const struct process *process = model_process(groups->model, group);
    const struct member *member = &groups->members[group];
    if (groups->by > MAP_BY_PROGRAM) {
        map_group_name(groups->model, process, groups->by, out);
        size_t used = strlen(out);
        if (member->count > 1)
            snprintf(out + used, GROUP_TEXT_MAX - used, " x%u", member->count);
        return out;
    }
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
