/* SPDX-License-Identifier: MIT
 *
 * How far a long reading is, see progress.h.
 */
#include "analyzer/cmd/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* Before the first line, and between lines. */
#define PATIENCE_MS 1000
#define PERIOD_MS   200

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void progress_begin(struct progress *progress, FILE *out)
{
    bool shared = out && isatty(fileno(out));
    *progress = (struct progress){.wanted = !shared && isatty(STDERR_FILENO), .started_ms = now_ms()};
}

void progress_say(struct progress *progress, const struct stream *stream)
{
    uint64_t done, total;
    int64_t now = now_ms();
    if (now - progress->started_ms < PATIENCE_MS || now - progress->said_ms < PERIOD_MS)
        return;
    stream_progress(stream, &done, &total);
    progress->said_ms = now;
    progress->shown = true;
    if (total)
        fprintf(stderr, "\r%3u %% of %" PRIu64 " MB read\033[K", (unsigned)((double)done * 100 / (double)total),
                total / 1000000);
    else
        fprintf(stderr, "\r%" PRIu64 " MB read\033[K", done / 1000000);
    fflush(stderr);
}

void progress_end(struct progress *progress)
{
    if (progress->shown)
        fputs("\r\033[K", stderr);
    progress->shown = false;
}
