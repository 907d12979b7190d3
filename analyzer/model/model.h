/* SPDX-License-Identifier: MIT
 *
 * The model: what the events say, replayed. Processes, the descriptors they hold, the kernel sockets behind those, and
 * which socket talked to which. Memory is what is alive at once, plus processes, plus distinct edges; never the events.
 *
 * Feed events in stream order with model_event(); sockets come out through the `socket_done` callback once their life
 * and their match are settled (at the latest in model_finish()). Pointers given to callbacks are valid during the call,
 * except processes, which live as long as the model.
 */
#ifndef ANALYZER_MODEL_MODEL_H
#define ANALYZER_MODEL_MODEL_H

#include "analyzer/model/spread.h"
#include "analyzer/names/cgroup.h"
#include "analyzer/pair/half.h"
#include "analyzer/trace/event.h"

enum role { ROLE_UNUSED, ROLE_CLIENT, ROLE_SERVER, ROLE_LISTENER, ROLE_PAIR, ROLE_DATAGRAM };
enum state {
    STATE_CREATED,
    STATE_BOUND,
    STATE_LISTENING,
    STATE_CONNECTING,
    STATE_ESTABLISHED,
    STATE_FAILED,
    STATE_CLOSED
};
enum process_kind { PROCESS_TRACED, PROCESS_UNTRACED, PROCESS_EXTERNAL };
/* How the tracing of a process began. */
enum via { VIA_NONE, VIA_PRELOAD, VIA_ATTACH, VIA_PATCH };

/* A node of the map. A process is host + pid + start: a pid used again is another one. */
struct process {
    unsigned id; /* node id: dense, in order of appearance */
    enum process_kind kind;
    unsigned host;
    uint32_t pid, ppid; /* 0 unknown */
    uint64_t pidns;     /* inode of the namespace of `pid`; 0, or one that no namespace has: unknown */
    const char *comm;   /* of its latest image; "" unknown */
    const char *exe;
    const char *cmdline;    /* arguments joined with spaces */
    uint64_t start_ns;      /* CLOCK_BOOTTIME; 0 unknown */
    uint64_t end_ns;        /* 0: alive when the trace ends, or unknown */
    struct address address; /* external: the peer address (port 0) */
    bool located;           /* external: the address is known to be one of `host`'s */
    uint32_t uid;           /* effective, UINT32_MAX unknown */
    const char *cgroup;     /* "" unknown */
    /* Told by who knows no cgroup; NULL: ask process_unit() and process_container(). */
    const char *unit, *container;
    enum via via;         /* VIA_NONE: it is not traced */
    uint64_t attached_ns; /* when it was attached to, CLOCK_BOOTTIME; 0: traced from its start, or unknown */
    bool incomplete;      /* records of its log were overwritten or lost, or it ran before it was traced */
    bool accepts_unseen;  /* it accepted connections of which the other end is not known, in a sandbox */
    bool left_out;        /* once finished: nothing that was wanted is of it */
};

/* A parameter set on a socket: the latest setsockopt() of this level, name and error. */
struct socket_option {
    struct socket_option *next;
    int32_t level, name;
    uint16_t error;
    bool found; /* in force when its process was attached to: what was asked for is not known */
    uint16_t kept_size, effective_size;
    uint32_t requested_size;
    uint64_t time_ns;      /* 0: set before what is known of the socket */
    unsigned char bytes[]; /* requested (kept_size), then effective */
};

