/* SPDX-License-Identifier: MIT
 *
 * What a stream is made of, see sources.h: finds the files, opens each once, numbers images and hosts.
 */
#include "analyzer/trace/sources.h"

#include "analyzer/trace/file_past.h"
#include "analyzer/trace/hash.h"
#include "analyzer/trace/memory.h"
#include "analyzer/trace/segment.h"
#include "analyzer/trace/text.h"
#include "analyzer/trace/unpack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Files of which it is said that they are of a log that is there already. */
#define REPEATS_SAID_MAX 10

/* A log file known already, by what it is, not by its path. */
struct known {
    bool left_out; /* until it is asked for by its name */
    struct {
        dev_t device;
        ino_t inode;
    } key;
    UT_hash_handle hh;
};

struct log {
    struct identity identity;
    unsigned id; /* of the image */
    UT_hash_handle hh;
};

struct host {
    unsigned index;
    uint64_t earliest_ns; /* realtime of the file that offset_ns is from */
    int64_t offset_ns;
    UT_hash_handle hh;
    char name[]; /* the boot id, or the host's name where that is unknown */
};

/* Space for one more in an array that grows by doubling. */
static void *grow(void *array, unsigned count, size_t size)
{
    if ((count & (count - 1)) != 0)
        return array;
    return memory_must(realloc(array, (count == 0 ? 1 : 2 * (size_t)count) * size));
}

/* ---- Images and hosts ---- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static struct host *find_host(struct sources *sources, const struct sockatlas_header *header)
{
    bool booted = header->boot_id[0] != 0;
    const char *name = booted ? header->boot_id : header->host;
    size_t length = strnlen(name, booted ? sizeof header->boot_id : sizeof header->host);
    struct host *host = NULL;
    HASH_FIND(hh, sources->hosts, name, length, host);
    if (host != NULL)
        return host;
    host = memory_must(calloc(1, sizeof *host + length + 1));
    memcpy(host->name, name, length);
    host->index = HASH_COUNT(sources->hosts);
    host->earliest_ns = UINT64_MAX;
    HASH_ADD_KEYPTR(hh, sources->hosts, host->name, length, host);
    return host;
}

/* Another file of a log that is known. Before anything was handed out, the one that has more stands for both. */
static void add_repeat(struct sources *sources, struct trace_image *image, unsigned id)
{
    struct trace_image *known = sources->images[id];
    bool later = !sources->live && image->header.cursor > known->header.cursor;
    image->id = id;
    image->host = known->host;
    image->offset_ns = known->offset_ns;
    if (later) {
        image->repeats = known->repeats;
        sources->images[id] = image;
        sources->of_images[id] = NULL;
    }
    sources->images[id]->repeats++;
    sources->images[id]->repeat_path = later ? known->path : image->path;
    sources->repeats = grow(sources->repeats, sources->repeats_count, sizeof *sources->repeats);
    sources->repeats[sources->repeats_count++] = later ? known : image;
}

/* Takes the image over: it gets its number and its host, whose clock offset is that of its earliest file. NULL, or the
 * path of a file of the same log. */
static const char *add_image(struct sources *sources, struct trace_image *image)
{
    const struct sockatlas_header *header = &image->header;
    struct log *log = memory_must(calloc(1, sizeof *log)), *known = NULL;
    identity_of(image, &log->identity);
    HASH_FIND(hh, sources->logs, &log->identity, sizeof log->identity, known);
    if (known != NULL) {
        const char *path = sources->images[known->id]->path;
        free(log);
        add_repeat(sources, image, known->id);
        return path;
    }
    log->id = sources->images_count;
    HASH_ADD(hh, sources->logs, identity, sizeof log->identity, log);
    struct host *host = find_host(sources, header);
    image->id = sources->images_count;
    image->host = host->index;
    sources->images = grow(sources->images, sources->images_count, sizeof *sources->images);
    sources->of_images = grow(sources->of_images, sources->images_count, sizeof *sources->of_images);
    sources->told = grow(sources->told, sources->images_count, sizeof *sources->told);
    sources->of_images[sources->images_count] = NULL;
    sources->told[sources->images_count] = (struct identity_told){.count = 0};
    sources->images[sources->images_count++] = image;
    if (header->boottime_ns < host->earliest_ns && !(sources->live && host->earliest_ns != UINT64_MAX)) {
        host->earliest_ns = header->boottime_ns;
        host->offset_ns = (int64_t)(header->realtime_ns - header->boottime_ns);
        for (unsigned i = 0; i < sources->images_count; i++)
            if (sources->images[i]->host == host->index)
                sources->images[i]->offset_ns = host->offset_ns;
    }
    image->offset_ns = host->offset_ns;
    return NULL;
}

