/* SPDX-License-Identifier: MIT
 *
 * The spool: files NUMBER-ROWS-SIZE.rows, each one INSERT with its rows, made under another name and renamed when they
 * are whole and on disk. Its lock is for what the two threads share; whoever takes a file is the sender alone.
 */
#include "analyzer/cmd/ship.h"

#include "analyzer/trace/complaint.h"
#include "analyzer/trace/memory.h"
#include "analyzer/trace/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MARK       "mark"
#define UNFINISHED ".unfinished"

static bool parse_name(const char *name, struct spool_file *file)
{
    int end = 0;
    if (sscanf(name, "%20" SCNu64 "-%" SCNu64 "-%" SCNu64 ".rows%n", &file->number, &file->rows, &file->size, &end) !=
            3 ||
        !end || name[end])
        return false;
    text_copy(file->name, sizeof file->name, name);
    return true;
}

/* Calls `see` for each file that waits. */
static void walk(const struct spool *spool, void (*see)(void *context, const struct spool_file *file), void *context)
{
    int fd = openat(spool->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct spool_file file;
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(dir));)
        if (parse_name(entry->d_name, &file))
            see(context, &file);
    closedir(dir);
}

static void see_oldest(void *context, const struct spool_file *file)
{
    struct spool_file *oldest = context;
    if (!oldest->name[0] || file->number < oldest->number)
        *oldest = *file;
}

static void see_all(void *context, const struct spool_file *file)
{
    struct spool *spool = context;
    spool->bytes += file->size;
    if (file->number >= spool->number)
        spool->number = file->number + 1;
}

static void see_rows(void *context, const struct spool_file *file)
{
    *(uint64_t *)context += file->rows;
}

bool spool_open(struct spool *spool, const char *path, uint64_t bytes_max, const char *title)
{
    *spool = (struct spool){.folder = -1, .path = path, .title = title, .bytes_max = bytes_max, .number = 1};
    pthread_mutex_init(&spool->lock, NULL);
    pthread_cond_init(&spool->more, NULL);
    if (mkdir(path, 0700) < 0 && errno != EEXIST) {
        complain_line("%s: %s: %s", title, text_name(path), strerror(errno));
        return false;
    }
    spool->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    struct stat status;
    if (spool->folder < 0 || fstat(spool->folder, &status) < 0) {
        complain_line("%s: %s: %s", title, text_name(path), strerror(errno));
        return false;
    }
    if (status.st_uid != geteuid() || (status.st_mode & (S_IWGRP | S_IWOTH))) {
        complain_line("%s: %s: others may write to it, or own it; a spool is private", title, text_name(path));
        return false;
    }
    if (unlinkat(spool->folder, UNFINISHED, 0) == 0)
        complain_line("%s: %s: a file that was half written when shipping ended was removed; its rows are told again",
                      title, text_name(path));
    walk(spool, see_all, spool);
    return true;
}

void spool_close(struct spool *spool)
{
    if (spool->folder >= 0)
        close(spool->folder);
    pthread_mutex_destroy(&spool->lock);
    pthread_cond_destroy(&spool->more);
}

