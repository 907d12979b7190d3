/* SPDX-License-Identifier: MIT
 *
 * Programs of the run that can reach no log, neither their own nor `run`'s (struct sockatlas_report): a thread hears
 * what they say, since few such datagrams wait, and keeps who said it for the log. What others say is nothing.
 */
#include "analyzer/cmd/run.h"

#include "shim/trace_format.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { NAMES_MAX = 64, LATE_MAX = 1000 };

struct run_unheard {
    pthread_t thread;
    bool begun;
    pthread_mutex_t lock; /* of what is below it */
    char names[NAMES_MAX][sizeof((struct sockatlas_report *)0)->comm];
    unsigned count, told; /* of the names; of these, how many the log has */
    bool more;            /* there were others */
    bool across_users;
    int socket, end;
};

static void keep(struct run_unheard *unheard, const struct sockatlas_report *report)
{
    unsigned at = 0;
    pthread_mutex_lock(&unheard->lock);
    while (at < unheard->count && strncmp(unheard->names[at], report->comm, sizeof report->comm) != 0)
        at++;
    if (at == NAMES_MAX)
        unheard->more = true;
    else if (at == unheard->count)
        memcpy(unheard->names[unheard->count++], report->comm, sizeof report->comm);
    pthread_mutex_unlock(&unheard->lock);
}

/* Whether the kernel says that the sender is somebody whose programs are followed. */
static bool may_tell(const struct run_unheard *unheard, struct msghdr *message)
{
    for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at; at = CMSG_NXTHDR(message, at)) {
        struct ucred sender;
        if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_CREDENTIALS || at->cmsg_len < CMSG_LEN(sizeof sender))
            continue;
        memcpy(&sender, CMSG_DATA(at), sizeof sender);
        return sender.uid == geteuid() || sender.uid == 0 || unheard->across_users;
    }
    return false;
}

static void hear(struct run_unheard *unheard)
{
    struct sockatlas_report report;
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(struct ucred))];
    } control;
    struct iovec data = {&report, sizeof report};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t size = recvmsg(unheard->socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size == (ssize_t)sizeof report && report.magic == SOCKATLAS_REPORT_MAGIC && may_tell(unheard, &message))
        keep(unheard, &report);
}

static void *work(void *context)
{
    struct run_unheard *unheard = context;
    struct pollfd wait[] = {{.fd = unheard->socket, .events = POLLIN}, {.fd = unheard->end, .events = POLLIN}};
    /* What came before the end is heard too. */
    for (unsigned late = 0; !wait[1].revents || (wait[0].revents && late < LATE_MAX); late += wait[1].revents != 0) {
        poll(wait, 2, -1);
        if (wait[0].revents)
            hear(unheard);
    }
    return NULL;
}

static bool listen_for(struct run_unheard *unheard, const struct run_preload *preload)
{
    const int on = 1;
    struct sockaddr_un own = {.sun_family = AF_UNIX};
    int size = snprintf(own.sun_path + 1, sizeof own.sun_path - 1, SOCKATLAS_REPORT_NAME "%016" PRIx64 "%016" PRIx64,
                        preload->id[0], preload->id[1]);
    unheard->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return unheard->socket >= 0 && setsockopt(unheard->socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0 &&
           bind(unheard->socket, (const struct sockaddr *)&own,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size)) == 0;
}

static void release(struct run_unheard *unheard)
{
    if (unheard->socket >= 0)
        close(unheard->socket);
    if (unheard->end >= 0)
        close(unheard->end);
    pthread_mutex_destroy(&unheard->lock);
    free(unheard);
}

struct run_unheard *run_unheard_open(const struct run_preload *preload)
{
    struct run_unheard *unheard = calloc(1, sizeof *unheard);
    if (!unheard)
        return NULL;
    unheard->across_users = preload->folder->across_users;
    unheard->socket = -1;
    unheard->end = eventfd(0, EFD_CLOEXEC);
    pthread_mutex_init(&unheard->lock, NULL);
    if (unheard->end >= 0 && listen_for(unheard, preload))
        return unheard;
    release(unheard);
    return NULL;
}

void run_unheard_begin(struct run_unheard *unheard)
{
    if (unheard)
        unheard->begun = pthread_create(&unheard->thread, NULL, work, unheard) == 0;
}

bool run_unheard_write(struct run_unheard *unheard, struct run_log *log)
{
    char name[sizeof unheard->names[0] + 1] = "";
    bool any = false, more;
    if (!unheard)
        return false;
    do {
        pthread_mutex_lock(&unheard->lock);
        more = unheard->told < unheard->count;
        if (more)
            memcpy(name, unheard->names[unheard->told++], sizeof name - 1);
        pthread_mutex_unlock(&unheard->lock);
        if (more)
            run_log_unreachable(log, name);
        any |= more;
    } while (more);
    return any;
}

void run_unheard_end(struct run_unheard *unheard, struct run_log *log)
{
    const uint64_t one = 1;
    if (!unheard)
        return;
    while (unheard->begun && write(unheard->end, &one, sizeof one) < 0 && errno == EINTR)
        continue;
    if (unheard->begun)
        pthread_join(unheard->thread, NULL);
    run_unheard_write(unheard, log);
    if (unheard->more)
        run_log_unreachable(log, NULL);
    release(unheard);
}
