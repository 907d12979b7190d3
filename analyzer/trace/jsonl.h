/* SPDX-License-Identifier: MIT
 *
 * The trace as JSON Lines, without loss: one line per log file ("event":"image", the whole header), before the first of
 * its events, and one per event. Reading it back rebuilds the headers and slots, so that all that follows sees the same
 * bytes; where the fields of fields.def do not say everything (damage, reserved bytes), the line carries the bytes as
 * well, as `raw`.
 *
 * Integers are JSON numbers also beyond 2^53 (raw digits; json_integer() reads them back exactly).
 */
#ifndef ANALYZER_TRACE_JSONL_H
#define ANALYZER_TRACE_JSONL_H

#include "analyzer/trace/complaint.h"
#include "analyzer/trace/event.h"
#include "analyzer/trace/json.h"
#include "analyzer/trace/members.h"

/* An event's members into a text's open object. */
void jsonl_members(struct members *to, const struct event *event);
/* Events and images as lines of their own; false with errno when writing failed. */
bool jsonl_print(struct members *line, const struct event *event, FILE *out);
bool jsonl_print_image(struct members *line, const struct trace_image *image, FILE *out);

/* The inverses; `line` as json_integer() wants it. NULL when good, else what is wrong. `version` is that of the
 * export's image; header and record come out in the newest form. */
const char *jsonl_parse_event(const char *line, const cJSON *object, uint32_t version, void *slots, unsigned *count);
const char *jsonl_parse_image(const char *line, const cJSON *object, struct sockatlas_header *header,
                              uint32_t *version);

/* What struct sockatlas_common has space for. */
#define JSONL_PID_MAX   ((1u << 24) - 1)
#define JSONL_ERROR_MAX ((1u << 12) - 1)

/* What was read out of a line beside its record. */
struct jsonl_scanned {
    uint64_t slot, image;
    unsigned slots; /* of the record */
};

/* As jsonl_parse_event() of the parsed line, in a tenth of the time, for a line of `length` bytes that stands as
 * jsonl_print() writes it, its newline included. False: it does not, or is bad, which jsonl_parse_event() tells. */
struct jsonl_scan;
struct jsonl_scan *jsonl_scan_new(void);
void jsonl_scan_free(struct jsonl_scan *scan);
bool jsonl_scan_event(struct jsonl_scan *scan, const char *text, size_t length, void *slots, struct jsonl_scanned *out);

/* May stand before the first line: UTF-8's mark, which some editors write. */
#define JSONL_MARK "\357\273\277"

/* A reader of such lines. */
struct jsonl {
    FILE *file;
    const char *path; /* for messages and images */
    struct complaints *complaints;
    /* Takes an image over, before any event of it is handed out. */
    void (*add_image)(void *context, struct trace_image *image);
    void *context;

    char *line;
    size_t line_capacity;
    uint64_t number; /* of the line, from 1 */
    uint64_t bytes;  /* read so far */
    unsigned damages;
    bool unknown_said;           /* that there are events of an image that is not there: as many as it had */
    bool repeat_said;            /* that an image is there twice */
    char fault[128];             /* space for a message */
    bool failed;                 /* that reading failed */
    bool refused;                /* of a newer version: nothing more is read */
    struct trace_image **images; /* by the number they have in this file; NULL where that is none */
    unsigned images_count;
    unsigned char *slots; /* the event's record */
    struct jsonl_scan *scan;
};

/* Fills in what the caller did not. */
void jsonl_open(struct jsonl *jsonl);
/* The next event, or false at the end. Valid until the next call. */
bool jsonl_next(struct jsonl *jsonl, struct event *event);
void jsonl_close(struct jsonl *jsonl);

#endif
