/* SPDX-License-Identifier: MIT
 *
 * How far a long reading is, on the terminal's last line: only where stderr is a terminal that nothing else writes to
 * meanwhile, and only once it has taken a second.
 */
#ifndef ANALYZER_CMD_PROGRESS_H
#define ANALYZER_CMD_PROGRESS_H

#include "analyzer/trace/stream.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct progress {
    bool wanted, shown;
    uint64_t calls;
    int64_t started_ms, said_ms;
};

/* `out`: where the reader's lines go meanwhile, NULL when nothing is written before the end. */
void progress_begin(struct progress *progress, FILE *out);
/* Once per event; looks at the clock now and then only. */
void progress_say(struct progress *progress, const struct stream *stream);
static inline void progress_step(struct progress *progress, const struct stream *stream)
{
    if (progress->wanted && (++progress->calls & 0x3fff) == 0)
        progress_say(progress, stream);
}
/* Takes the line away. */
void progress_end(struct progress *progress);

#endif
