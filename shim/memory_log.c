/* SPDX-License-Identifier: MIT
 *
 * A log whose records are in a file in memory, see memory_log.h. Reads single fields of headers: a stack may be small.
 */
#include "shim/memory_log.h"

#include "shim/storage.h"
#include "shim/sys_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>

enum {
    SHARE = 8,         /* the part of what is free that one log may take */
    UNASKED = 1 << 20, /* how far it grows where it cannot be asked what is free, as after chroot(2) */
    PATH_SIZE = sizeof(SOCKATLAS_MEMORY_DIR) + SOCKATLAS_MEMORY_NAME_SIZE,
    NAME_AT = offsetof(struct sockatlas_header, memory_file),
};

static const char prefix[] = SOCKATLAS_MEMORY_PREFIX;

/* False: the name is none of ours. */
static bool build_path(char path[PATH_SIZE], const char *name)
{
    size_t size = strnlen(name, SOCKATLAS_MEMORY_NAME_SIZE);
    if (size == SOCKATLAS_MEMORY_NAME_SIZE || strncmp(name, prefix, sizeof(prefix) - 1) != 0 || strchr(name, '/'))
        return false;
    memcpy(path, SOCKATLAS_MEMORY_DIR "/", sizeof(SOCKATLAS_MEMORY_DIR));
    memcpy(path + sizeof(SOCKATLAS_MEMORY_DIR), name, size + 1);
    return true;
}

