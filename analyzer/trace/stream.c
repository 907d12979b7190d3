/* SPDX-License-Identifier: MIT
 *
 * Merging logs by time, see stream.h. Sources that have a next event stand in a binary heap ordered by its time.
 * Descriptors are kept for few sources at a time, blocks for those that have something left.
 */
#include "analyzer/trace/stream.h"

#include "analyzer/trace/budget.h"
#include "analyzer/trace/file_gap.h"
#include "analyzer/trace/memory.h"
#include "analyzer/trace/segment.h"
#include "analyzer/trace/sources.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_TRACE "./sockatlas.data"
/* Blocks of all sources together, and of one. A block holds at least two of the longest records. */
#define BLOCKS_TOTAL   (64u << 20)
#define BLOCK_SIZE_MAX (256u << 10)
#define BLOCK_SIZE_MIN (8u << 10)
/* How many steps there are between two looks at the memory, a record being as many as RECORD_STEPS. */
#define STEPS_UNCHECKED_MAX (64u << 10)
#define RECORD_STEPS        16
/* Log files whose descriptors are open at once. */
#define OPEN_FILES_MAX 64

struct stream {
    struct sources sources;
    struct source **heap;
    unsigned heap_count, heap_capacity;
    struct source *current; /* whose event was handed out last */
    bool follows;           /* what is missing is told as events */
    unsigned gaps_next;     /* whose gaps are to be told next */
    struct source *open[OPEN_FILES_MAX];
    unsigned open_next;
    /* What was read, and what it took. */
    uint64_t records, bytes, steps, steps_seen, steps_unchecked;
    size_t memory_before, memory_seen;
};

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
    if (source->left)
        return false;
    if (!more)
        more = source->jsonl != NULL ? jsonl_next(source->jsonl, &source->event) : advance_file(stream, source);
    if (more)
        source->time = (int64_t)(source->event.time_ns + (uint64_t)source->event.image->offset_ns);
    return more;
}

/* No more than what there is to read, however many logs there are. */
static size_t block_for(const struct source *source, size_t most)
{
    uint64_t rest = source->file.end > source->file.offset ? source->file.end - source->file.offset : 0;
    uint64_t wanted = (rest / BLOCK_SIZE_MIN + 1) * BLOCK_SIZE_MIN;
    return wanted < most ? (size_t)wanted : most;
}

/* Puts every source that has an event and does not stand in the heap yet there. */
static void fill_heap(struct stream *stream)
{
    if (stream->heap_capacity < stream->sources.count) {
        stream->heap_capacity = stream->sources.count;
        stream->heap = memory_must(realloc(stream->heap, stream->heap_capacity * sizeof *stream->heap));
    }
    size_t block = BLOCKS_TOTAL / (stream->sources.count + 1) & ~(size_t)(BLOCK_SIZE_MIN - 1);
    block = block > BLOCK_SIZE_MAX ? BLOCK_SIZE_MAX : block < BLOCK_SIZE_MIN ? BLOCK_SIZE_MIN : block;
    for (unsigned i = 0; i < stream->sources.count; i++) {
        struct source *source = stream->sources.list[i];
        if (source->waiting)
            continue;
        if (source->file.block == NULL)
            source->file.block_size = block_for(source, block);
        source->waiting = advance(stream, source);
        if (source->waiting) {
            stream->heap[stream->heap_count] = source;
            sift_up(stream, stream->heap_count++);
        }
    }
}

/* ---- The budget ---- */

/* How much more `source` took than its own size allows, of memory or of steps. */
static int64_t excess(const struct source *source, bool memory)
{
    return memory ? source->memory - (int64_t)(source->bytes * BUDGET_MEMORY_BYTE)
                  : (int64_t)(source->steps - source->records * BUDGET_WORK_RECORD);
}

