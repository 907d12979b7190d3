/* SPDX-License-Identifier: MIT
 *
 * The model's life: events in, settled sockets out, and the reports' accessors. The only file whose functions other
 * modules call.
 */
#include "analyzer/model/internal.h"

#include <string.h>

/* ---- What the pairing asks and tells ---- */

static void decided(void *context, struct half *half, const struct half *mate)
{
    struct model *model = context;
    struct sock *sock = half->context;
    ended_decided(context, half);
    if (model->callbacks.half_done)
        model->callbacks.half_done(model->callbacks.context, half, mate);
    if (!sock)
        return;
    half_decided(sock, half);
    sock_decided(model, sock);
}

static void conversation(void *context, const struct conversation *conversation)
{
    edge_add(context, conversation);
}

static uint64_t wall(void *context, unsigned host, uint64_t time_ns)
{
    return store_wall(context, host, time_ns);
}

static struct process *elsewhere(void *context, const struct half *half, enum match *match)
{
    struct model *model = context;
    struct process *process = outcome_failed(half->outcome) ? NULL : untraced_end(model, half);
    if (!process && !outcome_failed(half->outcome))
        process = ended_end(model, half);
    if (!process)
        process = untraced_server(model, half);
    /* Where records were overwritten, the other end may have been in them. */
    bool unknown = model->overwritten && (!half->complete || address_is_loopback(&half->peer));
    *match = process ? MATCH_UNTRACED : unknown ? MATCH_NONE : MATCH_EXTERNAL;
    return process ? process : edge_external(model, half);
}

/* ---- Life ---- */

struct model *model_new(const struct model_callbacks *callbacks)
{
    struct model *model = store_alloc(sizeof *model);
    if (callbacks)
        model->callbacks = *callbacks;
    model->pair = pair_new(&(struct pair_callbacks){
        .context = model, .decided = decided, .conversation = conversation, .elsewhere = elsewhere, .wall = wall});
    return model;
}

void model_expect_hosts(struct model *model, unsigned hosts)
{
    model->hosts_expected = hosts;
}

void model_expect_notices(struct model *model)
{
    ended_expect(model);
}

void model_event(struct model *model, const struct event *event)
{
    uint64_t wall = event->time_ns + (uint64_t)event->image->offset_ns;
    if (!model->origin_ns)
        model->origin_ns = wall;
    if (wall > model->now_ns)
        model->now_ns = wall;
    if (model->exec_first)
        task_exec_expire(model);
    model->records++;
    replay_event(model, event);
    pair_advance(model->pair, model->now_ns,
                 model->hosts_expected > model->hosts_count ? model->hosts_expected : model->hosts_count);
}

/* A process that nobody said is dead, but which cannot be alive. */
static bool vanished(const struct model *model, const struct task *task)
{
    const struct trace_image *trace = model->images[task->image].trace;
    if (model->callbacks.alive)
        switch (model->callbacks.alive(model->callbacks.context, &task->process, &trace->header)) {
        case MODEL_ALIVE:
            return false;
        case MODEL_DEAD:
            return true;
        default:
            break;
        }
    return !task_is_weak(task) && trace->header.closed;
}

void model_image(struct model *model, const struct trace_image *image)
{
    bool known = image->id < model->images_count && model->images[image->id].trace;
    if (!known && (image->forged || image->header.lost || image->header.overwritten))
        task_note_image(model, image);
}

/* What was not wanted, and the processes of which then nothing is left. */
static void leave_out(struct model *model)
{
    const struct model_callbacks *callbacks = &model->callbacks;
    unsigned kept = 0;
    if (!callbacks->conversation_wanted)
        return;
    for (unsigned i = 0; i < model->processes_count; i++)
        model->processes[i]->left_out = true;
    for (unsigned i = 0; i < model->edges_count; i++)
        model->edges[i]->from->left_out = model->edges[i]->to->left_out = false;
    for (unsigned i = 0; i < model->listeners_count; i++) {
        struct listener *listener = model->listeners[i];
        if (callbacks->listener_wanted(callbacks->wanted, listener)) {
            listener->process->left_out = false;
            model->listeners[kept++] = listener;
        } else {
            listener_free(model, listener);
        }
    }
    model->listeners_count = kept;
}

