/* SPDX-License-Identifier: MIT
 *
 * Collecting for `run`, while its command runs: a thread that sleeps until a look is due or it is to end. It collects
 * only what would be overwritten soon; a trace that fits in its rings gets no segments.
 */
#include "analyzer/cmd/collect.h"

#include "analyzer/trace/memory.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct collect_thread {
    pthread_t thread;
    int end; /* an eventfd */
    struct collect_rules rules;
    struct collect_folder *folder;
};

static void *work(void *context)
{
    struct collect_thread *self = context;
    struct pollfd end = {.fd = self->end, .events = POLLIN};
    for (;;) {
        int64_t wait = collect_folder_step(self->folder, false) - collect_now();
        int ready = poll(&end, 1, wait > 0 ? (int)wait : 0);
        if (ready > 0)
            return NULL;
    }
}

struct collect_thread *collect_thread_start(int fd, const char *path)
{
    struct collect_thread *self = memory_must(calloc(1, sizeof *self));
    self->end = eventfd(0, EFD_CLOEXEC);
    self->folder = collect_folder_new(fd, path, &self->rules);
    int error = self->end < 0 ? errno : pthread_create(&self->thread, NULL, work, self);
    if (error == 0)
        return self;
    if (self->end >= 0)
        close(self->end);
    collect_folder_free(self->folder);
    free(self);
    errno = error;
    return NULL;
}

void collect_thread_end(struct collect_thread *self)
{
    const uint64_t one = 1;
    if (!self)
        return;
    while (write(self->end, &one, sizeof one) < 0 && errno == EINTR)
        continue;
    pthread_join(self->thread, NULL);
    close(self->end);
    collect_folder_free(self->folder);
    free(self);
}
