/* SPDX-License-Identifier: MIT
 *
 * Collecting one log, see collect.h. Sections are copied as any reader does it, and added to a segment; then
 * header.collected is moved on. Whoever is killed between the two finds the segment's end when he begins again. A
 * frame that was not written whole is cut off then. Behind what was overwritten before it was copied, the segment has
 * a copy of the log's header that tells how much that was.
 */
#include "analyzer/cmd/collect.h"

#include "analyzer/cmd/run.h"
#include "analyzer/trace/complaint.h"
#include "analyzer/trace/file_ring.h"
#include "analyzer/trace/memory.h"
#include "shim/memory_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    SEGMENT_BYTES = 8 << 20, /* then a new one begins */
    SEGMENT_BYTES_LEAST = 64 << 10,
    SEGMENTS_KEPT = 8,    /* that many make up what is kept */
    DUE_PART = 8,         /* that part of the ring is collected at once */
    SLOWLY_MS = 10000,    /* a section waits no longer */
    PATIENCE_MS = 1000,   /* for a record that is not published */
    TRIM_FIRST_MS = 2000, /* a log that stood still for so long may have no writer; the next look is later */
    TRIM_MOST_MS = 600000,
    LOOK_LEAST_MS = 5,
    LOOK_MOST_MS = 500,
    RATE_LEAST = 50, /* slots in a millisecond that must be reckoned with */
};

