/* SPDX-License-Identifier: MIT
 *
 * Which records of a log can be true. Whoever has a log mapped can write anything into it: a worker that gave up root's
 * rights still has the log that root's process made. So a record is believed only where its writer could know it: about
 * the process that the log's header names, and about those that were forked from it and go on in its log. What cannot
 * be shown to be false is believed.
 */
#ifndef ANALYZER_TRACE_BELIEF_H
#define ANALYZER_TRACE_BELIEF_H

#include "analyzer/trace/event.h"

#include <stdbool.h>

struct belief;

/* Whether the log of `image` has a record of its own process to come that is later than `time_ns`: then that process
 * lived at the time. */
typedef bool belief_lives(void *context, unsigned image, uint64_t time_ns);

struct belief *belief_new(belief_lives *lives, void *context);
void belief_free(struct belief *belief);
/* NULL when the header can be true of a log of this name; else what is wrong with it. */
const char *belief_check(const struct trace_image *image);
/* A log is read from now on, with its id. Images that are never told of (an export's) are believed. */
void belief_image(struct belief *belief, const struct trace_image *image);
/* To be called for every event of such a log, in the order of time. `gaps`: records of this log may be missing before
 * it. */
bool belief_event(struct belief *belief, const struct event *event, bool gaps);

#endif
