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

/* The name of the file in memory of the log `log`. False: that is too long. */
static bool name_after(const char *log, char memory_file[SOCKATLAS_MEMORY_NAME_SIZE])
{
    size_t size = strlen(log);
    if (sizeof(prefix) + size > SOCKATLAS_MEMORY_NAME_SIZE)
        return false;
    memset(memory_file, 0, SOCKATLAS_MEMORY_NAME_SIZE);
    memcpy(memory_file, prefix, sizeof(prefix) - 1);
    memcpy(memory_file + sizeof(prefix) - 1, log, size + 1);
    return true;
}

struct space {
    uint64_t all, available; /* bytes */
};

/* False: the file system is none that a log may be on in memory. */
static bool read_space(const struct statfs *status, struct space *space)
{
    if ((unsigned long)status->f_type != TMPFS_MAGIC && (unsigned long)status->f_type != RAMFS_MAGIC)
        return false;
    space->all = (uint64_t)status->f_blocks * (uint64_t)status->f_bsize;
    space->available = (uint64_t)status->f_bavail * (uint64_t)status->f_bsize;
    if (space->all == 0) /* a tmpfs without a limit */
        space->all = space->available = UINT64_MAX;
    return true;
}

long memory_log_make(const char *log, char memory_file[SOCKATLAS_MEMORY_NAME_SIZE], uint64_t *allowed)
{
    char path[PATH_SIZE];
    struct space space;
    if (!name_after(log, memory_file))
        return -ENAMETOOLONG;
    if (!build_path(path, memory_file))
        return -EINVAL;
    long fd = sys(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return fd;
    struct statfs status;
    if (sys_fstatfs(fd, &status) == 0 && read_space(&status, &space)) {
        *allowed = space.available / SHARE;
        return fd;
    }
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

bool memory_log_possible(void)
{
    struct statfs status;
    return sys_statfs(SOCKATLAS_MEMORY_DIR, &status) == 0 && status.f_type == TMPFS_MAGIC &&
           sys(SYS_faccessat, AT_FDCWD, SOCKATLAS_MEMORY_DIR, W_OK | X_OK) == 0;
}

bool memory_log_may_grow(uint64_t from, uint64_t to)
{
    struct statfs status;
    struct space space;
    if (sys_statfs(SOCKATLAS_MEMORY_DIR, &status) < 0 || !read_space(&status, &space))
        return to <= UNASKED;
    return space.available >= to - from && space.available - (to - from) >= space.all / 2;
}

/* ---- Two files, one log ---- */

enum { HEAD = NAME_AT + SOCKATLAS_MEMORY_NAME_SIZE };

/* A log, or its file in memory, and its header as far as the name of that file. */
struct side {
    int fd;
    uint32_t user;
    uint64_t device, inode, size;
    char head[HEAD];
};

static bool look_at(struct side *side, int fd)
{
    struct stat status;
    side->fd = fd;
    if (sys_fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
        return false;
    side->user = status.st_uid;
    side->device = status.st_dev;
    side->inode = status.st_ino;
    side->size = (uint64_t)status.st_size;
    return true;
}

static bool read_head(struct side *side)
{
    return sys_pread(side->fd, side->head, HEAD, 0) == HEAD &&
           memcmp(side->head, SOCKATLAS_MAGIC, sizeof(SOCKATLAS_MAGIC) - 1) == 0;
}

static bool is_same_field(const struct side *one, const struct side *other, size_t at, size_t size)
{
    return memcmp(one->head + at, other->head + at, size) == 0;
}

static bool belong_together(const struct side *log, const struct side *memory)
{
    const struct sockatlas_header *header = NULL;
    return log->user == memory->user &&
           is_same_field(log, memory, offsetof(struct sockatlas_header, boottime_ns), sizeof(header->boottime_ns)) &&
           is_same_field(log, memory, offsetof(struct sockatlas_header, pid), sizeof(header->pid)) &&
           is_same_field(log, memory, offsetof(struct sockatlas_header, boot_id), sizeof(header->boot_id));
}

/* The descriptor of the file in memory that has this name, or a negative errno. */
static long open_named(const char *name, int flags)
{
    char path[PATH_SIZE];
    return build_path(path, name) ? sys(SYS_openat, AT_FDCWD, path, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
                                  : -ENODATA;
}

/* As memory_log_open(), of a log whose header was read. */
static long open_memory(const struct side *log, struct side *memory, int flags)
{
    long fd = open_named(log->head + NAME_AT, flags);
    if (fd < 0 || (look_at(memory, (int)fd) && read_head(memory) && belong_together(log, memory)))
        return fd;
    sys(SYS_close, fd);
    return -ESTALE;
}

long memory_log_open(int log, int flags)
{
    struct side named, memory;
    return look_at(&named, log) && read_head(&named) ? open_memory(&named, &memory, flags) : -ENODATA;
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

/* Much for a small stack. */
struct buffer {
    struct sockatlas_header header;
    unsigned char records[64 << 10];
};

/* The header last: as long as the log's own names the file in memory, the records are there. */
static bool copy(int log, int memory, uint64_t end, struct buffer *buffer)
{
    enum { PART = sizeof(buffer->records) };
    for (uint64_t at = SOCKATLAS_HEADER_SIZE; at < end;) {
        long got = sys_pread(memory, buffer->records, end - at < PART ? end - at : PART, at);
        if (got <= 0 || sys_pwrite(log, buffer->records, (size_t)got, at) != got)
            return false;
        at += (uint64_t)got;
    }
    return sys_pwrite(log, &buffer->header, sizeof(buffer->header), 0) == (long)sizeof(buffer->header);
}

/* The offset behind the last slot taken, of a ring that was filled behind the last that exists. */
static uint64_t find_end(const struct sockatlas_header *header, uint64_t size)
{
    uint64_t slots = (size - SOCKATLAS_HEADER_SIZE) / SOCKATLAS_SLOT_SIZE;
    if (header->section_slots && header->made < slots)
        slots = header->made;
    return SOCKATLAS_HEADER_SIZE + (header->cursor < slots ? header->cursor : slots) * SOCKATLAS_SLOT_SIZE;
}

/* A log and its file in memory, open. */
struct pair {
    struct side log, memory;
};

static void close_pair(const struct pair *pair)
{
    sys(SYS_close, pair->memory.fd);
    sys(SYS_close, pair->log.fd);
}

/* The log's name says which file in memory is its own: who has the log mapped can write another name into its header.
 */
static bool is_named_after(const struct side *log, const char *path)
{
    static const char run[] = SOCKATLAS_RUN_NAME ".";
    const char *slash = strrchr(path, '/'), *name = log->head + NAME_AT, *memory = name + sizeof(prefix) - 1;
    path = slash ? slash + 1 : path;
    if (strnlen(name, SOCKATLAS_MEMORY_NAME_SIZE) == SOCKATLAS_MEMORY_NAME_SIZE ||
        strncmp(name, prefix, sizeof(prefix) - 1) != 0)
        return false;
    /* `run`'s log has the same name in each trace, and its file in memory one of its own. */
    return strcmp(path, SOCKATLAS_RUN_NAME SOCKATLAS_SUFFIX) == 0 ? strncmp(memory, run, sizeof(run) - 1) == 0
                                                                  : strcmp(memory, path) == 0;
}

/* Fills `pair`. False: it is no such log. */
static bool open_pair(struct pair *pair, int dirfd, const char *path)
{
    long log = sys(SYS_openat, dirfd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (log < 0)
        return false;
    if (look_at(&pair->log, (int)log) && read_head(&pair->log) && is_named_after(&pair->log, path) &&
        open_memory(&pair->log, &pair->memory, O_RDONLY) >= 0)
        return true;
    sys(SYS_close, log);
    return false;
}

/* Fills `pair` of a log that this process has made, for which its file system need not be asked: it holds a header and
 * no more, and the file in memory is known. The log is open for writing. */
static bool open_own(struct pair *pair, int dirfd, const char *name, const struct memory_log_file *file)
{
    long log = sys(SYS_openat, dirfd, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK), memory = -1;
    if (log < 0)
        return false;
    if (look_at(&pair->log, (int)log) && pair->log.size == SOCKATLAS_HEADER_SIZE &&
        name_after(name, pair->log.head + NAME_AT))
        memory = open_named(pair->log.head + NAME_AT, O_RDONLY);
    if (memory >= 0 && look_at(&pair->memory, (int)memory) && pair->memory.user == pair->log.user &&
        pair->memory.device == file->device && pair->memory.inode == file->inode)
        return true;
    if (memory >= 0)
        sys(SYS_close, memory);
    sys(SYS_close, log);
    return false;
}

static bool is_same_file(const struct side *side, int fd)
{
    struct side other;
    return look_at(&other, fd) && other.device == side->device && other.inode == side->inode;
}

/* Readers that have it open shall know that nothing will be added to it. */
static bool mark_closed(const struct pair *pair)
{
    static const uint32_t closed = 1;
    long memory = open_named(pair->log.head + NAME_AT, O_WRONLY);
    if (memory < 0)
        return false;
    bool good =
        is_same_file(&pair->memory, (int)memory) &&
        sys_pwrite(memory, &closed, sizeof(closed), offsetof(struct sockatlas_header, closed)) == (long)sizeof(closed);
    sys(SYS_close, memory);
    return good;
}

/* Which log is settled. `own`: the caller's, open for writing; without a record it is removed. */
struct place {
    int dirfd;
    const char *path;
    bool own;
};

static long open_for_writing(const struct pair *pair, const struct place *place)
{
    if (place->own)
        return pair->log.fd;
    long log = sys(SYS_openat, place->dirfd, place->path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (log < 0 || is_same_file(&pair->log, (int)log))
        return log;
    sys(SYS_close, log);
    return -ESTALE;
}

static bool settle_with(const struct pair *pair, const struct place *place, struct buffer *buffer)
{
    struct sockatlas_header *header = &buffer->header;
    if (is_mapped(pair->memory.fd)) /* else what it says is final */
        return false;
    if (sys_pread(pair->memory.fd, header, sizeof(*header), 0) != (long)sizeof(*header))
        return false;
    uint64_t end = find_end(header, pair->memory.size);
    if (limited(end))
        return false;
    /* The log first: it shall never name a file that is not there. */
    if (end == SOCKATLAS_HEADER_SIZE && place->own) {
        sys(SYS_unlinkat, place->dirfd, place->path, 0);
        return true;
    }
    memset(header->memory_file, 0, sizeof(header->memory_file));
    header->closed = 1;
    long log = open_for_writing(pair, place);
    bool good = log >= 0 && mark_closed(pair) && copy((int)log, pair->memory.fd, end, buffer);
    if (log >= 0 && log != pair->log.fd)
        sys(SYS_close, log);
    return good;
}

/* Closes the pair. Who comes here while another is here leaves all as it is. */
static bool settle(const struct pair *pair, const struct place *place)
{
    static struct buffer buffer LARGE;
    static bool busy;
    bool good = false;
    if (!__atomic_exchange_n(&busy, true, __ATOMIC_ACQUIRE)) {
        good = settle_with(pair, place, &buffer);
        __atomic_store_n(&busy, false, __ATOMIC_RELEASE);
    }
    close_pair(pair);
    if (good)
        memory_log_unlink(pair->log.head + NAME_AT, pair->memory.user);
    return good;
}

bool memory_log_settle(int dirfd, const char *path)
{
    struct pair pair;
    return open_pair(&pair, dirfd, path) && settle(&pair, &(struct place){.dirfd = dirfd, .path = path});
}

bool memory_log_settle_own(int dirfd, const char *name, const struct memory_log_file *file)
{
    struct pair pair;
    return open_own(&pair, dirfd, name, file) &&
           settle(&pair, &(struct place){.dirfd = dirfd, .path = name, .own = true});
}

void memory_log_remove(int dirfd, const char *path)
{
    struct pair pair;
    if (!open_pair(&pair, dirfd, path))
        return;
    memory_log_unlink(pair.log.head + NAME_AT, pair.memory.user);
    close_pair(&pair);
}
