/* SPDX-License-Identifier: MIT
 *
 * Text that grows at its end, for what makes a line or a table and writes it at once. Its memory is kept from one
 * text to the next.
 */
#ifndef ANALYZER_TRACE_BUFFER_H
#define ANALYZER_TRACE_BUFFER_H

#include <stddef.h>
#include <string.h>

/* Zeroed: empty. To empty it, size = 0. */
struct buffer {
    char *text; /* not NUL-terminated */
    size_t size, capacity;
};

/* Makes space for `size` more bytes. */
void buffer_grow(struct buffer *buffer, size_t size);
void buffer_free(struct buffer *buffer);

/* Where `size` more bytes may be put at most, until buffer_end(). Never NULL. */
static inline char *buffer_space(struct buffer *buffer, size_t size)
{
    if (size >= buffer->capacity - buffer->size)
        buffer_grow(buffer, size);
    return buffer->text + buffer->size;
}

/* What was put there ends at `end`. */
static inline void buffer_end(struct buffer *buffer, const char *end)
{
    buffer->size = (size_t)(end - buffer->text);
}

static inline void buffer_add(struct buffer *buffer, const char *text, size_t size)
{
    memcpy(buffer_space(buffer, size), text, size);
    buffer->size += size;
}

#endif
