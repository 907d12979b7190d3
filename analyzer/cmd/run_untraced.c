/* SPDX-License-Identifier: MIT
 *
 * The peers that are on this machine but not traced: a thread follows the trace, collects where the traced programs
 * connect and send to, and asks the kernel now and then, for all of them at once, who is there. Off the traced
 * programs' path. All signals are held when it starts, so that none is delivered to it.
 *
 * A connection's own end is found while it lives; one that was over sooner is told by who listens on its address, which
 * is looked up again when the command has ended. Missed are servers that were gone by then, and namespaces that are not
 * `run`'s own.
 */
#include "analyzer/cmd/run.h"

#include "analyzer/cmd/diag.h"
#include "analyzer/cmd/follow.h"
#include "analyzer/cmd/proc.h"
#include "analyzer/trace/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PENDING_MAX 256  /* questions put to the kernel at once; what comes beyond is asked for by address only */
#define SERVED_MAX  1024 /* distinct addresses */
#define LOOK_TRIES  5    /* for a connection that is not accepted yet */
#define PAUSE_MS    100

/* A connection whose other end is to be found, by its addresses or, over a unix socket, by its inode; without a local
 * address: whoever serves the address. */
struct question {
    struct address local, peer;
    uint16_t type;
    unsigned tries;
    uint64_t cookie; /* unix: the traced end's, and its inode */
    uint32_t traced_inode;
    uint32_t inode;
    struct diag_socket found;
};

struct log_seen {
    bool has_records;
    bool removed; /* and that was said */
};

struct run_untraced {
    pthread_t thread;
    const struct run_preload *preload;
    char *traces[1];
    struct run_log *log;
    struct run_notices *notices;
    struct run_unheard *unheard;
    int ended[2]; /* a pipe: closing its writing end ends the following */
    uint64_t netns, pidns;
    struct question asked[PENDING_MAX];
    unsigned asked_count;
    struct question served[SERVED_MAX];
    unsigned served_count;
    struct timespec folder_changed; /* when the folder's content was looked at, its own time of change */
    struct log_seen *logs;          /* by image */
    unsigned logs_count;
};

static uint64_t namespace_inode(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? status.st_ino : 0;
}

/* ---- What the traced programs do ---- */

static void ask_served(struct run_untraced *untraced, const struct address *peer, uint16_t type)
{
    for (unsigned i = 0; i < untraced->served_count; i++)
        if (untraced->served[i].type == type && address_equal(&untraced->served[i].peer, peer))
            return;
    if (untraced->served_count < SERVED_MAX)
        untraced->served[untraced->served_count++] = (struct question){.peer = *peer, .type = type};
}

/* An unspecified address is the own host's. */
static void settle_address(struct address *peer)
{
    if (!address_is_any(peer))
        return;
    if (peer->family == AF_INET)
        memcpy(peer->bytes, (unsigned char[]){127, 0, 0, 1}, 4);
    else
        peer->bytes[15] = 1;
}

static uint32_t socket_inode(uint32_t pid, int32_t fd)
{
    char path[64], target[64];
    snprintf(path, sizeof path, "/proc/%u/fd/%d", pid, fd);
    ssize_t size = readlink(path, target, sizeof target - 1);
    target[size > 0 ? size : 0] = '\0';
    return proc_socket_inode(target);
}

static void ask_connection(struct run_untraced *untraced, const struct event *event, const struct address *local,
                           const struct address *peer)
{
    struct question question = {.local = *local, .peer = *peer};
    if (untraced->asked_count == PENDING_MAX)
        return;
    if (peer->family == AF_UNIX) {
        question.cookie = event->cookie;
        question.traced_inode = event->cookie ? socket_inode(event->pid, event->fd) : 0;
        if (!question.traced_inode)
            return;
    } else if (!address_known(local)) {
        return;
    }
    untraced->asked[untraced->asked_count++] = question;
}

/* Whether the event says that something of the run makes calls that no wrapper sees. */
static bool tells_untraced(const struct event *event)
{
    switch (event->kind) {
    case SOCKATLAS_EXEC:
        return ((const struct sockatlas_body_exec *)event_body(event))->untraced != SOCKATLAS_TRACEABLE;
    case SOCKATLAS_SPAWN:
        return ((const struct sockatlas_body_spawn *)event_body(event))->untraced != SOCKATLAS_TRACEABLE;
    case SOCKATLAS_COVERAGE:
        switch (((const struct sockatlas_body_coverage *)event_body(event))->what) {
        case SOCKATLAS_COVERAGE_IO_URING:
        case SOCKATLAS_COVERAGE_SECCOMP:
        case SOCKATLAS_COVERAGE_UNTRACED_CHILD:
        case SOCKATLAS_COVERAGE_NO_LOG:
            return true;
        default:
            return false;
        }
    default:
        return false;
    }
}

