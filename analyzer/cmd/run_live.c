/* SPDX-License-Identifier: MIT
 *
 * `run --live`: a thread that prints the events on stderr as the command's logs grow, while the main thread waits for
 * the command. All signals are held when it starts, so that none is delivered to it.
 */
#include "analyzer/cmd/run.h"

#include "analyzer/cmd/events_print.h"
#include "analyzer/cmd/follow.h"
#include "analyzer/trace/stream.h"
#include "analyzer/view/table.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct run_live {
    pthread_t thread;
    const struct run_folder *folder;
    char *traces[1];
    int ended[2]; /* a pipe: closing its writing end ends the following */
};

/* Prints what there is; true when there was something. */
static bool print_new(struct stream *stream, struct events_print *print)
{
    struct event event;
    bool busy = false;
    while (stream_next(stream, &event)) {
        events_print(print, &event);
        busy = true;
    }
    return busy;
}

static bool has_ended(const struct run_live *live)
{
    struct pollfd end = {.fd = live->ended[0], .events = POLLIN};
    return poll(&end, 1, 0) > 0;
}

static void *print_live(void *context)
{
    struct run_live *live = context;
    struct follow follow;
    struct events_print print = {.out = stderr, .look = {view_width(stderr), view_colour(stderr)}};
    struct stream *stream = stream_open_live(live->traces, 1, run_content_complain, (void *)live->folder);
    events_print_begin(&print);
    follow_begin(&follow, live->traces, 1);
    while (!has_ended(live)) {
        bool busy = print_new(stream, &print);
        follow_wait(&follow, busy, live->ended[0], -1);
        stream_refresh(stream);
    }
    stream_settle(stream);
    stream_refresh(stream);
    print_new(stream, &print);
    follow_end(&follow);
    events_print_end(&print);
    stream_close(stream);
    return NULL;
}

struct run_live *run_live_start(const struct run_folder *folder)
{
    struct run_live *live = malloc(sizeof *live);
    if (!live)
        return NULL;
    live->folder = folder;
    live->traces[0] = (char *)folder->dir;
    if (pipe2(live->ended, O_CLOEXEC) < 0) {
        free(live);
        return NULL;
    }
    if (pthread_create(&live->thread, NULL, print_live, live) != 0) {
        close(live->ended[0]);
        close(live->ended[1]);
        free(live);
        return NULL;
    }
    return live;
}

void run_live_end(struct run_live *live)
{
    if (!live)
        return;
    close(live->ended[1]);
    pthread_join(live->thread, NULL);
    close(live->ended[0]);
    free(live);
}
