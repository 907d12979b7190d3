/* SPDX-License-Identifier: MIT
 *
 * Names that programs looked up. Called by the replay.
 */
#include "analyzer/model/internal.h"

#include <string.h>
#include <sys/socket.h>

/* ---- Names ---- */

void note_name(struct model *model, struct task *task, const struct event *event)
{
    const struct sockatlas_body_name *body = event_body(event);
    char text[1100];
    if (body->result || body->name_size == 0 || body->name_size >= sizeof text)
        return;
    if (!event_tail(event, sizeof *body, 0, text, body->name_size))
        return;
    const char *name = store_text(model, text, strnlen(text, body->name_size));
    size_t offset = (size_t)body->name_size + body->service_size;
    for (unsigned i = 0; i < body->addresses_count; i++) {
        uint8_t encoded[22] = {0}, family; /* port, address, scope */
        if (!event_tail(event, sizeof *body, offset, &family, 1))
            return;
        size_t size = family == AF_INET ? 4 : 16;
        if (!event_tail(event, sizeof *body, offset + 1, encoded + 2, size))
            return;
        offset += 1 + size;
        if (task->names_count < NAMES_KEPT)
            task->names = store_grow(task->names, task->names_count, &task->names_room, sizeof *task->names);
        struct name *slot = &task->names[task->names_count % NAMES_KEPT];
        if (!address_decode(&slot->address, family, encoded, family == AF_INET ? 6 : 22))
            return;
        slot->text = name;
        task->names_count++;
    }
}

const char *note_name_of(const struct task *task, const struct address *address)
{
    unsigned kept = task->names_count < NAMES_KEPT ? task->names_count : NAMES_KEPT;
    for (unsigned i = 0; i < kept; i++) {
        const struct name *name = &task->names[(task->names_count - 1 - i) % NAMES_KEPT];
        if (name->address.family == address->family && name->address.size == address->size &&
            memcmp(name->address.bytes, address->bytes, address->size) == 0)
            return name->text;
    }
    return NULL;
}