void model_finish(struct model *model)
{
    for (unsigned i = 0; i < model->images_count; i++)
        if (model->images[i].forks)
            task_drop_forks(model, &model->images[i]);
    model->finishing = true;
    task_exec_expire(model);
    for (unsigned i = 0; i < model->processes_count; i++) {
        if (model->processes[i]->kind != PROCESS_TRACED)
            continue;
        struct task *task = (struct task *)model->processes[i];
        if (task_is_over(task))
            descriptor_drop_all(model, task, task->process.end_ns);
        else if (vanished(model, task))
            task_vanish(model, task, 0);
        task_claim_tell(model, task);
    }
    sock_finish(model);
    pair_finish(model->pair);
    ended_finish(model);
    sock_report_all(model);
    coverage_losses(model); /* and whose records are incomplete */
    edge_finish(model);
    coverage_doubts(model);
    coverage_repeated(model);
    coverage_given_up(model);
    coverage_inherited(model);
    leave_out(model);
}

void model_free(struct model *model)
{
    if (!model)
        return;
    sock_free_all(model);
    pair_free(model->pair);
    for (unsigned i = 0; i < model->processes_count; i++)
        if (model->processes[i]->kind == PROCESS_TRACED)
            task_free((struct task *)model->processes[i]);
        else if (model->processes[i]->kind == PROCESS_EXTERNAL)
            free(model->processes[i]);
    for (unsigned i = 0; i < model->edges_count; i++)
        edge_free(model->edges[i]);
    for (unsigned i = 0; i < model->listeners_count; i++)
        free(model->listeners[i]);
    for (unsigned i = 0; i < model->coverage_count; i++)
        free(model->coverage[i].detail);
    coverage_free(model);
    for (struct network *network = model->networks, *next; network; network = next) {
        next = network->next;
        free(network);
    }
    ended_free(model);
    untraced_free(model);
    host_address_free(model);
    for (unsigned i = 0; i < model->images_count; i++)
        for (struct pending_fork *fork = model->images[i].forks, *next; fork; fork = next) {
            next = fork->next;
            task_free(fork->child);
            free(fork);
        }
    descriptor_free_doubled(model);
    store_free_entries(&model->texts, offsetof(struct text_entry, link));
    struct table *tables[] = {&model->tasks,           &model->children,       &model->nested,
                              &model->cookies,         &model->exchanges,      &model->counted,
                              &model->nodes,           &model->services,       &model->services_anywhere,
                              &model->services_files,  &model->edges_table,    &model->listeners_table,
                              &model->network_cookies, &model->network_inodes, &model->threads,
                              &model->forks_by_thread, &model->forks_by_slot,  &model->options};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        table_free(tables[i]);
    free(model->images);
    free(model->hosts);
    free(model->processes);
    free(model->edges);
    free(model->listeners);
    free(model->coverage);
    free(model->host_names);
    free(model);
}

const struct socket *model_socket(const struct model *model, unsigned host, uint64_t cookie)
{
    const struct sock *sock = sock_find(model, host, cookie);
    return sock ? &sock->socket : NULL;
}

struct process *model_socket_peer(const struct model *model, const struct socket *socket)
{
    return socket->peer_process ? socket->peer_process : half_peer_so_far(model, (const struct sock *)socket);
}

/* Of those whose socket lives, the row is brought up to date first. */
void model_open_halves(struct model *model,
                       void (*see)(void *context, const struct half *half, const struct half *mate), void *context)
{
    for (struct sock *sock = model->first; sock; sock = sock->next)
        half_update_all(model, sock);
    pair_each(model->pair, see, context);
}

uint64_t model_network_cookie(const struct half *half)
{
    return half->network ? half->network->cookie : 0;
}

uint64_t model_now_us(const struct model *model)
{
    return model->now_ns / 1000;
}

/* ---- Reports ---- */

unsigned model_process_count(const struct model *model)
{
    return model->processes_count;
}

const struct process *model_process(const struct model *model, unsigned id)
{
    return model->processes[id];
}

unsigned model_edge_count(const struct model *model)
{
    return model->edges_count;
}

const struct edge *model_edge(const struct model *model, unsigned index)
{
    return model->edges[index];
}

unsigned model_listener_count(const struct model *model)
{
    return model->listeners_count;
}

const struct listener *model_listener(const struct model *model, unsigned index)
{
    return model->listeners[index];
}

unsigned model_coverage_count(const struct model *model)
{
    return model->coverage_count;
}

const struct coverage *model_coverage(const struct model *model, unsigned index)
{
    return &model->coverage[index];
}

unsigned model_host_count(const struct model *model)
{
    return model->hosts_count;
}

const struct trace_image *model_host(const struct model *model, unsigned index)
{
    return model->hosts[index].image;
}

int64_t model_time_us(const struct model *model, unsigned host, uint64_t boottime_ns)
{
    return (int64_t)(store_wall(model, host, boottime_ns) / 1000);
}

int64_t model_origin_us(const struct model *model)
{
    return (int64_t)(model->origin_ns / 1000);
}

int64_t model_latest_us(const struct model *model)
{
    return (int64_t)(model->now_ns / 1000);
}
