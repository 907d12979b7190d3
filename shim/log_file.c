/* SPDX-License-Identifier: MIT
 *
 * Makes and trims a log file. The file appears under its name only with its header complete, so a reader never meets
 * half a header.
 */
#include "shim/log_file.h"

#include "shim/clock.h"
#include "shim/config.h"
#include "shim/folder.h"
#include "shim/image.h"
#include "shim/log_name.h"
#include "shim/mapping.h"
#include "shim/memory.h"
#include "shim/memory_log.h"
#include "shim/memory_share.h"
#include "shim/process.h"
#include "shim/section.h"
#include "shim/storage.h"
#include "shim/sys_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { PAGE = 4096, FIRST = 4 * PAGE, LEAST = 5 * PAGE, OLD_KERNEL_LIMIT = 4 << 20 };

static struct log_made made;

/* The folder that `id` names: a later `run` may have moved it to DIR.old. */
static long open_known(const struct folder_id *id)
{
    char old[FOLDER_PATH_MAX + 4];
    long folder = folder_open_known(config.dir, id);
    if (folder >= 0)
        return folder;
    size_t size = strlen(config.dir);
    memcpy(old, config.dir, size);
    memcpy(old + size, ".old", sizeof(".old"));
    return folder_open_known(old, id);
}

/* The folder at the path that `config` has. `make`: it is made where there is none. Root's is for root alone, unless
 * its children are followed when they become other users: then those may make logs of their own there, but not read
 * others'. */
