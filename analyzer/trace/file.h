/* SPDX-License-Identifier: MIT
 *
 * One log file (NAME.atlas): its header, and its records one after another, of a ring section by section (file_ring.c),
 * after what was collected of it (file_past.c).
 * Reads with pread(2) into a block of its own, never beyond the header's cursor. Its descriptor may be taken away at
 * any time and comes back at need.
 */
#ifndef ANALYZER_TRACE_FILE_H
#define ANALYZER_TRACE_FILE_H

#include "analyzer/trace/complaint.h"
#include "analyzer/trace/event.h"

#include <sys/stat.h>
#include <sys/types.h>

struct file {
    char *path;
    int fd; /* -1: not open */
    dev_t device;
    ino_t inode;
    struct trace_image *image;
    struct complaints *complaints;

    unsigned char *block; /* NULL until something is read */
    struct decode_space *space;
    size_t block_size; /* to allocate */
    size_t filled;     /* bytes of it that hold file contents */
    size_t used;       /* bytes of it that were taken */
    uint64_t offset;   /* file offset of block[0] */
    uint64_t end;      /* file offset where the slots end: the cursor's, or the file's */
    uint64_t size;     /* of the file, at the latest look */
    unsigned damages;  /* records complained about */
    bool unknown_said, cut_said;
    bool listed;      /* found in a folder: through no link */
    bool unpublished; /* a slot was taken and not published: records may be missing */

    struct file_ring *ring;  /* NULL: the file is none */
    struct file_past *past;  /* NULL: nothing of it was collected */
    struct missing *missing; /* of a ring */
    bool looked;             /* `missing` is as of the latest refresh */
    struct {
        uint64_t records, connections, lost;
    } told; /* of it, by file_gap() */
    uid_t owner;
    bool alone;   /* the log is not there, only segments of it */
    bool in_past; /* the block is from a segment */

    bool patient;          /* set by the owner: a slot that is not published yet holds the reader back, for a while */
    uint64_t held_end;     /* the cursor when the waiting began: slots before it are as old */
    int64_t held_since_ms; /* CLOCK_MONOTONIC */
};

/* Opens PATH, which must still be the regular file that `status` tells of, checks its header and fills image->header.
 * `listed`: it was found in a folder, and is followed through no link. False, complained about, when it is no readable
 * log: the file is left closed. `image` and `complaints` must outlive it. */
bool file_open(struct file *file, const char *path, const struct stat *status, bool listed, struct trace_image *image,
               struct complaints *complaints);
/* The same for a segment that stands for its log, which is not there. */
bool file_open_segment(struct file *file, const char *path, const struct stat *status, bool listed,
                       struct trace_image *image, struct complaints *complaints);
/* Whether records may be missing of those that were written: lost, overwritten, or not published. */
bool file_gaps(const struct file *file);
/* How long a patient reader waits for a slot to be published: its writer may have been killed before it could. */
#define FILE_PATIENCE_MS 300

/* The next record, or false at the end of what there is, or at a slot that a patient reader waits for. `event` is valid
 * until the next call. Opens the descriptor at need; a file that cannot be reopened or read ends there, complained
 * about. */
bool file_next(struct file *file, struct event *event);
/* How many bytes of slots were read, and how many there are: for showing progress. */
uint64_t file_done(const struct file *file);
uint64_t file_total(const struct file *file);
/* Looks again how far the file was written. One that is no more counts as closed. */
void file_refresh(struct file *file);
/* Gives the descriptor back; the file goes on at the next file_next(). */
void file_release(struct file *file);
/* Gives the block back too: for a file read to its end. */
void file_rest(struct file *file);
void file_close(struct file *file);

#endif
