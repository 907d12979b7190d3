/* SPDX-License-Identifier: MIT
 *
 * What is in a trace folder, and where the folder is: looked at by the parts of `run` that would change something
 * there. Changes nothing.
 */
#include "analyzer/cmd/run.h"

#include "analyzer/trace/complaint.h"
#include "analyzer/trace/segment.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A log, a segment of one, or what was to be one; or else. */
enum entry { ENTRY_LOG, ENTRY_HALF, ENTRY_OTHER, ENTRY_FOLDER };

bool run_content_log(const char *name)
{
    size_t size = strlen(name), suffix = strlen(SOCKATLAS_SUFFIX);
    return size > suffix && strcmp(name + size - suffix, SOCKATLAS_SUFFIX) == 0;
}

/* .COMM.PID.TIME */
static bool has_half_name(const char *name)
{
    const char *time = strrchr(name, '.');
    if (name[0] != '.' || time == name || !time[1] || time[1 + strspn(time + 1, "0123456789abcdef")])
        return false;
    const char *pid = time;
    while (pid > name && isdigit((unsigned char)pid[-1]))
        pid--;
    return pid < time && pid - name >= 2 && pid[-1] == '.';
}

bool run_content_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int open_entry(int folder, const char *name, struct stat *status)
{
    if (fstatat(folder, name, status, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(status->st_mode))
        return -1; /* not opened: that might do something */
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && fstat(fd, status) == 0 && S_ISREG(status->st_mode))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Whether the file is what a log begins with, or was killed or met a full disk before it did: the header's magic number
 * is written last. */
static bool begins_as_log(int fd, bool half)
{
    static const char blank[sizeof SOCKATLAS_MAGIC - 1];
    char magic[sizeof blank];
    ssize_t size = pread(fd, magic, sizeof magic, 0);
    return size == 0 || (size == (ssize_t)sizeof magic && (memcmp(magic, SOCKATLAS_MAGIC, sizeof magic) == 0 ||
                                                           (half && memcmp(magic, blank, sizeof blank) == 0)));
}

static bool begins_as_segment(int fd)
{
    struct segment_head head;
    ssize_t size = pread(fd, &head, sizeof head, 0);
    return size == 0 || (size == (ssize_t)sizeof head && segment_head_good(&head));
}

/* `shared`: logs of other users belong to the trace as well. */
static enum entry judge(int folder, const char *name, bool shared)
{
    struct stat status;
    char log[NAME_MAX + 1];
    uint64_t position;
    bool segment = segment_name_of(name, log, &position), half = !segment && has_half_name(name);
    if (!half && !segment && !run_content_log(name))
        return fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode) ? ENTRY_FOLDER
                                                                                                   : ENTRY_OTHER;
    int fd = open_entry(folder, name, &status);
    if (fd < 0)
        return S_ISDIR(status.st_mode) ? ENTRY_FOLDER : ENTRY_OTHER;
    bool ours = (shared || status.st_uid == geteuid()) && (segment ? begins_as_segment(fd) : begins_as_log(fd, half));
    close(fd);
    return !ours ? ENTRY_OTHER : half ? ENTRY_HALF : ENTRY_LOG;
}

bool run_content_half(int folder, const char *name)
{
    return has_half_name(name) && judge(folder, name, false) == ENTRY_HALF;
}

/* Whether `run` made this trace for other users' programs too: its own log says so. */
static bool is_shared(int folder)
{
    struct sockatlas_header header;
    struct stat status;
    int fd = open_entry(folder, SOCKATLAS_RUN_NAME SOCKATLAS_SUFFIX, &status);
    bool shared = fd >= 0 && status.st_uid == geteuid() && begins_as_log(fd, false) &&
                  pread(fd, &header, sizeof header, 0) == (ssize_t)sizeof header &&
                  header.version == SOCKATLAS_VERSION && header.across_users;
    if (fd >= 0)
        close(fd);
    return shared;
}

bool run_content(int folder, struct run_content *content)
{
    *content = (struct run_content){.logs = 0};
    bool shared = is_shared(folder);
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = copy < 0 ? NULL : fdopendir(copy);
    if (!entries)
        return false;
    for (const struct dirent *entry; (entry = readdir(entries));) {
        if (run_content_dots(entry->d_name))
            continue;
        enum entry kind = judge(folder, entry->d_name, shared);
        content->logs += kind == ENTRY_LOG;
        content->halves += kind == ENTRY_HALF;
        content->others += kind == ENTRY_OTHER;
        content->folders += kind == ENTRY_FOLDER;
        if (kind == ENTRY_OTHER || kind == ENTRY_FOLDER)
            snprintf(content->other, sizeof content->other, "%s", entry->d_name);
    }
    closedir(entries);
    return true;
}

const char *run_content_stands(const struct run_folder *folder, char *path)
{
    struct stat status;
    snprintf(path, FOLDER_PATH_MAX + 8, "%s", folder->path);
    if (stat(path, &status) == 0 && status.st_dev == folder->device && status.st_ino == folder->inode)
        return path;
    snprintf(path, FOLDER_PATH_MAX + 8, "%s.old", folder->path);
    if (stat(path, &status) == 0 && status.st_dev == folder->device && status.st_ino == folder->inode)
        return path;
    errno = ENOENT;
    return NULL;
}

void run_content_complain(void *context, const char *line)
{
    const struct run_folder *folder = context;
    char path[FOLDER_PATH_MAX + 8];
    size_t size = strlen(folder->dir);
    const char *now = run_content_stands(folder, path);
    if (strncmp(line, folder->dir, size) == 0)
        complain_line("%s%s", now ? now : folder->path, line + size);
    else
        complain_line("%s", line);
}