static void say_repeat(struct sources *sources, const char *path, const char *same)
{
    sources->repeats_said++;
    if (sources->repeats_said <= REPEATS_SAID_MAX)
        complain_note(&sources->complaints, "%s: of the same log as %s; each record is counted once%s", path, same,
                      sources->repeats_said == REPEATS_SAID_MAX ? "; more are not listed" : "");
}

bool sources_tell(struct sources *sources, struct event *event)
{
    unsigned id = event->image->id;
    event->image = sources->images[id];
    return identity_tell(&sources->told[id], event->slot, event->slots);
}

/* ---- One source ---- */

/* True when the file was not known yet. `listed`: found in a folder, where it is left out if it is `foreign`. */
static bool is_new(struct sources *sources, const struct stat *status, bool listed, bool foreign)
{
    struct known *known = NULL;
    struct known *new = memory_must(calloc(1, sizeof *new));
    new->key.device = status->st_dev;
    new->key.inode = status->st_ino;
    HASH_FIND(hh, sources->known, &new->key, sizeof new->key, known);
    if (known != NULL) {
        free(new);
        bool asked = known->left_out && !listed;
        known->left_out = known->left_out && listed;
        return asked;
    }
    new->left_out = listed &&foreign;
    HASH_ADD(hh, sources->known, key, sizeof new->key, new);
    return true;
}

static void add_source(struct sources *sources, struct source *source)
{
    sources->list = grow(sources->list, sources->count, sizeof *sources->list);
    sources->list[sources->count++] = source;
}

/* A log file as it was found. */
struct found {
    const char *path;
    struct stat status;
    bool listed, foreign;
    bool segment; /* of a log that is not there */
};

/* Whoever finds the log's segments as files of their own knows them. */
static void know_past(struct sources *sources, const struct file *file)
{
    size_t count;
    const struct file_past_known *known = file_past_known(file, &count);
    for (size_t i = 0; i < count; i++)
        is_new(sources, &(struct stat){.st_dev = known[i].device, .st_ino = known[i].inode}, false, false);
}

static void add_file(struct sources *sources, const struct found *found)
{
    struct source *source = memory_must(calloc(1, sizeof *source));
    struct trace_image *image = memory_must(calloc(1, sizeof *image));
    bool good = (found->segment ? file_open_segment : file_open)(&source->file, found->path, &found->status,
                                                                 found->listed, image, &sources->complaints);
    const char *fault = NULL;
    if (good) {
        file_release(&source->file);
        source->file.patient = sources->patient;
        image->path = source->file.path;
        image->name = base_name(image->path);
        image->foreign = found->foreign;
        image->owner = found->status.st_uid;
        fault = belief_check(image);
    }
    if (fault != NULL)
        complain(&sources->complaints, "%s: forged: %s; left out", found->path, fault);
    if (!good || fault != NULL) {
        file_close(&source->file);
        free(image);
        free(source);
        return;
    }
    const char *same = add_image(sources, image);
    if (same != NULL)
        complain_note(&sources->complaints, "%s: of the same log as %s; each record is counted once", found->path,
                      same);
    else
        belief_image(sources->belief, image);
    if (sources->images[image->id] == image)
        sources->of_images[image->id] = source;
    know_past(sources, &source->file);
    add_source(sources, source);
}

static void take_image(void *context, struct trace_image *image)
{
    struct sources *sources = context;
    const char *path = image->path, *same = add_image(sources, image);
    if (same != NULL && sources->repeat_said != path)
        say_repeat(sources, path, same);
    sources->repeat_said = same != NULL ? path : sources->repeat_said;
}