/* Under another name first, so that what has its name is whole. */
static bool write_file(const struct spool *spool, const char *name, const void *bytes, size_t size)
{
    int fd = openat(spool->folder, UNFINISHED, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    const char *at = bytes;
    bool good = fd >= 0;
    for (size_t done = 0; good && done < size;) {
        ssize_t written = write(fd, at + done, size - done);
        if (written < 0 && errno == EINTR)
            continue;
        good = written > 0;
        done += good ? (size_t)written : 0;
    }
    good = good && fsync(fd) == 0;
    int error = errno;
    if (fd >= 0)
        close(fd);
    good = good && renameat(spool->folder, UNFINISHED, spool->folder, name) == 0;
    if (!good) {
        unlinkat(spool->folder, UNFINISHED, 0);
        errno = error;
    }
    return good;
}

uint64_t spool_mark(const struct spool *spool)
{
    char text[32] = "";
    int fd = openat(spool->folder, MARK, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    /* One without its line's end is not whole. */
    return size > 0 && text[size - 1] == '\n' ? strtoull(text, NULL, 10) : 0;
}

bool spool_set_mark(const struct spool *spool, uint64_t mark_us)
{
    char text[32];
    int size = snprintf(text, sizeof text, "%" PRIu64 "\n", mark_us);
    return write_file(spool, MARK, text, (size_t)size);
}

static void forget(struct spool *spool, const struct spool_file *file)
{
    unlinkat(spool->folder, file->name, 0);
    pthread_mutex_lock(&spool->lock);
    spool->bytes -= file->size < spool->bytes ? file->size : spool->bytes;
    pthread_mutex_unlock(&spool->lock);
}

static void lose(struct spool *spool, uint64_t rows)
{
    pthread_mutex_lock(&spool->lock);
    spool->lost_rows += rows;
    pthread_mutex_unlock(&spool->lock);
}

static void make_space(struct spool *spool, size_t size)
{
    while (spool->bytes + size > spool->bytes_max) {
        struct spool_file oldest = {.name = ""};
        walk(spool, see_oldest, &oldest);
        if (!oldest.name[0])
            return;
        forget(spool, &oldest);
        lose(spool, oldest.rows);
        if (!spool->full)
            complain_line("%s: %s: full: the oldest rows are dropped until the cluster takes some", spool->title,
                          text_name(spool->path));
        spool->full = true;
    }
}

bool spool_put(struct spool *spool, const void *bytes, size_t size, uint64_t rows)
{
    char name[NAME_MAX];
    make_space(spool, size);
    snprintf(name, sizeof name, "%020" PRIu64 "-%" PRIu64 "-%zu.rows", spool->number, rows, size);
    if (!write_file(spool, name, bytes, size))
        return false;
    pthread_mutex_lock(&spool->lock);
    spool->number++;
    spool->bytes += size;
    pthread_cond_broadcast(&spool->more);
    pthread_mutex_unlock(&spool->lock);
    return true;
}

bool spool_oldest(struct spool *spool, struct spool_file *file)
{
    for (;;) {
        struct stat status;
        *file = (struct spool_file){.name = ""};
        walk(spool, see_oldest, file);
        if (!file->name[0])
            return false;
        if (fstatat(spool->folder, file->name, &status, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if (S_ISREG(status.st_mode) && (uint64_t)status.st_size == file->size)
            return true;
        complain_line(
            "%s: %s/%s: has %lld bytes instead of %" PRIu64 "; its %" PRIu64 " rows are told again at the next start",
            spool->title, text_name(spool->path), file->name, (long long)status.st_size, file->size, file->rows);
        spool->damaged = true;
        unlinkat(spool->folder, MARK, 0);
        forget(spool, file);
        lose(spool, file->rows);
    }
}

char *spool_read(const struct spool *spool, const struct spool_file *file)
{
    char *bytes = malloc(file->size + 1);
    int fd = openat(spool->folder, file->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    uint64_t done = 0;
    while (bytes && fd >= 0 && done < file->size) {
        ssize_t got = read(fd, bytes + done, file->size - done);
        if (got <= 0)
            break;
        done += (uint64_t)got;
    }
    if (fd >= 0)
        close(fd);
    if (bytes && done == file->size)
        return bytes;
    free(bytes);
    return NULL;
}

void spool_remove(struct spool *spool, const struct spool_file *file)
{
    forget(spool, file);
    spool->full = false;
}

uint64_t spool_rows(struct spool *spool)
{
    uint64_t rows = 0;
    walk(spool, see_rows, &rows);
    return rows;
}

void spool_wait(struct spool *spool, unsigned ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&spool->lock);
    if (!spool->ending)
        pthread_cond_timedwait(&spool->more, &spool->lock, &until);
    pthread_mutex_unlock(&spool->lock);
}