/* A kernel socket. 0 and NULL: unknown. */
struct socket {
    uint64_t id; /* within the report, from 1, in order of appearance */
    uint64_t cookie;
    unsigned host;
    uint64_t netns;        /* namespace inode where known, else its cookie */
    struct process *owner; /* who used it (accepted, connected, sent, else created) */
    int32_t fd;            /* in owner */
    uint16_t family, type;
    int32_t protocol;
    enum role role;
    enum state state;
    enum match match;
    enum outcome outcome;
    enum end end;
    enum resetter reset_by;
    bool complete;     /* nothing of it was overwritten or lost */
    unsigned attempts; /* to connect; datagram sockets make none */
    unsigned failures; /* of them those that failed or were not answered */
    bool seen_first;   /* first known from a SEEN record */
    struct address local, peer;
    const char *peer_name; /* resolved by the program, NULL if not */
    uint64_t opened_ns, connected_ns, closed_ns;
    uint64_t connect_started_ns, connect_ns; /* duration; connect_ns UINT64_MAX unknown */
    bool sent_known, received_known;
    uint64_t bytes_sent, bytes_received;
    uint32_t unread; /* TCP: of those received, nobody had read so many when it was closed; 0 none, or not known */
    bool undelivered_known;
    uint64_t undelivered; /* of those sent; both ends are in the trace */
    uint32_t messages_sent, messages_received;
    uint16_t error;
    int32_t backlog;
    uint32_t rcvbuf, sndbuf; /* 0 unknown */
    bool tcp_known;
    struct sockatlas_tcp tcp;
    struct socket_option *options;
    uint32_t *holders; /* process ids, holders_count of them */
    unsigned holders_count;
    unsigned peers;               /* datagrams: how many addresses it exchanged with; of several none is named */
    uint64_t peer_socket;         /* id of the other end, 0 none */
    struct process *peer_process; /* traced, untraced or external node, NULL none */
};

/* Why attempts failed, each errno by itself; 0: not answered. What is more than fits is in no entry. */
#define EDGE_ERRORS_MAX 8
struct edge_errors {
    unsigned kinds;
    struct edge_error {
        uint16_t error;
        uint64_t count;
    } of[EDGE_ERRORS_MAX];
};
void edge_errors_add(struct edge_errors *to, uint16_t error, uint64_t count);
void edge_errors_merge(struct edge_errors *to, const struct edge_errors *from);

struct edge {
    struct process *from, *to; /* initiator, acceptor */
    uint16_t family, type;
    int32_t protocol;
    struct address server; /* address and port served; unix: the path */
    enum match match;
    uint64_t connections, open, failed, sockets; /* failed: the unanswered included */
    uint64_t unanswered, reset, retransmits;
    uint16_t error; /* errno of the latest that failed; 0 none, or not known */
    struct edge_errors errors;
    bool sent_known, received_known;
    uint64_t bytes_sent, bytes_received; /* from `from`'s point of view */
    uint64_t first_ns, last_ns;          /* CLOCK_REALTIME (the two ends may be of two hosts); 0 unknown */
    const char *name;                    /* the name the initiator resolved, or NULL */
    /* Microseconds: how long connecting took, the round trip as TCP last told, how long closed connections lasted. */
    struct spread connect_us, rtt_us, lifetime_us;
};

struct listener {
    struct process *process;
    uint16_t family, type;
    int32_t protocol;
    struct address address;
    uint64_t accepted, now, peak; /* peak: most simultaneous established connections accepted by it */
};

struct coverage {
    struct process *process; /* NULL: the whole trace */
    const char *what;        /* SOCKATLAS_COVERAGES word */
    char *detail;
};

enum model_alive { MODEL_UNKNOWN, MODEL_ALIVE, MODEL_DEAD };

struct model_callbacks {
    void *context;
    /* Whether a process that no record says is gone still runs; asked in model_finish(). `header` is that of its latest
     * file. NULL: not known. */
    enum model_alive (*alive)(void *context, const struct process *process, const struct sockatlas_header *header);
    void (*socket_done)(void *context, const struct socket *socket); /* NULL: not wanted */
    /* A half's row is final. `mate`: the other half of its conversation, NULL: none in the trace. NULL: not wanted. */
    void (*half_done)(void *context, const struct half *half, const struct half *mate);
    /* Every event of a traced process, with who made it and the socket it is about as it stands then (NULL: none, or
     * not known; a failed accept: the listener). Called once the event is replayed, but before that for CLOSE, EXIT and
     * EXEC. A socket has one id in both callbacks. NULL: not wanted. */
    void (*event_seen)(void *context, const struct event *event, const struct process *process,
                       const struct socket *socket);
    /* `process` has a new image, started by an exec at `time_ns`, which inherited `socket` at `fd`. NULL: not wanted.
     */
    void (*socket_inherited)(void *context, const struct process *process, const struct socket *socket, int32_t fd,
                             uint64_t time_ns);
    /* Which conversations edges count, and which listeners are reported: NULL all. Processes that then have neither are
     * `left_out`. */
    bool (*conversation_wanted)(void *wanted, const struct conversation *conversation);
    bool (*listener_wanted)(void *wanted, const struct listener *listener);
    void *wanted; /* their context */
};

