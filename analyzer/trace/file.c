/* SPDX-License-Identifier: MIT
 *
 * Reading one log file, see file.h.
 */
#include "analyzer/trace/file.h"

#include "analyzer/trace/decode.h"
#include "analyzer/trace/fields.h"
#include "analyzer/trace/file_past.h"
#include "analyzer/trace/file_ring.h"
#include "analyzer/trace/memory.h"
#include "analyzer/trace/missing.h"
#include "shim/memory_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Complaints about damaged records of one file, before the rest is only counted. */
#define DAMAGES_SAID_MAX 10

/* A hole in a file begins at a multiple of this, at the least. */
#define HOLE_ALIGN 4096

/* Where the log's records are in a file in memory, takes that one for it. It may be that they come to the log
 * meanwhile: then the log no longer names the file. */
static bool open_records(struct file *file)
{
    long memory = memory_log_open(file->fd, O_RDONLY);
    if (memory == -ENOENT)
        memory = memory_log_open(file->fd, O_RDONLY);
    if (memory >= 0) {
        close(file->fd);
        file->fd = (int)memory;
        return true;
    }
    if (memory == -ENODATA)
        return true;
    char name[SOCKATLAS_MEMORY_NAME_SIZE + 1] = "";
    (void)!pread(file->fd, name, sizeof name - 1, offsetof(struct sockatlas_header, memory_file));
    bool gone = memory == -ENOENT || memory == -ESTALE;
    complain(file->complaints, "%s: its records are in memory, in %s/%s, %s", file->path, SOCKATLAS_MEMORY_DIR, name,
             gone ? "which is not there any more, or not on this machine" : strerror((int)-memory));
    return false;
}

void file_release(struct file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}

static bool reopen(struct file *file)
{
    if (file->alone)
        return false;
    if (file->fd >= 0)
        return true;
    struct stat status;
    file->fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (file->listed ? O_NOFOLLOW : 0));
    if (file->fd < 0 || fstat(file->fd, &status) != 0) {
        complain(file->complaints, "%s: %s", file->path, strerror(errno));
        return false;
    }
    bool same = file->device == status.st_dev && file->inode == status.st_ino && S_ISREG(status.st_mode);
    if (!same)
        complain(file->complaints, "%s: replaced while it was read", file->path);
    if (!same || !open_records(file) || fstat(file->fd, &status) != 0) {
        file_release(file);
        return false;
    }
    file->size = (uint64_t)status.st_size;
    return true;
}

/* pread(2) all of `size` bytes, fewer only at the file's end; -1 on an error, complained about. */
static ssize_t read_at(struct file *file, void *out, size_t size, uint64_t offset)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = pread(file->fd, (char *)out + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            complain(file->complaints, "%s: %s, at %" PRIu64, file->path, strerror(errno), offset + done);
            return -1;
        }
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

/* What is wrong with a header of which `size` bytes are there; NULL: nothing. `space` holds a longer message. */
static const char *header_fault(const struct sockatlas_header *header, size_t size, char space[128])
{
    if (size == 0)
        return "empty, not a trace";
    if (memcmp(header->magic, SOCKATLAS_MAGIC, size < 8 ? size : 8) != 0)
        return "not a trace";
    if (size < offsetof(struct sockatlas_header, header_size))
        return "cut short in its header";
    if (header->byte_order != SOCKATLAS_BYTE_ORDER)
        return header->byte_order == __builtin_bswap32(SOCKATLAS_BYTE_ORDER)
                   ? "written on a machine of the other byte order"
                   : "damaged header";
    if (header->version > SOCKATLAS_VERSION) {
        snprintf(space, 128, "trace version %" PRIu32 " is newer than version %d, the newest this sockatlas reads",
                 header->version, SOCKATLAS_VERSION);
        return space;
    }
    if (size < sizeof *header)
        return "cut short in its header";
    if (header->version == 0 || header->header_size != SOCKATLAS_HEADER_SIZE ||
        header->slot_size != SOCKATLAS_SLOT_SIZE || !file_ring_possible(header))
        return "damaged header";
    return NULL;
}

/* Says so when a file of `size` bytes ends before its slots do. */
static void say_cut(struct file *file, uint64_t end)
{
    const struct sockatlas_header *header = &file->image->header;
    /* On a full disk the file legitimately ends before its cursor. */
    bool lost = header->lost != 0 && header->lost_reason == SOCKATLAS_LOSS_SPACE;
    if (file->size < end && !lost && !file->cut_said) {
        file->cut_said = true;
        complain(file->complaints, "%s: cut short, at %" PRIu64, file->path, file->size);
    }
}