static void note_event(struct run_untraced *untraced, const struct event *event)
{
    const struct sockatlas_header *header = &event->image->header;
    struct address peer, local;
    if (tells_untraced(event))
        run_notices_need(untraced->notices);
    if (!event_of_program(header) || header->pidns_inode != untraced->pidns)
        return;
    bool connects = event->kind == SOCKATLAS_CONNECT && (!event->error || event->error == EINPROGRESS);
    if (!connects && event->kind != SOCKATLAS_PEER)
        return;
    if (header->netns_inode != untraced->netns)
        return;
    event_addresses(event, &peer, &local);
    bool inet = peer.family == AF_INET || peer.family == AF_INET6;
    if ((!inet && peer.family != AF_UNIX) || !peer.size)
        return;
    settle_address(&peer);
    ask_served(untraced, &peer, event->kind == SOCKATLAS_PEER ? SOCK_DGRAM : 0);
    if (connects)
        ask_connection(untraced, event, &local, &peer);
}

/* ---- What the kernel says ---- */

static bool serves(const struct diag_socket *socket, const struct question *question)
{
    const struct address *local = &socket->local, *peer = &question->peer;
    if (!socket->listening || (question->type && socket->type != question->type))
        return false;
    return address_equal(local, peer) ||
           (peer->family != AF_UNIX && local->port == peer->port && address_is_any(local));
}

static void match_socket(void *context, const struct diag_socket *socket)
{
    struct run_untraced *untraced = context;
    if (!socket->inode)
        return;
    for (unsigned i = 0; i < untraced->asked_count; i++) {
        struct question *question = &untraced->asked[i];
        if (question->traced_inode) {
            if (question->traced_inode != socket->inode || !socket->peer_inode)
                continue;
            question->inode = socket->peer_inode;
            question->found = (struct diag_socket){
                .local = question->peer, .peer = {.family = AF_UNIX}, .type = socket->type, .listening = false};
        } else if (!socket->listening && address_equal(&socket->local, &question->peer) &&
                   address_equal(&socket->peer, &question->local)) {
            question->inode = socket->inode;
            question->found = *socket;
        }
    }
    for (unsigned i = 0; i < untraced->served_count; i++) {
        struct question *question = &untraced->served[i];
        if (!question->inode && serves(socket, question)) {
            question->inode = socket->inode;
            question->found = *socket;
        }
    }
}

static void write_found(const struct run_untraced *untraced, const struct question *question, pid_t pid)
{
    struct run_peer_name name;
    if (!run_peer_name(&name, pid))
        return;
    const struct diag_socket *found = &question->found;
    run_log_untraced(untraced->log, &(struct run_peer){.pid = pid,
                                                       .comm = name.comm,
                                                       .exe = name.exe,
                                                       .netns_inode = untraced->netns,
                                                       .type = found->type,
                                                       .listening = found->listening,
                                                       .traced_cookie = question->cookie,
                                                       .local = &found->local,
                                                       .peer = &found->peer});
}

/* Whose the sockets found are; those are written down, and asked for no more. */
static void find_holders(const struct run_untraced *untraced, struct question *questions, unsigned count, bool latest)
{
    struct diag_holder *holders = calloc(count ? count : 1, sizeof *holders);
    unsigned wanted = 0;
    for (unsigned i = 0; holders && i < count; i++)
        if (questions[i].inode && questions[i].tries < LOOK_TRIES)
            holders[wanted++].inode = questions[i].inode;
    if (wanted)
        diag_holders(holders, wanted, latest);
    wanted = 0;
    for (unsigned i = 0; holders && i < count; i++) {
        if (!questions[i].inode || questions[i].tries >= LOOK_TRIES)
            continue;
        pid_t pid = holders[wanted++].pid;
        if (!pid)
            continue;
        enum run_traced traced = run_traced(pid, untraced->preload);
        if (traced == RUN_TRACED_UNKNOWN)
            continue; /* another one may have it at the next look */
        if (traced == RUN_TRACED_NOT)
            write_found(untraced, &questions[i], pid);
        questions[i].tries = LOOK_TRIES;
    }
    free(holders);
}

static bool any_open(struct question *questions, unsigned count, bool any_family, int family)
{
    for (unsigned i = 0; i < count; i++)
        if (questions[i].tries < LOOK_TRIES &&
            (any_family || (questions[i].peer.family == AF_UNIX) == (family == AF_UNIX)))
            return true;
    return false;
}

static void forget_asked(struct run_untraced *untraced)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < untraced->asked_count; i++)
        if (++untraced->asked[i].tries < LOOK_TRIES)
            untraced->asked[kept++] = untraced->asked[i];
    untraced->asked_count = kept;
    for (unsigned i = 0; i < untraced->served_count; i++)
        if (untraced->served[i].tries < LOOK_TRIES)
            untraced->served[i].tries++;
}

