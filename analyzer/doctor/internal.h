/* SPDX-License-Identifier: MIT
 *
 * The doctor from inside: what rules are given and what they may note. Nothing outside analyzer/doctor/ includes it.
 */
#ifndef ANALYZER_DOCTOR_INTERNAL_H
#define ANALYZER_DOCTOR_INTERNAL_H

#include "analyzer/doctor/doctor.h"
#include "analyzer/model/table.h"
#include "analyzer/trace/hash.h"

#include <string.h>

#define SECOND_NS 1000000000ull

/* Newer (Linux 6.3) than the libc's headers. */
#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

/* A setting that was refused and not mended yet. */
struct refusal {
    int32_t level, name;
    uint16_t error;
    uint64_t time_ns;
};
#define REFUSALS_MAX 8

/* What is noted of one socket while it lives: first what every event asks for, so that it is near together. */
struct chart {
    struct table_link by_id, by_tuple;
    uint64_t id;
    const struct process *owner;
    uint64_t netns;
    unsigned host;
    uint16_t family, type;
    enum state state;
    bool tcp;
    /* Settings in force, a listener's handed down to what it accepts. */
    bool reuse_address, keepalive, user_timeout, linger_zero, nodelay, cork;
    uint32_t send_buffer;                 /* SO_SNDBUF as the program set it, 0 not */
    uint16_t own_port_low, own_port_high; /* IP_LOCAL_PORT_RANGE; 0 that bound is not set */
    unsigned refusals_count;
    int32_t backlog;                /* of a listener */
    uint64_t connected_ns, last_ns; /* established; latest event */
    uint64_t listened_ns;           /* its latest listen(); 0 none */
    uint64_t twin_id, twin_ns;      /* another socket got this one's tuple while it was open */
    uint64_t peer_closed_ns;        /* the other end, if it is traced */
    bool peer_lingers;              /* which had asked for a reset */
    bool peer_gone;                 /* it was closed, not shut down only */
    struct destination *destination;
    struct crowd *crowd;
    struct tally *loop, *loop_asked; /* rule_proxy_loop.c: where it was accepted, where it is not yet */
    bool loop_own;
    struct queue *waits_in; /* a client's: it is connected, and not accepted as far as is known */
    struct tuple_key {
        uint64_t netns;
        uint32_t host;
        uint32_t ports;
        unsigned char local[16], peer[16];
    } tuple;
    struct address local, peer;
    struct chart *previous, *next;
    struct finding *bind_failed;
    unsigned accept_failures;
    uint64_t accept_first_ns;
    unsigned failed_attempt; /* the number of the latest that failed */
    unsigned writes;         /* in a row */
    uint64_t write_ns, write_bytes;
    uint64_t asked_ns;      /* a latest write that nothing was read after, or the first as far as is known; 0 none */
    bool waited_to_connect; /* in a connect() for a second or so */
    bool transfers_seen;
    bool peers_told; /* PEER_TOTAL records told each peer's counts */
    struct refusal refusals[REFUSALS_MAX];
};

#define DESTINATION_SECONDS 60
#define STORM_FAILURES      10
/* What one process tried with one address, from one of its own: each pair of addresses has all ports for itself. */
struct destination {
    UT_hash_handle hh;
    struct destination_key {
        uint64_t netns;
        uint32_t host, process;
        struct address address;
        struct address source;        /* port 0; unknown where no local address was told */
        uint16_t port_low, port_high; /* the ports that the kernel chooses from; 0 not known */
    } key;
    const struct process *process;
    uint64_t connects;          /* established */
    uint64_t open, overlapping; /* now; begun while another was open */
    uint64_t exchanges;         /* short connections that sent and received */
    uint64_t exchange_first_ns, exchange_last_ns;
    uint64_t exchange_socket;
    uint64_t failures[STORM_FAILURES]; /* times, a ring */
    uint64_t failures_count;
    uint32_t by_second[DESTINATION_SECONDS]; /* connects, a ring by second */
    uint64_t latest_second;
};

struct doctor;

/* What a rule looks at: one event, whose process and socket, and what is noted of that. `socket` and `chart` may be
 * NULL (together), `destination` is there for TCP connects and closes. */
struct sight {
    const struct event *event;
    const struct process *process;
    const struct socket *socket;
    struct chart *chart;
    struct destination *destination;
    enum outcome outcome; /* of the attempt to connect that this event ended, or went on with; else unknown */
};

#define KIND(kind) (UINT64_C(1) << (kind))

struct rule_row {
    struct rule rule;
    void (*on_event)(struct doctor *doctor, const struct rule *rule, const struct sight *sight);
    uint64_t kinds; /* of events that it is for, KIND()s; 0: all */
    void (*on_socket)(struct doctor *doctor, const struct rule *rule, const struct socket *socket, struct chart *chart);
    void (*on_inherit)(struct doctor *doctor, const struct rule *rule, const struct process *process,
                       const struct socket *socket, int32_t fd, uint64_t time_ns);
    void (*on_finish)(struct doctor *doctor, const struct rule *rule);
    void (*free)(void *notes);
};