/* Leaves the source that took most, in proportion. */
static void leave_one(struct stream *stream, bool memory)
{
    struct source *worst = NULL;
    for (unsigned i = 0; i < stream->sources.count; i++) {
        struct source *source = stream->sources.list[i];
        if (!source->left && excess(source, memory) > (worst ? excess(worst, memory) : 0))
            worst = source;
    }
    if (worst == NULL)
        return;
    worst->left = true;
    bool lines = worst->jsonl != NULL;
    complain(&stream->sources.complaints, "%s: takes more %s than its size allows, the rest is left out, at %s%" PRIu64,
             lines ? worst->jsonl->path : worst->file.path, memory ? "memory" : "time", lines ? "line " : "",
             lines ? worst->jsonl->number : worst->file.offset + worst->file.used);
}

static void check_budget(struct stream *stream)
{
    size_t memory = budget_memory();
    stream->steps_unchecked = 0;
    stream->current->memory += (int64_t)(memory - stream->memory_seen);
    stream->memory_seen = memory;
    if (memory > stream->memory_before + BUDGET_MEMORY + stream->bytes * BUDGET_MEMORY_BYTE)
        leave_one(stream, true);
    if (stream->steps > BUDGET_WORK + stream->records * BUDGET_WORK_RECORD)
        leave_one(stream, false);
}

/* Whoever took the current event has handled it. */
static void charge(struct stream *stream)
{
    struct source *source = stream->current;
    uint64_t steps = budget_steps - stream->steps_seen;
    uint64_t bytes = source->jsonl != NULL ? source->jsonl->bytes - source->bytes
                                           : (uint64_t)source->event.slots * SOCKATLAS_SLOT_SIZE;
    stream->steps_seen = budget_steps;
    stream->steps += steps;
    source->steps += steps;
    stream->bytes += bytes;
    source->bytes += bytes;
    stream->records++;
    source->records++;
    stream->steps_unchecked += steps + RECORD_STEPS;
    if (stream->steps_unchecked > STEPS_UNCHECKED_MAX)
        check_budget(stream);
}

/* Moves on the source whose event was handed out last, which is the heap's top: until now, the event's bytes were the
 * caller's. */
static void settle(struct stream *stream)
{
    struct source *source = stream->current;
    if (source == NULL)
        return;
    charge(stream);
    stream->current = NULL;
    source->waiting = advance(stream, source);
    if (!source->waiting)
        stream->heap[0] = stream->heap[--stream->heap_count];
    if (stream->heap_count > 1)
        sift_down(stream, 0);
}

/* ---- The interface ---- */

enum given { GIVEN_FILE, GIVEN_FOLDER, GIVEN_SEGMENT };

static enum given given_as(const char *trace)
{
    struct stat status;
    char log[NAME_MAX + 1];
    const char *slash = strrchr(trace, '/');
    uint64_t position;
    bool folder = strcmp(trace, "-") != 0 && stat(trace, &status) == 0 && S_ISDIR(status.st_mode);
    return folder ? GIVEN_FOLDER
           : segment_name_of(slash == NULL ? trace : slash + 1, log, &position) ? GIVEN_SEGMENT
                                                                                : GIVEN_FILE;
}

/* See belief_lives. */
static bool process_lives(void *context, unsigned image, uint64_t time_ns)
{
    const struct stream *stream = context;
    const struct source *source = stream->sources.of_images[image];
    return source != NULL && source->waiting && source->event.pid == source->file.image->header.pid &&
           source->event.time_ns > time_ns;
}

