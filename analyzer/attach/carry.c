/* SPDX-License-Identifier: MIT
 *
 * Attaching to a process that sees other files than we do: in another mount namespace, or below another root. The shim
 * comes as a file in memory, the log as a file of the trace folder, both as descriptors of the process for as long as
 * it stands still. Never a descriptor of a folder of ours, by which its other threads could leave their root. Without a
 * /proc there, the shim comes as a file in one of the process's own folders, which is removed once it is loaded. Called
 * by attach.c.
 */
#include "analyzer/attach/internal.h"

#include "shim/log_name.h"
#include "shim/storage.h"
#include "shim/trace_format.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- The process's own folders ---- */

/* A folder below the process's root; its links lead nowhere else. Negative: there is none. */
static int open_below(pid_t pid, const char *path)
{
    char root[64];
    struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    snprintf(root, sizeof root, "/proc/%d/root", (int)pid);
    int top = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = top < 0 ? -1 : (int)syscall(SYS_openat2, top, path, &how, sizeof how);
    if (top >= 0)
        close(top);
    return fd;
}

static bool has_proc(pid_t pid)
{
    struct statfs status;
    int fd = open_below(pid, "proc");
    bool has = fd >= 0 && fstatfs(fd, &status) == 0 && status.f_type == PROC_SUPER_MAGIC;
    if (fd >= 0)
        close(fd);
    return has;
}

/* One that a program may be loaded from; `path` is what the process calls it. */
static int open_place(pid_t pid, const char **path)
{
    static const char *const places[] = {"/dev/shm", "/run", "/tmp", "/var/tmp"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct statvfs status;
        int fd = open_below(pid, places[i]);
        if (fd >= 0 && fstatvfs(fd, &status) == 0 && !(status.f_flag & (ST_RDONLY | ST_NOEXEC)) &&
            faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) == 0) {
            *path = places[i];
            return fd;
        }
        if (fd >= 0)
            close(fd);
    }
    return -1;
}

/* ---- What must hold ---- */

bool carry_possible(pid_t pid, const struct attach_plan *plan, char *why)
{
    const char *path;
    int place = has_proc(pid) ? -1 : open_place(pid, &path);
    if (place >= 0)
        close(place);
    else if (!has_proc(pid))
        return refuse(why, "it sees other files than we, no /proc, and no folder that a library can be loaded from");
    return !plan->folder || storage_known(plan->folder) ||
           refuse(why,
                  "it sees other files than we, and %s is on a file system that keeps no space for its log: choose a "
                  "folder on ext4, xfs or a tmpfs with -d",
                  plan->folder);
}

/* ---- Descriptors ---- */

static bool copy_into(int to, const char *file)
{
    struct stat status;
    int from = open(file, O_RDONLY | O_CLOEXEC);
    bool good = from >= 0 && fstat(from, &status) == 0;
    for (off_t left = good ? status.st_size : 0; good && left > 0;) {
        ssize_t got = sendfile(to, from, NULL, (size_t)left);
        good = got > 0;
        left -= got;
    }
    if (from >= 0)
        close(from);
    return good;
}

