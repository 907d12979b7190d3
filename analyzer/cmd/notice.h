/* SPDX-License-Identifier: MIT
 *
 * The kernel's notices of sockets that are no more: sock_diag(7)'s multicast groups for TCP and UDP, which anybody may
 * join. They are of one network namespace, that in which the reader was opened. Used by notice_log.c alone.
 */
#ifndef ANALYZER_CMD_NOTICE_H
#define ANALYZER_CMD_NOTICE_H

#include "analyzer/trace/address.h"
#include "shim/trace_format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct notice {
    uint64_t cookie;
    uint8_t protocol; /* IPPROTO_TCP or IPPROTO_UDP */
    uint8_t unread, acked;
    struct address local, peer; /* peer unknown: it had none, or was reset by its own side */
    uint64_t bytes_sent, bytes_received;
    bool tcp_known;
    struct sockatlas_tcp tcp;
};

typedef void notice_found(void *context, const struct notice *notice);
/* Calls `found` for each notice in one datagram of the kernel's, which begins at a multiple of 4. */
void notice_answer(const void *datagram, size_t size, notice_found *found, void *context);

enum { NOTICE_MARKS_MAX = 64 };

struct notice_reader {
    int groups;                         /* a netlink socket that is in the groups; does not block */
    int question;                       /* another one, for notice_left(); -1 none */
    uint64_t netns_cookie, netns_inode; /* 0 unknown */
    uint64_t marks[NOTICE_MARKS_MAX];   /* that were not told of so far */
    unsigned marks_count;
    uint64_t dropped; /* by the kernel, so far; marks too */
    uint64_t lost;    /* the others of these; exact when the end was reached, and no more than there are before */
    int buffer;       /* its size, bytes */
};
/* `buffer`: bytes of its receive buffer; 0: the usual. False with errno. */
bool notice_open(struct notice_reader *reader, size_t buffer);
/* Reads what there is, but not for ever; false: there was nothing, and nothing was lost. */
bool notice_read(struct notice_reader *reader, notice_found *found, void *context);
/* Where the end is: a thread of the kernel's for each CPU sends the notices, in the order in which sockets ended there,
 * some time later. A mark is a socket that the calling thread ends; when it is told of (or lost), then so was what had
 * ended on this CPU. 0: none could be made. */
uint64_t notice_mark(struct notice_reader *reader);
bool notice_mark_is_told(const struct notice_reader *reader, uint64_t mark);
/* What the kernel keeps in the place of the TCP socket. */
enum sockatlas_left notice_left(const struct notice_reader *reader, const struct notice *notice);
void notice_close(struct notice_reader *reader);

#endif
