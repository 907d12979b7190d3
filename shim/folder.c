/* SPDX-License-Identifier: MIT
 *
 * Finding the trace folder without being led elsewhere by another user, see folder.h. Linked into the shim and into the
 * analyzer: makes system calls by shim/sys.h, and calls nothing of either.
 */
#include "shim/folder.h"

#include "shim/sys_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>

enum { LINKS_MAX = 40, NAME_SIZE_MAX = 256, NOBODY = 65534 };
/* Of the user namespace that the machine began with: PROC_USER_INIT_INO. */
#define FIRST_USER_NAMESPACE 0xEFFFFFFDu

struct walk {
    long fd;            /* the folder that was reached, O_PATH */
    struct stat status; /* its own */
    uint32_t user;      /* whose trace it is to be */
    char *real;         /* its path, without a slash at its end */
    size_t size;        /* of that */
    const char *at;     /* what is left of the path, in `rest` */
    char rest[FOLDER_PATH_MAX];
    unsigned links;
    folder_own_group *own_group;
    struct folder_trouble *trouble;
};

/* ---- Who may change what ---- */

/* In a user namespace that does not have the machine's root, root's files seem to be nobody's. */
static bool is_absent_root(uint32_t user)
{
    struct stat status;
    return user == NOBODY && sys_fstatat(AT_FDCWD, "/", &status, 0) == 0 && status.st_uid == user &&
           sys_fstatat(AT_FDCWD, "/proc/self/ns/user", &status, 0) == 0 && status.st_ino != FIRST_USER_NAMESPACE;
}

static bool is_trusted(uint32_t owner, uint32_t user)
{
    return owner == user || owner == 0 || is_absent_root(owner);
}

