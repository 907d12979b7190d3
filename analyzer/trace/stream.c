/* SPDX-License-Identifier: MIT
 *
 * Merging logs by time, see stream.h. A source is one log file or one .jsonl; sources that have a next event stand in a
 * binary heap ordered by its time. Descriptors are kept for few sources at a time, blocks for those that have something
 * left.
 */
#include "analyzer/trace/stream.h"

#include "analyzer/trace/file.h"
#include "analyzer/trace/jsonl.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

/* Blocks of all sources together, and of one. A block holds at least two of the longest records. */
#define BLOCKS_TOTAL   (64u << 20)
#define BLOCK_SIZE_MAX (256u << 10)
#define BLOCK_SIZE_MIN (8u << 10)
/* Log files whose descriptors are open at once. */
#define OPEN_FILES_MAX 64

struct source {
    struct file file;
    struct jsonl *jsonl; /* NULL: a log file */
    struct event event;  /* the next one, when `waiting` */
    int64_t time;        /* its wall-clock time, ns */
    bool primed;         /* its first event was read already */
    bool waiting;        /* stands in the heap */
};

/* A log file known already, by what it is, not by its path. */
struct known {
    struct {
        dev_t device;
        ino_t inode;
    } key;
    UT_hash_handle hh;
};

struct host {
    unsigned index;
    uint64_t earliest_ns; /* realtime of the file that offset_ns is from */
    int64_t offset_ns;
    UT_hash_handle hh;
    char name[]; /* the boot id, or the host's name where that is unknown */
};

struct stream {
    struct complaints complaints;
    char **folders; /* for files that appear later */
    unsigned folders_count;
    struct source **sources;
    unsigned sources_count;
    struct trace_image **images;
    unsigned images_count;
    struct known *known;
    struct host *hosts;
    struct source **heap;
    unsigned heap_count;
    struct source *current; /* whose event was handed out last */
    struct source *open[OPEN_FILES_MAX];
    unsigned open_next;
    bool patient; /* see stream_open_live() */
    bool live;    /* the first look is over: a host's clock offset is settled */
};