static void resolve(struct run_untraced *untraced)
{
    static const struct {
        int family, protocol;
    } kinds[] = {
        {AF_INET, IPPROTO_TCP}, {AF_INET6, IPPROTO_TCP}, {AF_INET, IPPROTO_UDP}, {AF_INET6, IPPROTO_UDP}, {AF_UNIX, 0}};
    if (!any_open(untraced->asked, untraced->asked_count, true, 0) &&
        !any_open(untraced->served, untraced->served_count, true, 0))
        return;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (any_open(untraced->served, untraced->served_count, false, kinds[i].family) ||
            any_open(untraced->asked, untraced->asked_count, false, kinds[i].family))
            diag_sockets(kinds[i].family, kinds[i].protocol, match_socket, untraced);
    find_holders(untraced, untraced->asked, untraced->asked_count, true);
    find_holders(untraced, untraced->served, untraced->served_count, false);
    forget_asked(untraced);
}

/* ---- The thread ---- */

/* NULL: there is no memory for it. */
static struct log_seen *log_of(struct run_untraced *untraced, unsigned image)
{
    if (image >= untraced->logs_count) {
        unsigned count = 2 * image + 16;
        struct log_seen *logs = realloc(untraced->logs, count * sizeof *logs);
        if (!logs)
            return NULL;
        memset(logs + untraced->logs_count, 0, (count - untraced->logs_count) * sizeof *logs);
        untraced->logs = logs;
        untraced->logs_count = count;
    }
    return &untraced->logs[image];
}

static bool read_new(struct run_untraced *untraced, struct stream *stream)
{
    struct event event;
    bool busy = false;
    while (stream_next(stream, &event)) {
        note_event(untraced, &event);
        struct log_seen *seen = log_of(untraced, event.image->id);
        if (seen)
            seen->has_records = true;
        busy = true;
    }
    return busy;
}

static void quiet(void *context, const char *text)
{
    (void)context;
    (void)text; /* whoever reads the trace later complains */
}

/* A log that somebody removed: whoever has it mapped goes on writing into what nobody can read. One without records was
 * removed by its own program at the end. */
static void note_removed(struct run_untraced *untraced, const struct stream *stream)
{
    int folder = untraced->preload->folder->fd;
    unsigned count = stream_image_count(stream);
    struct stat status;
    if (fstat(folder, &status) < 0 || memcmp(&status.st_mtim, &untraced->folder_changed, sizeof status.st_mtim) == 0)
        return;
    untraced->folder_changed = status.st_mtim;
    for (unsigned i = 0; i < count; i++) {
        const struct trace_image *image = stream_image(stream, i);
        struct log_seen *seen = log_of(untraced, i);
        if (!seen || !seen->has_records || seen->removed || !run_content_log(image->name) ||
            fstatat(folder, image->name, &status, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT)
            continue;
        seen->removed = true;
        run_log_removed(untraced->log, image->name, image->header.pid);
    }
}

static bool pause_ended(const struct run_untraced *untraced)
{
    struct pollfd end = {.fd = untraced->ended[0], .events = POLLIN};
    return poll(&end, 1, PAUSE_MS) > 0;
}

static void *follow_peers(void *context)
{
    struct run_untraced *untraced = context;
    struct follow follow;
    struct stream *stream = stream_open_live(untraced->traces, 1, quiet, NULL);
    follow_begin(&follow, untraced->traces, 1);
    do {
        bool busy = read_new(untraced, stream);
        resolve(untraced);
        run_log_folder(untraced->log);
        note_removed(untraced, stream);
        if (run_unheard_write(untraced->unheard, untraced->log))
            run_notices_need(untraced->notices);
        follow_wait(&follow, busy, untraced->ended[0], -1);
        stream_refresh(stream);
    } while (!pause_ended(untraced));
    stream_settle(stream);
    stream_refresh(stream);
    read_new(untraced, stream);
    untraced->folder_changed = (struct timespec){0};
    note_removed(untraced, stream);
    for (unsigned i = 0; i < untraced->served_count; i++)
        if (!untraced->served[i].inode)
            untraced->served[i].tries = 0; /* once more */
    resolve(untraced);
    follow_end(&follow);
    stream_close(stream);
    return NULL;
}

struct run_untraced *run_untraced_start(const struct run_preload *preload, struct run_log *log,
                                        struct run_notices *notices, struct run_unheard *unheard)
{
    struct run_untraced *untraced = log ? calloc(1, sizeof *untraced) : NULL;
    if (!untraced)
        return NULL;
    untraced->preload = preload;
    untraced->traces[0] = (char *)preload->folder->dir;
    untraced->log = log;
    untraced->notices = notices;
    untraced->unheard = unheard;
    untraced->netns = namespace_inode("/proc/self/ns/net");
    untraced->pidns = namespace_inode("/proc/self/ns/pid");
    if (pipe2(untraced->ended, O_CLOEXEC) < 0) {
        free(untraced);
        return NULL;
    }
    if (pthread_create(&untraced->thread, NULL, follow_peers, untraced) != 0) {
        close(untraced->ended[0]);
        close(untraced->ended[1]);
        free(untraced);
        return NULL;
    }
    return untraced;
}

void run_untraced_end(struct run_untraced *untraced)
{
    if (!untraced)
        return;
    close(untraced->ended[1]);
    pthread_join(untraced->thread, NULL);
    close(untraced->ended[0]);
    free(untraced->logs);
    free(untraced);
}
