/* SPDX-License-Identifier: MIT
 *
 * Reading and writing the memory of another process. Called by all of attach/.
 */
#include "analyzer/attach/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

bool memory_open(struct memory *memory, pid_t pid, char *why)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    memory->fd = open(path, O_RDWR | O_CLOEXEC);
    return memory->fd >= 0 || look_refused(pid, errno, why);
}

void memory_close(struct memory *memory)
{
    if (memory->fd >= 0)
        close(memory->fd);
    memory->fd = -1;
}

size_t memory_part(const struct memory *memory, uint64_t address, void *out, size_t size)
{
    size_t done = 0;
    ssize_t got;
    while (done < size && (got = pread(memory->fd, (char *)out + done, size - done, (off_t)(address + done))) > 0)
        done += (size_t)got;
    return done;
}

bool memory_get(const struct memory *memory, uint64_t address, void *out, size_t size)
{
    return memory_part(memory, address, out, size) == size;
}

bool memory_put(const struct memory *memory, uint64_t address, const void *from, size_t size)
{
    return pwrite(memory->fd, from, size, (off_t)address) == (ssize_t)size;
}
