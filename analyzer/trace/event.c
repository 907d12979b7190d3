/* SPDX-License-Identifier: MIT
 *
 * Reading what an event's record holds beyond its common fields, see event.h.
 */
#include "analyzer/trace/event.h"

#include "analyzer/trace/fields.h"

#include <errno.h>
#include <string.h>

size_t event_tail_capacity(const struct event *event, size_t body_size)
{
    return fields_tail_capacity(event->slots, body_size);
}

bool event_tail(const struct event *event, size_t body_size, size_t offset, void *out, size_t size)
{
    size_t capacity = event_tail_capacity(event, body_size);
    if (offset > capacity || size > capacity - offset) {
        memset(out, 0, size);
        return false;
    }
    unsigned char *to = out;
    size_t at = sizeof(struct sockatlas_common) + body_size + offset;
    while (size > 0) {
        /* In the head slot up to its end, in a continuation from its second byte to its end. */
        size_t slot = 0;
        size_t within = at;
        if (at >= SOCKATLAS_SLOT_SIZE) {
            slot = 1 + (at - SOCKATLAS_SLOT_SIZE) / SOCKATLAS_CONTINUATION_BYTES;
            within = 1 + (at - SOCKATLAS_SLOT_SIZE) % SOCKATLAS_CONTINUATION_BYTES;
        }
        size_t piece = SOCKATLAS_SLOT_SIZE - within;
        piece = piece < size ? piece : size;
        memcpy(to, event->record + slot * SOCKATLAS_SLOT_SIZE + within, piece);
        to += piece;
        at += piece;
        size -= piece;
    }
    return true;
}

size_t event_take(const struct event *event, size_t body_size, size_t *used, void *out, size_t size)
{
    size_t capacity = event_tail_capacity(event, body_size);
    size_t rest = capacity > *used ? capacity - *used : 0;
    size = size < rest ? size : rest;
    event_tail(event, body_size, *used, out, size);
    *used += size;
    return size;
}

/* Reads one address at `offset` of the tail; returns the offset behind it. */
static size_t take_address(const struct event *event, size_t body_size, unsigned family, unsigned size, size_t offset,
                           struct address *out)
{
    unsigned char encoded[SOCKATLAS_ABSENT];
    struct address ignored;
    bool there = size != SOCKATLAS_ABSENT && event_tail(event, body_size, offset, encoded, size);
    if (!there)
        *(out != NULL ? out : &ignored) = (struct address){0};
    else
        address_decode(out != NULL ? out : &ignored, family, encoded, size);
    return offset + (there ? size : 0);
}

void event_addresses(const struct event *event, struct address *first, struct address *second)
{
    const struct layout *layout = fields_layout(event->kind);
    if (layout == NULL || layout->addresses < 0) {
        if (first != NULL)
            *first = (struct address){0};
        if (second != NULL)
            *second = (struct address){0};
        return;
    }
    struct sockatlas_addresses addresses;
    memcpy(&addresses, (const unsigned char *)event_body(event) + layout->addresses, sizeof addresses);
    size_t offset = take_address(event, layout->body_size, addresses.family, addresses.first_size, 0, first);
    take_address(event, layout->body_size, addresses.family, addresses.second_size, offset, second);
}

static size_t address_size(uint8_t size)
{
    return size == SOCKATLAS_ABSENT ? 0 : size;
}

bool event_tcp(const struct event *event, struct sockatlas_tcp *out)
{
    bool there = (event->kind == SOCKATLAS_CLOSE || event->kind == SOCKATLAS_STATE) && event->slots > 1;
    size_t body_size = sizeof(struct sockatlas_body_close), used = 0;
    memset(out, 0, sizeof *out);
    if (event->kind == SOCKATLAS_ENDED) {
        const struct sockatlas_body_ended *body = event_body(event);
        there = body->bytes_received != SOCKATLAS_BYTES_UNKNOWN;
        body_size = sizeof *body;
        used = address_size(body->addresses.first_size) + address_size(body->addresses.second_size);
    }
    if (there)
        event_take(event, body_size, &used, out, sizeof *out);
    return there;
}

bool event_failed(const struct event *event)
{
    bool lookup = event->kind == SOCKATLAS_NAME && ((const struct sockatlas_body_name *)event_body(event))->result != 0;
    return (event->error != 0 && event->error != EINPROGRESS) || lookup;
}

int64_t event_time_us(const struct event *event)
{
    return (int64_t)(event->time_ns + (uint64_t)event->image->offset_ns) / 1000;
}
