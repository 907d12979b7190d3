/* SPDX-License-Identifier: MIT
 *
 * Waiting for a live trace to grow, see follow.h.
 */
#include "analyzer/cmd/follow.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

/* Between two looks, at least and at most. */
#define WAIT_LEAST_MS 20
#define WAIT_MOST_MS  200

void follow_begin(struct follow *follow, char *const *traces, int count)
{
    *follow = (struct follow){.inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), .wait_ms = WAIT_LEAST_MS};
    /* What is no folder is not watched, only looked at. */
    for (int i = 0; i < (count ? count : 1) && follow->inotify >= 0; i++)
        inotify_add_watch(follow->inotify, count ? traces[i] : "./sockatlas.data",
                          IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
}

bool follow_wait(struct follow *follow, bool busy, int wake, int out)
{
    struct pollfd waits[] = {
        {.fd = follow->inotify, .events = POLLIN}, {.fd = wake, .events = POLLIN}, {.fd = out, .events = 0}};
    char events[4096];
    follow->wait_ms = busy ? WAIT_LEAST_MS : follow->wait_ms * 2 < WAIT_MOST_MS ? follow->wait_ms * 2 : WAIT_MOST_MS;
    poll(waits, sizeof waits / sizeof *waits, follow->wait_ms);
    while (follow->inotify >= 0 && read(follow->inotify, events, sizeof events) > 0)
        continue;
    return out < 0 || (waits[2].revents & (POLLERR | POLLHUP)) == 0;
}

void follow_end(struct follow *follow)
{
    if (follow->inotify >= 0)
        close(follow->inotify);
}
