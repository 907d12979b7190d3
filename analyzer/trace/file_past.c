/* SPDX-License-Identifier: MIT
 *
 * Reading a log's segments, see file_past.h.
 */
#include "analyzer/trace/file_past.h"

#include "analyzer/trace/decode.h"
#include "analyzer/trace/file_ring.h"
#include "analyzer/trace/memory.h"
#include "analyzer/trace/missing.h"
#include "analyzer/trace/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One segment, and how far it was read. */
struct segment {
    char *path;
    uint64_t position; /* of its first slot */
    uint64_t at;       /* where the next frame begins */
    uint64_t end;      /* the position behind the last whole frame */
    struct segment_counts before;
    uint64_t size;       /* up to where there are whole frames, bytes */
    bool whole, damaged; /* nothing stands behind them; damage was said */
};

struct file_past {
    struct segment *segments; /* by position */
    struct file_past_known *known;
    size_t count, current;
    bool said_missing;
    uint64_t end;                   /* the position behind the newest frame */
    struct sockatlas_header header; /* of a log that is not there: the latest copy; says what was missing then */
};

/* ---- A segment ---- */

/* Whether a file that lies beside the log may be a part of it: whoever made it could have made the log. */
static bool is_trusted(const struct file *file, const struct stat *status, const struct stat *folder)
{
    return status->st_uid == 0 || status->st_uid == geteuid() || status->st_uid == folder->st_uid ||
           status->st_uid == file->owner;
}

static int open_segment(const struct file *file, const char *path, struct stat *status)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (file->listed ? O_NOFOLLOW : 0));
    if (fd >= 0 && fstat(fd, status) == 0 && S_ISREG(status->st_mode))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

enum frame { FRAME_GOOD, FRAME_NONE, FRAME_CUT, FRAME_DAMAGED };

/* Reads the head at `at` of a file of `size` bytes. */
static enum frame read_head(int fd, uint64_t at, uint64_t size, struct segment_head *head)
{
    if (at >= size)
        return FRAME_NONE;
    if (size - at < sizeof *head || pread(fd, head, sizeof *head, (off_t)at) != (ssize_t)sizeof *head)
        return FRAME_CUT;
    if (!segment_head_good(head))
        return FRAME_DAMAGED;
    return size - at - sizeof *head < head->size ? FRAME_CUT : FRAME_GOOD;
}

static bool read_content(int fd, uint64_t at, const struct segment_head *head, void *out)
{
    char *packed = memory_must(malloc(head->size + 1));
    bool good = pread(fd, packed, head->size, (off_t)(at + sizeof *head)) == (ssize_t)head->size &&
                segment_unpack(out, head, packed);
    free(packed);
    return good;
}

static void say_damaged(struct file *file, struct segment *segment, const char *what, uint64_t at)
{
    if (!segment->damaged)
        complain(file->complaints, "%s: %s, at %" PRIu64, segment->path, what, at);
    segment->damaged = true;
}

/* When the section of the frame was opened; 0 unknown. */
static uint64_t opened_of(int fd, uint64_t at, const struct segment_head *head)
{
    struct sockatlas_section section;
    unsigned char *slots = memory_must(malloc((size_t)head->slots * SOCKATLAS_SLOT_SIZE));
    bool good = read_content(fd, at, head, slots);
    memcpy(&section, slots, sizeof section);
    free(slots);
    return good ? (section.opened & SOCKATLAS_TAG_VALUE) * 1000 : 0;
}

/* A frame of slots. What the reader has passed already is not had for being found now. */
static void survey_slots(struct file *file, struct segment *segment, int fd, const struct segment_head *head)
{
    uint64_t size = file->image->header.section_slots;
    segment->end = head->position + head->slots;
    if (file->alone || segment->end <= file_ring_wanted(file))
        return;
    if (head->position > file->past->end)
        missing_gap(file->missing, opened_of(fd, segment->size, head));
    missing_have(file->missing, head->position / size, &head->here);
    if (segment->end > file->past->end)
        file->past->end = segment->end;
}

/* Goes over the heads that it did not have before. A log's header is taken where the log is not there. */
static void survey(struct file *file, struct segment *segment)
{
    struct segment_head head;
    struct stat status;
    int fd = open_segment(file, segment->path, &status);
    if (fd < 0)
        return;
    enum frame frame;
    while ((frame = read_head(fd, segment->size, (uint64_t)status.st_size, &head)) == FRAME_GOOD) {
        if (segment->size == 0)
            segment->before = head.before;
        if (head.content == SEGMENT_SLOTS)
            survey_slots(file, segment, fd, &head);
        else if (file->alone && !read_content(fd, segment->size, &head, &file->past->header))
            say_damaged(file, segment, "damaged", segment->size);
        segment->size += sizeof head + head.size;
    }
    segment->whole = frame == FRAME_NONE && segment->size > 0;
    if (!segment->whole && file->alone)
        say_damaged(file, segment, "damaged or cut short", segment->size);
    close(fd);
}

