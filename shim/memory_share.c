/* SPDX-License-Identifier: MIT
 *
 * How much memory a log may take whose pages cannot be written out. Where a memory cgroup is full of such pages, the
 * kernel kills the program.
 */
#include "shim/memory_share.h"

#include "shim/image.h"
#include "shim/sys.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/sysinfo.h>

enum { SHARE = 16, TEXT_MAX = 4096, PATH_MOST = 512, UNASKED = 1 << 20 };

/* UINT64_MAX: no limit ("max", or there is no such file). */
static uint64_t read_limit(const char *path)
{
    char text[32];
    uint64_t value = 0;
    text[image_read_file(path, text, sizeof(text) - 1)] = 0;
    if (text[0] < '0' || text[0] > '9')
        return UINT64_MAX;
    for (const char *at = text; *at >= '0' && *at <= '9'; at++)
        value = value * 10 + (uint64_t)(*at - '0');
    return value;
}

/* Two ways in which the kernel shows a cgroup's limit: where all controllers are one hierarchy, and where memory is one
 * of its own. */
struct hierarchy {
    const char *root, *file;
};

/* The least of the limits of the cgroup `group` and of those that it is in. A container may see a group's own folder as
 * the root, though its name tells of more. One caller at a time: the program's stack may be small. */
static uint64_t least_limit(const struct hierarchy *hierarchy, const char *group, size_t size)
{
    static char path[PATH_MOST] LARGE;
    size_t root = strlen(hierarchy->root), file = strlen(hierarchy->file);
    uint64_t least = UINT64_MAX;
    if (root + size + file + 2 > sizeof(path))
        return least;
    memcpy(path, hierarchy->root, root);
    memcpy(path + root, group, size);
    for (;;) {
        while (size > 0 && path[root + size - 1] == '/')
            size--;
        path[root + size] = '/';
        memcpy(path + root + size + 1, hierarchy->file, file + 1);
        uint64_t limit = read_limit(path);
        least = limit < least ? limit : least;
        if (size == 0)
            return least;
        while (size > 0 && path[root + size - 1] != '/')
            size--;
    }
}

/* A line is NUMBER:CONTROLLERS:GROUP. */
static uint64_t line_limit(const char *controllers, const char *end)
{
    static const struct hierarchy all = {"/sys/fs/cgroup", "memory.max"},
                                  own = {"/sys/fs/cgroup/memory", "memory.limit_in_bytes"};
    static const char memory[] = "memory";
    const char *group = memchr(controllers, ':', (size_t)(end - controllers));
    if (!group)
        return UINT64_MAX;
    if (group == controllers)
        return least_limit(&all, group + 1, (size_t)(end - group - 1));
    bool is_memory =
        (size_t)(group - controllers) == sizeof(memory) - 1 && memcmp(controllers, memory, sizeof(memory) - 1) == 0;
    return is_memory ? least_limit(&own, group + 1, (size_t)(end - group - 1)) : UINT64_MAX;
}

static uint64_t cgroups_limit(const char *text)
{
    uint64_t least = UINT64_MAX;
    for (const char *line = text; *line;) {
        size_t size = strcspn(line, "\n");
        const char *controllers = memchr(line, ':', size);
        uint64_t limit = controllers ? line_limit(controllers + 1, line + size) : UINT64_MAX;
        least = limit < least ? limit : least;
        line += size + (line[size] == '\n');
    }
    return least;
}

static uint64_t machine_size(void)
{
    struct sysinfo machine;
    return sys(SYS_sysinfo, &machine) == 0 ? (uint64_t)machine.totalram * machine.mem_unit : UINT64_MAX;
}

uint64_t memory_share(bool grouped)
{
    static char text[TEXT_MAX] LARGE;
    static bool busy; /* a thread, or what a signal handler has interrupted, is in here */
    if (__atomic_exchange_n(&busy, true, __ATOMIC_ACQUIRE))
        return UNASKED;
    text[image_read_file("/proc/self/cgroup", text, sizeof(text) - 1)] = 0;
    bool known = text[0] || !grouped;
    uint64_t group = cgroups_limit(text), machine = machine_size();
    __atomic_store_n(&busy, false, __ATOMIC_RELEASE);
    return known ? (group < machine ? group : machine) / SHARE : UNASKED;
}
