/* SPDX-License-Identifier: MIT
 *
 * The trace folder of a run: empty, the user's own, private. Moves an older trace out of the way, and never touches
 * what is not a trace of this user's. The way there is walked once (shim/folder.h); from then on the folder is its
 * descriptor, and what is to be removed is looked at as a whole before the first file goes.
 */
#include "analyzer/cmd/run.h"

#include "analyzer/trace/complaint.h"
#include "analyzer/trace/text.h"
#include "shim/folder.h"
#include "shim/memory_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/fs.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MODE_OWN = 0700, MODE_SHARED = 01733 };

/* Where the folder is to be. */
struct place {
    const char *title;
    const char *given; /* as the user wrote it: for messages */
    bool across_users;
    int parent; /* O_PATH */
    char real[FOLDER_PATH_MAX];
    char name[NAME_MAX + 1], old[NAME_MAX + 1]; /* below `parent` */
};

/* False, always. `of`: "", or ".old" where it is about the older trace. */
static bool refuse(const struct place *place, const char *of, const char *what)
{
    complain_line("%s: %s%s: %s", place->title, text_name(place->given), of, what);
    return false;
}

/* ---- An older trace ---- */

/* The folder `name`, of this user's; -1 with errno (ENOENT: none), or 0 where it was refused. */
static int open_own(const struct place *place, const char *name, const char *of)
{
    struct stat status;
    if (fstatat(place->parent, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return -1;
    if (!S_ISDIR(status.st_mode))
        return refuse(place, of, "exists and is not a folder");
    if (status.st_uid != geteuid())
        return refuse(place, of, "belongs to another user");
    int fd = openat(place->parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return refuse(place, of, strerror(errno));
    if (fstat(fd, &status) == 0 && status.st_uid == geteuid())
        return fd;
    close(fd);
    return refuse(place, of, "was exchanged while it was looked at");
}

/* Whether a program still records into a log of the folder; fills `name`. */
static bool recorded_into(int folder, char name[NAME_MAX + 1])
{
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = copy < 0 ? NULL : fdopendir(copy);
    bool used = false;
    for (const struct dirent *entry; entries && !used && (entry = readdir(entries));) {
        used = run_content_log(entry->d_name) && run_trim_mapped(folder, entry->d_name);
        snprintf(name, NAME_MAX + 1, "%s", entry->d_name);
    }
    if (entries)
        closedir(entries);
    return used;
}

/* Whether something still records into the folder: a `run`, or a program that one left behind. Says so. */
static bool in_use(const struct place *place, int folder)
{
    char what[NAME_MAX + 128];
    if (flock(folder, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        return !refuse(place, ".old", "another `sockatlas run` still records into it; choose another folder with -d");
    char name[NAME_MAX + 1];
    if (!recorded_into(folder, name))
        return false;
    snprintf(what, sizeof what, "%s is still recorded into, by a program that goes on; choose another folder with -d",
             name);
    return !refuse(place, ".old", what);
}

static bool remove_files(int folder)
{
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = copy < 0 ? NULL : fdopendir(copy);
    bool good = entries != NULL;
    for (const struct dirent *entry; entries && (entry = readdir(entries));) {
        if (run_content_dots(entry->d_name))
            continue;
        memory_log_remove(folder, entry->d_name);
        if (unlinkat(folder, entry->d_name, 0) < 0)
            good = false;
    }
    if (entries)
        closedir(entries);
    return good;
}

/* Removes the trace before the one that stands here. */
static bool remove_old(const struct place *place)
{
    struct run_content content;
    char what[NAME_MAX + 128];
    int folder = open_own(place, place->old, ".old");
    if (folder < 0)
        return errno == ENOENT || refuse(place, ".old", strerror(errno));
    if (folder == 0)
        return false;
    bool good = run_content(folder, &content) || refuse(place, ".old", strerror(errno));
    if (good && (content.others || content.folders)) {
        snprintf(what, sizeof what, "holds %s, which is no log of this user's; move it away", content.other);
        good = refuse(place, ".old", what);
    }
    good = good && !in_use(place, folder);
    if (good && (!remove_files(folder) || unlinkat(place->parent, place->old, AT_REMOVEDIR) < 0))
        good = refuse(place, ".old", strerror(errno));
    if (good)
        complain_line("%s: %s.old: an older trace, deleted: the last one takes its place", place->title,
                      text_name(place->given));
    close(folder);
    return good;
}

static bool move_old(const struct place *place)
{
    if (!remove_old(place))
        return false;
    int result = renameat2(place->parent, place->name, place->parent, place->old, RENAME_NOREPLACE);
    if (result < 0 && (errno == EINVAL || errno == ENOSYS)) /* replaces an empty folder at most */
        result = renameat(place->parent, place->name, place->parent, place->old);
    return result == 0 || refuse(place, "", "holds a trace and cannot be moved away");
}

/* Leaves nothing at the place, or an empty folder of the user's own. */
static bool clear(const struct place *place)
{
    struct run_content content;
    int folder = open_own(place, place->name, "");
    if (folder < 0)
        return errno == ENOENT || refuse(place, "", strerror(errno));
    if (folder == 0)
        return false;
    bool known = run_content(folder, &content) || refuse(place, "", strerror(errno));
    close(folder);
    if (!known)
        return false;
    if ((content.logs || content.halves) && !content.folders)
        return move_old(place);
    return !(content.others || content.folders) ||
           refuse(place, "", "holds other things than a trace; choose another folder with -d");
}

/* ---- The place ---- */

/* A group of the user's own bears their name and has no other member (as pam_umask(8) has it). */
static bool own_group(uint32_t id, uint32_t user)
{
    const struct passwd *who = getpwuid(user);
    const struct group *group = who ? getgrgid(id) : NULL;
    if (!group || strcmp(group->gr_name, who->pw_name) != 0)
        return false;
    for (char *const *member = group->gr_mem; *member; member++)
        if (strcmp(*member, who->pw_name) != 0)
            return false;
    return true;
}

static bool refuse_way(const struct place *place, const struct folder_trouble *trouble)
{
    bool ancestor = trouble->fault == FOLDER_FAULT_ANCESTOR || trouble->fault == FOLDER_FAULT_LINK;
    char what[FOLDER_PATH_MAX + 128];
    if (trouble->fault == FOLDER_FAULT_ERROR)
        return refuse(place, "", strerror(trouble->error));
    snprintf(what, sizeof what, "%s%s%s", folder_words(trouble), ancestor ? place->real : "",
             ancestor ? "; choose another folder with -d" : "");
    return refuse(place, "", what);
}

static bool find_place(struct place *place)
{
    struct folder_trouble trouble;
    char *absolute = NULL, *here = place->given[0] == '/' ? NULL : getcwd(NULL, 0);
    if (place->given[0] != '/' && (!here || here[0] != '/'))
        return free(here), refuse(place, "", here ? "the current folder cannot be reached" : strerror(errno));
    if (asprintf(&absolute, "%s%s%s", here ? here : "", here ? "/" : "", place->given) < 0)
        abort();
    free(here);
    struct stat status;
    size_t size = strlen(absolute);
    while (size > 1 && absolute[size - 1] == '/')
        absolute[--size] = '\0';
    /* A link is followed on the way, and is no folder at its end. */
    bool link = *place->given && lstat(absolute, &status) == 0 && S_ISLNK(status.st_mode);
    place->parent = !*place->given ? -1 : (int)folder_walk(absolute, place->real, own_group, &trouble);
    free(absolute);
    if (!*place->given)
        return refuse(place, "", strerror(ENOENT));
    if (place->parent < 0)
        return refuse_way(place, &trouble);
    if (link)
        return refuse(place, "", "exists and is not a folder");
    snprintf(place->name, sizeof place->name, "%s", strrchr(place->real, '/') + 1);
    if (snprintf(place->old, sizeof place->old, "%s.old", place->name) >= (int)sizeof place->old)
        return refuse(place, ".old", strerror(ENAMETOOLONG));
    return true;
}

/* Whether other users get to the folder at all. */
static void warn_closed(const struct place *place)
{
    char path[FOLDER_PATH_MAX];
    struct stat status;
    for (size_t at = 1; place->real[at]; at++) {
        if (place->real[at] != '/')
            continue;
        snprintf(path, sizeof path, "%.*s", (int)at, place->real);
        if (stat(path, &status) == 0 && !(status.st_mode & S_IXOTH)) {
            complain_line("%s: %s: %s is closed to other users: their programs can make no logs", place->title,
                          text_name(place->given), path);
            return;
        }
    }
}

/* ---- The folder ---- */

/* Makes it, or takes the empty one that is there. */
static bool take(const struct place *place, struct run_folder *folder)
{
    struct stat status;
    unsigned mode = place->across_users ? MODE_SHARED : MODE_OWN;
    long made = folder_make(place->parent, place->name, mode);
    if (made < 0)
        return refuse(place, "", strerror((int)-made));
    close((int)made);
    int fd = open_own(place, place->name, "");
    if (fd <= 0)
        return fd < 0 && refuse(place, "", strerror(errno));
    folder->fd = fd;
    if (fstat(fd, &status) < 0 || (place->across_users && (status.st_mode & 07777) != mode && fchmod(fd, mode) < 0))
        return refuse(place, "", strerror(errno));
    if (!place->across_users && (status.st_mode & (S_IWGRP | S_IWOTH)))
        return refuse(place, "", "others may write to it; a trace is private");
    if (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) < 0)
        return refuse(place, "", strerror(errno));
    /* Held to the end of `run`. */
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        return refuse(place, "", "another `sockatlas run` begins in it just now; choose another folder with -d");
    folder->device = status.st_dev;
    folder->inode = status.st_ino;
    return true;
}

static void name_folder(const struct place *place, struct run_folder *folder)
{
    struct stat status;
    snprintf(folder->path, sizeof folder->path, "%s", place->real);
    snprintf(folder->dir, sizeof folder->dir, "/proc/self/fd/%d", folder->fd);
    if (stat(folder->dir, &status) < 0 || status.st_ino != folder->inode) /* no /proc */
        snprintf(folder->dir, sizeof folder->dir, "%s", folder->path);
}

/* Nobody else's programs may have been let in before, or all were. */
static bool join(const struct place *place, struct run_folder *folder, bool *joined)
{
    struct stat status;
    char name[NAME_MAX + 1];
    int fd = open_own(place, place->name, "");
    if (fd < 0)
        return errno == ENOENT || refuse(place, "", strerror(errno));
    if (fd == 0)
        return false;
    folder->fd = fd;
    *joined = recorded_into(fd, name);
    if (!*joined)
        return true;
    if (fstat(fd, &status) < 0)
        return refuse(place, "", strerror(errno));
    folder->device = status.st_dev;
    folder->inode = status.st_ino;
    folder->across_users = (status.st_mode & S_IWOTH) != 0;
    name_folder(place, folder);
    return true;
}

bool run_folder_join(struct run_folder *folder, const char *dir, const char *title, bool *joined)
{
    struct place place = {.title = title, .given = dir, .parent = -1};
    *folder = (struct run_folder){.fd = -1};
    *joined = false;
    bool good = find_place(&place) && join(&place, folder, joined);
    if (place.parent >= 0)
        close(place.parent);
    if (!good || !*joined)
        run_folder_close(folder);
    return good;
}

bool run_folder_prepare(struct run_folder *folder, const char *dir, bool across_users, const char *title)
{
    struct place place = {.title = title, .given = dir, .across_users = across_users, .parent = -1};
    *folder = (struct run_folder){.fd = -1, .across_users = across_users};
    bool good = find_place(&place) && clear(&place) && take(&place, folder);
    if (place.parent >= 0)
        close(place.parent);
    if (!good) {
        run_folder_close(folder);
        return false;
    }
    if (across_users)
        warn_closed(&place);
    name_folder(&place, folder);
    return true;
}

void run_folder_close(struct run_folder *folder)
{
    if (folder->fd >= 0)
        close(folder->fd);
    folder->fd = -1;
}
