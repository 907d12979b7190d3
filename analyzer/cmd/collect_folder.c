/* SPDX-License-Identifier: MIT
 *
 * Collecting the logs of a folder, see collect.h: finds them, looks at each in time, drops what is older or more than
 * is to be kept.
 */
#include "analyzer/cmd/collect.h"

#include "analyzer/cmd/run.h"
#include "analyzer/trace/memory.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SEARCH_MS = 2000, KEEP_MS = 1000, LOOK_FOR_LOGS_MS = 250 };

struct collect_folder {
    struct collect_place place;
    struct collect_log *logs; /* by name, in the order in which they were found */
    struct timespec changed;
    int64_t searched, kept;
};

struct collect_folder *collect_folder_new(int fd, const char *path, const struct collect_rules *rules)
{
    struct collect_folder *folder = memory_must(calloc(1, sizeof *folder));
    folder->place = (struct collect_place){.folder = fd, .path = path, .rules = rules};
    return folder;
}

static void remove_log(struct collect_folder *folder, struct collect_log *log)
{
    HASH_DEL(folder->logs, log); /* NOLINT(clang-analyzer-core.NullDereference): it is in the table */
    collect_log_free(log);
}

void collect_folder_free(struct collect_folder *folder)
{
    for (struct collect_log *log = folder->logs, *next; log; log = next) {
        next = log->hh.next;
        remove_log(folder, log);
    }
    free(folder);
}

static DIR *open_entries(const struct collect_folder *folder)
{
    int copy = openat(folder->place.folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return copy < 0 ? NULL : fdopendir(copy);
}

/* ---- Finding ---- */

static struct collect_log *find(const struct collect_folder *folder, const char *name)
{
    struct collect_log *log;
    HASH_FIND_STR(folder->logs, name, log);
    return log;
}

static void add(struct collect_folder *folder, const char *name)
{
    struct collect_log *log = memory_must(calloc(1, sizeof *log));
    snprintf(log->name, sizeof log->name, "%s", name);
    log->seen = true;
    HASH_ADD_STR(folder->logs, name, log);
}

/* Drops those that are no more. One that had not come to its end is looked at once more, which says so. */
static void forget(struct collect_folder *folder)
{
    for (struct collect_log *log = folder->logs, *next; log; log = next) {
        next = log->hh.next;
        if (log->seen)
            continue;
        if (log->begun && !log->finished)
            collect_log_look(&folder->place, log, false);
        remove_log(folder, log);
    }
}

static void search(struct collect_folder *folder, int64_t now)
{
    struct stat status;
    if (fstat(folder->place.folder, &status) < 0)
        return;
    bool changed = status.st_mtim.tv_sec != folder->changed.tv_sec || status.st_mtim.tv_nsec != folder->changed.tv_nsec;
    if (!changed && folder->searched != 0 && now - folder->searched < SEARCH_MS)
        return;
    folder->changed = status.st_mtim;
    folder->searched = now;
    DIR *entries = open_entries(folder);
    if (!entries)
        return;
    for (struct collect_log *log = folder->logs; log; log = log->hh.next)
        log->seen = false;
    for (const struct dirent *entry; (entry = readdir(entries));) {
        struct collect_log *log = run_content_log(entry->d_name) ? find(folder, entry->d_name) : NULL;
        if (log)
            log->seen = true;
        else if (run_content_log(entry->d_name))
            add(folder, entry->d_name);
    }
    closedir(entries);
    forget(folder);
}

/* ---- Keeping ---- */

/* What may be dropped: a segment that is not the newest of a log which goes on, or all of an ended one. */
struct old {
    char name[NAME_MAX + 1];
    int64_t at_ms; /* CLOCK_REALTIME of its latest change */
    uint64_t bytes;
    bool fixed;
};

struct olds {
    struct old *list;
    size_t count;
};

static void add_old(struct olds *olds, const struct old *old)
{
    if ((olds->count & (olds->count - 1)) == 0)
        olds->list = memory_must(realloc(olds->list, (olds->count == 0 ? 1 : 2 * olds->count) * sizeof *olds->list));
    olds->list[olds->count++] = *old;
}

static int by_age(const void *a, const void *b)
{
    const struct old *one = a, *other = b;
    return (one->at_ms > other->at_ms) - (one->at_ms < other->at_ms);
}

static void consider(struct collect_folder *folder, struct olds *olds, const char *name)
{
    struct old old;
    struct stat status;
    char of[NAME_MAX + 1];
    uint64_t position;
    bool segment = segment_name_of(name, of, &position);
    const struct collect_log *log = find(folder, segment ? of : name);
    if ((!segment && (!log || !log->finished)) ||
        fstatat(folder->place.folder, name, &status, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(status.st_mode))
        return;
    snprintf(old.name, sizeof old.name, "%s", name);
    old.at_ms = (int64_t)status.st_mtim.tv_sec * 1000 + status.st_mtim.tv_nsec / 1000000;
    old.bytes = (uint64_t)status.st_blocks * 512;
    old.fixed = segment && log && !log->finished && strcmp(log->segment, name) == 0;
    add_old(olds, &old);
}

static void keep(struct collect_folder *folder, int64_t now)
{
    const struct collect_rules *rules = folder->place.rules;
    if ((!rules->keep_ms && !rules->keep_bytes) || now - folder->kept < KEEP_MS)
        return;
    folder->kept = now;
    struct olds olds = {.list = NULL};
    DIR *entries = open_entries(folder);
    for (const struct dirent *entry; entries && (entry = readdir(entries));)
        consider(folder, &olds, entry->d_name);
    if (entries)
        closedir(entries);
    uint64_t bytes = 0;
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    int64_t wall_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000;
    for (size_t i = 0; i < olds.count; i++)
        bytes += olds.list[i].bytes;
    if (olds.count > 1)
        qsort(olds.list, olds.count, sizeof *olds.list, by_age);
    for (size_t i = 0; i < olds.count; i++) {
        const struct old *old = &olds.list[i];
        bool aged = rules->keep_ms && wall_ms - old->at_ms > (int64_t)rules->keep_ms;
        bool many = rules->keep_bytes && bytes > rules->keep_bytes;
        if (old->fixed || !(aged || many) || unlinkat(folder->place.folder, old->name, 0) < 0)
            continue;
        bytes -= old->bytes;
    }
    free(olds.list);
}

/* ---- A step ---- */

int64_t collect_folder_step(struct collect_folder *folder, bool last)
{
    int64_t now = collect_now(), next = now + LOOK_FOR_LOGS_MS;
    search(folder, now);
    for (struct collect_log *log = folder->logs; log; log = log->hh.next) {
        if (log->finished)
            continue;
        if (last || log->next <= now)
            collect_log_look(&folder->place, log, last);
        next = log->next < next ? log->next : next;
    }
    keep(folder, now);
    return next;
}