static long open_path(bool make)
{
    struct folder_trouble trouble;
    char real[FOLDER_PATH_MAX];
    long known = config.found.inode ? folder_open_known(config.dir, &config.found) : -1;
    if (known >= 0)
        return known;
    long parent = folder_walk(config.dir, real, NULL, &trouble);
    if (parent < 0)
        return -1;
    const char *name = strrchr(real, '/') + 1;
    long folder = make ? folder_make((int)parent, name, config.across_users ? 01733 : 0700)
                       : sys(SYS_openat, parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    sys(SYS_close, parent);
    return folder;
}

/* The trace folder, checked; to be closed soon. Negative: there is none for logs to be in. */
static long open_folder(bool make, struct folder_id *id)
{
    struct folder_trouble trouble;
    long folder = config.folder.inode ? open_known(&config.folder) : open_path(make);
    if (folder < 0 || folder_usable((int)folder, NULL, id, &trouble))
        return folder;
    sys(SYS_close, folder);
    return -1;
}

static uint64_t least(uint64_t size, uint64_t other)
{
    return (size < other ? size : other) & ~(uint64_t)(PAGE - 1);
}

/* The file must stay below RLIMIT_FSIZE (ftruncate past it raises SIGXFSZ) and leave space under RLIMIT_AS for the
 * program. */
static uint64_t size_allowed(void)
{
    uint64_t size = SOCKATLAS_HEADER_SIZE + config.limit;
    struct rlimit limit;
    if (sys(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit) == 0 && limit.rlim_cur < size)
        size = limit.rlim_cur;
    if (sys(SYS_prlimit64, 0, RLIMIT_AS, NULL, &limit) == 0 && limit.rlim_cur / 32 < size)
        size = limit.rlim_cur / 32;
    size &= ~(uint64_t)(PAGE - 1);
    return size < LEAST ? 0 : size;
}

/* The mapping's own cost: it is not part of core files, also where its file is unlinked or on a tmpfs, and not locked
 * into memory by an earlier mlockall(MCL_FUTURE), against whose limit it would count. A fault reads no pages of zeros
 * ahead: they would be as many as the device reads at once, megabytes for a log of a few events. */
static void make_cheap(long address, uint64_t size)
{
    sys(SYS_madvise, address, size, MADV_DONTDUMP);
    sys(SYS_madvise, address, size, MADV_RANDOM);
    sys(SYS_munlock, address, size);
}

/* The largest power of two that a file of `size` bytes has space for. */
static uint64_t ring_slots_for(uint64_t size)
{
    uint64_t slots = (size - SOCKATLAS_HEADER_SIZE) / SOCKATLAS_SLOT_SIZE;
    return 1ull << (63 - __builtin_clzll(slots));
}

static uint64_t whole_ring(uint64_t size)
{
    return SOCKATLAS_HEADER_SIZE + ring_slots_for(size) * SOCKATLAS_SLOT_SIZE;
}

/* Maps the file without access and makes its first pages real. */
static bool map_file(int fd, struct log_file *file)
{
    long address;
    do { /* little may be left of a limited address space, or of what may be locked (MCL_FUTURE) */
        file->size = whole_ring(file->size);
        address = sys_mmap(NULL, file->size, PROT_NONE, MAP_SHARED, fd);
    } while ((address == -ENOMEM || address == -EAGAIN) && (file->size = file->size / 8) >= LEAST);
    if (sys_is_error(address))
        return false;
    make_cheap(address, file->size);
    if (sys_ftruncate(fd, file->size) < 0) {
        sys(SYS_munmap, address, file->size);
        return false;
    }
    file->header = (struct sockatlas_header *)address;
    file->ready = FIRST;
    long result = log_file_make_real(file->header, 0, FIRST);
    if (result == -EINVAL) /* before Linux 5.14: space can be made real only while the file is open, so all of it now */
        result = sys_allocate(fd, file->size);
    if (result < 0)
        sys(SYS_munmap, address, file->size);
    return result == 0;
}

/* The kernel takes whole pages: the one that `from` is in may be open already. */
static uint64_t page_of(uint64_t from)
{
    return from & ~((uint64_t)memory_page_size() - 1);
}

long log_file_make_real(struct sockatlas_header *header, uint64_t from, uint64_t to)
{
    uint64_t page = page_of(from);
    unsigned char *start = (unsigned char *)header + page;
    if (made.in_memory && !memory_log_may_grow(from, to))
        return -ENOSPC;
    /* A log that has grown to a step of this size will use what is read ahead, and its faults cost half. */
    if (from >= LOG_FILE_STEP_MOST)
        sys(SYS_madvise, start, to - page, MADV_NORMAL);
    long result = sys(SYS_mprotect, start, to - page, PROT_READ | PROT_WRITE);
    if (result < 0)
        return result;
    do
        result = sys(SYS_madvise, start, to - page, MADV_POPULATE_WRITE);
    while (result == -EINTR || result == -EAGAIN);
    return result;
}

/* Asked when it matters, as it takes longer than all else of a log's beginning. */
uint64_t log_file_most(const struct sockatlas_header *header)
{
    enum { SECTIONS = 3 }; /* fewer are no ring */
    static uint64_t share;
    if (!made.memory)
        return UINT64_MAX;
    uint64_t most = __atomic_load_n(&share, __ATOMIC_RELAXED);
    if (!most) {
        most = memory_share(header->cgroup[0]);
        __atomic_store_n(&share, most, __ATOMIC_RELAXED);
    }
    uint64_t floor = SOCKATLAS_HEADER_SIZE + (uint64_t)SECTIONS * header->section_slots * SOCKATLAS_SLOT_SIZE;
    return most > floor ? most : floor;
}

static bool populate_known(void)
{
    /* An empty range asks only whether the kernel knows the advice. */
    return sys(SYS_madvise, NULL, 0, MADV_POPULATE_WRITE) != -EINVAL;
}

/* Maps the new file and fills in its header. */
static bool fill_file(int fd, struct log_file *file, const struct log_name *name, const struct storage *storage)
{
    struct stat status;
    if (file->size < LEAST || sys_fstat(fd, &status) < 0 || !map_file(fd, file))
        return false;
    memcpy(file->header->comm, name->comm, sizeof(name->comm));
    file->header->pid = name->pid;
    file->header->boottime_ns = name->boottime_ns;
    file->header->follows = file->follows;
    file->header->ring_slots = ring_slots_for(file->size);
    file->header->section_slots = section_slots_for(file->header->ring_slots);
    file->header->made = (file->ready - SOCKATLAS_HEADER_SIZE) / SOCKATLAS_SLOT_SIZE;
    image_describe(file->header, file->size, clock_offset());
    file->device = status.st_dev;
    file->inode = status.st_ino;
    file->leased = storage->leased;
    file->memory = storage->memory;
    return true;
}

/* Gives the finished file its name, in place of nothing, as the file system can: at once, by a link, or by a look
 * first, which is the least for one that asks a server, and enough for a name that none has but by chance. */
static bool publish(int folder, const char *temporary, const char *name, bool remote)
{
    long result = remote ? -ENOSYS : sys(SYS_renameat2, folder, temporary, folder, name, RENAME_NOREPLACE);
    if (result != -EINVAL && result != -ENOSYS && result != -EPERM)
        return result == 0;
    if (!remote && sys(SYS_linkat, folder, temporary, folder, name, 0) == 0)
        return sys(SYS_unlinkat, folder, temporary, 0) == 0;
    return sys(SYS_faccessat, folder, name, F_OK) == -ENOENT && sys(SYS_renameat, folder, temporary, folder, name) == 0;
}

/* Makes the log's file in memory, and writes the header that names it to the log `log`. */
static bool make_in_memory(int log, struct log_file *file, const struct log_name *name, const char *final)
{
    static const struct storage storage = {.keeps = true, .leased = true, .memory = true};
    char memory_file[SOCKATLAS_MEMORY_NAME_SIZE];
    uint64_t allowed;
    long fd = memory_log_make(final, memory_file, &allowed);
    if (fd < 0)
        return false;
    file->size = least(file->size, allowed);
    bool good = fill_file((int)fd, file, name, &storage);
    sys(SYS_close, fd);
    file->in_memory = true;
    if (good) {
        memcpy(file->header->memory_file, memory_file, sizeof(memory_file));
        good = sys_pwrite(log, file->header, sizeof(*file->header), 0) == (long)sizeof(*file->header);
        if (!good)
            sys(SYS_munmap, file->header, file->size);
    }
    if (!good)
        memory_log_unlink(memory_file, sys_euid());
    return good;
}

static void unmap(const struct log_file *file)
{
    if (file->in_memory)
        memory_log_unlink(file->header->memory_file, sys_euid());
    sys(SYS_munmap, file->header, file->size);
}

static bool make_in(int folder, struct log_file *file)
{
    struct log_name name;
    char temporary[LOG_NAME_MAX], final[LOG_NAME_MAX];
    image_comm(name.comm);
    name.pid = image_pid();
    clock_learn();
    name.boottime_ns = clock_now();
    log_name_build(temporary, &name, ".", "");
    log_name_build(final, &name, "", SOCKATLAS_SUFFIX);
    long fd = sys(SYS_openat, folder, temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    struct storage storage = storage_of((int)fd);
    bool good = storage.keeps ? fill_file((int)fd, file, &name, &storage) : make_in_memory((int)fd, file, &name, final);
    sys(SYS_close, fd);
    if (good && !publish(folder, temporary, final, storage.remote)) {
        unmap(file);
        good = false;
    }
    if (!good)
        sys(SYS_unlinkat, folder, temporary, 0);
    return good;
}

/* The file that was made for this process by whoever attached to it, and gets its name from them. */
static bool make_given(int fd, struct log_file *file)
{
    struct log_name name;
    image_comm(name.comm);
    name.pid = image_pid();
    clock_learn();
    name.boottime_ns = clock_now();
    file->folder = config.folder;
    struct storage storage = storage_of(fd);
    return storage.keeps && fill_file(fd, file, &name, &storage);
}

bool log_file_make(struct log_file *file)
{
    file->size = size_allowed();
    file->in_memory = false;
    if (!populate_known() && file->size > OLD_KERNEL_LIMIT)
        file->size = OLD_KERNEL_LIMIT;
    if (file->size == 0)
        return false;
    if (config.elsewhere)
        return config.log_given && make_given(config.log_given - 1, file);
    long folder = open_folder(!file->follows, &file->folder);
    if (folder < 0)
        return false;
    bool good = make_in((int)folder, file);
    sys(SYS_close, folder);
    return good;
}

/* A log of `run`'s as this shim knows it, by its user or root. */
static bool is_ledger(int fd)
{
    enum { READ = offsetof(struct sockatlas_header, boot_id) };
    struct stat status;
    unsigned char head[READ]; /* all of a header is much for a small stack */
    uint32_t version, writer;
    if (sys_fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size < SOCKATLAS_HEADER_SIZE ||
        (status.st_uid != 0 && status.st_uid != sys_euid()))
        return false;
    if (sys_pread(fd, head, READ, 0) != READ || memcmp(head, SOCKATLAS_MAGIC, sizeof(SOCKATLAS_MAGIC) - 1) != 0)
        return false;
    memcpy(&version, head + offsetof(struct sockatlas_header, version), sizeof(version));
    memcpy(&writer, head + offsetof(struct sockatlas_header, writer), sizeof(writer));
    return version == SOCKATLAS_VERSION && writer == SOCKATLAS_WRITER_RUN;
}

struct sockatlas_header *log_file_ledger(void)
{
    struct folder_id id;
    long folder = open_folder(false, &id);
    if (folder < 0)
        return NULL;
    int flags = O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
    long fd = sys(SYS_openat, folder, SOCKATLAS_RUN_NAME SOCKATLAS_SUFFIX, flags);
    sys(SYS_close, folder);
    if (fd < 0)
        return NULL;
    long page = -1, memory = memory_log_open((int)fd, O_RDWR);
    if (memory >= 0) {
        sys(SYS_close, fd);
        fd = memory;
    }
    if (storage_of((int)fd).keeps && is_ledger((int)fd))
        page = sys_mmap(NULL, SOCKATLAS_HEADER_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    sys(SYS_close, fd);
    return sys_is_error(page) ? NULL : (struct sockatlas_header *)page;
}

/* The folder was moved while its log was mapped: /proc tells where to. */
static long open_moved(const void *mapped, const struct folder_id *folder)
{
    char path[FOLDER_PATH_MAX];
    char *slash = mapping_path(mapped, path, sizeof(path)) ? strrchr(path, '/') : NULL;
    if (!slash || slash == path)
        return -1;
    *slash = 0;
    return folder_open_known(path, folder);
}

static long find_folder(const void *mapped, const struct folder_id *folder)
{
    long found = open_known(folder);
    return found >= 0 ? found : open_moved(mapped, folder);
}

long log_file_folder(const struct log_made *of, const void *mapped)
{
    return find_folder(mapped, &of->folder);
}

/* The name of the log that has this header. */
static void name_of(const struct sockatlas_header *header, char out[LOG_NAME_MAX])
{
    struct log_name name = {.pid = header->pid, .boottime_ns = header->boottime_ns};
    memcpy(name.comm, header->comm, sizeof(name.comm));
    log_name_build(out, &name, "", SOCKATLAS_SUFFIX);
}

void log_file_discard(const struct log_file *file)
{
    char name[LOG_NAME_MAX];
    long folder = find_folder(file->header, &file->folder);
    name_of(file->header, name);
    /* The log first: it shall never name a file in memory that is not there. */
    if (folder >= 0) {
        sys(SYS_unlinkat, folder, name, 0);
        sys(SYS_close, folder);
    }
    unmap(file);
}

void log_file_adopt(const struct log_file *file)
{
    struct stat root;
    made = (struct log_made){.device = file->device,
                             .inode = file->inode,
                             .folder = file->folder,
                             .leased = file->leased,
                             .memory = file->memory,
                             .in_memory = file->in_memory};
    name_of(file->header, made.name);
    if (sys_fstatat(AT_FDCWD, "/", &root, 0) == 0)
        made.root = (struct folder_id){.device = root.st_dev, .inode = root.st_ino};
}

const struct log_made *log_file_made(void)
{
    return &made;
}

bool log_file_is_in(const struct folder_id *folder)
{
    return made.folder.device == folder->device && made.folder.inode == folder->inode;
}

/* Whether a write of the file's header would raise SIGXFSZ. */
static bool header_limited(void)
{
    struct rlimit limit;
    return sys(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit) < 0 || limit.rlim_cur < SOCKATLAS_HEADER_SIZE;
}

/* Cuts the file at `size`, or removes it if that leaves no record, if it is the one that was made and nobody can write
 * to it any more. A read lease is granted only while no open descriptor and no shared mapping could write (fcntl(2),
 * F_SETLEASE); nobody opens a log anew for writing, so it stays so. */
static void cut(int folder, const char *name, const struct log_made *of, uint64_t size)
{
    long fd = sys(SYS_openat, folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return;
    struct stat status;
    bool ours = sys_fstat(fd, &status) == 0 && status.st_dev == of->device && status.st_ino == of->inode;
    bool idle = ours && sys(SYS_fcntl, fd, F_SETLEASE, F_RDLCK) == 0;
    if (idle)
        sys(SYS_fcntl, fd, F_SETLEASE, F_UNLCK);
    sys(SYS_close, fd);
    if (!idle || header_limited() || (fd = sys(SYS_openat, folder, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW)) < 0)
        return;
    if (size == SOCKATLAS_HEADER_SIZE) {
        sys(SYS_unlinkat, folder, name, 0);
        sys(SYS_close, fd);
        return;
    }
    uint32_t closed = 1;
    sys_pwrite(fd, &closed, sizeof(closed), offsetof(struct sockatlas_header, closed));
    if (size < (uint64_t)status.st_size) /* the header, which says so, may be another's word */
        sys_ftruncate(fd, size);
    sys(SYS_close, fd);
}

/* Puts private memory in place of the mapping, in one step. Not by mapping it there: after mlockall(MCL_FUTURE) that
 * would make all of it real. */
static bool replace(struct sockatlas_header *header, uint64_t size)
{
    long memory = sys_mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    if (sys_is_error(memory))
        return false;
    sys(SYS_munlock, memory, size);
    if (sys(SYS_mprotect, memory, size, PROT_READ | PROT_WRITE) == 0 &&
        sys(SYS_mremap, memory, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, header) == (long)header)
        return true;
    sys(SYS_munmap, memory, size);
    return false;
}

bool log_file_trimmable(void)
{
    return made.leased;
}

/* Where the file of such a header ends once it is trimmed. Once positions have passed the ring's end, all that exists
 * of it is in use. */
static uint64_t used_by(uint64_t cursor, uint64_t exist)
{
    return SOCKATLAS_HEADER_SIZE + (cursor < exist ? cursor : exist) * SOCKATLAS_SLOT_SIZE;
}

void log_file_trim(struct sockatlas_header *header, uint64_t mapped)
{
    long folder = find_folder(header, &made.folder);
    uint64_t used = used_by(__atomic_load_n(&header->cursor, __ATOMIC_ACQUIRE), header->made);
    uint64_t size = header->size_limit; /* other processes may have more of it mapped than we */
    if (folder < 0)
        return;
    bool replaced = replace(header, mapped);
    if (replaced && made.in_memory)
        memory_log_settle_own((int)folder, made.name,
                              &(struct memory_log_file){.device = made.device, .inode = made.inode});
    else if (replaced)
        cut((int)folder, made.name, &made, used < size ? used : size);
    sys(SYS_close, folder);
}

static void cut_renamed(int folder, const char *name, const struct log_made *of)
{
    uint64_t cursor, exist;
    long fd = sys(SYS_openat, folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return;
    bool good =
        sys_pread(fd, &cursor, sizeof(cursor), offsetof(struct sockatlas_header, cursor)) == (long)sizeof(cursor) &&
        sys_pread(fd, &exist, sizeof(exist), offsetof(struct sockatlas_header, made)) == (long)sizeof(exist);
    sys(SYS_close, fd);
    if (good && cursor > 0)
        cut(folder, name, of, used_by(cursor, exist));
}

void log_file_drop(struct sockatlas_header *header, uint64_t ready, uint64_t mapped, const struct log_made *of)
{
    char path[FOLDER_PATH_MAX];
    uint64_t page = memory_page_size();
    bool named = of->leased && !of->in_memory && mapping_path((char *)header + page, path, sizeof(path));
    ready = (ready + page - 1) & ~(page - 1);
    if (ready < mapped)
        sys(SYS_munmap, (char *)header + ready, mapped - ready);
    if (!replace(header, ready) || !named)
        return;
    char *slash = strrchr(path, '/');
    *slash = 0;
    long folder = folder_open_known(path, &of->folder);
    if (folder < 0)
        return;
    cut_renamed((int)folder, slash + 1, of);
    sys(SYS_close, folder);
}