#define RULE(name) extern const struct rule_row rule_##name;
#include "analyzer/doctor/rules.def"
#undef RULE

enum rule_id {
#define RULE(name) RULE_##name,
#include "analyzer/doctor/rules.def"
#undef RULE
    RULES
};

enum { KINDS_MAX = 64 };

struct doctor {
    const struct model *model;
    struct table charts;        /* by socket id */
    struct chart *first, *last; /* of them, in order of appearance */
    struct chart *spare;        /* memory of charts that ended */
    struct table tuples;        /* TCP connections by tuple */
    struct destination *destinations;
    struct {
        const struct rule_row *rules[RULES];
        unsigned count;
    } by_kind[KINDS_MAX]; /* whose on_event() is for events of this kind */
    struct keyed_finding *keyed;
    struct finding **findings;
    unsigned findings_count, findings_capacity;
    struct queue *queues;
    struct listening *listenings;
    unsigned listenings_count;
    uint64_t sockets_seen, last_ns;
    void *notes[RULES]; /* what a rule keeps beyond sockets; its own */
};

/* ---- finding.c ---- */

/* The finding of `rule` for `process` and `text` (what else tells two apart): a new one, without message, or the one
 * made before, counted once more. */
struct finding *finding_see(struct doctor *doctor, const struct rule *rule, const struct process *process,
                            uint64_t socket, const char *text);
/* The one made before, NULL none. */
struct finding *finding_find(const struct doctor *doctor, const struct rule *rule, const struct process *process,
                             const char *text);
void finding_say(struct finding *finding, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Kept while there is space. time_ns 0: of no single moment. */
void finding_evidence(const struct doctor *doctor, struct finding *finding, unsigned host, uint64_t time_ns,
                      uint64_t socket, const char *format, ...) __attribute__((format(printf, 6, 7)));
/* It was none after all. */
void finding_drop(struct doctor *doctor, struct finding *finding);
void finding_free_all(struct doctor *doctor);

/* ---- chart.c ---- */

/* The socket's, made if there was none. */
struct chart *chart_of(struct doctor *doctor, const struct socket *socket);
struct chart *chart_find(const struct doctor *doctor, uint64_t socket);
/* Another open TCP connection of the same namespace with this tuple, or with its ends exchanged. */
struct chart *chart_by_tuple(const struct doctor *doctor, const struct chart *chart, bool mirrored);
/* An option's value where it is one integer. */
bool option_value(const struct event *event, int32_t level, int32_t name, int64_t *value);
/* What the event changes on its socket's; before the rules see it. */
void chart_note(struct doctor *doctor, const struct sight *sight);
void chart_free(struct doctor *doctor, struct chart *chart);
void chart_free_all(struct doctor *doctor);
/* Whether a process ended by this record rather than closed. */
bool is_exit_call(unsigned call);

/* ---- destination.c ---- */

/* Keeps the destinations' counts; before the rules see the event. */
void destination_event(struct doctor *doctor, struct sight *sight);
/* Connections that all processes of the namespace established with that address in the last 60 seconds, from the same
 * source address, and from ports of its range; an unknown one is any. */
uint64_t destination_recent(const struct doctor *doctor, const struct destination *destination, uint64_t time_ns);
void destination_free_all(struct doctor *doctor);
/* How an attempt to connect stands after this event, where it tells; OUTCOME_UNKNOWN: it does not. One that failed is
 * told once, as the model counts it; one that was not answered, by the socket's end. */
enum outcome connect_outcome(const struct sight *sight);

/* ---- queue.c ---- */

/* Keeps the queues; before the rules see the event, or the socket that is over. */
void queue_event(struct doctor *doctor, const struct sight *sight);
void queue_socket(struct doctor *doctor, const struct socket *socket, const struct chart *chart);
/* It does not wait any more. */
void queue_leave(struct chart *chart);
void queue_free_all(struct doctor *doctor);

/* ---- listening.c ---- */

/* A socket that is over: if it listened, when and where. */
void listening_note(struct doctor *doctor, const struct socket *socket, const struct chart *chart);
struct listening_query {
    unsigned host;
    uint64_t netns;
    struct address address;
    uint64_t time_ns;
};
/* Once all is read: who listened at an address and no longer did at that time (true), or began to later; NULL: no
 * traced process. The text is the caller's. */
bool listening_story(const struct doctor *doctor, const struct listening_query *query, char **text);
/* Once all is read: who listened there at that time, and how many may wait; NULL: no traced process. The caller's. */
char *listening_queue(const struct doctor *doctor, const struct listening_query *query);

/* ---- lookup.c ---- */

/* Of a NAME event, printable. */
enum { LOOKUP_NAME_MAX = 257 };
const char *lookup_name(const struct event *event, char out[LOOKUP_NAME_MAX]);

#endif