static void add_jsonl(struct sources *sources, FILE *lines, const char *path)
{
    struct source *source = memory_must(calloc(1, sizeof *source));
    source->file.fd = -1;
    source->jsonl = memory_must(calloc(1, sizeof *source->jsonl));
    *source->jsonl = (struct jsonl){.file = lines,
                                    .path = memory_must(strdup(path)),
                                    .complaints = &sources->complaints,
                                    .add_image = take_image,
                                    .context = sources};
    struct stat status;
    if (fileno(lines) >= 0 && fstat(fileno(lines), &status) == 0 && S_ISREG(status.st_mode))
        source->file.size = (uint64_t)status.st_size;
    jsonl_open(source->jsonl);
    add_source(sources, source);
    /* Its images come before its first event; clock offsets need them. */
    source->primed = jsonl_next(source->jsonl, &source->event);
    if (source->jsonl->number == 0 && !source->jsonl->failed)
        complain(&sources->complaints, "%s: empty, not a trace", path);
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);
    size_t end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* ---- A folder ---- */

/* A log of one who neither owns the folder nor reads it, nor is root. */
static bool is_foreign(const struct stat *file, const struct stat *folder)
{
    return file->st_uid != folder->st_uid && file->st_uid != geteuid() && file->st_uid != 0;
}

/* Whether `run` made the folder for other users' programs as well: by its own log, which must not be one of theirs. */
static bool is_shared(const char *folder, const struct stat *of_folder)
{
    struct sockatlas_header header;
    struct stat status;
    char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, SOCKATLAS_RUN_NAME SOCKATLAS_SUFFIX) < 0)
        memory_must(NULL);
    bool regular = lstat(path, &status) == 0 && S_ISREG(status.st_mode);
    int fd = regular ? open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
    free(path);
    bool shared = fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && !is_foreign(&status, of_folder) &&
                  pread(fd, &header, sizeof header, 0) == (ssize_t)sizeof header &&
                  memcmp(header.magic, SOCKATLAS_MAGIC, sizeof header.magic) == 0 &&
                  header.byte_order == SOCKATLAS_BYTE_ORDER && header.version == SOCKATLAS_VERSION &&
                  header.writer == SOCKATLAS_WRITER_RUN && header.across_users;
    if (fd >= 0)
        close(fd);
    return shared;
}

static const char *kind_of(mode_t mode)
{
    return S_ISLNK(mode)                    ? "a symbolic link"
           : S_ISDIR(mode)                  ? "a folder"
           : S_ISFIFO(mode)                 ? "a FIFO"
           : S_ISSOCK(mode)                 ? "a socket"
           : S_ISCHR(mode) || S_ISBLK(mode) ? "a device"
                                            : "no file";
}

static bool is_segment(const char *path)
{
    char log[NAME_MAX + 1];
    uint64_t position;
    return segment_name_of(base_name(path), log, &position);
}

/* The source of the log that the segment belongs to, NULL: none. */
static struct source *source_of(const struct sources *sources, const char *segment)
{
    char log[NAME_MAX + 1];
    const char *name = base_name(segment);
    uint64_t position;
    size_t folder = (size_t)(name - segment);
    segment_name_of(name, log, &position);
    for (unsigned i = 0; i < sources->count; i++) {
        const char *path = sources->list[i]->file.path;
        if (path != NULL && strncmp(path, segment, folder) == 0 && strcmp(path + folder, log) == 0)
            return sources->list[i];
    }
    return NULL;
}

/* A log's source knows its segments; of a log that is not there they are the source. */
static void add_segment(struct sources *sources, const struct found *found)
{
    struct source *source = source_of(sources, found->path);
    if (source == NULL)
        add_file(sources, &(struct found){found->path, found->status, found->listed, found->foreign, true});
    else if (source->file.alone)
        file_past_add(&source->file, found->path, &found->status);
}

