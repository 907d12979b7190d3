/* SPDX-License-Identifier: MIT
 *
 * A half: one end of one conversation, as a plain row. The replay makes it (a connection has one at each end, a
 * datagram socket one for each peer, a connect() that failed one for itself); the pairing finds which two are one
 * conversation. Everything that a decision needs is in the row, so that a socket need not be kept until its other end
 * is known, and so that the same rows can be paired elsewhere.
 *
 * 0 and NULL: unknown. Times are the host's CLOCK_BOOTTIME.
 */
#ifndef ANALYZER_PAIR_HALF_H
#define ANALYZER_PAIR_HALF_H

#include "analyzer/trace/address.h"

struct network;
struct process;

enum side { SIDE_UNKNOWN, SIDE_CLIENT, SIDE_SERVER };
enum match { MATCH_NONE, MATCH_EXACT, MATCH_PAIR, MATCH_PATH, MATCH_NAT, MATCH_UNTRACED, MATCH_EXTERNAL };

/* What became of an attempt to connect. An accepted connection and a socket pair are established. */
enum outcome {
    OUTCOME_UNKNOWN,
    OUTCOME_PENDING, /* still trying when the trace ends */
    OUTCOME_ESTABLISHED,
    OUTCOME_FAILED,     /* the kernel said why: `error` */
    OUTCOME_UNANSWERED, /* given up, closed, interrupted or killed before anybody answered */
};

/* What every count called failed counts. */
static inline bool outcome_failed(enum outcome outcome)
{
    return outcome == OUTCOME_FAILED || outcome == OUTCOME_UNANSWERED;
}

/* How an established connection ended. */
enum end {
    END_UNKNOWN,
    END_OPEN,   /* when the trace ends */
    END_CLOSED, /* in order, as far as either end can tell */
    END_RESET,
    END_BROKEN, /* a write found it gone */
};

enum resetter { RESET_UNKNOWN, RESET_LOCAL, RESET_PEER };

/* Who began the conversation, where the pairing knows both who this half's process is and who the other end is. */
enum initiator { INITIATOR_UNKNOWN, INITIATOR_SELF, INITIATOR_PEER };

struct half {
    /* Which socket of which transport. */
    uint64_t socket; /* id within the report */
    uint64_t cookie;
    unsigned host;
    const struct network *network;
    uint16_t family, type;
    int32_t protocol;
    unsigned class; /* transports that can be two ends of one conversation have one */
    bool datagram;

    /* Whose it is. */
    struct process *process; /* who used it */
    struct process *creator; /* a socket pair's */
    uint64_t pidns;          /* in which the pids below are */
    uint32_t own_pid;        /* unix: who connected */
    uint32_t peer_pid;       /* unix: as the kernel told: the listener's, the connector's */
    uint32_t listen_pid;     /* unix, accepted: who called listen() */

    /* Where it leads. */
    struct address local, peer;
    const char *peer_name;  /* that the program resolved */
    uint64_t pair_socket;   /* a socket pair's other end */
    uint64_t listener;      /* accepted: the socket that it came out of */
    struct process *served; /* who served the peer's address when this began */
    uint64_t served_socket;
    bool served_near;   /* and that is of the same network */
    bool awaits_accept; /* a traced process listened: it may accept later */
    bool to_group;      /* datagrams to all who want them */
    bool used;          /* datagrams were exchanged, not only connect()ed */
    bool only;          /* the socket has no other half */
    bool counts_socket; /* the socket is to be counted among those of its edge */

    /* Who began, and when. Datagrams: CLIENT sent first, SERVER received first. */
    enum side side;
    enum side likely;  /* of one that was there before it was looked at: by its ports and its descriptor */
    uint64_t start_ns; /* the call to connect(), accept(); the first datagram */
    uint64_t began_ns; /* when it can have begun at the earliest */
    uint64_t connected_ns;
    uint64_t closed_ns;
    bool open; /* when the trace ends */

    /* What went through. */
    bool sent_known, received_known;
    uint64_t bytes_sent, bytes_received;
    uint32_t unread; /* TCP: of those received, nobody had read so many when it was closed; 0 none, or not known */
    bool heard_end;  /* TCP: the other end's FIN has come, and with it all that was sent before */

    /* What became of it. */
    enum outcome outcome;
    enum end end;
    enum resetter reset_by;
    uint16_t error;
    uint64_t connect_ns; /* UINT64_MAX unknown */
    bool tcp_known;
    uint32_t rtt_us, retransmits;
    bool complete; /* nothing of it was overwritten or lost */
    bool recorded; /* all of its process's records are there, if not all counts */

    /* What the pairing finds. */
    enum match match;
    uint64_t peer_socket;         /* id of the other end, 0 none */
    struct process *peer_process; /* traced, untraced or external node */
    bool undelivered_known;
    uint64_t undelivered; /* bytes of those sent that did not reach the other end before it was closed, or that it did
                             not read */
    enum initiator initiator;
    enum match edge; /* the conversation's: also of an attempt that failed */

    void *context; /* the replay's */
};

/* Whether all that went through it is known. */
static inline bool half_counted(const struct half *half)
{
    return half->sent_known && half->received_known;
}

/* Two halves that are one conversation, or one whose other end is not in the trace. */
struct conversation {
    const struct half *from, *to; /* who began and who answered; one of them may be NULL */
    struct process *from_process, *to_process;
    enum match match;
    bool failed; /* an attempt: `from` alone */
};

#endif
