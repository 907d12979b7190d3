/* SPDX-License-Identifier: MIT
 *
 * Reads /proc/self/maps, see mapping.h. Callable from anywhere: its buffer is small, for a signal stack.
 */
#include "shim/mapping.h"

#include "shim/sys.h"

#include <fcntl.h>
#include <stdint.h>

struct reader {
    long fd;
    size_t size, used;
    char block[512];
};

/* The next byte, -1 at the end. */
static int next(struct reader *reader)
{
    if (reader->used == reader->size) {
        long got = sys(SYS_read, reader->fd, reader->block, sizeof(reader->block));
        reader->size = got > 0 ? (size_t)got : 0;
        reader->used = 0;
    }
    return reader->used < reader->size ? (unsigned char)reader->block[reader->used++] : -1;
}

/* The number that the line begins with; reads the character behind it too. */
static uint64_t read_address(struct reader *reader)
{
    uint64_t value = 0;
    for (int c; (c = next(reader)) >= 0;) {
        bool digit = c >= '0' && c <= '9';
        if (!digit && !(c >= 'a' && c <= 'f'))
            break;
        value = value << 4 | (uint64_t)(digit ? c - '0' : c - 'a' + 10);
    }
    return value;
}

/* The rest of the line: its path begins at the first slash. -1 at the end of the file, else its length, 0 none. */
static long read_path(struct reader *reader, char *out, size_t capacity)
{
    size_t length = 0;
    int c;
    while ((c = next(reader)) >= 0 && c != '\n')
        if ((length || c == '/') && length++ < capacity)
            out[length - 1] = (char)c;
    return c < 0 ? -1 : (long)length;
}

bool mapping_path(const void *address, char *out, size_t capacity)
{
    struct reader reader = {.fd = sys(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC)};
    if (reader.fd < 0)
        return false;
    bool here = false;
    long length = 0;
    while (!here && length >= 0) {
        here = read_address(&reader) == (uintptr_t)address;
        length = read_path(&reader, out, capacity - 1);
    }
    sys(SYS_close, reader.fd);
    bool found = here && length > 0 && (size_t)length < capacity;
    if (found)
        out[length] = 0;
    return found;
}
