/* SPDX-License-Identifier: MIT
 *
 * Reading a file of JSON lines, see jsonl.h.
 */
#include "analyzer/trace/identity.h"
#include "analyzer/trace/jsonl.h"
#include "analyzer/trace/memory.h"
#include "analyzer/trace/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Complaints about the lines of one file, before the rest is only counted. */
#define DAMAGES_SAID_MAX 10
/* Images of one file are few and numbered from 0. */
#define IMAGES_MAX (1u << 22)
/* No line of a trace is nearly that long (a record has 4 KiB, a header as much): damage must not fill the memory. */
#define LINE_SIZE_MAX (1u << 20)

void jsonl_open(struct jsonl *jsonl)
{
    json_keep_blocks();
    jsonl->scan = jsonl_scan_new();
    jsonl->slots = memory_must(aligned_alloc(SOCKATLAS_SLOT_SIZE, SOCKATLAS_RECORD_SLOTS_MAX * SOCKATLAS_SLOT_SIZE));
}

static void say(struct jsonl *jsonl, const char *what)
{
    jsonl->damages++;
    if (jsonl->damages <= DAMAGES_SAID_MAX)
        complain(jsonl->complaints, "%s: %s, at line %" PRIu64 "%s", jsonl->path, what, jsonl->number,
                 jsonl->damages == DAMAGES_SAID_MAX ? "; more are not listed" : "");
}

/* An image with the number of one that is there: the export was appended to itself, or to another one. */
static const char *take_repeat(struct jsonl *jsonl, struct trace_image *known, const struct trace_image *image)
{
    if (!identity_equal(known, image)) {
        jsonl->refused = true;
        return "another trace begins here, which is left out; give each in a file of its own";
    }
    known->repeats++;
    if (!jsonl->repeat_said)
        complain_note(jsonl->complaints, "%s: has a log twice, again at line %" PRIu64 "; each record is counted once",
                      jsonl->path, jsonl->number);
    jsonl->repeat_said = true;
    known->repeat_path = jsonl->path;
    return NULL;
}

static const char *take_image(struct jsonl *jsonl, const cJSON *object)
{
    uint64_t id = 0;
    const char *file = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "file"));
    if (!json_integer(jsonl->line, object, "image", &id) || id >= IMAGES_MAX)
        return "missing or bad \"image\"";
    struct trace_image *known = id < jsonl->images_count ? jsonl->images[id] : NULL;
    struct trace_image *image = memory_must(calloc(1, sizeof *image));
    const char *fault = file == NULL ? "missing or bad \"file\""
                                     : jsonl_parse_image(jsonl->line, object, &image->header, &image->version);
    if (fault == NULL && image->version > SOCKATLAS_VERSION) {
        snprintf(jsonl->fault, sizeof jsonl->fault,
                 "trace version %" PRIu32 " is newer than version %d, the newest this sockatlas reads", image->version,
                 SOCKATLAS_VERSION);
        fault = jsonl->fault;
        jsonl->refused = true;
    }
    uint64_t owner = 0;
    image->foreign = json_integer(jsonl->line, object, "log_owner", &owner) && owner <= UINT32_MAX;
    image->owner = (uint32_t)owner;
    if (fault == NULL && known != NULL)
        fault = take_repeat(jsonl, known, image);
    if (fault != NULL || known != NULL) {
        free(image);
        return fault;
    }
    size_t size = 0;
    char *name = memory_must(malloc(strlen(file) + 1));
    if (!text_unescape(file, name, strlen(file), &size))
        size = 0;
    name[size] = 0;
    image->name = name;
    image->path = jsonl->path;
    if (id >= jsonl->images_count) {
        jsonl->images = memory_must(realloc(jsonl->images, (id + 1) * sizeof *jsonl->images));
        memset(jsonl->images + jsonl->images_count, 0, (id + 1 - jsonl->images_count) * sizeof *jsonl->images);
        jsonl->images_count = (unsigned)id + 1;
    }
    jsonl->images[id] = image;
    jsonl->add_image(jsonl->context, image);
    return NULL;
}

static const char unknown_image[] = "event of an unknown image, the first of them";

static struct trace_image *image_of(const struct jsonl *jsonl, uint64_t id)
{
    return id < jsonl->images_count ? jsonl->images[id] : NULL;
}

static void set_event(const struct jsonl *jsonl, struct event *event, struct trace_image *image, unsigned slots)
{
    event->image = image;
    event->record = jsonl->slots;
    event->slots = slots;
    event_common(event);
}

/* A line that stands as we write them; false: take_line() decides. */
static bool take_written(struct jsonl *jsonl, size_t length, struct event *event)
{
    struct jsonl_scanned scanned;
    if (!jsonl_scan_event(jsonl->scan, jsonl->line, length, jsonl->slots, &scanned))
        return false;
    struct trace_image *image = image_of(jsonl, scanned.image);
    if (image == NULL)
        return false;
    event->slot = scanned.slot;
    set_event(jsonl, event, image, scanned.slots);
    return true;
}

static const char *take_event(struct jsonl *jsonl, const cJSON *object, struct event *event)
{
    uint64_t id = 0;
    unsigned slots = 0;
    if (!json_integer(jsonl->line, object, "slot", &event->slot))
        return "missing or bad \"slot\"";
    struct trace_image *image = json_integer(jsonl->line, object, "image", &id) ? image_of(jsonl, id) : NULL;
    if (image == NULL)
        return unknown_image;
    const char *fault = jsonl_parse_event(jsonl->line, object, image->version, jsonl->slots, &slots);
    if (fault == NULL)
        set_event(jsonl, event, image, slots);
    return fault;
}

