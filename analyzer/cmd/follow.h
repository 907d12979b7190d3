/* SPDX-License-Identifier: MIT
 *
 * Waiting for a live trace to grow, without a hand on the traced programs. New logs are told by inotify; what is
 * written to a mapped log is told by nobody, so the logs are looked at again after a while: soon when there was
 * something last time, seldom when there was not.
 */
#ifndef ANALYZER_CMD_FOLLOW_H
#define ANALYZER_CMD_FOLLOW_H

#include <stdbool.h>

struct follow {
    int inotify; /* -1: none */
    int wait_ms;
};

/* `traces` as for stream_open(). */
void follow_begin(struct follow *follow, char *const *traces, int count);
/* Sleeps until it is time to look again. `busy`: something was there the last time. `wake`: a descriptor whose
 * readiness ends the wait, -1 none. False when `out` is a pipe that nobody reads any more (-1: not looked at). */
bool follow_wait(struct follow *follow, bool busy, int wake, int out);
void follow_end(struct follow *follow);

#endif