/* One that has a log's name. What is no regular file is not even opened: that might do something. */
static void add_listed(struct sources *sources, const struct found *found, bool shared)
{
    const struct stat *status = &found->status;
    bool left_out = found->foreign && !shared;
    if (S_ISREG(status->st_mode) && sources->patient && status->st_size < SOCKATLAS_HEADER_SIZE &&
        !is_segment(found->path))
        return; /* it is being made */
    if (is_segment(found->path) && source_of(sources, found->path) != NULL &&
        !source_of(sources, found->path)->file.alone)
        return; /* read with its log */
    if (!is_new(sources, status, true, left_out))
        return;
    if (!S_ISREG(status->st_mode))
        complain(&sources->complaints, "%s: %s, no log; left out", found->path, kind_of(status->st_mode));
    else if (left_out)
        complain(&sources->complaints,
                 "%s: put there by user %u, not by the folder's owner; left out unless it is named", found->path,
                 (unsigned)status->st_uid);
    else if (is_segment(found->path))
        add_segment(sources, found);
    else
        add_file(sources, found);
}

static int is_log(const struct dirent *entry)
{
    return ends_with(entry->d_name, SOCKATLAS_SUFFIX) || ends_with(entry->d_name, SEGMENT_SUFFIX);
}

/* Logs before segments. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    int segments = is_segment((*a)->d_name) - is_segment((*b)->d_name);
    return segments != 0 ? segments : strcmp((*a)->d_name, (*b)->d_name);
}

/* Adds the folder's log files, and segments of logs that are gone, that are not known yet; returns how many logs it
 * has, known or not, -1 on an error. */
static int add_folder_files(struct sources *sources, const char *folder)
{
    struct dirent **entries = NULL;
    struct stat of_folder;
    int count = stat(folder, &of_folder) != 0 ? -1 : scandir(folder, &entries, is_log, by_name);
    bool shared = count > 0 && is_shared(folder, &of_folder);
    for (int i = 0; i < count; i++) {
        char *path = NULL;
        struct found found = {.listed = true};
        if (asprintf(&path, "%s/%s", folder, entries[i]->d_name) < 0)
            memory_must(NULL);
        found.path = path;
        if (lstat(path, &found.status) != 0) {
            complain(&sources->complaints, "%s: %s", path, strerror(errno));
        } else {
            found.foreign = is_foreign(&found.status, &of_folder);
            add_listed(sources, &found, shared);
        }
        free(path);
        free(entries[i]);
    }
    free(entries);
    return count;
}

static void add_folder(struct sources *sources, const char *folder)
{
    /* "DIR/" and "DIR" name the files alike. */
    size_t length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/')
        length--;
    char *name = memory_must(strndup(folder, length));
    int count = add_folder_files(sources, name);
    if (count < 0)
        complain(&sources->complaints, "%s: %s", name, strerror(errno));
    else if (count == 0 && !sources->patient)
        complain(&sources->complaints, "%s: no trace in it", name);
    if (count < 0) {
        free(name);
        return;
    }
    sources->folders = grow(sources->folders, sources->folders_count, sizeof *sources->folders);
    sources->folders[sources->folders_count++] = name;
}

/* Of a file that was named. */
static bool is_foreign_here(const char *path, const struct stat *status)
{
    struct stat of_folder;
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    bool known = stat(memory_must(folder), &of_folder) == 0;
    free(folder);
    return known && is_foreign(status, &of_folder);
}

/* What an export begins with: `{`, or the mark of UTF-8 before it, or compressed. */
static bool begins_export(int first)
{
    return first == '{' || first == (unsigned char)JSONL_MARK[0] || unpack_is_packed(first);
}

/* Takes the stream over. */
static void add_export(struct sources *sources, FILE *file, const char *name)
{
    int first = getc(file);
    ungetc(first, file);
    if (unpack_is_packed(first))
        file = memory_must(unpack_open(file));
    add_jsonl(sources, file, name);
}

/* A file is what it begins with: an export as begins_export() says, whatever its name, but a segment, which is
 * compressed, too; a log otherwise. */