/* ---- Which there are ---- */

static int by_position(const void *a, const void *b)
{
    const struct segment *one = a, *other = b;
    return (one->position > other->position) - (one->position < other->position);
}

static bool is_known(const struct file_past *past, const char *path)
{
    for (size_t i = 0; i < past->count; i++)
        if (strcmp(past->segments[i].path, path) == 0)
            return true;
    return false;
}

static void add(struct file *file, const char *path, const struct stat *status, uint64_t position)
{
    struct file_past *past = file->past;
    if ((past->count & (past->count - 1)) == 0) {
        size_t capacity = past->count == 0 ? 1 : 2 * past->count;
        past->segments = memory_must(realloc(past->segments, capacity * sizeof *past->segments));
        past->known = memory_must(realloc(past->known, capacity * sizeof *past->known));
    }
    past->known[past->count] = (struct file_past_known){status->st_dev, status->st_ino};
    past->segments[past->count++] =
        (struct segment){.path = memory_must(strdup(path)), .position = position, .end = position};
}

/* Surveys all, in order. */
static void survey_all(struct file *file)
{
    struct file_past *past = file->past;
    if (past->count > 1)
        qsort(past->segments, past->count, sizeof *past->segments, by_position);
    for (size_t i = 0; i < past->count; i++)
        survey(file, &past->segments[i]);
}

void file_past_add(struct file *file, const char *path, const struct stat *status)
{
    char log[NAME_MAX + 1];
    const char *slash = strrchr(path, '/');
    uint64_t position;
    if (!segment_name_of(slash == NULL ? path : slash + 1, log, &position) || is_known(file->past, path))
        return;
    add(file, path, status, position);
    survey_all(file);
    if (file->ring != NULL)
        file_past_count_alone(file);
}

static char *join(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');
    int folder = slash == NULL ? 0 : (int)(slash + 1 - path);
    char *joined = NULL;
    if (asprintf(&joined, "%.*s%s", folder, path, name) < 0)
        memory_must(NULL);
    return joined;
}

static void consider(struct file *file, const char *name, const struct stat *folder)
{
    char log[NAME_MAX + 1];
    const char *slash = strrchr(file->path, '/');
    uint64_t position;
    struct stat status;
    if (!segment_name_of(name, log, &position) || strcmp(log, slash == NULL ? file->path : slash + 1) != 0)
        return;
    char *path = join(file->path, name);
    if (!is_known(file->past, path) && lstat(path, &status) == 0) {
        if (!S_ISREG(status.st_mode))
            complain(file->complaints, "%s: no regular file, no segment; left out", path);
        else if (!is_trusted(file, &status, folder))
            complain(file->complaints, "%s: put there by user %u, not by the folder's owner; left out", path,
                     (unsigned)status.st_uid);
        else
            add(file, path, &status, position);
    }
    free(path);
}

void file_past_look(struct file *file)
{
    struct stat folder;
    char *dir = join(file->path, ".");
    DIR *entries = opendir(dir);
    free(dir);
    file->past->current = 0;
    if (entries != NULL && !file->alone && fstat(dirfd(entries), &folder) == 0)
        for (const struct dirent *entry; (entry = readdir(entries)) != NULL;)
            consider(file, entry->d_name, &folder);
    if (entries != NULL)
        closedir(entries);
    survey_all(file);
}

/* ---- What is missing ---- */

/* What was being written may be incomplete in the newest segment: what it would have had is in the ring. */
static void say_incomplete(struct file *file)
{
    struct file_past *past = file->past;
    uint64_t collected = file->image->header.collected, end = past->end;
    for (size_t i = 0; i < past->count; i++) {
        struct segment *segment = &past->segments[i];
        if (!segment->whole && (i + 1 < past->count || file->alone || collected > end))
            say_damaged(file, segment, "damaged or cut short", segment->size);
    }
    if (collected > end && !past->said_missing && !file_ring_goes_on(file, end)) {
        complain(file->complaints, "%s: what was collected of it up to slot %" PRIu64 " is not beside it", file->path,
                 collected);
        past->said_missing = true;
    }
}

