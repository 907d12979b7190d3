/* SPDX-License-Identifier: MIT
 *
 * The doctor in front of a command's callbacks, see examine.h.
 */
#include "analyzer/cmd/examine.h"

#include <stdlib.h>
#include <string.h>

static bool has_passed(const struct examine *examine, uint64_t socket)
{
    return socket < examine->capacity && examine->passed[socket / 8] & 1u << socket % 8;
}

static void pass(struct examine *examine, uint64_t socket)
{
    if (socket >= examine->capacity) {
        uint64_t capacity = (socket + 1024) * 2 / 8 * 8;
        examine->passed = realloc(examine->passed, capacity / 8);
        if (!examine->passed)
            abort();
        memset(examine->passed + examine->capacity / 8, 0, (capacity - examine->capacity) / 8);
        examine->capacity = capacity;
    }
    examine->passed[socket / 8] |= (unsigned char)(1u << socket % 8);
}

static void take_socket(void *context, const struct socket *socket)
{
    struct examine *examine = context;
    if (filter_given(examine->filter) && filter_socket(examine->filter, examine->model, socket))
        pass(examine, socket->id);
    examine->rules.socket_done(examine->rules.context, socket);
    if (examine->own.socket_done)
        examine->own.socket_done(examine->own.context, socket);
}

static void take_event(void *context, const struct event *event, const struct process *process,
                       const struct socket *socket)
{
    struct examine *examine = context;
    examine->rules.event_seen(examine->rules.context, event, process, socket);
    if (examine->own.event_seen)
        examine->own.event_seen(examine->own.context, event, process, socket);
}

static void take_inherited(void *context, const struct process *process, const struct socket *socket, int32_t fd,
                           uint64_t time_ns)
{
    struct examine *examine = context;
    examine->rules.socket_inherited(examine->rules.context, process, socket, fd, time_ns);
    if (examine->own.socket_inherited)
        examine->own.socket_inherited(examine->own.context, process, socket, fd, time_ns);
}

void examine_begin(struct examine *examine, struct model_callbacks *callbacks)
{
    examine->doctor = doctor_new();
    examine->own = examine->rules = *callbacks;
    doctor_callbacks(examine->doctor, &examine->rules);
    callbacks->context = examine;
    callbacks->socket_done = take_socket;
    callbacks->event_seen = take_event;
    callbacks->socket_inherited = take_inherited;
}

void examine_attach(struct examine *examine, const struct model *model)
{
    examine->model = model;
    doctor_attach(examine->doctor, model);
}

/* Of its sockets one that passes; or where it names none, its process. */
static bool wanted(void *context, const struct finding *finding)
{
    const struct examine *examine = context;
    bool named = finding->socket != 0;
    if (has_passed(examine, finding->socket))
        return true;
    for (unsigned i = 0; i < finding->evidence_count; i++) {
        named = named || finding->evidence[i].socket;
        if (has_passed(examine, finding->evidence[i].socket))
            return true;
    }
    return !named && filter_process(examine->filter, finding->process);
}

void examine_finish(struct examine *examine)
{
    doctor_finish(examine->doctor);
    if (filter_given(examine->filter))
        doctor_keep(examine->doctor, wanted, examine);
}

void examine_free(struct examine *examine)
{
    doctor_free(examine->doctor);
    free(examine->passed);
}
