/* SPDX-License-Identifier: MIT
 *
 * Fuzz target: log files. An input is one log, or several laid one behind another: each begins where a header's magic
 * stands at a slot's boundary.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/slots.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LOGS_MAX = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t capacity, unsigned seed);

static int log_file(const uint8_t *bytes, size_t size)
{
    int fd = memfd_create("log", MFD_CLOEXEC);
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
        abort();
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static char paths[LOGS_MAX][32];
    char *traces[LOGS_MAX];
    int fds[LOGS_MAX], count = 0;
    do {
        size_t length = count + 1 < LOGS_MAX ? slots_log_size(bytes, size) : size;
        fds[count] = log_file(bytes, length);
        snprintf(paths[count], sizeof paths[count], "/proc/self/fd/%d", fds[count]);
        traces[count] = paths[count];
        count++;
        bytes += length;
        size -= length;
    } while (size > 0);
    fuzz_read(traces, count, true);
    for (int i = 0; i < count; i++)
        close(fds[i]);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t capacity, unsigned seed)
{
    return slots_mutate(bytes, size, capacity, seed);
}
