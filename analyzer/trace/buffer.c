/* SPDX-License-Identifier: MIT
 *
 * Text that grows, see buffer.h.
 */
#include "analyzer/trace/buffer.h"

#include <stdlib.h>

void buffer_grow(struct buffer *buffer, size_t size)
{
    enum { LEAST = 64 };
    buffer->capacity = (buffer->size + size) * 2 + LEAST;
    buffer->text = realloc(buffer->text, buffer->capacity);
    if (!buffer->text)
        abort();
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->text);
    *buffer = (struct buffer){0};
}