/* Where the slots end: at the cursor, but never beyond the size limit or the file; of a ring, those of the section that
 * is being read. */
static void find_end(struct file *file)
{
    const struct sockatlas_header *header = &file->image->header;
    uint64_t end;
    if (file->in_past || file->alone)
        return; /* it is the frame's */
    if (file->ring != NULL) {
        end = file_ring_end(file);
        uint64_t slots = header->cursor < header->made ? header->cursor : header->made;
        say_cut(file, SOCKATLAS_HEADER_SIZE + slots * SOCKATLAS_SLOT_SIZE);
    } else {
        uint64_t limit = header->size_limit > SOCKATLAS_HEADER_SIZE ? header->size_limit - SOCKATLAS_HEADER_SIZE : 0;
        uint64_t slots =
            limit == 0 ? UINT64_MAX / SOCKATLAS_SLOT_SIZE - SOCKATLAS_SLOT_SIZE : limit / SOCKATLAS_SLOT_SIZE;
        slots = header->cursor < slots ? header->cursor : slots;
        end = SOCKATLAS_HEADER_SIZE + slots * SOCKATLAS_SLOT_SIZE;
        say_cut(file, end);
    }
    file->end = end < file->size ? end : file->size;
}

/* The header was read. What it says of where the log is and who trims it is no part of what is recorded. */
static void take_header(struct file *file)
{
    struct sockatlas_header *header = &file->image->header;
    memset(header->memory_file, 0, sizeof header->memory_file);
    header->maker_left = 0;
    find_end(file);
}

/* Logs that were put into one file one behind the other: the first is read. */
static void say_second(const struct file *file)
{
    const struct sockatlas_header *header = &file->image->header;
    const uint64_t slots[] = {header->cursor,
                              header->made}; /* where a log ends that was cut when it ended, or was not */
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
        char magic[sizeof header->magic];
        if (slots[i] > file->size / SOCKATLAS_SLOT_SIZE)
            continue;
        uint64_t at = SOCKATLAS_HEADER_SIZE + slots[i] * SOCKATLAS_SLOT_SIZE;
        if (pread(file->fd, magic, sizeof magic, (off_t)at) != (ssize_t)sizeof magic ||
            memcmp(magic, SOCKATLAS_MAGIC, sizeof magic) != 0)
            continue;
        complain(file->complaints,
                 "%s: another log begins at %" PRIu64 ", which is left out; give each in a file of its own", file->path,
                 at);
        return;
    }
}

bool file_open(struct file *file, const char *path, const struct stat *status, bool listed, struct trace_image *image,
               struct complaints *complaints)
{
    *file = (struct file){.path = strdup(path),
                          .fd = -1,
                          .device = status->st_dev,
                          .inode = status->st_ino,
                          .listed = listed,
                          .owner = status->st_uid,
                          .image = image,
                          .complaints = complaints};
    file->offset = SOCKATLAS_HEADER_SIZE;
    char space[128];
    const char *fault = NULL;
    if (!reopen(file)) {
        file_close(file);
        return false;
    }
    struct sockatlas_header header;
    ssize_t got = read_at(file, &header, sizeof header, 0);
    if (got >= 0)
        fault = header_fault(&header, (size_t)got, space);
    if (fault != NULL)
        complain(complaints, "%s: %s", path, fault);
    if (got < 0 || fault != NULL) {
        file_close(file);
        return false;
    }
    image->version = header.version;
    decode_header(&image->header, &header);
    if (image->header.section_slots != 0) {
        file_ring_open(file, &header);
        file_past_open(file);
        missing_look(file->missing, file->fd, &header);
        file_ring_count(file);
    }
    take_header(file);
    say_second(file);
    return true;
}

bool file_open_segment(struct file *file, const char *path, const struct stat *status, bool listed,
                       struct trace_image *image, struct complaints *complaints)
{
    *file =
        (struct file){.fd = -1, .listed = listed, .owner = status->st_uid, .image = image, .complaints = complaints};
    if (!file_past_open_alone(file, path, status)) {
        file_close(file);
        return false;
    }
    file_ring_open(file, &image->header);
    file_past_count_alone(file);
    take_header(file);
    return true;
}

