/* SPDX-License-Identifier: MIT
 *
 * What a stream is made of: the log files and .jsonl files behind the traces that the user named, and the images and
 * hosts that these tell of. Reads no log's records; called by stream.c alone.
 */
#ifndef ANALYZER_TRACE_SOURCES_H
#define ANALYZER_TRACE_SOURCES_H

#include "analyzer/trace/belief.h"
#include "analyzer/trace/complaint.h"
#include "analyzer/trace/file.h"
#include "analyzer/trace/identity.h"
#include "analyzer/trace/jsonl.h"

/* One log file or one .jsonl. */
struct source {
    struct file file;
    struct jsonl *jsonl; /* NULL: a log file */
    struct event event;  /* the next one, when `waiting` */
    int64_t time;        /* its wall-clock time, ns */
    bool primed;         /* its first event was read already */
    bool waiting;        /* stands in the heap */
    bool left;           /* it took more than its size allows: no more is read */
    /* What handling its events took. */
    uint64_t records, bytes, steps;
    int64_t memory;
};

struct known;
struct host;
struct log;

/* All zero: none yet. `complaints`, `patient` and `live` are the owner's to set. Must not move while there are any. */
struct sources {
    struct complaints complaints;
    bool patient;   /* see stream_open_live() */
    bool live;      /* the first look is over: a host's clock offset is settled */
    char **folders; /* for files that appear later */
    unsigned folders_count;
    struct source **list;
    unsigned count;
    struct trace_image **images; /* by id */
    struct source **of_images;   /* the log of each; NULL: from an export */
    struct identity_told *told;  /* what was handed out of each */
    unsigned images_count;
    struct trace_image **repeats; /* of logs that are among `images`, with their id */
    unsigned repeats_count;
    unsigned repeats_said;
    const char *repeat_said; /* of which export it was said that it has logs that are there already */
    struct log *logs;        /* the images by their identity */
    struct known *known;
    struct host *hosts;
    struct belief *belief; /* the owner's */
};

/* Adds what `trace` (see stream_open()) stands for; what cannot be read is complained about and left out. */
void sources_add(struct sources *sources, const char *trace);
/* Whether the event's record was not there before, in another file of the same log. Makes the event that log's. */
bool sources_tell(struct sources *sources, struct event *event);
/* Adds the log files that appeared in the folders since. */
void sources_look(struct sources *sources);
void sources_free(struct sources *sources);

#endif