long memory_log_make(const char *log, char memory_file[SOCKATLAS_MEMORY_NAME_SIZE])
{
    char path[PATH_SIZE];
    size_t size = strlen(log);
    if (sizeof(prefix) + size > SOCKATLAS_MEMORY_NAME_SIZE)
        return -ENAMETOOLONG;
    memset(memory_file, 0, SOCKATLAS_MEMORY_NAME_SIZE);
    memcpy(memory_file, prefix, sizeof(prefix) - 1);
    memcpy(memory_file + sizeof(prefix) - 1, log, size + 1);
    if (!build_path(path, memory_file))
        return -EINVAL;
    long fd = sys(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return fd;
    struct storage storage = storage_of((int)fd);
    if (storage.keeps && storage.memory)
        return fd;
    sys(SYS_close, fd);
    sys(SYS_unlinkat, AT_FDCWD, path, 0);
    return -ENOSYS;
}

/* The name may come from another user, who may not remove what is not his own by it. */
void memory_log_unlink(const char memory_file[SOCKATLAS_MEMORY_NAME_SIZE], uint32_t user)
{
    char path[PATH_SIZE];
    struct stat status;
    if (build_path(path, memory_file) && sys_fstatat(AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        status.st_uid == user)
        sys(SYS_unlinkat, AT_FDCWD, path, 0);
}

static bool space(uint64_t *all, uint64_t *available)
{
    struct statfs status;
    if (sys_statfs(SOCKATLAS_MEMORY_DIR, &status) < 0)
        return false;
    *all = (uint64_t)status.f_blocks * (uint64_t)status.f_bsize;
    *available = (uint64_t)status.f_bavail * (uint64_t)status.f_bsize;
    if (*all == 0) /* a tmpfs without a limit */
        *all = *available = UINT64_MAX;
    return true;
}

bool memory_log_possible(void)
{
    struct statfs status;
    return sys_statfs(SOCKATLAS_MEMORY_DIR, &status) == 0 && status.f_type == TMPFS_MAGIC &&
           sys(SYS_faccessat, AT_FDCWD, SOCKATLAS_MEMORY_DIR, W_OK | X_OK) == 0;
}

uint64_t memory_log_allowed(void)
{
    uint64_t all, available;
    return space(&all, &available) ? available / SHARE : 0;
}

bool memory_log_may_grow(uint64_t from, uint64_t to)
{
    uint64_t all, available;
    if (!space(&all, &available))
        return to <= UNASKED;
    return available >= to - from && available - (to - from) >= all / 2;
}

/* ---- Two files, one log ---- */

static bool read_field(int fd, size_t at, void *out, size_t size)
{
    return sys_pread(fd, out, size, at) == (long)size;
}

/* What a log and its file in memory have in common. */
struct origin {
    uint64_t boottime_ns;
    uint32_t pid;
    char boot_id[sizeof(((struct sockatlas_header *)0)->boot_id)];
    uint32_t user;
};

static bool read_origin(int fd, struct origin *origin)
{
    struct stat status;
    char magic[sizeof(((struct sockatlas_header *)0)->magic)];
    if (sys_fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
        return false;
    memset(origin, 0, sizeof(*origin));
    origin->user = status.st_uid;
    return read_field(fd, 0, magic, sizeof(magic)) && memcmp(magic, SOCKATLAS_MAGIC, sizeof(magic)) == 0 &&
           read_field(fd, offsetof(struct sockatlas_header, boottime_ns), &origin->boottime_ns,
                      sizeof(origin->boottime_ns)) &&
           read_field(fd, offsetof(struct sockatlas_header, pid), &origin->pid, sizeof(origin->pid)) &&
           read_field(fd, offsetof(struct sockatlas_header, boot_id), origin->boot_id, sizeof(origin->boot_id));
}

static bool belong_together(int log, int memory)
{
    struct origin one, other;
    return read_origin(log, &one) && read_origin(memory, &other) && memcmp(&one, &other, sizeof(one)) == 0;
}

long memory_log_open(int log, int flags)
{
    char path[PATH_SIZE], name[SOCKATLAS_MEMORY_NAME_SIZE];
    if (!read_field(log, NAME_AT, name, sizeof(name)) || !build_path(path, name))
        return -ENODATA;
    long memory = sys(SYS_openat, AT_FDCWD, path, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (memory >= 0 && !belong_together(log, (int)memory)) {
        sys(SYS_close, memory);
        return -ESTALE;
    }
    return memory;
}

/* Whether a write of the first `size` bytes of a file would raise SIGXFSZ. */
static bool limited(uint64_t size)
{
    struct rlimit limit;
    return sys(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit) < 0 || limit.rlim_cur < size;
}

/* A lease is refused while the file is open for writing or mapped; memory_log_make() saw to it that it tells. Nobody
 * opens it anew for writing, so what is not mapped stays so. */
static bool is_mapped(int memory)
{
    if (sys(SYS_fcntl, memory, F_SETLEASE, F_RDLCK) < 0)
        return true;
    sys(SYS_fcntl, memory, F_SETLEASE, F_UNLCK);
    return false;
}

static bool copy_range(int log, int memory, int64_t at, int64_t end)
{
    if (sys_seek(log, (uint64_t)at) < 0)
        return false;
    while (at < end)
        if (sys_sendfile(log, memory, &at, end - at) <= 0)
            return false;
    return true;
}

/* The name last: as long as the log's header has it, the records are in memory. */
static bool copy(int log, int memory, uint64_t end)
{
    static const char no_name;
    static const uint32_t closed = 1;
    return copy_range(log, memory, 0, NAME_AT) &&
           copy_range(log, memory, NAME_AT + SOCKATLAS_MEMORY_NAME_SIZE, (int64_t)end) &&
           sys_pwrite(log, &closed, sizeof(closed), offsetof(struct sockatlas_header, closed)) ==
               (long)sizeof(closed) &&
           sys_pwrite(log, &no_name, 1, NAME_AT) == 1;
}

/* The offset behind the last slot taken, of a ring that was filled behind the last that exists; 0 unknown. */
static uint64_t find_end(int memory)
{
    uint64_t cursor, made;
    uint32_t section_slots;
    struct stat status;
    if (!read_field(memory, offsetof(struct sockatlas_header, cursor), &cursor, sizeof(cursor)) ||
        !read_field(memory, offsetof(struct sockatlas_header, made), &made, sizeof(made)) ||
        !read_field(memory, offsetof(struct sockatlas_header, section_slots), &section_slots, sizeof(section_slots)) ||
        sys_fstat(memory, &status) < 0 || status.st_size < SOCKATLAS_HEADER_SIZE)
        return 0;
    uint64_t slots = ((uint64_t)status.st_size - SOCKATLAS_HEADER_SIZE) / SOCKATLAS_SLOT_SIZE;
    if (section_slots && made < slots)
        slots = made;
    return SOCKATLAS_HEADER_SIZE + (cursor < slots ? cursor : slots) * SOCKATLAS_SLOT_SIZE;
}

/* A log and its file in memory, open; both -1 where it is no such log. */
struct pair {
    int log, memory;
};

/* The log's name says which file in memory is its own: who has the log mapped can write another name into its header.
 */
static bool is_named_after(int log, const char *path)
{
    char name[SOCKATLAS_MEMORY_NAME_SIZE];
    static const char run[] = SOCKATLAS_RUN_NAME ".";
    const char *slash = strrchr(path, '/'), *memory = name + sizeof(prefix) - 1;
    path = slash ? slash + 1 : path;
    if (!read_field(log, NAME_AT, name, sizeof(name)) || name[sizeof(name) - 1] ||
        strncmp(name, prefix, sizeof(prefix) - 1) != 0)
        return false;
    /* `run`'s log has the same name in each trace, and its file in memory one of its own. */
    return strcmp(path, SOCKATLAS_RUN_NAME SOCKATLAS_SUFFIX) == 0 ? strncmp(memory, run, sizeof(run) - 1) == 0
                                                                  : strcmp(memory, path) == 0;
}

static struct pair open_pair(int dirfd, const char *path)
{
    long log = sys(SYS_openat, dirfd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    long memory = log < 0 || !is_named_after((int)log, path) ? -1 : memory_log_open((int)log, O_RDONLY);
    if (log >= 0 && memory < 0)
        sys(SYS_close, log);
    return memory < 0 ? (struct pair){-1, -1} : (struct pair){(int)log, (int)memory};
}

static bool same_file(int one, int other)
{
    struct stat a, b;
    return sys_fstat(one, &a) == 0 && sys_fstat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Whose file it is; nobody's where that cannot be told. */
static uint32_t owner(int fd)
{
    struct stat status;
    return sys_fstat(fd, &status) == 0 ? status.st_uid : UINT32_MAX;
}

static void close_pair(const struct pair *pair)
{
    sys(SYS_close, pair->memory);
    sys(SYS_close, pair->log);
}

/* Readers that have it open shall know that nothing will be added to it. */
static void mark_closed(int log)
{
    static const uint32_t closed = 1;
    long memory = memory_log_open(log, O_RDWR);
    if (memory < 0)
        return;
    sys_pwrite(memory, &closed, sizeof(closed), offsetof(struct sockatlas_header, closed));
    sys(SYS_close, memory);
}

bool memory_log_settle(int dirfd, const char *path, enum memory_log_empty empty)
{
    char name[SOCKATLAS_MEMORY_NAME_SIZE];
    struct pair pair = open_pair(dirfd, path);
    if (pair.memory < 0)
        return false;
    uint64_t end = find_end(pair.memory);
    uint32_t user = owner(pair.memory);
    bool remove = end == SOCKATLAS_HEADER_SIZE && empty == MEMORY_LOG_REMOVE;
    bool good =
        end != 0 && !limited(end) && !is_mapped(pair.memory) && read_field(pair.log, NAME_AT, name, sizeof(name));
    long log = -1;
    if (good && !remove) {
        mark_closed(pair.log);
        log = sys(SYS_openat, dirfd, path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        good = log >= 0 && same_file((int)log, pair.log) && copy((int)log, pair.memory, end);
    }
    if (log >= 0)
        sys(SYS_close, log);
    close_pair(&pair);
    /* The log first: it shall never name a file that is not there. */
    if (good && remove)
        sys(SYS_unlinkat, dirfd, path, 0);
    if (good)
        memory_log_unlink(name, user);
    return good;
}

void memory_log_remove(int dirfd, const char *path)
{
    char name[SOCKATLAS_MEMORY_NAME_SIZE];
    struct pair pair = open_pair(dirfd, path);
    if (pair.memory < 0)
        return;
    if (read_field(pair.log, NAME_AT, name, sizeof(name)))
        memory_log_unlink(name, owner(pair.memory));
    close_pair(&pair);
}