/* The shim, which nobody can change any more. */
static int shim_in_memory(const char *shim)
{
    int fd = memfd_create("libsockatlas.so", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0 && copy_into(fd, shim) &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* A new log in the trace folder, of the user that the process is. */
static bool make_log(struct session *session, const struct attach_plan *plan)
{
    struct carried *carried = &session->carried;
    struct stat status;
    char path[64];
    snprintf(path, sizeof path, "/proc/%d", (int)session->target.pid);
    snprintf(carried->log_name, sizeof carried->log_name, ".attach.%d.%d", (int)session->target.pid, (int)getpid());
    carried->own_log =
        openat(plan->folder_fd, carried->log_name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return (carried->own_log >= 0 && stat(path, &status) == 0 &&
            (status.st_uid == geteuid() || fchown(carried->own_log, status.st_uid, (gid_t)-1) == 0)) ||
           refuse(session->why, "no log can be made for it in %s: %s", plan->folder, strerror(errno));
}

struct message {
    struct msghdr header;
    struct iovec part;
    char byte;
    int pair[2];
    union {
        struct cmsghdr align;
        char area[CMSG_SPACE(2 * sizeof(int))];
    } control; /* last: what it begins with has no fixed size */
};

/* Into a socket that the process has the other end of. */
static bool send_files(int socket, const int *files, size_t count)
{
    struct message message;
    memset(&message, 0, sizeof message);
    message.part = (struct iovec){&message.byte, 1};
    message.header = (struct msghdr){.msg_iov = &message.part,
                                     .msg_iovlen = 1,
                                     .msg_control = &message.control,
                                     .msg_controllen = CMSG_SPACE(count * sizeof *files)};
    struct cmsghdr *control = CMSG_FIRSTHDR(&message.header);
    *control = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(count * sizeof *files), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(control), files, count * sizeof *files);
    return sendmsg(socket, &message.header, MSG_DONTWAIT) == 1;
}

static int take_descriptor(pid_t pid, int fd)
{
    int process = (int)syscall(SYS_pidfd_open, pid, 0);
    int taken = process < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, process, fd, 0);
    if (process >= 0)
        close(process);
    return taken;
}

static void close_there(struct session *session, int fd)
{
    uint64_t result;
    char unused[ATTACH_WHY_MAX], *why = session->why;
    session->why = unused;
    if (fd >= 0 && session->target.tid)
        session_call(session, session->library.close, (uint64_t)fd, 0, 0, &result);
    session->why = why;
}

/* The process receives them; `got`: as what. */
static bool receive_there(struct session *session, int socket, int *got, size_t count)
{
    struct message message;
    uint64_t at = session->area + AREA_CARRY, result;
    const struct memory *memory = &session->target.memory;
    memset(&message, 0, sizeof message);
    message.part = (struct iovec){(void *)(at + offsetof(struct message, byte)), 1};
    message.header = (struct msghdr){.msg_iov = (void *)(at + offsetof(struct message, part)),
                                     .msg_iovlen = 1,
                                     .msg_control = (void *)(at + offsetof(struct message, control)),
                                     .msg_controllen = sizeof message.control};
    if (!memory_put(memory, at, &message, sizeof message))
        return refuse(session->why, "its memory cannot be written to");
    if (!session_call(session, session->library.receive, (uint64_t)socket, at, MSG_CMSG_CLOEXEC | MSG_DONTWAIT,
                      &result))
        return false;
    if (result != 1 || !memory_get(memory, at, &message, sizeof message) ||
        message.control.align.cmsg_len != CMSG_LEN(count * sizeof *got))
        return refuse(session->why, "it cannot be given the descriptors that it needs (RLIMIT_NOFILE?)");
    memcpy(got, CMSG_DATA(&message.control.align), count * sizeof *got);
    return true;
}

/* By a pair of sockets that the process makes, and we take one of: it works between all namespaces. */
static bool pass(struct session *session, const int *files, int *got, size_t count)
{
    uint64_t at = session->area + AREA_CARRY + offsetof(struct message, pair), result;
    uint64_t arguments[CALL_ARGUMENTS] = {AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, at};
    int pair[2];
    if (!call_function(&session->target, session->library.pair, arguments, session->area + AREA_SIZE, &result,
                       session->why))
        return false;
    if ((int)result != 0 || !memory_get(&session->target.memory, at, pair, sizeof pair))
        return refuse(session->why, "it has no descriptors left");
    int own = take_descriptor(session->target.pid, pair[0]);
    bool good = own >= 0 && send_files(own, files, count);
    if (!good)
        refuse(session->why, "no descriptors can be given to it: %s", strerror(errno));
    good = good && receive_there(session, pair[1], got, count);
    if (own >= 0)
        close(own);
    close_there(session, pair[0]);
    close_there(session, pair[1]);
    return good;
}

/* ---- The whole ---- */

static bool put_copy(struct session *session, const struct attach_plan *plan, char path[256])
{
    struct carried *carried = &session->carried;
    const char *place = NULL;
    carried->copy_folder = open_place(session->target.pid, &place);
    if (carried->copy_folder < 0)
        return refuse(session->why, "it sees no folder that a library can be loaded from");
    snprintf(carried->copy_name, sizeof carried->copy_name, ".sockatlas.%d.libsockatlas.so", (int)getpid());
    int fd =
        openat(carried->copy_folder, carried->copy_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0755);
    bool good = fd >= 0 && fchmod(fd, 0755) == 0 && copy_into(fd, plan->shim);
    if (!good)
        refuse(session->why, "the shim cannot be brought to its %s: %s", place, strerror(errno));
    if (fd >= 0)
        close(fd);
    snprintf(path, 256, "%s/%s", place, carried->copy_name);
    return good;
}

bool carry_begin(struct session *session, const struct attach_plan *plan, bool load, char path[256])
{
    struct carried *carried = &session->carried;
    bool in_memory = load && has_proc(session->target.pid);
    int files[2] = {-1, -1}, got[2] = {-1, -1};
    const struct library *library = &session->library;
    if (!library->pair || !library->receive || !library->close)
        return refuse(session->why, "its C library is not one that libraries can be loaded into");
    if (!make_log(session, plan) || (load && !in_memory && !put_copy(session, plan, path)))
        return false;
    files[0] = carried->own_log;
    files[1] = in_memory ? shim_in_memory(plan->shim) : -1;
    if (in_memory && files[1] < 0)
        return refuse(session->why, "the shim cannot be put into memory: %s", strerror(errno));
    bool good = pass(session, files, got, in_memory ? 2 : 1);
    if (files[1] >= 0)
        close(files[1]);
    carried->log = got[0];
    carried->shim = got[1];
    /* Spelled as no program would: its loader takes a path that it knows for the same library. */
    if (good && in_memory)
        snprintf(path, 256, "/proc/self/./fd/%d", carried->shim);
    return good;
}

/* Whether the process made the file its log; `header` is its beginning then. */
static bool is_used(int fd, struct sockatlas_header *header)
{
    return pread(fd, header, sizeof *header, 0) == (ssize_t)sizeof *header &&
           memcmp(header->magic, SOCKATLAS_MAGIC, sizeof header->magic) == 0;
}

static void name_log(const struct carried *carried, int folder)
{
    char final[LOG_NAME_MAX];
    struct sockatlas_header *header = malloc(sizeof *header);
    if (!header)
        abort();
    if (is_used(carried->own_log, header)) {
        struct log_name name = {.pid = header->pid, .boottime_ns = header->boottime_ns};
        memcpy(name.comm, header->comm, sizeof name.comm);
        log_name_build(final, &name, "", SOCKATLAS_SUFFIX);
        renameat2(folder, carried->log_name, folder, final, RENAME_NOREPLACE);
    }
    free(header);
}

void carry_end(struct session *session, const struct attach_plan *plan, bool good)
{
    struct carried *carried = &session->carried;
    if (carried->copy_folder >= 0) {
        unlinkat(carried->copy_folder, carried->copy_name, 0);
        close(carried->copy_folder);
    }
    close_there(session, carried->shim);
    close_there(session, carried->log);
    if (carried->own_log < 0)
        return;
    if (good)
        name_log(carried, plan->folder_fd);
    unlinkat(plan->folder_fd, carried->log_name, 0); /* it is named by now, or not wanted */
    close(carried->own_log);
}
