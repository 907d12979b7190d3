/* SPDX-License-Identifier: MIT
 *
 * The trace folder before a run: empty, the user's own, private. Moves an older trace out of the way, and never touches
 * a folder that is not a trace.
 */
#include "analyzer/cmd/run.h"

#include "analyzer/trace/complaint.h"
#include "analyzer/trace/text.h"
#include "shim/memory_log.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum content { CONTENT_UNREADABLE, CONTENT_NONE, CONTENT_TRACE, CONTENT_OTHER };

static bool is_log(const char *name)
{
    size_t size = strlen(name), suffix = strlen(SOCKATLAS_SUFFIX);
    return size > suffix && strcmp(name + size - suffix, SOCKATLAS_SUFFIX) == 0;
}

bool run_folder_half_log(const char *name)
{
    const char *time = strrchr(name, '.');
    if (name[0] != '.' || time == name || !time[1] || time[1 + strspn(time + 1, "0123456789abcdef")])
        return false;
    const char *pid = time;
    while (pid > name && isdigit((unsigned char)pid[-1]))
        pid--;
    return pid < time && pid - name >= 2 && pid[-1] == '.';
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* A trace holds log files, perhaps other files beside them, and no folders. */
static enum content look_into(const char *dir)
{
    DIR *entries = opendir(dir);
    if (!entries)
        return CONTENT_UNREADABLE;
    unsigned logs = 0, others = 0, folders = 0;
    for (const struct dirent *entry; (entry = readdir(entries));) {
        struct stat status;
        if (is_dots(entry->d_name) || fstatat(dirfd(entries), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if (S_ISDIR(status.st_mode))
            folders++;
        else if (is_log(entry->d_name))
            logs++;
        else
            others++;
    }
    closedir(entries);
    if (logs && !folders)
        return CONTENT_TRACE;
    return logs || others || folders ? CONTENT_OTHER : CONTENT_NONE;
}

/* Removes the log files in `dir`, whole or not, and the folder, which fails when something else is in it. */
static bool remove_trace(const char *dir)
{
    DIR *entries = opendir(dir);
    if (!entries)
        return errno == ENOENT;
    for (const struct dirent *entry; (entry = readdir(entries));) {
        memory_log_remove(dirfd(entries), entry->d_name);
        if (is_log(entry->d_name) || run_folder_half_log(entry->d_name))
            unlinkat(dirfd(entries), entry->d_name, 0);
    }
    closedir(entries);
    return rmdir(dir) == 0;
}

static char *refuse(const char *title, const char *dir, const char *what)
{
    complain(&(struct complaints){.count = 0}, "%s: %s: %s", title, text_name(dir), what);
    return NULL;
}

static bool move_old(const char *dir, const char *title)
{
    char old[PATH_MAX];
    size_t size = strlen(dir);
    while (size > 1 && dir[size - 1] == '/')
        size--;
    if (snprintf(old, sizeof old, "%.*s.old", (int)size, dir) >= (int)sizeof old)
        return refuse(title, dir, strerror(ENAMETOOLONG));
    if (!remove_trace(old))
        return refuse(title, old, "cannot be replaced by the trace that stands here already; move it away");
    if (rename(dir, old) < 0)
        return refuse(title, dir, "holds a trace and cannot be moved away");
    return true;
}

char *run_folder_prepare(const char *dir, const char *title)
{
    struct stat status;
    if (lstat(dir, &status) == 0) {
        if (!S_ISDIR(status.st_mode))
            return refuse(title, dir, "exists and is not a folder");
        enum content content = look_into(dir);
        if (content == CONTENT_UNREADABLE)
            return refuse(title, dir, strerror(errno));
        if (content == CONTENT_OTHER)
            return refuse(title, dir, "holds other things than a trace; choose another folder with -d");
        if (content == CONTENT_TRACE && !move_old(dir, title))
            return NULL;
    }
    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return refuse(title, dir, strerror(errno));
    if (lstat(dir, &status) < 0)
        return refuse(title, dir, strerror(errno));
    if (status.st_uid != geteuid())
        return refuse(title, dir, "belongs to another user");
    if (status.st_mode & (S_IWGRP | S_IWOTH))
        return refuse(title, dir, "others may write to it; a trace is private");
    if (access(dir, W_OK | X_OK) < 0)
        return refuse(title, dir, strerror(errno));
    char *absolute = realpath(dir, NULL);
    return absolute ? absolute : refuse(title, dir, strerror(errno));
}