static void *must(void *memory)
{
    if (memory == NULL) {
        fputs("sockatlas: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

/* Room for one more in an array that grows by doubling. */
static void *grow(void *array, unsigned count, size_t size)
{
    if ((count & (count - 1)) != 0)
        return array;
    return must(realloc(array, (count == 0 ? 1 : 2 * (size_t)count) * size));
}

/* ---- Images and hosts ---- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static struct host *find_host(struct stream *stream, const struct sockatlas_header *header)
{
    bool booted = header->boot_id[0] != 0;
    const char *name = booted ? header->boot_id : header->host;
    size_t length = strnlen(name, booted ? sizeof header->boot_id : sizeof header->host);
    struct host *host = NULL;
    HASH_FIND(hh, stream->hosts, name, length, host);
    if (host != NULL)
        return host;
    host = must(calloc(1, sizeof *host + length + 1));
    memcpy(host->name, name, length);
    host->index = HASH_COUNT(stream->hosts);
    host->earliest_ns = UINT64_MAX;
    HASH_ADD_KEYPTR(hh, stream->hosts, host->name, length, host);
    return host;
}

/* Takes the image over: it gets its number and its host, whose clock offset is that of its earliest file. */
static void add_image(struct stream *stream, struct trace_image *image)
{
    const struct sockatlas_header *header = &image->header;
    struct host *host = find_host(stream, header);
    image->id = stream->images_count;
    image->host = host->index;
    stream->images = grow(stream->images, stream->images_count, sizeof *stream->images);
    stream->images[stream->images_count++] = image;
    if (header->boottime_ns < host->earliest_ns && !(stream->live && host->earliest_ns != UINT64_MAX)) {
        host->earliest_ns = header->boottime_ns;
        host->offset_ns = (int64_t)(header->realtime_ns - header->boottime_ns);
        for (unsigned i = 0; i < stream->images_count; i++)
            if (stream->images[i]->host == host->index)
                stream->images[i]->offset_ns = host->offset_ns;
    }
    image->offset_ns = host->offset_ns;
}

/* ---- Sources ---- */

/* True when the file was not known yet. */
static bool is_new(struct stream *stream, const struct stat *status)
{
    struct known *known = NULL;
    struct known *new = must(calloc(1, sizeof *new));
    new->key.device = status->st_dev;
    new->key.inode = status->st_ino;
    HASH_FIND(hh, stream->known, &new->key, sizeof new->key, known);
    if (known != NULL) {
        free(new);
        return false;
    }
    HASH_ADD(hh, stream->known, key, sizeof new->key, new);
    return true;
}

static void add_source(struct stream *stream, struct source *source)
{
    stream->sources = grow(stream->sources, stream->sources_count, sizeof *stream->sources);
    stream->heap = grow(stream->heap, stream->sources_count, sizeof *stream->heap);
    stream->sources[stream->sources_count++] = source;
}

static void add_file(struct stream *stream, const char *path)
{
    struct source *source = must(calloc(1, sizeof *source));
    struct trace_image *image = must(calloc(1, sizeof *image));
    if (!file_open(&source->file, path, image, &stream->complaints)) {
        free(image);
        free(source);
        return;
    }
    file_release(&source->file);
    source->file.patient = stream->patient;
    image->path = source->file.path;
    image->name = base_name(image->path);
    add_image(stream, image);
    add_source(stream, source);
}

static void take_image(void *stream, struct trace_image *image)
{
    add_image(stream, image);
}

static void add_jsonl(struct stream *stream, FILE *lines, const char *path)
{
    struct source *source = must(calloc(1, sizeof *source));
    source->file.fd = -1;
    source->jsonl = must(calloc(1, sizeof *source->jsonl));
    *source->jsonl = (struct jsonl){.file = lines,
                                    .path = must(strdup(path)),
                                    .complaints = &stream->complaints,
                                    .add_image = take_image,
                                    .context = stream};
    struct stat status;
    if (fstat(fileno(lines), &status) == 0 && S_ISREG(status.st_mode))
        source->file.size = (uint64_t)status.st_size;
    jsonl_open(source->jsonl);
    add_source(stream, source);
    /* Its images come before its first event; clock offsets need them. */
    source->primed = jsonl_next(source->jsonl, &source->event);
    if (source->jsonl->number == 0)
        complain(&stream->complaints, "%s: empty, not a trace", path);
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);
    size_t end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static int is_log(const struct dirent *entry)
{
    return ends_with(entry->d_name, SOCKATLAS_SUFFIX);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Adds the folder's log files that are not known yet; returns how many logs it has, known or not, -1 on an error. */
static int add_folder_files(struct stream *stream, const char *folder)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_log, by_name);
    for (int i = 0; i < count; i++) {
        char *path = NULL;
        struct stat status;
        if (asprintf(&path, "%s/%s", folder, entries[i]->d_name) < 0)
            must(NULL);
        if (stat(path, &status) != 0)
            complain(&stream->complaints, "%s: %s", path, strerror(errno));
        else if (stream->patient && status.st_size < SOCKATLAS_HEADER_SIZE)
            ; /* it is being made */
        else if (is_new(stream, &status))
            add_file(stream, path);
        free(path);
        free(entries[i]);
    }
    free(entries);
    return count;
}

static void add_folder(struct stream *stream, const char *folder)
{
    /* "DIR/" and "DIR" name the files alike. */
    size_t length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/')
        length--;
    char *name = must(strndup(folder, length));
    int count = add_folder_files(stream, name);
    if (count < 0)
        complain(&stream->complaints, "%s: %s", name, strerror(errno));
    else if (count == 0 && !stream->patient)
        complain(&stream->complaints, "%s: no trace in it", name);
    if (count < 0) {
        free(name);
        return;
    }
    stream->folders = grow(stream->folders, stream->folders_count, sizeof *stream->folders);
    stream->folders[stream->folders_count++] = name;
}

/* A file is what it begins with: an export with `{`, whatever its name; a log otherwise. */
static void add_regular(struct stream *stream, const char *trace)
{
    FILE *file = fopen(trace, "re");
    if (file == NULL) {
        complain(&stream->complaints, "%s: %s", trace, strerror(errno));
        return;
    }
    int first = getc(file);
    if (first == '{') {
        ungetc(first, file);
        add_jsonl(stream, file, trace);
        return;
    }
    fclose(file);
    if (first == EOF && ends_with(trace, ".jsonl"))
        complain(&stream->complaints, "%s: empty, not a trace", trace);
    else
        add_file(stream, trace);
}

/* What can be read once is an export, or no trace: a log is read at its end and its beginning in turns. */
static void add_once(struct stream *stream, FILE *lines, const char *name)
{
    int first = lines == NULL ? EOF : getc(lines);
    if (first == '{') {
        ungetc(first, lines);
        add_jsonl(stream, lines, name);
        return;
    }
    if (lines == NULL || ferror(lines))
        complain(&stream->complaints, "%s: %s", name, strerror(errno));
    else if (first == EOF)
        complain(&stream->complaints, "%s: empty, not a trace", name);
    else if (first == SOCKATLAS_MAGIC[0])
        complain(&stream->complaints, "%s: no exported .jsonl; a log file is read by its name only", name);
    else
        complain(&stream->complaints, "%s: not a trace", name);
    if (lines != NULL && lines != stdin)
        fclose(lines);
}

static void add_trace(struct stream *stream, const char *trace)
{
    struct stat status;
    if (strcmp(trace, "-") == 0) {
        if (fstat(STDIN_FILENO, &status) != 0)
            complain(&stream->complaints, "stdin: %s", strerror(errno));
        else if (is_new(stream, &status))
            add_once(stream, stdin, "stdin");
    } else if (stat(trace, &status) != 0)
        complain(&stream->complaints, "%s: %s", trace, strerror(errno));
    else if (S_ISDIR(status.st_mode))
        add_folder(stream, trace);
    else if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode))
        complain(&stream->complaints, "%s: neither a folder nor a file: not a trace", trace);
    else if (!is_new(stream, &status))
        ; /* given twice */
    else if (S_ISFIFO(status.st_mode))
        add_once(stream, fopen(trace, "re"), trace);
    else
        add_regular(stream, trace);
}

