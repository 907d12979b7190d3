/* SPDX-License-Identifier: MIT
 *
 * Reading a log's segments, see file_past.h.
 */
#include "analyzer/trace/file_past.h"

#include "analyzer/trace/decode.h"
#include "analyzer/trace/file_ring.h"
#include "analyzer/trace/memory.h"
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
    bool gap;            /* between frames: what was overwritten, or never used */
};

struct file_past {
    struct segment *segments; /* by position */
    struct file_past_known *known;
    size_t count, current;
    bool said_missing;
    /* What file_past_count() found, when the header said that so many were overwritten. */
    bool counted, joined;
    uint64_t overwritten;
    struct sockatlas_header header; /* of a log that is not there: the latest copy */
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

/* Goes over the heads behind `from`; tells where the slots end. A log's header is taken where the log is not there. */
static void survey(struct file *file, struct segment *segment)
{
    struct segment_head head;
    struct stat status;
    int fd = open_segment(file, segment->path, &status);
    if (fd < 0)
        return;
    enum frame frame;
    uint64_t at = 0;
    bool first = true;
    segment->end = segment->position;
    while ((frame = read_head(fd, at, (uint64_t)status.st_size, &head)) == FRAME_GOOD) {
        if (first)
            segment->before = head.before;
        first = false;
        if (head.content == SEGMENT_SLOTS) {
            segment->gap = segment->gap || (at > 0 && head.position > segment->end);
            segment->end = head.position + head.slots;
        } else if (file->alone && !read_content(fd, at, &head, &file->past->header))
            say_damaged(file, segment, "damaged", at);
        at += sizeof head + head.size;
    }
    segment->whole = frame == FRAME_NONE && at > 0;
    segment->size = at;
    if (!segment->whole && file->alone)
        say_damaged(file, segment, "damaged or cut short", at);
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

void file_past_add(struct file *file, const char *path, const struct stat *status)
{
    struct file_past *past = file->past;
    char log[NAME_MAX + 1];
    const char *slash = strrchr(path, '/');
    uint64_t position;
    if (!segment_name_of(slash == NULL ? path : slash + 1, log, &position) || is_known(past, path))
        return;
    if ((past->count & (past->count - 1)) == 0) {
        size_t room = past->count == 0 ? 1 : 2 * past->count;
        past->segments = memory_must(realloc(past->segments, room * sizeof *past->segments));
        past->known = memory_must(realloc(past->known, room * sizeof *past->known));
    }
    past->known[past->count] = (struct file_past_known){status->st_dev, status->st_ino};
    struct segment *segment = &past->segments[past->count++];
    *segment = (struct segment){.path = memory_must(strdup(path)), .position = position, .end = position};
    survey(file, segment);
    qsort(past->segments, past->count, sizeof *past->segments, by_position);
    past->counted = false;
    if (file->alone && file->ring != NULL) {
        file_ring_refresh(file, &past->header);
        file_past_count(file);
    }
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
            file_past_add(file, path, &status);
    }
    free(path);
}

void file_past_look(struct file *file)
{
    struct stat folder;
    char *dir = join(file->path, ".");
    DIR *entries = opendir(dir);
    free(dir);
    for (size_t i = 0; i < file->past->count; i++)
        survey(file, &file->past->segments[i]);
    file->past->current = 0;
    if (entries == NULL)
        return;
    if (!file->alone && fstat(dirfd(entries), &folder) == 0)
        for (const struct dirent *entry; (entry = readdir(entries)) != NULL;)
            consider(file, entry->d_name, &folder);
    closedir(entries);
}

/* ---- What is missing ---- */

/* Whether the segments have all positions from the oldest one's first to `*end`, where they end. */
static bool has_no_gap(const struct file_past *past, uint64_t *end)
{
    bool all = true;
    *end = past->count > 0 ? past->segments[0].position : 0;
    for (size_t i = 0; i < past->count; i++) {
        const struct segment *segment = &past->segments[i];
        all = all && segment->position <= *end && !segment->damaged && !segment->gap;
        *end = segment->end > *end ? segment->end : *end;
    }
    return all;
}

/* What was being written may be incomplete in the newest segment: what it would have had is in the ring. */
static void say_incomplete(struct file *file, uint64_t end)
{
    struct file_past *past = file->past;
    uint64_t collected = file->image->header.collected;
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

void file_past_count(struct file *file)
{
    struct file_past *past = file->past;
    struct sockatlas_header *header = &file->image->header;
    uint64_t end;
    if (past->counted && past->overwritten != header->overwritten)
        file_past_look(file);
    if (past->count == 0)
        return;
    if (!past->counted || past->overwritten != header->overwritten)
        past->joined = has_no_gap(past, &end) && (file->alone || file_ring_goes_on(file, end));
    past->counted = true;
    past->overwritten = header->overwritten;
    const struct segment_counts *before = &past->segments[0].before;
    file->gapless = past->joined && past->segments[0].position == 0;
    if (past->joined)
        header->overwritten = header->overwritten_connections = header->overwritten_until = 0;
    header->overwritten += before->records;
    header->overwritten_connections += before->connections;
    if (before->until > header->overwritten_until)
        header->overwritten_until = before->until;
}

/* ---- Opening ---- */

void file_past_open(struct file *file)
{
    uint64_t end;
    if (file->image->header.collected == 0)
        return;
    file->past = memory_must(calloc(1, sizeof *file->past));
    file_past_look(file);
    has_no_gap(file->past, &end);
    say_incomplete(file, end);
    file_past_count(file);
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
    file_ring_enter_past(file, head->position, section.state);
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
