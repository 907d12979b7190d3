/* SPDX-License-Identifier: MIT
 *
 * Keeping what can be read only once, see reread.h.
 */
#include "analyzer/cmd/reread.h"

#include "analyzer/trace/complaint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How a file that has no name is opened again. */
#define KEPT_PATH "/proc/self/fd/%d"

struct kept {
    struct kept *next;
    const char *name; /* as it was given */
    dev_t device;
    ino_t inode;
    FILE *file;
    char path[sizeof KEPT_PATH + 10];
};

static const char *name_of(const char *trace)
{
    return strcmp(trace, "-") == 0 ? "stdin" : trace;
}

static bool copy(int from, FILE *to)
{
    char block[65536];
    ssize_t size;
    while ((size = read(from, block, sizeof block)) != 0)
        if (size < 0 ? errno != EINTR : fwrite(block, (size_t)size, 1, to) != 1)
            return false;
    return fflush(to) == 0;
}

static bool known(const struct reread *reread, const struct stat *status)
{
    for (const struct kept *kept = reread->kept; kept; kept = kept->next)
        if (kept->device == status->st_dev && kept->inode == status->st_ino)
            return true;
    return false;
}

/* Reads all of `fd`, which is `trace`, and puts the copy in its place. What is given twice is one input. */
static bool keep(struct reread *reread, const char *trace, int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return false;
    if (known(reread, &status))
        return true;
    struct kept *kept = calloc(1, sizeof *kept);
    if (!kept)
        abort();
    *kept = (struct kept){.next = reread->kept,
                          .name = name_of(trace),
                          .device = status.st_dev,
                          .inode = status.st_ino,
                          .file = tmpfile()};
    reread->kept = kept;
    if (!kept->file || !copy(fd, kept->file))
        return false;
    snprintf(kept->path, sizeof kept->path, KEPT_PATH, fileno(kept->file));
    reread->traces[reread->count++] = kept->path;
    return true;
}

static bool take(struct reread *reread, char *trace)
{
    struct stat status;
    if (strcmp(trace, "-") == 0)
        return keep(reread, trace, STDIN_FILENO);
    if (stat(trace, &status) != 0 || !S_ISFIFO(status.st_mode)) {
        reread->traces[reread->count++] = trace;
        return true;
    }
    if (known(reread, &status))
        return true;
    int fd = open(trace, O_RDONLY | O_CLOEXEC);
    bool kept = fd >= 0 && keep(reread, trace, fd);
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return kept;
}

bool reread_begin(struct reread *reread, char *const *traces, int count)
{
    *reread = (struct reread){.traces = calloc((size_t)count + 1, sizeof *reread->traces)};
    if (!reread->traces)
        abort();
    for (int i = 0; i < count; i++)
        if (!take(reread, traces[i])) {
            complain(&(struct complaints){.count = 0}, "%s: %s", name_of(traces[i]), strerror(errno));
            return false;
        }
    return true;
}

void reread_complain(void *context, const char *line)
{
    const struct reread *reread = context;
    for (const struct kept *kept = reread->kept; kept; kept = kept->next) {
        size_t length = strlen(kept->path);
        if (strncmp(line, kept->path, length) == 0 && line[length] == ':') {
            complain(&(struct complaints){.count = 0}, "%s%s", kept->name, line + length);
            return;
        }
    }
    complain_line("%s", line);
}

void reread_end(struct reread *reread)
{
    for (struct kept *kept = reread->kept, *next; kept; kept = next) {
        next = kept->next;
        if (kept->file)
            fclose(kept->file);
        free(kept);
    }
    free(reread->traces);
}
