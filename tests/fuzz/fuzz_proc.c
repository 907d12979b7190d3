/* SPDX-License-Identifier: MIT
 *
 * Fuzz target: files of /proc. The first byte of an input says which file the others are.
 */
#include "analyzer/cmd/proc.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const char log_name[] = "client.1.5f.atlas";

static void demand(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "wrong: %s\n", what);
    abort();
}

static void read_stat(FILE *in)
{
    struct proc_stat stat = {.state = '\0'};
    demand(!proc_read_stat(in, &stat) || stat.state != '\0', "a process without a state");
}

static void read_started(FILE *in)
{
    proc_read_started(in);
}

static void read_filters(FILE *in)
{
    demand(proc_read_filters(in) >= 0, "fewer filters than none");
}

static void read_offset(FILE *in)
{
    proc_read_boottime_offset(in);
}

static void read_mapped(FILE *in)
{
    bool found = proc_read_mapped(in, log_name);
    rewind(in);
    demand(!found || proc_read_mapped(in, "atlas") || !proc_read_mapped(in, "no such file"), "everything is mapped");
}

/* What is taken for a socket's link is one. */
static void read_link(FILE *in)
{
    char target[64], printed[64];
    target[fread(target, 1, sizeof target - 1, in)] = '\0';
    uint32_t inode = proc_socket_inode(target);
    snprintf(printed, sizeof printed, "%" PRIu32 "]", inode);
    const char *digits = strchr(target, '[');
    demand(inode == 0 || (digits && strcmp(digits + 1 + strspn(digits + 1, "0"), printed) == 0), "another inode");
}

static void (*const readers[])(FILE *in) = {read_stat, read_started, read_filters, read_offset, read_mapped, read_link};
enum { READERS = sizeof readers / sizeof *readers };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 2)
        return 0;
    /* A copy of its own: what lies behind it is not to be read. */
    uint8_t *copy = malloc(size - 1);
    if (!copy)
        abort();
    memcpy(copy, bytes + 1, size - 1);
    FILE *in = fmemopen(copy, size - 1, "r");
    if (!in)
        abort();
    readers[bytes[0] % READERS](in);
    fclose(in);
    free(copy);
    return 0;
}
