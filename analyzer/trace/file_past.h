/* SPDX-License-Identifier: MIT
 *
 * The collected past of a log that is a ring, for file.c: the segments beside it (segment.h), read frame by frame
 * before what is still in the ring. A frame is given out as if its section had just been read from the ring.
 */
#ifndef ANALYZER_TRACE_FILE_PAST_H
#define ANALYZER_TRACE_FILE_PAST_H

#include "analyzer/trace/file.h"

/* A segment by what it is, for whoever finds files twice. */
struct file_past_known {
    dev_t device;
    ino_t inode;
};

/* Finds the segments beside the log; file->image->header and file->ring are filled in. */
void file_past_open(struct file *file);
/* Opens the segment at `path` without its log: file->path becomes the log's. False, complained about, where it is
 * none. */
bool file_past_open_alone(struct file *file, const char *path, const struct stat *status);
/* Adds another one of the same log. */
void file_past_add(struct file *file, const char *path, const struct stat *status);
void file_past_close(struct file *file);

/* Goes on to the next frame that has slots behind those that were read. False: there is none. */
bool file_past_next(struct file *file);
/* Looks again which segments there are. */
void file_past_look(struct file *file);
/* Without its log: what was missing when the header's copy was made, and in segments before the oldest, goes to
 * file->image->header. */
void file_past_count_alone(struct file *file);
/* The segments that were found; the array belongs to the file. */
const struct file_past_known *file_past_known(const struct file *file, size_t *count);

#endif
