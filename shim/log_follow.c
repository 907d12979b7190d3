/* SPDX-License-Identifier: MIT
 *
 * Looks for the log by its name, see log_follow.h. One system call where it is where it was; what is looked at more
 * closely is looked at more and more rarely, unless it is gone.
 */
#include "shim/log_follow.h"

#include "shim/clock.h"
#include "shim/config.h"
#include "shim/log_file.h"
#include "shim/memory.h"
#include "shim/process.h"
#include "shim/sys_file.h"
#include "shim/vdso.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define WAIT_MOST_NS 64000000000ull
#define BUSY_NS      2000000000ull
#define FRESH_NS     20000000ull

static bool is_file(const struct log_made *made, const struct stat *status)
{
    return made->in_memory ? S_ISREG(status->st_mode) : status->st_dev == made->device && status->st_ino == made->inode;
}

/* What stands at the path that the log was made at. 1: it; 0: nothing, or something else; negative: not to be known. */
static int look_at_path(const struct log_made *made)
{
    char path[CONFIG_DIR_MAX + LOG_NAME_MAX];
    struct stat status;
    size_t folder = strlen(config.dir), name = strlen(made->name);
    memcpy(path, config.dir, folder);
    path[folder] = '/';
    memcpy(path + folder + 1, made->name, name < LOG_NAME_MAX - 1 ? name + 1 : 0);
    long result = sys_fstatat(AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW);
    if (result == 0)
        return is_file(made, &status);
    return result == -ENOENT || result == -ENOTDIR ? 0 : -1;
}

/* Paths lead where they led when the log was made. */
static bool root_is_same(const struct log_made *made)
{
    struct stat root;
    return made->root.inode && sys_fstatat(AT_FDCWD, "/", &root, 0) == 0 && root.st_dev == made->root.device &&
           root.st_ino == made->root.inode;
}

/* False: it is empty, or cannot be read. */
static bool has_files(long folder)
{
    struct dirent64 entries[1]; /* one with the longest name, or some */
    bool found = false;
    long readable = sys(SYS_openat, folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (long size; !found && (size = sys(SYS_getdents64, readable, entries, sizeof(entries))) > 0;) {
        const char *at = (const char *)entries, *end = at + size;
        for (const struct dirent64 *entry; at < end; at += entry->d_reclen) {
            entry = (const struct dirent64 *)(const void *)at;
            found |= strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
        }
    }
    if (readable >= 0)
        sys(SYS_close, readable);
    return found;
}

/* What is known of the folder from which the log is gone. */
struct place {
    uint64_t changed_ns; /* when something in it was made, renamed or removed last, by CLOCK_REALTIME */
    bool has_files;      /* looked for at the process's end only */
};

/* Whether the log is gone from the folder that it was made in, or, where that is gone too, from one that stands at its
 * path. */
static bool is_gone(const struct log_made *made, const struct sockatlas_header *header, bool last, struct place *place)
{
    struct stat file, status;
    long folder = log_file_folder(made, header);
    bool there =
        folder >= 0 && sys_fstatat(folder, made->name, &file, AT_SYMLINK_NOFOLLOW) == 0 && is_file(made, &file);
    long result = folder >= 0 ? sys_fstat(folder, &status) : sys_fstatat(AT_FDCWD, config.dir, &status, 0);
    place->has_files = last && folder >= 0 && !there && has_files(folder);
    if (folder >= 0)
        sys(SYS_close, folder);
    if (there || result < 0)
        return false;
    place->changed_ns = (uint64_t)status.st_mtim.tv_sec * 1000000000 + (uint64_t)status.st_mtim.tv_nsec;
    return true;
}

/* The folder itself may be on its way out (rm -r), and a log that was made in it now would keep it: nothing has changed
 * in it for a while, or the log has been gone for longer in a folder that is never still. */
static bool is_settled(uint64_t gone_ns, uint64_t changed_ns)
{
    uint64_t now = vdso_clock(CLOCK_REALTIME);
    return (now >= changed_ns && now - changed_ns >= LOG_FOLLOW_WAIT_NS) || clock_now() - gone_ns >= BUSY_NS;
}

static uint64_t seen_ns; /* 0: it is gone */

void log_follow_seen(void)
{
    __atomic_store_n(&seen_ns, clock_now(), __ATOMIC_RELAXED);
}

bool log_follow_fresh(void)
{
    uint64_t seen = __atomic_load_n(&seen_ns, __ATOMIC_RELAXED);
    return seen && clock_now() - seen < FRESH_NS;
}

bool log_follow_gone(const struct sockatlas_header *header, bool last, uint64_t *wait_ns)
{
    static uint64_t wait = LOG_FOLLOW_WAIT_NS, gone_ns;
    const struct log_made *made = log_file_made();
    struct place place = {.changed_ns = 0};
    int found = look_at_path(made);
    if (found > 0)
        log_follow_seen();
    else
        __atomic_store_n(&seen_ns, 0, __ATOMIC_RELAXED);
    bool gone = found == 0 && root_is_same(made) && is_gone(made, header, last, &place);
    gone_ns = !gone ? 0 : gone_ns ? gone_ns : clock_now();
    bool settled = gone && (place.has_files || is_settled(gone_ns, place.changed_ns));
    if (found > 0 || gone != settled)
        wait = LOG_FOLLOW_WAIT_NS;
    else if (wait < WAIT_MOST_NS)
        wait *= 2;
    *wait_ns = wait;
    return settled;
}

bool log_follow_leave(struct sockatlas_header *header)
{
    uint64_t page = memory_page_size();
    long copy = sys_mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (sys_is_error(copy))
        return false;
    struct sockatlas_header *own = (struct sockatlas_header *)copy;
    memcpy(own, header, page);
    own->cursor = LOG_FOLLOW_LEFT;
    if (sys(SYS_mremap, own, page, page, MREMAP_MAYMOVE | MREMAP_FIXED, header) != (long)header) {
        sys(SYS_munmap, own, page);
        return false;
    }
    return true;
}

static struct {
    struct sockatlas_header *header; /* NULL: none */
    uint64_t ready, mapped, lost;
    uint32_t pid;
    struct log_made made;
} left LARGE;

void log_follow_left(struct sockatlas_header *header, uint64_t ready, uint64_t mapped)
{
    left.header = header;
    left.ready = ready;
    left.mapped = mapped;
    left.lost = header->lost;
    left.pid = process_owner();
    left.made = *log_file_made();
}

uint64_t log_follow_drop(void)
{
    struct sockatlas_header *header = left.header;
    if (!header)
        return 0;
    left.header = NULL;
    /* A forked child has a copy of what its parent counts. */
    uint64_t lost = left.pid == process_owner() ? __atomic_load_n(&header->lost, __ATOMIC_RELAXED) - left.lost : 0;
    log_file_drop(header, left.ready, left.mapped, &left.made);
    return lost;
}
