/* SPDX-License-Identifier: MIT
 *
 * Parameters: what the program asked for and what the kernel made of it. Callable from anywhere.
 */
#include "shim/watch.h"

#include "shim/detail.h"
#include "shim/memory.h"
#include "shim/probe.h"
#include "shim/record.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>

static void record_option(struct record *record, const struct sockatlas_body_option *option, const void *tail)
{
    struct sockatlas_body_option *body =
        record_begin(record, sizeof(*body), option->kept_size + option->effective_size);
    if (!body)
        return;
    *body = *option;
    record_tail(body, sizeof(*body), tail, (size_t)option->kept_size + option->effective_size);
    record_commit(body, SOCKATLAS_OPTION);
}

/* What the kernel made of it, too: read by `name`. Apart, since its buffers are large for a small stack. */
static __attribute__((noinline)) void record_altered(struct record *record, struct descriptor *entry,
                                                     struct sockatlas_body_option *option, int name, const void *value)
{
    unsigned char both[2 * SOCKATLAS_OPTION_BYTES_MAX];
    if (option->level == SOL_SOCKET && (name == SO_SNDBUF || name == SO_RCVBUF))
        descriptor_set(entry, DESCRIPTOR_BUFFERS, 0);
    if (option->kept_size)
        memcpy(both, value, option->kept_size);
    if (!log_is_failing())
        option->effective_size = (uint16_t)probe_option(record->fd, option->level, name, both + option->kept_size,
                                                        SOCKATLAS_OPTION_BYTES_MAX);
    record_option(record, option, both);
}

void watch_setsockopt(enum sockatlas_call call, int fd, int error, int level, int name, const void *value,
                      socklen_t size)
{
    struct descriptor *entry = watch_socket_used(call, fd);
    if (!entry)
        return;
    /* The kernel may have read less than `size` says: four bytes of a whole number, nothing where it needs no value. */
    uint16_t kept =
        (uint16_t)memory_readable(value, size < SOCKATLAS_OPTION_BYTES_MAX ? size : SOCKATLAS_OPTION_BYTES_MAX);
    struct sockatlas_body_option option = {.level = level, .name = name, .requested_size = size, .kept_size = kept};
    struct record record = {
        .call = call, .error = error, .fd = fd, .cookie = entry->cookie, .about = entry, .about_fd = fd};
    int read_name;
    if (!error && probe_alters(level, name, &read_name))
        record_altered(&record, entry, &option, read_name, value);
    else
        record_option(&record, &option, value);
    if (!error)
        detail_set(fd, entry, level, name, size, value, kept);
}

/* Asking is not tuning: only SO_ERROR is news, the end of a connect or a failure since. */
void watch_getsockopt(enum sockatlas_call call, int fd, int error, int level, int name, const void *value,
                      const socklen_t *size)
{
    if (error || level != SOL_SOCKET || name != SO_ERROR)
        return;
    struct descriptor *entry = watch_socket_used(call, fd);
    int pending;
    /* The kernel writes as much of the number as it was given space for, and says how much. */
    if (!entry || *size != sizeof(pending))
        return;
    memcpy(&pending, value, sizeof(pending));
    if (entry->flags & DESCRIPTOR_CONNECTING) {
        struct endpoint peer;
        endpoint_clear(&peer);
        if (!pending)
            probe_peer(fd, &peer); /* asked too early, the connect is still under way */
        if (pending || endpoint_known(&peer))
            watch_connected(call, fd, entry, pending);
    } else if (pending) {
        descriptor_error(entry, pending);
        struct record record = {.kind = SOCKATLAS_ERROR,
                                .call = call,
                                .error = pending,
                                .fd = fd,
                                .cookie = entry->cookie,
                                .about = entry,
                                .about_fd = fd};
        record_write(&record, "", 0, NULL, 0);
    }
}
