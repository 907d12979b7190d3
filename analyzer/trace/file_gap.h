/* SPDX-License-Identifier: MIT
 *
 * What is missing of a log that is followed, as events among the others.
 */
#ifndef ANALYZER_TRACE_FILE_GAP_H
#define ANALYZER_TRACE_FILE_GAP_H

#include "analyzer/trace/file.h"

/* To be called once all was read that there was at the latest file_refresh(). Whether records were overwritten before
 * they were read, or lost, that were not told yet: then `event` is a COVERAGE record that tells of them, how many and
 * until when; valid as one of file_next(). Again until it is false. */
bool file_gap(struct file *file, struct event *event);

#endif