void file_past_count_alone(struct file *file)
{
    struct file_past *past = file->past;
    struct sockatlas_header *header = &file->image->header;
    const struct segment_counts *before = &past->segments[0].before;
    file_ring_refresh(file, &past->header);
    header->overwritten = past->header.overwritten + before->records;
    header->overwritten_connections = past->header.overwritten_connections + before->connections;
    header->overwritten_until =
        before->until > past->header.overwritten_until ? before->until : past->header.overwritten_until;
}

/* ---- Opening ---- */

void file_past_open(struct file *file)
{
    if (file->image->header.collected == 0)
        return;
    file->past = memory_must(calloc(1, sizeof *file->past));
    file_past_look(file);
    say_incomplete(file);
}

bool file_past_open_alone(struct file *file, const char *path, const struct stat *status)
{
    char log[NAME_MAX + 1];
    const char *slash = strrchr(path, '/');
    uint64_t position;
    if (!segment_name_of(slash == NULL ? path : slash + 1, log, &position))
        return false;
    file->path = join(path, log);
    file->fd = -1;
    file->alone = true;
    file->past = memory_must(calloc(1, sizeof *file->past));
    file_past_add(file, path, status);
    struct sockatlas_header *header = &file->past->header;
    bool good = file->past->count > 0 && memcmp(header->magic, SOCKATLAS_MAGIC, sizeof header->magic) == 0 &&
                header->byte_order == SOCKATLAS_BYTE_ORDER && header->version == SOCKATLAS_VERSION &&
                header->section_slots != 0 && file_ring_possible(header);
    if (!good) {
        complain(file->complaints, "%s: damaged, or no segment", path);
        return false;
    }
    file->image->version = header->version;
    decode_header(&file->image->header, header);
    return true;
}

void file_past_close(struct file *file)
{
    struct file_past *past = file->past;
    for (size_t i = 0; past != NULL && i < past->count; i++)
        free(past->segments[i].path);
    if (past != NULL) {
        free(past->segments);
        free(past->known);
    }
    free(past);
    file->past = NULL;
}

/* ---- Reading ---- */

/* Whether the frame is a section's beginning, as its head has it. */
static bool fits(const struct file *file, const struct segment_head *head, const unsigned char *slots)
{
    struct sockatlas_section section;
    uint64_t size = file->image->header.section_slots;
    memcpy(&section, slots, sizeof section);
    return head->position % size == 0 && head->slots <= size &&
           (section.state >> SOCKATLAS_USES_BITS) == head->position / size + 1;
}

/* Reads the frame at segment->at into the file's block. */
static bool load(struct file *file, struct segment *segment, int fd, const struct segment_head *head)
{
    size_t size = (size_t)head->slots * SOCKATLAS_SLOT_SIZE;
    if (file->block == NULL || file->block_size < size) {
        free(file->block);
        file->block_size = size;
        file->block = memory_must(aligned_alloc(SOCKATLAS_SLOT_SIZE, size));
    }
    file->used = file->filled = 0;
    uint64_t wanted = file_ring_wanted(file);
    if (!read_content(fd, segment->at, head, file->block) || !fits(file, head, file->block)) {
        say_damaged(file, segment, "damaged", segment->at);
        return false;
    }
    struct sockatlas_section section;
    memcpy(&section, file->block, sizeof section);
    file_ring_enter_past(file, head->position, &section);
    file->filled = size;
    file->used = wanted > head->position ? (size_t)(wanted - head->position) * SOCKATLAS_SLOT_SIZE : 0;
    file->end = file->offset + size;
    file->in_past = true;
    return true;
}

/* Goes on in one segment. */
static bool next_of(struct file *file, struct segment *segment)
{
    struct segment_head head;
    struct stat status;
    bool loaded = false;
    if (segment->end <= file_ring_wanted(file))
        return false;
    int fd = open_segment(file, segment->path, &status);
    while (fd >= 0 && !loaded) {
        enum frame frame = read_head(fd, segment->at, (uint64_t)status.st_size, &head);
        if (frame == FRAME_DAMAGED)
            say_damaged(file, segment, "damaged", segment->at);
        if (frame != FRAME_GOOD)
            break;
        if (head.content == SEGMENT_SLOTS && head.position + head.slots > file_ring_wanted(file))
            loaded = load(file, segment, fd, &head);
        segment->at += sizeof head + head.size;
    }
    if (fd >= 0)
        close(fd);
    return loaded;
}

bool file_past_next(struct file *file)
{
    struct file_past *past = file->past;
    for (; past->current < past->count; past->current++)
        if (next_of(file, &past->segments[past->current]))
            return true;
    return false;
}

const struct file_past_known *file_past_known(const struct file *file, size_t *count)
{
    *count = file->past != NULL ? file->past->count : 0;
    return *count > 0 ? file->past->known : NULL;
}