int64_t collect_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Says it once, until something went well. */
__attribute__((format(printf, 3, 4))) static void say(const struct collect_place *place, struct collect_log *log,
                                                      const char *format, ...)
{
    char what[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    if (!log->said)
        complain_line("%s/%s: %s", place->path, log->name, what);
    log->said = true;
}

/* ---- The log ---- */

/* One look. */
struct look {
    int fd; /* of the records, for reading */
    struct stat status;
    struct sockatlas_header header;
    uint64_t size; /* of a section, slots */
};

/* Opens the records, wherever they are. */
static int open_records(const struct collect_place *place, const struct collect_log *log, int flags,
                        struct stat *status)
{
    int fd = openat(place->folder, log->name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -1;
    if (fstat(fd, status) < 0 || !S_ISREG(status->st_mode)) {
        close(fd);
        errno = EINVAL;
        return -1;
    }
    long memory = memory_log_open(fd, flags);
    if (memory == -ENODATA)
        return fd;
    close(fd);
    if (memory < 0)
        errno = (int)-memory;
    return memory < 0 ? -1 : (int)memory;
}

static bool is_ring(const struct sockatlas_header *header)
{
    uint64_t size = header->section_slots;
    return memcmp(header->magic, SOCKATLAS_MAGIC, sizeof header->magic) == 0 && header->version == SOCKATLAS_VERSION &&
           header->byte_order == SOCKATLAS_BYTE_ORDER && size > 0 && size <= SEGMENT_SLOTS_MAX &&
           file_ring_possible(header);
}

static bool open_look(const struct collect_place *place, struct collect_log *log, struct look *look)
{
    look->fd = open_records(place, log, O_RDONLY, &look->status);
    if (look->fd < 0 && (errno == EINVAL || errno == ELOOP)) { /* a link, a pipe: readers say that it is no log */
        log->finished = true;
        return false;
    }
    if (look->fd < 0 && errno == ENOENT)
        say(place, log, "moved or removed; what was not collected of it cannot be");
    else if (look->fd < 0)
        say(place, log, "cannot be collected: %s", strerror(errno));
    if (look->fd < 0)
        return false;
    /* Nor do readers take it, unless it is named. */
    if (place->rules->thorough && !run_trim_may(place->folder, &look->status)) {
        say(place, log, "put there by user %u, not by the folder's owner; left out", (unsigned)look->status.st_uid);
        log->finished = true;
        close(look->fd);
        return false;
    }
    ssize_t got = pread(look->fd, &look->header, sizeof look->header, 0);
    look->size = look->header.section_slots;
    if (got == (ssize_t)sizeof look->header && is_ring(&look->header))
        return true;
    /* One that is no ring, as `run`'s, keeps what it has. */
    if (got == (ssize_t)sizeof look->header)
        log->finished = true;
    close(look->fd);
    return false;
}

/* Tells readers that segments have what is before log->end, or, at its beginning, that there will be some. */
static void tell(const struct collect_place *place, const struct collect_log *log)
{
    struct stat status;
    int fd = open_records(place, log, O_RDWR, &status);
    if (fd < 0)
        return;
    uint64_t end = log->end > 0 ? log->end : 1; /* the first slot is no record */
    (void)!pwrite(fd, &end, sizeof end, offsetof(struct sockatlas_header, collected));
    close(fd);
}

/* ---- Segments ---- */

static int open_segment(const struct collect_place *place, const char *name, int flags, struct stat *status)
{
    int fd = openat(place->folder, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -1;
    bool own = fstat(fd, status) == 0 && S_ISREG(status->st_mode) && status->st_nlink == 1 &&
               (status->st_uid == geteuid() || geteuid() == 0);
    if (own)
        return fd;
    close(fd);
    return -1;
}

struct names {
    char (*list)[NAME_MAX + 1];
    size_t count;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* The log's segments in order. */
static struct names find_segments(const struct collect_place *place, const struct collect_log *log)
{
    struct names names = {.list = NULL};
    int copy = openat(place->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = copy < 0 ? NULL : fdopendir(copy);
    for (const struct dirent *entry; entries && (entry = readdir(entries));) {
        char of[NAME_MAX + 1];
        uint64_t position;
        if (!segment_name_of(entry->d_name, of, &position) || strcmp(of, log->name) != 0)
            continue;
        if ((names.count & (names.count - 1)) == 0)
            names.list =
                memory_must(realloc(names.list, (names.count == 0 ? 1 : 2 * names.count) * sizeof *names.list));
        snprintf(names.list[names.count++], sizeof *names.list, "%s", entry->d_name);
    }
    if (entries)
        closedir(entries);
    if (names.count > 1)
        qsort(names.list, names.count, sizeof *names.list, by_name);
    return names;
}

/* Takes in the heads of the segment open on `fd`, of `size` bytes; returns up to where it is whole. */
static uint64_t take_heads(struct collect_log *log, const struct look *look, int fd, uint64_t size)
{
    struct segment_head head;
    uint64_t at = 0;
    while (pread(fd, &head, sizeof head, (off_t)at) == (ssize_t)sizeof head && segment_head_good(&head) &&
           size - at - sizeof head >= head.size) {
        at += sizeof head + head.size;
        if (head.content != SEGMENT_SLOTS)
            continue;
        missing_have(log->missing, head.position / look->size, &head.here);
        log->end = head.position + head.slots;
        log->counts.records = head.before.records + head.here.records;
        log->counts.connections = head.before.connections + head.here.connections;
        log->counts.until = head.before.until > head.here.until ? head.before.until : head.here.until;
    }
    return at;
}

/* Finds out where the segments end. The newest goes on: what is not whole at its end is cut off. One that nothing whole
 * is in stays as it is, unless it is empty because whoever made it was killed. */
static void resume(const struct collect_place *place, struct collect_log *log, const struct look *look)
{
    struct names names = find_segments(place, log);
    for (size_t i = 0; i < names.count; i++) {
        struct stat status;
        int fd = open_segment(place, names.list[i], O_RDWR, &status);
        if (fd < 0)
            continue;
        uint64_t size = (uint64_t)status.st_size, whole = take_heads(log, look, fd, size);
        bool newest = i + 1 == names.count;
        if (size == 0)
            unlinkat(place->folder, names.list[i], 0);
        else if (newest && whole > 0 && (whole == size || ftruncate(fd, (off_t)whole) == 0)) {
            snprintf(log->segment, sizeof log->segment, "%s", names.list[i]);
            log->segment_size = whole;
        }
        close(fd);
    }
    free(names.list);
}

static void begin(const struct collect_place *place, struct collect_log *log, const struct look *look)
{
    log->begun = log->gap = true;
    log->drained = log->rotated = log->moved = collect_now();
    log->trim_after = TRIM_FIRST_MS;
    log->end = look->header.collected / look->size * look->size;
    log->missing = missing_new(look->header.ring_slots / look->size, look->size);
    resume(place, log, look);
    if (log->end > look->header.collected)
        tell(place, log);
}

void collect_log_free(struct collect_log *log)
{
    missing_free(log->missing);
    free(log);
}

static bool is_full(const struct collect_place *place, const struct collect_log *log)
{
    const struct collect_rules *rules = place->rules;
    uint64_t most = rules->keep_bytes ? rules->keep_bytes / SEGMENTS_KEPT : SEGMENT_BYTES;
    most = most < SEGMENT_BYTES_LEAST ? SEGMENT_BYTES_LEAST : most > SEGMENT_BYTES ? SEGMENT_BYTES : most;
    return log->segment_size >= most ||
           (rules->keep_ms && (uint64_t)(collect_now() - log->rotated) > rules->keep_ms / SEGMENTS_KEPT);
}

static bool write_all(int fd, const char *bytes, size_t size, uint64_t at)
{
    while (size > 0) {
        ssize_t done = pwrite(fd, bytes, size, (off_t)at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        bytes += done;
        at += (uint64_t)done;
        size -= (size_t)done;
    }
    return true;
}

/* The segment that the next frame belongs to, open for writing; a new one where `*fresh`. */
static int segment_for(const struct collect_place *place, struct collect_log *log, const struct look *look,
                       uint64_t position, bool *fresh)
{
    struct stat status;
    *fresh = !log->segment[0] || is_full(place, log);
    if (!*fresh) {
        int fd = open_segment(place, log->segment, O_WRONLY, &status);
        if (fd >= 0 && (uint64_t)status.st_size == log->segment_size)
            return fd;
        if (fd >= 0)
            close(fd);
        *fresh = true; /* it was dropped, or changed by somebody else */
    }
    char name[NAME_MAX + 1];
    if (!segment_name(name, sizeof name, log->name, position)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = openat(place->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    if (geteuid() == 0 && look->status.st_uid != 0)
        (void)!fchown(fd, look->status.st_uid, look->status.st_gid);
    if (!log->segment[0])
        tell(place, log);
    snprintf(log->segment, sizeof log->segment, "%s", name);
    log->segment_size = 0;
    log->rotated = collect_now();
    return fd;
}

/* A copy of the log's header as it is now, which says what is missing of what was used again. */
static size_t pack_header(char *frame, struct collect_log *log, const struct look *look, uint64_t position)
{
    struct segment_head head = {.content = SEGMENT_HEADER, .position = position, .before = log->counts};
    struct sockatlas_header header;
    if (pread(look->fd, &header, sizeof header, 0) != (ssize_t)sizeof header)
        header = look->header;
    log->gap = !missing_look(log->missing, look->fd, &header);
    struct segment_counts missing = missing_count(log->missing);
    header.overwritten = missing.records;
    header.overwritten_connections = missing.connections;
    header.overwritten_until = missing.until;
    return segment_pack(frame, &head, &header);
}

/* Adds the slots, and the header before them where a segment begins, after a gap and `with_header`. */
static bool append(const struct collect_place *place, struct collect_log *log, const struct look *look,
                   struct segment_head *head, const void *slots, bool with_header)
{
    bool fresh;
    int fd = segment_for(place, log, look, head->position, &fresh);
    if (fd < 0) {
        say(place, log, "cannot be collected: %s", strerror(errno));
        return false;
    }
    char *frames = memory_must(malloc(2 * segment_frame_most()));
    size_t size = 0;
    if (fresh || with_header || log->gap)
        size = pack_header(frames, log, look, head->position);
    head->before = log->counts;
    size += segment_pack(frames + size, head, slots);
    bool good = write_all(fd, frames, size, log->segment_size);
    int error = errno;
    free(frames);
    if (!good) {
        if (ftruncate(fd, (off_t)log->segment_size) < 0 || log->segment_size == 0) {
            unlinkat(place->folder, log->segment, 0);
            log->segment[0] = '\0';
        }
        say(place, log, "cannot be collected, until that changes: %s", strerror(error));
    } else {
        log->segment_size += size;
    }
    close(fd);
    return good;
}

/* ---- Sections ---- */

enum section { SECTION_GONE, SECTION_HELD, SECTION_COPIED, SECTION_STOP };

static uint64_t state_of(const struct look *look, uint64_t offset)
{
    struct sockatlas_section section;
    return pread(look->fd, &section, sizeof section, (off_t)offset) == (ssize_t)sizeof section ? section.state : 0;
}

/* Copies `count` slots of the section `sequence`, if it holds that and what is in it was published. */
static enum section copy(const struct look *look, uint64_t sequence, struct segment_head *head, unsigned char *slots)
{
    uint64_t slot = sequence * look->size & (look->header.ring_slots - 1);
    uint64_t offset = SOCKATLAS_HEADER_SIZE + slot * SOCKATLAS_SLOT_SIZE;
    size_t size = (size_t)head->slots * SOCKATLAS_SLOT_SIZE;
    uint64_t before = state_of(look, offset);
    if (before >> SOCKATLAS_USES_BITS != sequence + 1)
        return SECTION_GONE;
    memset(slots, 0, size);
    if (pread(look->fd, slots, size, (off_t)offset) < SOCKATLAS_SLOT_SIZE || state_of(look, offset) != before ||
        ((const struct sockatlas_section *)(const void *)slots)->state != before)
        return SECTION_GONE;
    return segment_tidy(slots, head->slots, &head->here) ? SECTION_COPIED : SECTION_HELD;
}

/* Collects the section; SECTION_STOP where that must be tried again later. */
static enum section collect(const struct collect_place *place, struct collect_log *log, const struct look *look,
                            uint64_t count, bool dead)
{
    struct segment_head head = {.content = SEGMENT_SLOTS, .slots = (uint32_t)count, .position = log->end};
    unsigned char *slots = memory_must(malloc(SEGMENT_BYTES_MAX));
    enum section found = copy(look, log->end / look->size, &head, slots);
    if (found == SECTION_HELD && !dead) {
        int64_t now = collect_now();
        log->held = log->held ? log->held : now;
        if (now - log->held < PATIENCE_MS)
            found = SECTION_STOP;
    }
    if (found == SECTION_COPIED || found == SECTION_HELD) {
        log->held = 0;
        if (append(place, log, look, &head, slots, dead)) {
            missing_have(log->missing, head.position / look->size, &head.here);
            log->counts.records += head.here.records;
            log->counts.connections += head.here.connections;
            if (head.here.until > log->counts.until)
                log->counts.until = head.here.until;
            if (log->said)
                complain_line("%s/%s: is collected again", place->path, log->name);
            log->said = false;
        } else {
            found = SECTION_STOP;
        }
    }
    free(slots);
    return found;
}

/* Behind a section that is gone: the next one that can be there. Whoever has the log mapped can move the cursor
 * anywhere, and the file may have holes. */
static uint64_t next_position(const struct look *look, uint64_t position)
{
    uint64_t ring = look->header.ring_slots, next = position + look->size;
    uint64_t oldest = look->header.cursor > ring ? (look->header.cursor - ring) / look->size * look->size : 0;
    if (next < oldest)
        next = oldest;
    uint64_t slot = next & (ring - 1);
    return next - slot + file_ring_data(look->fd, &look->header, slot);
}

/* Collects all sections before `whole`; false where something is left. */
static bool drain(const struct collect_place *place, struct collect_log *log, const struct look *look, bool dead)
{
    uint64_t whole = look->header.cursor / look->size * look->size;
    bool good = true;
    while (good && log->end < whole) {
        enum section found = collect(place, log, look, look->size, dead);
        good = found != SECTION_STOP;
        if (good)
            log->end = found == SECTION_GONE ? next_position(look, log->end) : log->end + look->size;
        log->gap = log->gap || found == SECTION_GONE;
        if (found == SECTION_COPIED || found == SECTION_HELD)
            tell(place, log);
    }
    if (good && dead && log->end < look->header.cursor) {
        good = collect(place, log, look, look->header.cursor - log->end, true) != SECTION_STOP;
        log->end = good ? look->header.cursor : log->end;
    }
    if (good)
        log->drained = collect_now();
    return good;
}

/* ---- Ended programs' logs ---- */

static uint64_t beyond(uint64_t all, uint64_t some)
{
    return all > some ? all - some : 0;
}

/* All that was ever in the log: what is in segments, what was missed, and what is in the ring still but in no segment,
 * since segments were taken away, or since it was published after its section had been collected. */
static struct segment_counts count_all(const struct collect_log *log, const struct look *look)
{
    struct segment_counts had = missing_had(log->missing), all = missing_count(log->missing);
    uint64_t sections = look->header.ring_slots / look->size, last = look->header.cursor / look->size;
    unsigned char *slots = memory_must(malloc(SEGMENT_BYTES_MAX));
    all.records += had.records;
    all.connections += had.connections;
    /* One that was held stands there for longer than a lap. */
    for (uint64_t i = 0; i < sections; i++) {
        struct segment_head head = {.content = SEGMENT_SLOTS, .slots = (uint32_t)look->size};
        uint64_t state = state_of(look, SOCKATLAS_HEADER_SIZE + i * look->size * SOCKATLAS_SLOT_SIZE);
        uint64_t sequence = (state >> SOCKATLAS_USES_BITS) - 1;
        if (sequence > last || sequence % sections != i || copy(look, sequence, &head, slots) == SECTION_GONE)
            continue;
        struct segment_counts has = missing_of(log->missing, sequence);
        all.records += beyond(head.here.records, has.records);
        all.connections += beyond(head.here.connections, has.connections);
    }
    free(slots);
    return all;
}

/* All of it is in segments: the log keeps its header, which tells what was in all its sections as if they were used
 * again. What changes is on one page, and written by one call. */
static void cut(const struct collect_place *place, struct collect_log *log, const struct look *look)
{
    struct sockatlas_header header = look->header;
    struct stat status;
    enum { FROM = offsetof(struct sockatlas_header, made), TO = offsetof(struct sockatlas_header, exe) };
    int fd = openat(place->folder, log->name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && missing_look(log->missing, look->fd, &header)) {
        struct segment_counts all = count_all(log, look);
        uint64_t tag = header.last >> 1 << SOCKATLAS_TAG_SHIFT;
        header.totals[header.last & 1] =
            (struct sockatlas_totals){tag | all.records, tag | all.connections, tag | all.until / 1000};
        header.collected = log->end;
        header.made = 0;
        if (pwrite(fd, (const char *)&header + FROM, TO - FROM, FROM) == TO - FROM)
            (void)!ftruncate(fd, SOCKATLAS_HEADER_SIZE);
    }
    close(fd);
}

/* A small log that nothing was collected of stays as it is. */
static void finish(const struct collect_place *place, struct collect_log *log, const struct look *look)
{
    bool small = !log->segment[0] && (uint64_t)look->status.st_size <= SEGMENT_BYTES_LEAST / 4;
    if (small || !drain(place, log, look, true)) {
        log->finished = small;
        return;
    }
    cut(place, log, look);
    log->finished = true;
}

/* ---- A look ---- */

/* Slots of the ring that are in use. */
static uint64_t slots_used(const struct look *look)
{
    uint64_t all = look->header.ring_slots, part = look->header.confined;
    return part < 2 * look->size || part > all ? all : part;
}

static int64_t next_look(const struct collect_log *log, const struct look *look, uint64_t came, int64_t passed)
{
    uint64_t rate = passed > 0 ? 2 * came / (uint64_t)passed : 0;
    uint64_t wait = slots_used(look) / 4 / (rate > RATE_LEAST ? rate : RATE_LEAST);
    wait = wait < LOOK_LEAST_MS ? LOOK_LEAST_MS : wait > LOOK_MOST_MS ? LOOK_MOST_MS : wait;
    return log->looked + (int64_t)wait;
}

void collect_log_look(const struct collect_place *place, struct collect_log *log, bool last)
{
    struct look look;
    int64_t now = collect_now(), before = log->looked;
    log->looked = now;
    log->next = now + LOOK_MOST_MS;
    if (!open_look(place, log, &look))
        return;
    if (!log->begun)
        begin(place, log, &look);
    uint64_t came = look.header.cursor - log->cursor;
    if (came > 0)
        log->moved = now;
    log->cursor = look.header.cursor;
    if (came > 0)
        log->trim_after = TRIM_FIRST_MS;
    uint64_t sections = slots_used(&look) / look.size;
    uint64_t due =
        look.header.cursor / look.size - (log->end < look.header.cursor ? log->end : look.header.cursor) / look.size;
    bool thorough = place->rules->thorough;
    if (due > 0 && (last || due * DUE_PART >= sections || (thorough && now - log->drained >= SLOWLY_MS)))
        drain(place, log, &look, false);
    log->next = next_look(log, &look, before ? came : 0, now - before);
    if (thorough && look.header.closed && !last) {
        finish(place, log, &look);
    } else if (thorough && !last && now - log->moved >= log->trim_after) {
        log->trim_after = log->trim_after < TRIM_MOST_MS ? 2 * log->trim_after : TRIM_MOST_MS;
        log->moved = now;
        run_trim_log(place->folder, log->name);
    }
    close(look.fd);
}