/* An access control list can let in users whom the group's mode bits only bound. */
static bool has_list(long fd)
{
    long open = sys(SYS_openat, fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
    if (sys_is_error(open))
        return false;
    bool has = sys(SYS_fgetxattr, open, "system.posix_acl_access", NULL, 0) > 0;
    sys(SYS_close, open);
    return has;
}

/* Whether users whom `owner` has not made their own may add to, and in a folder that is not sticky rename and remove,
 * what is in the folder. */
static bool others_write(long fd, const struct stat *status, folder_own_group *own_group)
{
    if (status->st_mode & S_IWOTH)
        return true;
    if (!(status->st_mode & S_IWGRP))
        return false;
    bool own = status->st_gid == status->st_uid || (own_group && own_group(status->st_gid, status->st_uid));
    return !own || has_list(fd);
}

/* ---- The way there ---- */

/* False, always: the trouble is with the part `name` of the reached folder; NULL: with that itself. */
static bool refuse(struct walk *walk, enum folder_fault fault, long error, const char *name)
{
    *walk->trouble = (struct folder_trouble){.fault = fault, .error = (int)-error};
    if (name || !walk->size)
        walk->real[walk->size++] = '/';
    for (; name && *name && walk->size + 1 < FOLDER_PATH_MAX; name++)
        walk->real[walk->size++] = *name;
    return false;
}

/* The reached folder, as an ancestor of all that follows. */
static bool check_ancestor(struct walk *walk)
{
    if (!is_trusted(walk->status.st_uid, walk->user) ||
        (!(walk->status.st_mode & S_ISVTX) && others_write(walk->fd, &walk->status, walk->own_group)))
        return refuse(walk, FOLDER_FAULT_ANCESTOR, 0, NULL);
    return true;
}

static bool enter(struct walk *walk, long fd)
{
    if (walk->fd >= 0)
        sys(SYS_close, walk->fd);
    walk->fd = fd;
    return true;
}

static bool enter_root(struct walk *walk)
{
    long fd = sys(SYS_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    walk->size = 0;
    if (sys_is_error(fd))
        return refuse(walk, FOLDER_FAULT_ERROR, fd, NULL);
    enter(walk, fd);
    long result = sys_fstat(fd, &walk->status);
    return result < 0 ? refuse(walk, FOLDER_FAULT_ERROR, result, NULL) : check_ancestor(walk);
}

/* Its ancestors were checked on the way down. */
static bool enter_parent(struct walk *walk)
{
    long fd = sys(SYS_openat, walk->fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (sys_is_error(fd))
        return refuse(walk, FOLDER_FAULT_ERROR, fd, "..");
    enter(walk, fd);
    while (walk->size && walk->real[--walk->size] != '/')
        continue;
    long result = sys_fstat(fd, &walk->status);
    return result == 0 || refuse(walk, FOLDER_FAULT_ERROR, result, NULL);
}

/* Puts what the link `fd` says before what is left of the path. */
static bool follow(struct walk *walk, long fd, const char *name)
{
    size_t left = strlen(walk->at) + 1, capacity = sizeof(walk->rest) - left;
    char *moved = walk->rest + capacity;
    memmove(moved, walk->at, left);
    long got = sys(SYS_readlinkat, fd, "", walk->rest, capacity);
    if (got <= 0 || (size_t)got == capacity)
        return refuse(walk, FOLDER_FAULT_ERROR, got < 0 ? got : -ENAMETOOLONG, name);
    if (++walk->links > LINKS_MAX)
        return refuse(walk, FOLDER_FAULT_ERROR, -ELOOP, name);
    walk->rest[got] = '/';
    memmove(walk->rest + got + 1, moved, left);
    walk->at = walk->rest;
    return walk->rest[0] != '/' || enter_root(walk);
}

static bool append(struct walk *walk, const char *name, size_t size)
{
    if (walk->size + size + 2 > FOLDER_PATH_MAX)
        return refuse(walk, FOLDER_FAULT_ERROR, -ENAMETOOLONG, NULL);
    walk->real[walk->size++] = '/';
    memcpy(walk->real + walk->size, name, size);
    walk->size += size;
    return true;
}

/* What to do about the part of the path that `status` is of. */
enum step { STEP_ENTER, STEP_FOLLOW, STEP_STOP, STEP_REFUSE };

static enum step judge(struct walk *walk, const struct stat *status, const char *name, bool last)
{
    bool link = S_ISLNK(status->st_mode);
    bool trusted = is_trusted(status->st_uid, walk->user);
    if (link && trusted)
        return STEP_FOLLOW;
    enum folder_fault fault = FOLDER_FAULT_NONE;
    if (link)
        fault = FOLDER_FAULT_LINK;
    else if (!trusted && others_write(walk->fd, &walk->status, walk->own_group))
        fault = FOLDER_FAULT_ANCESTOR; /* sticky: only what is the user's or root's stays where it is */
    else if (!last && !S_ISDIR(status->st_mode))
        fault = FOLDER_FAULT_KIND;
    if (fault == FOLDER_FAULT_NONE)
        return last ? STEP_STOP : STEP_ENTER;
    refuse(walk, fault, 0, name);
    return STEP_REFUSE;
}

/* One part of the path, which `walk->at` is behind already. `last`: it is not entered, and `*done` is set unless it is
 * a link. */
static bool step(struct walk *walk, const char *part, size_t size, bool last, bool *done)
{
    char name[NAME_SIZE_MAX];
    struct stat status;
    if (size >= sizeof(name))
        return refuse(walk, FOLDER_FAULT_ERROR, -ENAMETOOLONG, NULL);
    memcpy(name, part, size);
    name[size] = 0;
    long fd = sys(SYS_openat, walk->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    long result = sys_is_error(fd) ? fd : sys_fstat(fd, &status);
    enum step what = STEP_STOP; /* for the last, that is not there yet */
    if (result == 0) {
        what = judge(walk, &status, name, last);
    } else if (result != -ENOENT || !last) {
        refuse(walk, FOLDER_FAULT_ERROR, result, name);
        what = STEP_REFUSE;
    }
    if (what == STEP_ENTER) {
        enter(walk, fd);
        walk->status = status;
        return append(walk, name, size) && check_ancestor(walk);
    }
    bool good = what == STEP_FOLLOW ? follow(walk, fd, name) : what == STEP_STOP && append(walk, name, size);
    *done = what == STEP_STOP;
    if (!sys_is_error(fd))
        sys(SYS_close, fd);
    return good;
}

/* The next part of the path that says something; NULL: none. */
static const char *next_part(const char *at, size_t *size)
{
    for (;; at += *size) {
        at += strspn(at, "/");
        *size = strcspn(at, "/");
        if (!*size)
            return NULL;
        if (*size != 1 || *at != '.')
            return at;
    }
}

static bool go(struct walk *walk)
{
    bool done = false;
    while (!done) {
        size_t size, more;
        const char *part = next_part(walk->at, &size);
        if (!part)
            break;
        walk->at = part + size;
        bool good = size == 2 && part[0] == '.' && part[1] == '.'
                        ? enter_parent(walk)
                        : step(walk, part, size, !next_part(walk->at, &more), &done);
        if (!good)
            return false;
    }
    if (done)
        return true;
    /* It ended with a folder that was entered already: by a link that ends so, or with "..". */
    size_t whole = walk->size;
    if (!whole)
        return refuse(walk, FOLDER_FAULT_ERROR, -EINVAL, NULL);
    bool good = enter_parent(walk);
    if (good)
        walk->size = whole; /* what stands there is unchanged */
    return good;
}

long folder_walk(const char *path, char real[FOLDER_PATH_MAX], folder_own_group *own_group,
                 struct folder_trouble *trouble)
{
    struct walk walk = {.fd = -1, .user = sys_euid(), .real = real, .own_group = own_group, .trouble = trouble};
    *trouble = (struct folder_trouble){.fault = FOLDER_FAULT_NONE};
    size_t size = strlen(path);
    walk.at = walk.rest;
    bool good = size < sizeof(walk.rest) || refuse(&walk, FOLDER_FAULT_ERROR, -ENAMETOOLONG, NULL);
    if (good)
        memcpy(walk.rest, path, size + 1);
    good = good && enter_root(&walk) && go(&walk);
    real[walk.size] = 0;
    if (good)
        return walk.fd;
    if (walk.fd >= 0)
        sys(SYS_close, walk.fd);
    return -1;
}

static bool is_plain(const char *path, uint32_t user, struct stat *status)
{
    if (sys_fstatat(AT_FDCWD, path, status, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(status->st_mode))
        return false;
    bool closed = (status->st_mode & S_ISVTX) || !(status->st_mode & (S_IWGRP | S_IWOTH));
    return closed && (status->st_uid == user || status->st_uid == 0);
}

bool folder_plain(const char *path, uint32_t user, struct stat *status)
{
    char part[FOLDER_PATH_MAX];
    size_t size = strlen(path);
    if (size < 2 || size >= sizeof(part) || path[size - 1] == '/' || strstr(path, "//") || strstr(path, "/."))
        return false;
    memcpy(part, path, size + 1);
    bool plain = is_plain("/", user, status);
    for (char *slash = strchr(part + 1, '/'); plain && slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        plain = is_plain(part, user, status);
        *slash = '/';
    }
    return plain && is_plain(part, user, status);
}

/* ---- The folder ---- */

bool folder_usable(int fd, folder_own_group *own_group, struct folder_id *id, struct folder_trouble *trouble)
{
    struct stat status;
    long result = sys_fstat(fd, &status);
    *trouble = (struct folder_trouble){.fault = FOLDER_FAULT_NONE};
    if (result < 0) {
        trouble->fault = FOLDER_FAULT_ERROR;
        trouble->error = (int)-result;
        return false;
    }
    *id = (struct folder_id){status.st_dev, status.st_ino};
    if (!S_ISDIR(status.st_mode))
        trouble->fault = FOLDER_FAULT_KIND;
    else if (!is_trusted(status.st_uid, sys_euid()))
        trouble->fault = FOLDER_FAULT_OWNER;
    else if (!(status.st_mode & S_ISVTX) && others_write(fd, &status, own_group))
        trouble->fault = FOLDER_FAULT_OPEN;
    return trouble->fault == FOLDER_FAULT_NONE;
}

long folder_make(int parent, const char *name, unsigned mode)
{
    struct stat status;
    long made = sys(SYS_mkdirat, parent, name, mode & 0700);
    if (made < 0 && made != -EEXIST)
        return made;
    int how = made == 0 ? O_RDONLY : O_PATH; /* the mode can be set by a descriptor that may read only */
    long fd = sys(SYS_openat, parent, name, how | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (sys_is_error(fd) || made < 0)
        return fd;
    long result = sys_fstat(fd, &status);
    if (result == 0 && status.st_uid != sys_euid())
        result = -EPERM; /* it is not the one that was made */
    if (result == 0 && (status.st_mode & 07777) != mode)
        result = sys(SYS_fchmod, fd, mode);
    if (result == 0)
        return fd;
    sys(SYS_close, fd);
    return result;
}

/* Before Linux 5.6, and where a container's filter knows no openat2(). */
static long open_by_parts(const char *path)
{
    long fd = sys(SYS_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    size_t size;
    for (const char *part = path; !sys_is_error(fd) && (part = next_part(part, &size)); part += size) {
        char name[NAME_SIZE_MAX];
        long next = -ENAMETOOLONG;
        if (size < sizeof(name)) {
            memcpy(name, part, size);
            name[size] = 0;
            next = sys(SYS_openat, fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        }
        sys(SYS_close, fd);
        fd = next;
    }
    return fd;
}

long folder_open_known(const char *path, const struct folder_id *id)
{
    struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
    struct stat status;
    long fd = sys(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
    if (fd == -ENOSYS || fd == -EPERM)
        fd = open_by_parts(path);
    if (sys_is_error(fd))
        return -1;
    if (sys_fstat(fd, &status) == 0 && status.st_dev == id->device && status.st_ino == id->inode)
        return fd;
    sys(SYS_close, fd);
    return -1;
}

const char *folder_words(const struct folder_trouble *trouble)
{
    static const char *const words[] = {
        [FOLDER_FAULT_NONE] = "",
        [FOLDER_FAULT_ERROR] = "cannot be made",
        [FOLDER_FAULT_ANCESTOR] = "another user may change ",
        [FOLDER_FAULT_LINK] = "a symbolic link of another user's stands on the way, ",
        [FOLDER_FAULT_KIND] = "not a folder",
        [FOLDER_FAULT_OWNER] = "belongs to another user",
        [FOLDER_FAULT_OPEN] = "others may write to it; a trace is private",
    };
    return words[trouble->fault];
}