/* Moves what was not taken yet to the block's start and reads on behind it. False when nothing came. */
static bool refill(struct file *file)
{
    uint64_t at = file->offset + file->filled;
    if (at >= file->end || !reopen(file))
        return false;
    if (file->block == NULL) {
        file->block = aligned_alloc(SOCKATLAS_SLOT_SIZE, file->block_size);
        if (file->block == NULL)
            abort();
    }
    size_t rest = file->filled - file->used;
    memmove(file->block, file->block + file->used, rest);
    file->offset += file->used;
    file->used = 0;
    file->filled = rest;
    size_t want = file->block_size - rest;
    want = file->end - at < want ? (size_t)(file->end - at) : want;
    ssize_t got = read_at(file, file->block + rest, want, at);
    if (got <= 0) {
        file->end = at;
        return false;
    }
    file->filled += (size_t)got;
    if (file->ring == NULL || file_ring_holds(file))
        return true;
    /* The section was used again meanwhile: what came of it is worth nothing, and nothing more will come. */
    file->end = file->offset;
    file->filled = 0;
    return false;
}

__attribute__((noinline, cold)) static void say_damaged(struct file *file, unsigned kind, uint64_t offset)
{
    const char *word = fields_layout(kind)->word;
    file->damages++;
    if (file->damages < DAMAGES_SAID_MAX)
        complain(file->complaints, "%s: %s record with sizes that do not fit it, at %" PRIu64, file->path, word,
                 offset);
    else if (file->damages == DAMAGES_SAID_MAX)
        complain(file->complaints, "%s: %s record with sizes that do not fit it, at %" PRIu64 "; more are not listed",
                 file->path, word, offset);
}

__attribute__((noinline, cold)) static void say_unknown(struct file *file, unsigned kind, uint64_t offset)
{
    if (!file->unknown_said)
        complain(file->complaints, "%s: records of unknown kind %u skipped, the first at %" PRIu64, file->path, kind,
                 offset);
    file->unknown_said = true;
}

/* Brings the record at `offset` into the known form; says why not, where it cannot be handed out. */
static bool take(struct file *file, unsigned char **record, unsigned *slots, uint64_t offset)
{
    unsigned kind = **record;
    uint64_t end = offset + (uint64_t)*slots * SOCKATLAS_SLOT_SIZE;
    if (file->space == NULL)
        file->space = memory_must(aligned_alloc(SOCKATLAS_SLOT_SIZE, sizeof *file->space));
    switch (decode_record(record, slots, file->image->version, file->space)) {
    case DECODE_GOOD:
        return true;
    case DECODE_KIND:
        say_unknown(file, kind, offset);
        return false;
    case DECODE_SIZES:
        break;
    }
    /* Of a file that was cut behind this very record, the cut is what there is to say, and it was said. */
    if (!file->cut_said || end + SOCKATLAS_SLOT_SIZE <= file->end)
        say_damaged(file, kind, offset);
    return false;
}

/* Which slot is at `offset`: in a ring its position. */
static uint64_t slot_at(const struct file *file, uint64_t offset)
{
    return file->ring != NULL ? file_ring_position(file, offset)
                              : (offset - SOCKATLAS_HEADER_SIZE) / SOCKATLAS_SLOT_SIZE;
}

/* Whether to wait for a slot which is taken but was not published when it was read. */
static bool is_awaited(struct file *file, uint64_t slot)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    if (slot >= file->held_end) {
        file->held_end = file->image->header.cursor > slot ? file->image->header.cursor : slot + 1;
        file->held_since_ms = ms;
    }
    return ms - file->held_since_ms < FILE_PATIENCE_MS;
}

/* Nothing was ever published in a hole of the file. Whether there was one where the next slot is to be: goes on behind
 * it. */
static bool skip_hole(struct file *file)
{
    uint64_t at = file->offset + file->used;
    if (!reopen(file))
        return false;
    off_t data = lseek(file->fd, (off_t)at, SEEK_DATA);
    uint64_t next = data >= 0 ? (uint64_t)data & ~(uint64_t)(SOCKATLAS_SLOT_SIZE - 1) : file->end;
    if ((data < 0 && errno != ENXIO) || next <= at)
        return false;
    file->offset = next < file->end ? next : file->end;
    file->used = file->filled = 0;
    return true;
}

/* How many slots to pass over without a look because no record begins there; 0: one does. */
static unsigned idle_slots(const struct file *file, const unsigned char *slot)
{
    const struct sockatlas_common *common = (const void *)slot;
    if (common->kind == SOCKATLAS_CONTINUATION || (file->ring != NULL && common->kind == SOCKATLAS_SECTION))
        return 1;
    if (file->ring == NULL || common->kind != SOCKATLAS_PADDING || !file_ring_uses(file, common->use))
        return 0;
    return common->fd > 0 ? (unsigned)common->fd : 1;
}

static bool is_published(const struct file *file, const unsigned char *slot)
{
    const struct sockatlas_common *common = (const void *)slot;
    return common->kind != 0 && (file->ring == NULL || file_ring_uses(file, common->use));
}

