/* SPDX-License-Identifier: MIT
 *
 * Where a subcommand writes, see output.h.
 */
#include "analyzer/cmd/output.h"

#include "analyzer/trace/complaint.h"
#include "analyzer/trace/segment.h"
#include "analyzer/trace/text.h"
#include "shim/trace_format.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void say(const char *path)
{
    complain(&(struct complaints){.count = 0}, "sockatlas: %s: %s", text_name(path), strerror(errno));
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Where `path` is, "." where it has no folder. */
static bool stat_folder(const char *path, struct stat *status)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) + 1 : 1;
    if (length >= sizeof folder)
        return false;
    memcpy(folder, slash ? path : ".", length);
    folder[length] = '\0';
    return stat(folder, status) == 0;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* What reading a folder, or a log, takes from the folder that `path` is in: logs, and the segments beside them. */
static bool is_read_with(const char *path, const char *trace, const struct stat *trace_status)
{
    char log[NAME_MAX + 1];
    uint64_t position;
    size_t length = strlen(path), suffix = strlen(SOCKATLAS_SUFFIX);
    struct stat folder, of_trace;
    bool is_log = length > suffix && strcmp(path + length - suffix, SOCKATLAS_SUFFIX) == 0;
    bool is_segment = segment_name_of(base_name(path), log, &position);
    if ((!is_log && !is_segment) || !stat_folder(path, &folder))
        return false;
    if (S_ISDIR(trace_status->st_mode))
        return same_file(trace_status, &folder);
    return is_segment && strcmp(base_name(trace), log) == 0 && stat_folder(trace, &of_trace) &&
           same_file(&of_trace, &folder);
}

bool output_is_input(const char *path, char *const *traces, int count)
{
    static const char *const default_trace = "./sockatlas.data";
    struct stat out, trace;
    if (!path || stat(path, &out) != 0 || !S_ISREG(out.st_mode))
        return false;
    for (int i = 0; i < (count ? count : 1); i++) {
        const char *name = count ? traces[i] : default_trace;
        bool known = (strcmp(name, "-") == 0 ? fstat(STDIN_FILENO, &trace) : stat(name, &trace)) == 0;
        if (known && (same_file(&trace, &out) || is_read_with(path, name, &trace))) {
            complain(&(struct complaints){.count = 0}, "sockatlas: %s: is read, and not written at the same time",
                     path);
            return true;
        }
    }
    return false;
}

/* What a trace holds is private, and so is what is made of it: the file is its user's alone, also where it was there
 * before. */
static FILE *open_private(const char *path)
{
    struct stat status;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return NULL;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() && (status.st_mode & 077))
        (void)!fchmod(fd, 0600);
    FILE *out = fdopen(fd, "w");
    if (!out)
        close(fd);
    return out;
}

FILE *output_open(const char *path)
{
    static char capacity[1 << 16];
    FILE *out = path ? open_private(path) : stdout;
    if (!out)
        say(path);
    else if (!isatty(fileno(out))) /* else a page at a time, of which a list has many thousand */
        setvbuf(out, capacity, _IOFBF, sizeof capacity);
    return out;
}

bool output_close(FILE *out, const char *path)
{
    if (!path)
        return !ferror(out);
    bool good = !ferror(out);
    if (fclose(out) == 0 && good)
        return true;
    say(path);
    return false;
}