/* Takes one line; true when it was an event. */
static bool take_line(struct jsonl *jsonl, size_t length, struct event *event)
{
    bool whole = length > 0 && jsonl->line[length - 1] == '\n';
    cJSON *object = cJSON_ParseWithLength(jsonl->line, length);
    const char *word = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "event"));
    const char *fault = NULL;
    bool is_event = false;
    if (object == NULL)
        fault = whole ? "not JSON" : "cut short";
    else if (word == NULL)
        fault = "not a line of a trace";
    else if (strcmp(word, "image") == 0)
        fault = take_image(jsonl, object);
    else
        is_event = (fault = take_event(jsonl, object, event)) == NULL;
    if (fault != NULL && !(fault == unknown_image && jsonl->unknown_said))
        say(jsonl, fault);
    jsonl->unknown_said = jsonl->unknown_said || fault == unknown_image;
    cJSON_Delete(object);
    return is_event;
}

/* Reads up to the line's end or until `capacity` bytes are full, NUL included; returns how many there are without that,
 * 0 at the end. There may be NULs among them: what fgets() left alone tells where it ended. */
static size_t read_piece(FILE *file, char *out, size_t capacity)
{
    memset(out, '\n', capacity);
    if (fgets_unlocked(out, (int)capacity, file) == NULL)
        return 0;
    const char *newline = memchr(out, '\n', capacity);
    if (newline == NULL)
        return capacity - 1;
    size_t size = (size_t)(newline - out);
    bool was_read = size + 1 < capacity && newline[1] == 0;
    return was_read ? size + 1 : size - 1;
}

/* Goes on behind a hole in the file: nobody wrote lines there. */
static void skip_hole(FILE *file)
{
    off_t at = ftello(file);
    if (at < 0)
        return; /* a pipe has none */
    off_t data = lseek(fileno(file), at, SEEK_DATA);
    bool no_more = data < 0 && errno == ENXIO;
    fseeko(file, no_more ? 0 : data > at ? data : at, no_more ? SEEK_END : SEEK_SET);
}

/* Reads one line; returns its length, 0 at the end. Of a line longer than LINE_SIZE_MAX the rest is read and dropped,
 * and what is returned is longer than that. */
static size_t read_line(struct jsonl *jsonl)
{
    enum { PIECE = 1024 }; /* a few hundred bytes are usual, and all of it is written */
    size_t length = 0;
    for (bool more = true; more;) {
        size_t at = length <= LINE_SIZE_MAX ? length : 0;
        if (at + PIECE > jsonl->line_capacity) {
            jsonl->line_capacity = 2 * (at + PIECE);
            jsonl->line = memory_must(realloc(jsonl->line, jsonl->line_capacity));
        }
        size_t size = read_piece(jsonl->file, jsonl->line + at, PIECE);
        if ((length + size) / LINE_SIZE_MAX > length / LINE_SIZE_MAX)
            skip_hole(jsonl->file);
        length += size;
        more = size == PIECE - 1 && jsonl->line[at + size - 1] != '\n';
    }
    return length;
}

/* Takes away what editors and other systems add: the mark before the first line, the carriage return at the end of
 * each. Returns the length that is left. */
static size_t clean_line(struct jsonl *jsonl, size_t length)
{
    const size_t mark = strlen(JSONL_MARK);
    char *line = jsonl->line;
    if (jsonl->number == 1 && length >= mark && memcmp(line, JSONL_MARK, mark) == 0)
        memmove(line, line + mark, length -= mark);
    if (length >= 2 && line[length - 1] == '\n' && line[length - 2] == '\r')
        line[--length - 1] = '\n';
    return length;
}

/* What was read so far stays. */
static void say_end(struct jsonl *jsonl)
{
    if (!ferror(jsonl->file) || jsonl->failed)
        return;
    jsonl->failed = true;
    say(jsonl, errno == EBADMSG ? "compressed data are damaged or cut short" : strerror(errno));
}

bool jsonl_next(struct jsonl *jsonl, struct event *event)
{
    for (size_t length; !jsonl->refused && (length = read_line(jsonl)) > 0;) {
        jsonl->number++;
        jsonl->bytes += length;
        if (length <= LINE_SIZE_MAX)
            length = clean_line(jsonl, length);
        if (length > LINE_SIZE_MAX)
            say(jsonl, "longer than any line of a trace");
        else if (take_written(jsonl, length, event) ||
                 (strspn(jsonl->line, " \t\r\n") < length && take_line(jsonl, length, event)))
            return true;
    }
    if (!jsonl->refused)
        say_end(jsonl);
    return false;
}

void jsonl_close(struct jsonl *jsonl)
{
    for (unsigned i = 0; i < jsonl->images_count; i++)
        if (jsonl->images[i] != NULL)
            free((char *)jsonl->images[i]->name);
    if (jsonl->file != NULL && jsonl->file != stdin)
        fclose(jsonl->file);
    free(jsonl->images);
    free(jsonl->line);
    free(jsonl->slots);
    jsonl_scan_free(jsonl->scan);
    *jsonl = (struct jsonl){.file = NULL};
}
