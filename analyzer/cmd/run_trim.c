/* SPDX-License-Identifier: MIT
 *
 * Trims log files whose writers have all gone. A log is sparse up to its limit while it is mapped, and cutting it under
 * a writer would kill that writer with SIGBUS: so a file is cut only where it is certain that nobody has it mapped.
 * Where that cannot be known it stays as it is, which costs nothing but its look in `ls -l`. What is in memory
 * (memory_log.h) and not mapped comes to the trace.
 */
#include "analyzer/cmd/run.h"

#include "analyzer/cmd/proc.h"

#include "shim/memory_log.h"
#include "shim/storage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum use { USE_NONE, USE_MAPPED, USE_UNKNOWN };

/* A read lease is refused with EAGAIN while any writable open or mapping of the file exists. */
static enum use use_by_lease(int fd)
{
    if (!storage_of(fd).leased)
        return USE_UNKNOWN;
    if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0)
        return errno == EAGAIN ? USE_MAPPED : USE_UNKNOWN;
    fcntl(fd, F_SETLEASE, F_UNLCK);
    return USE_NONE;
}

/* Looks for the file's name, which no two logs share, among the mappings of all processes there are at one look. */
static enum use use_at_a_look(const char *file)
{
    DIR *processes = opendir("/proc");
    if (!processes)
        return USE_UNKNOWN;
    enum use use = USE_NONE;
    for (const struct dirent *entry; use != USE_MAPPED && (entry = readdir(processes));) {
        char path[300];
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
            continue;
        snprintf(path, sizeof path, "/proc/%s/maps", entry->d_name);
        FILE *maps = fopen(path, "re");
        if (!maps && errno != ENOENT && errno != ESRCH)
            use = USE_UNKNOWN;
        if (!maps)
            continue;
        if (proc_read_mapped(maps, file))
            use = USE_MAPPED;
        fclose(maps);
    }
    closedir(processes);
    return use;
}

/* How many processes and threads this kernel has started since it was booted; 0 unknown. */
static uint64_t processes_started(void)
{
    FILE *stat = fopen("/proc/stat", "re");
    uint64_t started = stat ? proc_read_started(stat) : 0;
    if (stat)
        fclose(stat);
    return started;
}

/* A mapping is inherited: a process that has the file mapped may start another one and end while we look, and be missed
 * with it. So a look is good when no process was started meanwhile anywhere. Where /proc hides other users' processes
 * (hidepid), the first one cannot be seen. */
static enum use use_by_maps(const char *file)
{
    enum { LOOKS = 8 };
    if (access("/proc/1", F_OK) < 0)
        return USE_UNKNOWN;
    for (int i = 0; i < LOOKS; i++) {
        uint64_t before = processes_started();
        enum use use = use_at_a_look(file);
        if (use != USE_NONE || (before != 0 && processes_started() == before))
            return use;
    }
    return USE_UNKNOWN;
}

static bool unused(int fd, const char *name)
{
    enum use use = use_by_lease(fd);
    return (use == USE_UNKNOWN ? use_by_maps(name) : use) == USE_NONE;
}

bool run_trim_mapped(int folder, const char *name)
{
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    /* Where the records are in memory, that file is what is mapped. */
    long memory = memory_log_open(fd, O_RDONLY);
    enum use use = use_by_lease(memory < 0 ? fd : (int)memory);
    if (memory >= 0)
        close((int)memory);
    close(fd);
    return (use == USE_UNKNOWN ? use_by_maps(name) : use) == USE_MAPPED;
}

/* What a third user put there is not ours to cut. */
bool run_trim_may(int folder, const struct stat *status)
{
    struct stat owner;
    if (!S_ISREG(status->st_mode))
        return false;
    return status->st_uid == geteuid() ||
           (geteuid() == 0 && fstat(folder, &owner) == 0 && status->st_uid == owner.st_uid);
}

static void trim(int folder, const char *name)
{
    struct sockatlas_header header;
    struct stat status;
    int fd = openat(folder, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fstat(fd, &status) == 0 && run_trim_may(folder, &status) &&
        pread(fd, &header, sizeof header, 0) == (ssize_t)sizeof header &&
        memcmp(header.magic, SOCKATLAS_MAGIC, sizeof header.magic) == 0 && header.byte_order == SOCKATLAS_BYTE_ORDER &&
        header.header_size >= sizeof header && (off_t)header.header_size <= status.st_size) {
        uint64_t capacity = ((uint64_t)status.st_size - header.header_size) / SOCKATLAS_SLOT_SIZE;
        uint64_t taken = header.cursor < capacity ? header.cursor : capacity;
        /* Once positions have passed a ring's end, all that exists of it is in use. */
        if (header.version >= 2 && header.section_slots != 0 && taken > header.made)
            taken = header.made;
        uint32_t closed = 1;
        if (ftruncate(fd, (off_t)(header.header_size + taken * SOCKATLAS_SLOT_SIZE)) == 0 && !header.closed)
            (void)!pwrite(fd, &closed, sizeof closed, offsetof(struct sockatlas_header, closed));
    }
    close(fd);
}

/* Its file in memory, if it is to have one, was made before it was named anywhere. */
static void remove_half_in_memory(const char *name, uid_t user)
{
    char memory_file[SOCKATLAS_MEMORY_NAME_SIZE];
    if (snprintf(memory_file, sizeof memory_file, SOCKATLAS_MEMORY_PREFIX "%s" SOCKATLAS_SUFFIX, name + 1) <
        (int)sizeof memory_file)
        memory_log_unlink(memory_file, user);
}

void run_trim_half(const char *dir, struct run_log *log)
{
    DIR *entries = opendir(dir);
    for (const struct dirent *entry; entries && (entry = readdir(entries));) {
        int fd = -1;
        if (run_content_half(dirfd(entries), entry->d_name))
            fd = openat(dirfd(entries), entry->d_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
            continue;
        /* One that is still being made changes its name soon. */
        struct stat status;
        bool left = fstat(fd, &status) == 0 && unused(fd, entry->d_name);
        close(fd);
        if (left && unlinkat(dirfd(entries), entry->d_name, 0) == 0) {
            remove_half_in_memory(entry->d_name, status.st_uid);
            run_log_half(log, entry->d_name);
        }
    }
    if (entries)
        closedir(entries);
}

/* Whether the log's records are in memory, and stay there. */
static bool stays_in_memory(int folder, const char *name)
{
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    long memory = fd < 0 ? -1 : memory_log_open(fd, O_RDONLY);
    if (memory >= 0)
        close((int)memory);
    if (fd >= 0)
        close(fd);
    return memory >= 0;
}

bool run_trim_log(int folder, const char *name)
{
    struct stat status;
    if (memory_log_settle(folder, name))
        return true;
    if (stays_in_memory(folder, name))
        return false;
    /* The lease wants a descriptor that cannot write, the cut one that can. */
    int fd = fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) < 0 || !run_trim_may(folder, &status)
                 ? -1
                 : openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return true;
    bool free_to_cut = unused(fd, name);
    close(fd);
    if (free_to_cut)
        trim(folder, name);
    return true;
}

unsigned run_trim(const char *dir)
{
    unsigned in_memory = 0;
    DIR *entries = opendir(dir);
    if (!entries)
        return 0;
    for (const struct dirent *entry; (entry = readdir(entries));)
        if (run_content_log(entry->d_name))
            in_memory += !run_trim_log(dirfd(entries), entry->d_name);
    closedir(entries);
    return in_memory;
}