/* What it runs in, NULL unknown. */
const char *process_unit(const struct process *process, char out[CGROUP_NAME_MAX]);
const char *process_container(const struct process *process, char out[CGROUP_NAME_MAX]);

struct model;
struct model *model_new(const struct model_callbacks *callbacks);
/* How many hosts the trace is of, before its events: with several, whose clocks may differ by anything, a connection's
 * half waits for the other until the end. */
void model_expect_hosts(struct model *model, unsigned hosts);
/* The trace has logs of the kernel's notices; to be called before its events. */
void model_expect_notices(struct model *model);
void model_event(struct model *model, const struct event *event);
/* A log was read to its end: what of it is missing is told of although none of its records may have been an event. To
 * be called for each, before model_finish(). */
void model_image(struct model *model, const struct trace_image *image);
/* The end of the stream: settles everything that is still open. */
void model_finish(struct model *model);
void model_free(struct model *model);

/* The socket alive on `host` that has `cookie`, NULL when there is none. Callable from the callbacks. */
const struct socket *model_socket(const struct model *model, unsigned host, uint64_t cookie);
/* Who is at its other end, as far as that is known by now; NULL: not yet. `socket`: the model's own, as model_socket()
 * and the callbacks have it. */
struct process *model_socket_peer(const struct model *model, const struct socket *socket);

/* The halves that are not decided yet, as they stand now. Not to be called from a callback. */
void model_open_halves(struct model *model,
                       void (*see)(void *context, const struct half *half, const struct half *mate), void *context);
/* What the initiator of its conversation connected to, as its edge has it. `mate`: the other half, or NULL. */
const struct address *model_served(const struct half *half, const struct half *mate);
/* The cookie of its network namespace, 0 unknown. */
uint64_t model_network_cookie(const struct half *half);
/* The wall clock of the latest event. */
uint64_t model_now_us(const struct model *model);

/* For reports, after model_finish(). Arrays are dense; order is deterministic. */
unsigned model_process_count(const struct model *model);
const struct process *model_process(const struct model *model, unsigned id);
unsigned model_edge_count(const struct model *model);
const struct edge *model_edge(const struct model *model, unsigned index);
unsigned model_listener_count(const struct model *model);
const struct listener *model_listener(const struct model *model, unsigned index);
/* Why a program is not traced, in words. */
const char *model_untraced_why(enum sockatlas_untraced why);
unsigned model_coverage_count(const struct model *model);
const struct coverage *model_coverage(const struct model *model, unsigned index);
/* Of the kernel's notices of ended sockets. */
struct model_notices {
    uint64_t ended;
    uint64_t unlogged; /* TCP sockets that are in no log */
    uint64_t network;  /* inode (or cookie) of one whose notices were read, 0 none */
};
struct model_notices model_notices(const struct model *model);
/* Hosts of the trace: any image of each (boot id, name); NULL where none of its events was read. */
unsigned model_host_count(const struct model *model);
const struct trace_image *model_host(const struct model *model, unsigned index);
/* A CLOCK_BOOTTIME of `host` in microseconds since the Unix epoch. Callable from the callbacks. */
int64_t model_time_us(const struct model *model, unsigned host, uint64_t boottime_ns);
/* When the first event was made, in microseconds since the Unix epoch. */
int64_t model_origin_us(const struct model *model);
/* When the latest so far was. */
int64_t model_latest_us(const struct model *model);

#endif