static void add_regular(struct sources *sources, const char *trace, const struct stat *status)
{
    FILE *file = fopen(trace, "re");
    if (file == NULL) {
        complain(&sources->complaints, "%s: %s", trace, strerror(errno));
        return;
    }
    int first = getc(file);
    if (begins_export(first) && !is_segment(trace)) {
        ungetc(first, file);
        add_export(sources, file, trace);
        return;
    }
    fclose(file);
    struct found segment = {.path = trace, .status = *status, .foreign = is_foreign_here(trace, status)};
    if (is_segment(trace))
        add_segment(sources, &segment);
    else if (first == EOF && ends_with(trace, ".jsonl"))
        complain(&sources->complaints, "%s: empty, not a trace", trace);
    else
        add_file(sources, &(struct found){.path = trace, .status = *status, .foreign = is_foreign_here(trace, status)});
}

/* What can be read once is an export, or no trace: a log is read at its end and its beginning in turns. */
static void add_once(struct sources *sources, FILE *lines, const char *name)
{
    int first = lines == NULL ? EOF : getc(lines);
    if (begins_export(first)) {
        ungetc(first, lines);
        add_export(sources, lines, name);
        return;
    }
    if (lines == NULL || ferror(lines))
        complain(&sources->complaints, "%s: %s", name, strerror(errno));
    else if (first == EOF)
        complain(&sources->complaints, "%s: empty, not a trace", name);
    else if (first == SOCKATLAS_MAGIC[0])
        complain(&sources->complaints, "%s: no exported .jsonl; a log file is read by its name only", name);
    else
        complain(&sources->complaints, "%s: not a trace", name);
    if (lines != NULL && lines != stdin)
        fclose(lines);
}

void sources_add(struct sources *sources, const char *trace)
{
    struct stat status;
    if (strcmp(trace, "-") == 0) {
        if (fstat(STDIN_FILENO, &status) != 0)
            complain(&sources->complaints, "stdin: %s", strerror(errno));
        else if (is_new(sources, &status, false, false))
            add_once(sources, stdin, "stdin");
    } else if (stat(trace, &status) != 0)
        complain(&sources->complaints, "%s: %s", text_name(trace), strerror(errno));
    else if (S_ISDIR(status.st_mode))
        add_folder(sources, trace);
    else if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode))
        complain(&sources->complaints, "%s: neither a folder nor a file: not a trace", trace);
    else if (!is_new(sources, &status, false, false))
        ; /* given twice */
    else if (S_ISFIFO(status.st_mode))
        add_once(sources, fopen(trace, "re"), trace);
    else
        add_regular(sources, trace, &status);
}

void sources_look(struct sources *sources)
{
    for (unsigned i = 0; i < sources->folders_count; i++)
        add_folder_files(sources, sources->folders[i]);
}

/* ---- The end ---- */

static void close_source(struct source *source)
{
    if (source->jsonl != NULL) {
        char *path = (char *)source->jsonl->path;
        jsonl_close(source->jsonl);
        free(path);
        free(source->jsonl);
    }
    file_close(&source->file);
    free(source);
}

void sources_free(struct sources *sources)
{
    struct known *known = sources->known, *next_known = NULL;
    HASH_CLEAR(hh, sources->known);
    for (; known; known = next_known) {
        next_known = known->hh.next;
        free(known);
    }
    struct host *host = sources->hosts, *next_host = NULL;
    HASH_CLEAR(hh, sources->hosts);
    for (; host; host = next_host) {
        next_host = host->hh.next;
        free(host);
    }
    for (unsigned i = 0; i < sources->count; i++)
        close_source(sources->list[i]);
    struct log *log = sources->logs, *next_log = NULL;
    HASH_CLEAR(hh, sources->logs);
    for (; log; log = next_log) {
        next_log = log->hh.next;
        free(log);
    }
    for (unsigned i = 0; i < sources->images_count; i++) {
        identity_forget(&sources->told[i]);
        free(sources->images[i]);
    }
    for (unsigned i = 0; i < sources->repeats_count; i++)
        free(sources->repeats[i]);
    for (unsigned i = 0; i < sources->folders_count; i++)
        free(sources->folders[i]);
    free(sources->list);
    free(sources->images);
    free(sources->of_images);
    free(sources->told);
    free(sources->repeats);
    free(sources->folders);
}
