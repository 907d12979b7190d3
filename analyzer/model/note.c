/* SPDX-License-Identifier: MIT
 *
 * Names that programs looked up. Called by the replay.
 */
#include "analyzer/model/internal.h"

#include <string.h>
#include <sys/socket.h>

/* ---- Names ---- */

/* Hands each address of a successful lookup to `take`. */
static void each_address(struct model *model, const struct event *event,
                         void (*take)(struct model *model, struct task *task, unsigned host, const struct name *name),
                         struct task *task)
{
    const struct sockatlas_body_name *body = event_body(event);
    char text[1100];
    if (body->result || body->name_size == 0 || body->name_size >= sizeof text)
        return;
    if (!event_tail(event, sizeof *body, 0, text, body->name_size))
        return;
    struct name name = {.text = store_text(model, text, strnlen(text, body->name_size))};
    size_t offset = (size_t)body->name_size + body->service_size;
    for (unsigned i = 0; i < body->addresses_count; i++) {
        uint8_t encoded[22] = {0}, family; /* port, address, scope */
        if (!event_tail(event, sizeof *body, offset, &family, 1))
            return;
        size_t size = family == AF_INET ? 4 : 16;
        if (!event_tail(event, sizeof *body, offset + 1, encoded + 2, size))
            return;
        offset += 1 + size;
        if (!address_decode(&name.address, family, encoded, family == AF_INET ? 6 : 22))
            return;
        take(model, task, event->image->host, &name);
    }
}

static void keep_for_task(struct model *model, struct task *task, unsigned host, const struct name *name)
{
    (void)model;
    (void)host;
    if (task->names_count < NAMES_KEPT)
        task->names = store_grow(task->names, task->names_count, &task->names_capacity, sizeof *task->names);
    task->names[task->names_count++ % NAMES_KEPT] = *name;
}

void note_name(struct model *model, struct task *task, const struct event *event)
{
    each_address(model, event, keep_for_task, task);
}

static void keep_for_host(struct model *model, struct task *task, unsigned host, const struct name *name)
{
    (void)task;
    if (model->host_names_count == HOST_NAMES_MOST)
        return;
    model->host_names =
        store_grow(model->host_names, model->host_names_count, &model->host_names_capacity, sizeof *model->host_names);
    model->host_names[model->host_names_count++] = (struct host_name){*name, host};
}

void note_host_name(struct model *model, const struct event *event)
{
    each_address(model, event, keep_for_host, NULL);
}

static bool same_host(const struct address *a, const struct address *b)
{
    return a->family == b->family && a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

const char *note_host_name_of(const struct model *model, unsigned host, const struct address *address)
{
    for (unsigned i = 0; i < model->host_names_count; i++)
        if (model->host_names[i].host == host && same_host(&model->host_names[i].name.address, address))
            return model->host_names[i].name.text;
    return NULL;
}

const char *note_name_of(const struct task *task, const struct address *address)
{
    unsigned kept = task->names_count < NAMES_KEPT ? task->names_count : NAMES_KEPT;
    for (unsigned i = 0; i < kept; i++) {
        const struct name *name = &task->names[(task->names_count - 1 - i) % NAMES_KEPT];
        if (same_host(&name->address, address))
            return name->text;
    }
    return NULL;
}