/* ---- The heap ---- */

static bool before(const struct source *a, const struct source *b)
{
    /* Equal times: the file that was named first, so that the order is the same every time. */
    return a->time < b->time || (a->time == b->time && a->event.image->id < b->event.image->id);
}

static void sift_down(struct stream *stream, unsigned at)
{
    struct source *source = stream->heap[at];
    for (;;) {
        unsigned child = 2 * at + 1;
        if (child >= stream->heap_count)
            break;
        if (child + 1 < stream->heap_count && before(stream->heap[child + 1], stream->heap[child]))
            child++;
        if (!before(stream->heap[child], source))
            break;
        stream->heap[at] = stream->heap[child];
        at = child;
    }
    stream->heap[at] = source;
}

static void sift_up(struct stream *stream, unsigned at)
{
    struct source *source = stream->heap[at];
    while (at > 0 && before(source, stream->heap[(at - 1) / 2])) {
        stream->heap[at] = stream->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    stream->heap[at] = source;
}

/* Keeps the number of open descriptors bounded: the source opened longest ago gives its own back. */
static void note_open(struct stream *stream, struct source *source)
{
    struct source **place = &stream->open[stream->open_next++ % OPEN_FILES_MAX];
    if (*place != NULL && *place != source)
        file_release(&(*place)->file);
    *place = source;
}

static bool advance_file(struct stream *stream, struct source *source)
{
    bool was_open = source->file.fd >= 0;
    bool more = file_next(&source->file, &source->event);
    if (!was_open && source->file.fd >= 0)
        note_open(stream, source);
    if (!more)
        file_rest(&source->file);
    return more;
}

/* Reads the source's next event. */
static bool advance(struct stream *stream, struct source *source)
{
    bool more = source->primed;
    source->primed = false;
    if (!more)
        more = source->jsonl != NULL ? jsonl_next(source->jsonl, &source->event) : advance_file(stream, source);
    if (more)
        source->time = (int64_t)(source->event.time_ns + (uint64_t)source->event.image->offset_ns);
    return more;
}

/* Puts every source that has an event and does not stand in the heap yet there. */
static void fill_heap(struct stream *stream)
{
    size_t block = BLOCKS_TOTAL / (stream->sources_count + 1) & ~(size_t)(BLOCK_SIZE_MIN - 1);
    block = block > BLOCK_SIZE_MAX ? BLOCK_SIZE_MAX : block < BLOCK_SIZE_MIN ? BLOCK_SIZE_MIN : block;
    for (unsigned i = 0; i < stream->sources_count; i++) {
        struct source *source = stream->sources[i];
        if (source->waiting)
            continue;
        if (source->file.block == NULL)
            source->file.block_size = block;
        source->waiting = advance(stream, source);
        if (source->waiting) {
            stream->heap[stream->heap_count] = source;
            sift_up(stream, stream->heap_count++);
        }
    }
}

/* Moves on the source whose event was handed out last, which is the heap's top: until now, the event's bytes were the
 * caller's. */
static void settle(struct stream *stream)
{
    struct source *source = stream->current;
    if (source == NULL)
        return;
    stream->current = NULL;
    source->waiting = advance(stream, source);
    if (!source->waiting)
        stream->heap[0] = stream->heap[--stream->heap_count];
    if (stream->heap_count > 1)
        sift_down(stream, 0);
}

/* ---- The interface ---- */

static struct stream *open_stream(char *const *traces, int count, bool patient, stream_complain_fn *complain_fn,
                                  void *context)
{
    struct stream *stream = must(calloc(1, sizeof *stream));
    stream->patient = patient;
    stream->complaints = (struct complaints){.complain = complain_fn, .context = context};
    if (count == 0)
        add_trace(stream, "./sockatlas.data");
    for (int i = 0; i < count; i++)
        add_trace(stream, traces[i]);
    fill_heap(stream);
    stream->live = true;
    return stream;
}

struct stream *stream_open(char *const *traces, int count, stream_complain_fn *complain_fn, void *context)
{
    return open_stream(traces, count, false, complain_fn, context);
}

struct stream *stream_open_live(char *const *traces, int count, stream_complain_fn *complain_fn, void *context)
{
    return open_stream(traces, count, true, complain_fn, context);
}

void stream_settle(struct stream *stream)
{
    stream->patient = false;
    for (unsigned i = 0; i < stream->sources_count; i++)
        stream->sources[i]->file.patient = false;
}

bool stream_may_grow(const struct stream *stream)
{
    for (unsigned i = 0; i < stream->sources_count; i++)
        if (stream->sources[i]->jsonl == NULL)
            return true;
    return stream->folders_count > 0;
}

bool stream_next(struct stream *stream, struct event *event)
{
    settle(stream);
    stream->current = stream->heap_count > 0 ? stream->heap[0] : NULL;
    if (stream->current == NULL)
        return false;
    *event = stream->current->event;
    return true;
}

void stream_refresh(struct stream *stream)
{
    settle(stream);
    for (unsigned i = 0; i < stream->sources_count; i++) {
        struct source *source = stream->sources[i];
        /* A closed log has no writer. */
        if (source->jsonl != NULL ||
            (source->file.image->header.closed && source->file.offset + source->file.used >= source->file.end))
            continue;
        bool was_open = source->file.fd >= 0;
        file_refresh(&source->file);
        if (!was_open && source->file.fd >= 0)
            note_open(stream, source);
    }
    for (unsigned i = 0; i < stream->folders_count; i++)
        add_folder_files(stream, stream->folders[i]);
    fill_heap(stream);
}

unsigned stream_image_count(const struct stream *stream)
{
    return stream->images_count;
}

const struct trace_image *stream_image(const struct stream *stream, unsigned id)
{
    return stream->images[id];
}

unsigned stream_errors(const struct stream *stream)
{
    return stream->complaints.count;
}

void stream_progress(const struct stream *stream, uint64_t *done, uint64_t *total)
{
    bool known = true;
    *done = *total = 0;
    for (unsigned i = 0; i < stream->sources_count; i++) {
        const struct source *source = stream->sources[i];
        bool lines = source->jsonl != NULL;
        *done += lines ? source->jsonl->bytes : source->file.offset + source->file.used;
        *total += lines ? source->file.size : source->file.end;
        known = known && !(lines && source->file.size == 0);
    }
    if (!known)
        *total = 0;
}

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

void stream_close(struct stream *stream)
{
    struct known *known = NULL, *next_known = NULL;
    struct host *host = NULL, *next_host = NULL;
    known = stream->known;
    HASH_CLEAR(hh, stream->known);
    for (; known; known = next_known) {
        next_known = known->hh.next;
        free(known);
    }
    host = stream->hosts;
    HASH_CLEAR(hh, stream->hosts);
    for (; host; host = next_host) {
        next_host = host->hh.next;
        free(host);
    }
    for (unsigned i = 0; i < stream->sources_count; i++) {
        close_source(stream->sources[i]);
    }
    for (unsigned i = 0; i < stream->images_count; i++)
        free(stream->images[i]);
    for (unsigned i = 0; i < stream->folders_count; i++)
        free(stream->folders[i]);
    free(stream->sources);
    free(stream->images);
    free(stream->folders);
    free(stream->heap);
    free(stream);
}