/* Takes `slots` slots out of the block, or as many as it has. */
static void pass_over(struct file *file, unsigned slots)
{
    size_t size = (size_t)slots * SOCKATLAS_SLOT_SIZE, left = file->filled - file->used;
    file->used += size < left ? size : left;
    if (size > left && file->offset + file->filled + (size - left) <= file->end) {
        file->offset += file->filled + (size - left);
        file->filled = file->used = 0;
    }
}

/* Goes on to the next section, wherever it is. */
static bool next_section(struct file *file)
{
    if (file->ring == NULL)
        return false;
    bool follows = !file->alone && reopen(file) && file_ring_follows(file);
    if (!follows && file->past != NULL) {
        if (file_past_next(file))
            return true;
        /* It may have been collected meanwhile. */
        file_past_look(file);
        if (file_past_next(file))
            return true;
    }
    if (file->fd < 0 || !file_ring_next(file))
        return false;
    file->in_past = false;
    find_end(file);
    return true;
}

bool file_next(struct file *file, struct event *event)
{
    for (;;) {
        if (file->filled - file->used < SOCKATLAS_SLOT_SIZE && (!refill(file) || file->filled < SOCKATLAS_SLOT_SIZE)) {
            if (!next_section(file))
                return false;
            continue;
        }
        unsigned char *record = file->block + file->used;
        unsigned idle = idle_slots(file, record);
        if (idle == 0 && !is_published(file, record)) {
            if (file->patient && !file->in_past && is_awaited(file, slot_at(file, file->offset + file->used)))
                return false;
            file->unpublished = true;
            idle = 1;
        }
        if (idle > 0) {
            bool begins_page = (file->offset + file->used) % HOLE_ALIGN == 0;
            if (record[0] != 0 || !begins_page || file->in_past || !skip_hole(file))
                pass_over(file, idle);
            continue;
        }
        size_t left = (file->filled - file->used) / SOCKATLAS_SLOT_SIZE;
        unsigned slots = decode_slots(record, left, file->image->version);
        /* The record may go on behind the block; or the section was used again meanwhile. */
        if (slots > left && (refill(file) || file->filled == 0))
            continue;
        slots = slots > left ? (unsigned)left : slots == 0 ? 1 : slots;
        uint64_t offset = file->offset + file->used;
        record = file->block + file->used;
        file->used += (size_t)slots * SOCKATLAS_SLOT_SIZE;
        if (file->ring != NULL && !file->in_past)
            file_ring_have(file, record);
        if (!take(file, &record, &slots, offset))
            continue;
        event->image = file->image;
        event->slot = slot_at(file, offset);
        event->record = record;
        event->slots = slots;
        event_common(event);
        return true;
    }
}

void file_refresh(struct file *file)
{
    struct sockatlas_header header;
    struct stat status;
    if (file->alone)
        return;
    /* A log without a record is removed when its last writer exits. */
    if (file->fd < 0 && stat(file->path, &status) != 0 && errno == ENOENT) {
        file->image->header.closed = 1;
        return;
    }
    if (!reopen(file) || fstat(file->fd, &status) != 0)
        return;
    file->size = (uint64_t)status.st_size;
    if (read_at(file, &header, sizeof header, 0) != (ssize_t)sizeof header)
        return;
    if (file->ring != NULL) {
        file_ring_refresh(file, &header);
        if (file->past == NULL)
            file_past_open(file);
        file->looked = missing_look(file->missing, file->fd, &header);
    } else
        decode_header(&file->image->header, &header);
    take_header(file);
}

bool file_gaps(const struct file *file)
{
    const struct sockatlas_header *header = &file->image->header;
    return file->unpublished || header->lost != 0 || header->overwritten != 0 ||
           (file->ring != NULL && (header->skipped != 0 || file_ring_jumped(file)));
}

uint64_t file_done(const struct file *file)
{
    return file->ring != NULL ? file_ring_position(file, file->offset + file->used) * SOCKATLAS_SLOT_SIZE
                              : file->offset + file->used;
}

uint64_t file_total(const struct file *file)
{
    return file->ring != NULL ? file->image->header.cursor * SOCKATLAS_SLOT_SIZE : file->end;
}

void file_rest(struct file *file)
{
    file_release(file);
    file->offset += file->used;
    file->used = file->filled = 0;
    free(file->block);
    file->block = NULL;
}

void file_close(struct file *file)
{
    file_release(file);
    free(file->block);
    free(file->space);
    file_ring_close(file);
    file_past_close(file);
    free(file->path);
    *file = (struct file){.fd = -1};
}