static struct stream *open_stream(char *const *traces, int count, bool patient, stream_complain_fn *complain_fn,
                                  void *context)
{
    struct stream *stream = memory_must(calloc(1, sizeof *stream));
    stream->sources.patient = stream->follows = patient;
    stream->sources.complaints = (struct complaints){.complain = complain_fn, .context = context};
    stream->sources.belief = belief_new(process_lives, stream);
    if (count == 0 && !patient && access(DEFAULT_TRACE, F_OK) != 0 && errno == ENOENT)
        complain(&stream->sources.complaints, "%s: %s: no trace here; `sockatlas run -- CMD` makes one", DEFAULT_TRACE,
                 strerror(ENOENT));
    else if (count == 0)
        sources_add(&stream->sources, DEFAULT_TRACE);
    /* First what was asked for by its name: it is not left out of its folder then. Segments last: a log that is there
     * has them already. */
    for (enum given given = GIVEN_FILE; given <= GIVEN_SEGMENT; given++)
        for (int i = 0; i < count; i++)
            if (given_as(traces[i]) == given)
                sources_add(&stream->sources, traces[i]);
    fill_heap(stream);
    stream->sources.live = true;
    stream->memory_before = stream->memory_seen = budget_memory();
    stream->steps_seen = budget_steps;
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
    stream->sources.patient = false;
    for (unsigned i = 0; i < stream->sources.count; i++)
        stream->sources.list[i]->file.patient = false;
}

bool stream_may_grow(const struct stream *stream)
{
    for (unsigned i = 0; i < stream->sources.count; i++)
        if (stream->sources.list[i]->jsonl == NULL)
            return true;
    return stream->sources.folders_count > 0;
}

/* Of the current source's event. */
static bool believe(struct stream *stream)
{
    struct source *source = stream->current;
    const struct event *event = &source->event;
    if (source->jsonl != NULL || belief_event(stream->sources.belief, event, file_gaps(&source->file)))
        return true;
    if (source->file.image->forged++ == 0)
        complain(&stream->sources.complaints,
                 "%s: forged: a record about process %" PRIu32 ", which this log cannot have, at slot %" PRIu64
                 "; all such are left out",
                 source->file.path, event->pid, event->slot);
    return false;
}

/* All that there was has been handed out. */
static bool next_gap(struct stream *stream, struct event *event)
{
    for (; stream->follows && stream->gaps_next < stream->sources.count; stream->gaps_next++) {
        struct source *source = stream->sources.list[stream->gaps_next];
        if (source->jsonl == NULL && !source->waiting && file_gap(&source->file, event))
            return true;
    }
    return false;
}

bool stream_next(struct stream *stream, struct event *event)
{
    do {
        settle(stream);
        stream->current = stream->heap_count > 0 ? stream->heap[0] : NULL;
        if (stream->current == NULL)
            return next_gap(stream, event);
    } while (!sources_tell(&stream->sources, &stream->current->event) || !believe(stream));
    *event = stream->current->event;
    return true;
}

void stream_refresh(struct stream *stream)
{
    settle(stream);
    stream->gaps_next = 0;
    for (unsigned i = 0; i < stream->sources.count; i++) {
        struct source *source = stream->sources.list[i];
        /* A closed log has no writer. */
        if (source->jsonl != NULL ||
            (source->file.image->header.closed && source->file.offset + source->file.used >= source->file.end))
            continue;
        bool was_open = source->file.fd >= 0;
        file_refresh(&source->file);
        if (!was_open && source->file.fd >= 0)
            note_open(stream, source);
    }
    sources_look(&stream->sources);
    fill_heap(stream);
}

unsigned stream_image_count(const struct stream *stream)
{
    return stream->sources.images_count;
}

const struct trace_image *stream_image(const struct stream *stream, unsigned id)
{
    return stream->sources.images[id];
}

unsigned stream_errors(const struct stream *stream)
{
    return stream->sources.complaints.count;
}

void stream_progress(const struct stream *stream, uint64_t *done, uint64_t *total)
{
    bool known = true;
    *done = *total = 0;
    for (unsigned i = 0; i < stream->sources.count; i++) {
        const struct source *source = stream->sources.list[i];
        bool lines = source->jsonl != NULL;
        *done += lines ? source->jsonl->bytes : file_done(&source->file);
        *total += lines ? source->file.size : file_total(&source->file);
        known = known && !(lines && source->file.size == 0);
    }
    if (!known)
        *total = 0;
}

void stream_close(struct stream *stream)
{
    belief_free(stream->sources.belief);
    sources_free(&stream->sources);
    free(stream->heap);
    free(stream);
}
