/* SPDX-License-Identifier: MIT
 *
 * Reading files of /proc, see proc.h.
 */
#include "analyzer/cmd/proc.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { START_FIELD = 22, NS_PER_S = 1000000000 };

bool proc_read_stat(FILE *in, struct proc_stat *stat)
{
    char text[1024];
    text[fread(text, 1, sizeof text - 1, in)] = '\0';
    char *at = strrchr(text, ')'); /* the end of the second field, the name, which may hold anything */
    if (!at || at[1] != ' ' || !at[2])
        return false;
    stat->state = at[2];
    for (int field = 2; at && field < START_FIELD; field++)
        at = strchr(at + 1, ' ');
    if (!at || at[1] < '0' || at[1] > '9')
        return false;
    stat->start_ticks = strtoull(at + 1, NULL, 10);
    return true;
}

/* The number behind `key` in the first line that begins with it; false: there is none. */
static bool read_number(FILE *in, const char *key, uint64_t *number)
{
    char *line = NULL;
    size_t capacity = 0, size = strlen(key);
    bool found = false;
    while (!found && getline(&line, &capacity, in) > 0) {
        const char *at = line + size;
        if (strncmp(line, key, size) != 0)
            continue;
        at += strspn(at, " \t");
        found = *at >= '0' && *at <= '9';
        if (found)
            *number = strtoull(at, NULL, 10);
    }
    free(line);
    return found;
}

uint64_t proc_read_started(FILE *in)
{
    uint64_t started = 0;
    return read_number(in, "processes ", &started) ? started : 0;
}

/* The number of filters stands behind the mode. */
int proc_read_filters(FILE *in)
{
    uint64_t mode = 0, count = 0;
    if (!read_number(in, "Seccomp:", &mode) || mode == 0)
        return 0;
    return read_number(in, "Seccomp_filters:", &count) && count > 0 && count <= INT_MAX ? (int)count : 1;
}

int64_t proc_read_boottime_offset(FILE *in)
{
    char *line = NULL;
    size_t capacity = 0;
    int64_t offset = 0;
    while (getline(&line, &capacity, in) > 0) {
        int64_t seconds, rest, whole;
        if (sscanf(line, "boottime %" SCNd64 " %" SCNd64, &seconds, &rest) == 2 &&
            !__builtin_mul_overflow(seconds, (int64_t)NS_PER_S, &whole) && !__builtin_add_overflow(whole, rest, &whole))
            offset = whole;
    }
    free(line);
    return offset;
}

bool proc_read_mapped(FILE *in, const char *name)
{
    char *line = NULL, *wanted = NULL;
    size_t capacity = 0;
    bool found = false;
    if (asprintf(&wanted, "/%s", name) < 0)
        abort();
    while (!found && getline(&line, &capacity, in) > 0)
        found = strstr(line, wanted) != NULL;
    free(line);
    free(wanted);
    return found;
}

uint32_t proc_socket_inode(const char *target)
{
    static const char kind[] = "socket:[";
    size_t size = sizeof kind - 1;
    char *end;
    if (strncmp(target, kind, size) != 0 || target[size] < '0' || target[size] > '9')
        return 0;
    errno = 0;
    unsigned long long inode = strtoull(target + size, &end, 10);
    return errno == 0 && strcmp(end, "]") == 0 && inode <= UINT32_MAX ? (uint32_t)inode : 0;
}
