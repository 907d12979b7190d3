/* SPDX-License-Identifier: MIT
 *
 * The model from inside: what its own files share. Nothing outside analyzer/model/ includes it.
 *
 * Its files in layers: each calls only files below its own. tests/check/structure.sh holds them to it.
 *
 *   model.c            life of the model, dispatch, the reports' accessors
 *   replay.c           one event after the other, each to its handler
 *   replay_*.c         the handlers: sockets, connections, descriptors; replay_find.c: the socket a record is about
 *   task_life.c        what fork, spawn and exit do to a process; task_exec.c: what exec does
 *   task_state.c       the states of a process
 *   descriptor_hold.c  who holds what
 *   sock_life.c        what becomes of a socket: handed over, let go, over, reported
 *   sock_half.c        its halves of conversations, as rows for the pairing
 *   ended.c            what the kernel's notices are laid beside; ended_draw.c: what only they tell of, ended_counts.c:
 *                      what one says
 *   edge.c             conversations, and what they add up to
 *   listener.c         sockets by the address they serve
 *   coverage.c         what the trace does not show
 *   untraced.c         untraced processes that `run` saw
 *   note.c             names looked up
 *   place.c            units and containers
 *   task.c             processes as records
 *   descriptor.c       descriptor tables
 *   sock.c             kernel sockets as records; sock_kind.c: what can be told of one by itself
 *   store.c            memory, texts, networks, the list of processes
 */
#ifndef ANALYZER_MODEL_INTERNAL_H
#define ANALYZER_MODEL_INTERNAL_H

#include "analyzer/model/model.h"
#include "analyzer/model/table.h"
#include "analyzer/pair/pair.h"

/* include/net/tcp_states.h */
#define TCP_STATE_SYN_SENT   2
#define TCP_STATE_TIME_WAIT  6
#define TCP_STATE_CLOSE      7
#define TCP_STATE_CLOSE_WAIT 8
#define TCP_STATE_LAST_ACK   9
#define TCP_STATE_CLOSING    11

/* A network namespace. Known by cookie, by inode, or both. */
struct network {
    struct network *next;
    struct table_link by_cookie, by_inode;
    unsigned host;
    uint64_t cookie, inode;
};

struct sock;

/* What a unix path named when it was bound or connected to. inode 0: not known. */
struct file {
    uint64_t device, inode;
};

/* A datagram socket's exchange with one peer. */
struct exchange {
    struct table_link by_peer;
    struct exchange *next; /* of the same socket, the one before it */
    struct half *half;
    unsigned rank; /* enum rank, of half->process */
};

/* How well an owner is founded: better evidence takes a socket over. */
enum rank {
    RANK_NONE,
    RANK_CREATED,
    RANK_RECEIVED,
    RANK_SENT,
    RANK_USED,       /* connected, accepted, listened */
    RANK_TRANSFERRED /* a process that was handed the connection has sent or received on it: the latest such one */
};

/* Of what went out, and of what came in. */
enum { LOST_SENT = 1, LOST_RECEIVED = 2 };

/* A socket's life. HELD: a process that tells of it has it. NO_HOLDER: none does, but an image that has logged nothing
 * may hold it, or it is on its way to another process. OVER: its halves are final; its row may wait for what becomes of
 * them. */
enum stage { STAGE_HELD, STAGE_NO_HOLDER, STAGE_OVER, STAGES };

/* A kernel socket. */
struct sock {
    struct socket socket;         /* what reports see; stands first */
    struct sock *next, *previous; /* all, in order of appearance */
    struct table_link by_cookie;
    struct table_link by_address; /* the same, of any network */
    struct table_link by_file;    /* the same, by the file that its path named */
    struct table_link by_service; /* while it serves an address: listening, or a bound datagram socket */
    struct network *network;
    unsigned refs;      /* descriptors in processes that are known to run a traced image */
    unsigned weak_refs; /* descriptors in images that have not logged anything: may be gone */
    unsigned in_flight; /* passed, not yet received */
    int under_way;      /* sends that will tell what came of them, though nobody holds it any more */
    enum rank rank;
    struct process *creator;
    uint32_t life;              /* how often this record has been another socket's */
    const struct task *held_by; /* who got it last, and at which number; only compared */
    int32_t held_fd;
    unsigned uncounted;    /* descriptors whose counts are still to be told */
    unsigned lost;         /* LOST_*: counts that never will be */
    uint32_t unread;       /* TCP: of what came when the connection was closed last, so much had been read by nobody */
    uint32_t unread_next;  /* the same, of a close that is about to be told */
    uint64_t told_ns;      /* TCP: when the connection's counts were told last */
    enum state open_state; /* the state to come back to if a holder turns up after all */
    uint64_t last_close_ns;
    enum stage stage;
    struct half *half;          /* while there is one: of a connection, a socket pair's end, an attempt to connect */
    const struct half *shown;   /* what becomes of this one is in the socket's row; only compared */
    struct exchange *exchanges; /* a datagram socket's, the latest first */
    unsigned exchanges_count;
    unsigned undecided; /* halves that the pairing has not decided */
    struct socket_option *last_option;
    struct listener *service; /* listening: its row; accepted: the row of what accepted it */
    bool noticed;             /* the kernel said that it is no more; and that it was reset, and by this side */
    bool torn, torn_here;
    bool owner_left;   /* its owner closed a connection that others hold: theirs is what happens from now on */
    bool owner_passed; /* its owner closed it while it was on its way to another process */
    bool accepted_counted;
    bool failed_before;           /* an attempt to connect has failed */
    const struct edge *failed_at; /* and it is counted there, as the first one; only compared */
    bool dissolved;               /* by connect(AF_UNSPEC): counts of what went through it are of no one connection */
    bool broadcasts;              /* SO_BROADCAST was set */
    bool only6;                   /* IPV6_V6ONLY was set: it takes nothing by IPv4 */
    bool aborts;                  /* SO_LINGER with no time: close() resets */
    bool shut;                    /* shutdown() of the sending side */
    const struct task *met_by;    /* first used there by a system call of which only what follows tells what it was */
    bool traffic;                 /* bytes or messages were seen, or an exchange with a peer */
    uint64_t listener;            /* accepted: id of the socket that it came out of */
    uint32_t listen_pid;          /* who called listen() */
    uint32_t peer_pid;            /* unix: as the kernel told */
    uint32_t own_pid;             /* unix: who connected */
    struct file file;             /* unix: what it is bound to */
    struct file asked;            /* unix: what it is, or is about to be, connected to */
    bool waiting;                 /* for a holder to turn up, in the list of those */
    struct sock *waiting_next, *waiting_previous;
    unsigned holders_capacity;
    uint32_t holders_highest; /* of all their ids */
    uint32_t holders_inline[4];
};

struct name {
    struct address address; /* port 0 */
    const char *text;
};
#define NAMES_KEPT 64

/* What /etc/hosts of a host said, as `run` read it. */
#define HOST_NAMES_MOST 4096
struct host_name {
    struct name name;
    unsigned host;
};

struct thread_network {
    struct thread_network *next; /* of the same process */
    struct table_link by_thread;
    const struct task *task;
    uint32_t tid;
    struct network *network;
};

/* What stands at a number. A socket that is settled leaves the tables without being looked for: its record then has
 * another life, or is that of another socket. */
struct descriptor {
    struct sock *sock; /* NULL: none */
    uint32_t life : 29;
    uint32_t cloexec : 1;
    uint32_t uncounted : 1; /* used by this process: what went through it is told when it closes it */
    uint32_t doubled : 1;   /* the process has, or had, it at another number, too */
};
#define SOCK_LIVES (1u << 29)

/* A leaf has the entries of so many neighbouring numbers. */
enum { DESCRIPTOR_LEAF_BITS = 5, DESCRIPTOR_LEAF = 1 << DESCRIPTOR_LEAF_BITS };

struct descriptor_table {
    void *root;
    unsigned height; /* 0: no entry was ever made */
    uint32_t latest; /* of which numbers the leaf is that was used last */
    struct descriptor *latest_leaf;
};

/* A process's life. */
enum task_state {
    TASK_TOLD,     /* others' records tell of it: it was forked */
    TASK_SPAWNED,  /* and it runs an image of its own, which has logged nothing */
    TASK_RUNS,     /* its image logs */
    TASK_EXECUTES, /* is about to execute another image, unless that fails */
    TASK_SILENT,   /* runs another image, which has logged nothing */
    TASK_ENDED,
    TASK_VANISHED, /* ended, and nobody says when */
    TASK_REPLACED, /* ended, and its pid is another's */
    TASK_STATES
};

/* A traced process, with what is needed while it lives. */
struct task {
    struct process process;
    struct table_link by_pid;
    struct table_link by_child; /* name of the FORK that made it: image and slot */
    /* Its own pid is not the one its parent was told: it is in a namespace below, whose inode its next image's file
     * tells. Until then its `pidns` is a stand-in. */
    struct table_link by_nested;
    unsigned image; /* id of the file its current image writes to */
    struct network *network;
    struct thread_network *threads;
    struct descriptor_table descriptors;
    enum task_state state;
    bool start_exact;  /* start_ns is the kernel's */
    bool shares;       /* has its descriptors together with another process: neither tells all of them */
    uint64_t heard_ns; /* its latest record; 0: has logged nothing itself */
    uint64_t exec_ns;  /* the latest exec: when it was called, of what */
    char *exec_path;
    uint8_t exec_untraced;
    /* An image that was said not to be traceable runs in it: told when it ends, unless a log of it appears. */
    struct {
        uint8_t why;
        char *path;
    } claim;
    struct task *exec_next, *exec_previous;
    struct name *names; /* grows to NAMES_KEPT, then is a ring */
    unsigned names_count, names_capacity;
};

/* A fork whose child is not known yet (vfork): its table as of the FORK slot. */
struct pending_fork {
    struct pending_fork *next, *previous; /* of the same image */
    struct table_link by_thread, by_slot;
    unsigned image;
    uint64_t slot;
    uint32_t tid;
    struct task *child; /* no pid yet */
};

struct image {
    const struct trace_image *trace;
    struct task *last; /* who made the latest event */
    bool continues;    /* it follows a log of its process that is in the trace as well */
    bool nests;        /* some of its processes are in namespaces of process ids below its own */
    struct pending_fork *forks;
};

struct host {
    const struct trace_image *image; /* any of it: boot id, name, clock */
};

struct text_entry {
    struct table_link link;
    char text[];
};

struct model {
    struct model_callbacks callbacks;
    uint64_t origin_ns; /* wall clock of the first event */
    uint64_t now_ns;    /* latest wall clock seen, Unix epoch */
    struct image *images;
    unsigned images_count, images_capacity;
    struct host *hosts;
    unsigned hosts_count, hosts_capacity, hosts_expected;
    struct network *networks;
    struct table network_cookies, network_inodes;
    bool overwritten; /* a log's oldest records were */
    struct process **processes;
    unsigned processes_count, processes_capacity;
    struct table tasks, children, nested, host_addresses, cookies, services, services_anywhere, services_files,
        exchanges, edges_table, counted, nodes, listeners_table, texts, doubled, threads, forks_by_thread,
        forks_by_slot, coverages, options;
    struct sock *first, *last;
    struct sock *free_socks;
    uint64_t sockets_made;
    struct sock *waiting_first, *waiting_last;
    unsigned waiting;
    struct pair *pair;
    struct task *exec_first, *exec_last;
    struct edge **edges;
    unsigned edges_count, edges_capacity;
    struct listener **listeners;
    unsigned listeners_count, listeners_capacity;
    struct host_name *host_names;
    unsigned host_names_count, host_names_capacity;
    struct coverage *coverage;
    unsigned coverage_count, coverage_capacity;
    struct table untraced_connections, untraced_services, untraced_processes;
    uint64_t untraced_noted;
    uint64_t records;               /* that were events */
    uint64_t inherited;             /* entries of descriptor tables that went to a child or a new image */
    uint64_t heirs_cut;             /* of those the processes that did not get all */
    const struct edge *edge_latest; /* that something was added to */
    bool services_nowhere;          /* some were made in a network that is not known */
    bool finishing;
    struct ended *ended; /* NULL: the trace has no notices of the kernel's */
};

/* ---- store.c ---- */

void *store_alloc(size_t size); /* zeroed; aborts when there is none */
/* Frees a table and its entries, which begin `offset` before their links. */
void store_free_entries(struct table *table, size_t offset);
/* Appends to a growing array of pointers or structures. */
void *store_grow(void *array, unsigned count, unsigned *capacity, size_t element);
const char *store_text(struct model *model, const char *bytes, size_t size); /* interned */
/* The namespace with this cookie or inode (0: not known), made where it is new; NULL where neither is known. */
struct network *store_network(struct model *model, unsigned host, uint64_t cookie, uint64_t inode);
/* Puts a process on the report, under the next id. */
struct process *store_process(struct model *model, struct process *process);
/* CLOCK_BOOTTIME of a host as its wall clock, both in nanoseconds. */
uint64_t store_wall(const struct model *model, unsigned host, uint64_t boottime_ns);

/* ---- sock_kind.c ---- */

/* Whether all that went through it is known, one way. */
bool sock_sent_known(const struct sock *sock);
bool sock_received_known(const struct sock *sock);
bool sock_is_datagram(const struct sock *sock);
bool sock_is_tcp(const struct sock *sock);
/* Transports that can be two ends of one conversation have one class. */
unsigned sock_class(const struct sock *sock);
/* A loopback address, or the one that a socket itself is bound to. */
bool sock_own_address(const struct address *local, const struct address *address);
/* One host and one namespace, or one that is not known. */
bool sock_same_network(const struct sock *a, const struct sock *b);

/* ---- sock.c ---- */

struct sock *sock_new(struct model *model, unsigned host, uint64_t cookie, struct network *network, uint64_t time_ns);
struct sock *sock_find(const struct model *model, unsigned host, uint64_t cookie);
void sock_learn_cookie(struct model *model, struct sock *sock, uint64_t cookie);
/* Notes a holder; true: it was one before. */
bool sock_hold(struct sock *sock, const struct task *task);
void sock_own(struct sock *sock, struct task *task, int32_t fd, enum rank rank);
void sock_option(struct model *model, struct sock *sock, const struct event *event);
/* An option that is in force is told again: news where its setting is not known, nobody knows since when. */
void sock_option_told(struct model *model, struct sock *sock, const struct event *event);
/* Descriptors that mean it mean nothing any more. */
void sock_leave_tables(struct sock *sock);
void sock_free(struct model *model, struct sock *sock);
void sock_free_all(struct model *model);

/* ---- descriptor.c ---- */

/* The socket of a table's entry, NULL for an empty one. */
static inline struct sock *descriptor_sock(const struct descriptor *descriptor)
{
    struct sock *sock = descriptor->sock;
    return sock && sock->life == descriptor->life ? sock : NULL;
}

/* The leaf of a number, NULL where there is none; makes it the latest. */
struct descriptor *descriptor_leaf(struct descriptor_table *table, int32_t fd);

/* The entry of a number that means a socket, or NULL. */
static inline struct descriptor *descriptor_at(const struct task *task, int32_t fd)
{
    const struct descriptor_table *table = &task->descriptors;
    struct descriptor *leaf = table->latest_leaf;
    if (!leaf || table->latest != (uint32_t)fd >> DESCRIPTOR_LEAF_BITS)
        leaf = descriptor_leaf((struct descriptor_table *)table, fd);
    struct descriptor *descriptor = leaf ? &leaf[fd & (DESCRIPTOR_LEAF - 1)] : NULL;
    return descriptor && descriptor_sock(descriptor) ? descriptor : NULL;
}
/* The first such one from `*fd` on, which becomes its number; NULL: none. To go through all, lowest first:
 * `for (int64_t fd = 0; (descriptor = descriptor_next(task, &fd)); fd++)`. */
struct descriptor *descriptor_next(const struct task *task, int64_t *fd);
/* The place of a number, made where there is none. */
struct descriptor *descriptor_place(struct task *task, int32_t fd);
/* Empties the table without telling anybody. */
void descriptor_free(struct task *task);

static inline struct sock *descriptor_get(const struct task *task, int32_t fd)
{
    const struct descriptor *descriptor = descriptor_at(task, fd);
    return descriptor ? descriptor->sock : NULL;
}

/* At which number it has that socket, -1 none. Looks through the whole table, unless what it asks for was put there
 * last. */
int32_t descriptor_number(const struct task *task, const struct sock *sock);
void descriptor_flags(struct task *task, int32_t fd, bool cloexec);
/* The process uses it, so that counts of its own are to come; and they came. */
void descriptor_untold(struct task *task, int32_t fd);
bool descriptor_told(struct task *task, int32_t fd);

/* ---- task.c ---- */

/* Runs an image that has not logged anything yet: its descriptors are weak. */
static inline bool task_is_weak(const struct task *task)
{
    return task->state == TASK_SPAWNED || task->state == TASK_SILENT;
}
static inline bool task_is_over(const struct task *task)
{
    return task->state >= TASK_ENDED;
}
struct task *task_find(const struct model *model, unsigned host, uint64_t pidns, uint32_t pid);
struct network *task_network(struct model *model, struct task *task, uint32_t tid, uint64_t cookie);
void task_enter_network(struct model *model, struct task *task, uint32_t tid, struct network *network);
void task_free(struct task *task);

/* ---- note.c ---- */

void note_name(struct model *model, struct task *task, const struct event *event);
void note_host_name(struct model *model, const struct event *event);
const char *note_host_name_of(const struct model *model, unsigned host, const struct address *address);
const char *note_name_of(const struct task *task, const struct address *address);

/* ---- untraced.c ---- */

void untraced_note(struct model *model, const struct event *event);
/* Who is known to have the other end of `half`, NULL nobody: by the addresses of that end or, over a unix socket, by
 * the cookie of this one. Told once. */
struct process *untraced_end(struct model *model, const struct half *half);
/* The same, for what is not decided yet: may be told again, and may have no id. */
struct process *untraced_end_so_far(const struct model *model, const struct half *half);
/* Who was seen last to serve the peer's address of `half`; NULL nobody. */
struct process *untraced_server(struct model *model, const struct half *half);
/* The same, for what is not decided yet: it may have no id. */
struct process *untraced_server_so_far(const struct model *model, const struct half *half);
/* The process that a record is about, made where it is new. */
struct untraced_process;
struct untraced_process *untraced_holder(struct model *model, const struct event *event);
/* It was traced at that time, after all. */
bool untraced_is_traced(const struct model *model, const struct untraced_process *holder, uint64_t time_ns);
/* Puts it on the report. */
struct process *untraced_report(struct model *model, struct untraced_process *holder);
/* The traced process that it was at that time, else itself, on the report. */
struct process *untraced_process(struct model *model, struct untraced_process *holder, uint64_t time_ns);
void untraced_free(struct model *model);

/* ---- ended_counts.c ---- */

struct ended_counts {
    bool sent_known, received_known;
    uint64_t bytes_sent, bytes_received;
    bool in_order, torn, torn_here; /* its FIN was acknowledged, or not; it reset the connection itself */
};
/* `shut`: the program may have ended its side by shutdown(). */
struct ended_counts ended_counts(const struct sockatlas_body_ended *body, const struct sockatlas_tcp *tcp,
                                 enum side side, bool shut);

/* ---- ended.c, ended_draw.c ---- */

/* A TCP connection's end, as a notice tells it. */
struct ended_connection {
    unsigned host;
    const struct network *network;
    struct address local, peer;
    uint64_t time_ns;
    unsigned acked;
    struct sockatlas_body_ended counted;
    struct sockatlas_tcp tcp;
    struct process *process; /* who was seen to have it; NULL nobody */
};

/* A traced process's socket, when it was over. */
struct ended_traced {
    struct process *owner;
    struct network *network;
    uint64_t socket; /* id within the report */
    uint64_t opened_ns;
    bool connected; /* as far as its process told */
};

/* The trace has notices, before the first of them. */
void ended_expect(struct model *model);
/* The network's notices were read; `asked`: for all of its sockets. */
void ended_watch(struct model *model, unsigned host, const struct network *network, bool asked);
void ended_count(struct model *model);
/* A traced socket is over. */
void ended_over(struct model *model, const struct sock *sock);
/* Whether the cookie is that of one. */
bool ended_take(struct model *model, unsigned host, uint64_t cookie, struct ended_traced *traced);
/* An UNTRACED record that names an open socket's holder. */
void ended_owner(struct model *model, const struct event *event, struct untraced_process *holder);
/* Who was seen to have the other end of `half`, NULL nobody. */
struct process *ended_end(struct model *model, const struct half *half);
void ended_unlogged(struct model *model, const struct ended_connection *connection, uint64_t cookie);
void ended_decided(struct model *model, const struct half *half);
void ended_draw(struct model *model, const struct ended_connection *one, const struct ended_connection *other);
void ended_finish(struct model *model);
void ended_free(struct model *model);

/* ---- coverage.c ---- */

/* Once for each process, kind and detail. */
void coverage_add(struct model *model, struct process *process, unsigned what, const char *detail);
/* `process` runs `path` ("" unknown), which is not traced; `why` is one of SOCKATLAS_UNTRACED_*. */
void coverage_untraced(struct model *model, struct process *process, const char *path, unsigned why);
/* The losses that the files' headers tell. */
void coverage_losses(struct model *model);
/* Logs that other users may have written to. */
void coverage_doubts(struct model *model);
/* Logs that were given more than once. */
void coverage_repeated(struct model *model);
void coverage_given_up(struct model *model);
void coverage_inherited(struct model *model);
void coverage_free(struct model *model);

/* ---- listener.c ---- */

void listener_listed(struct model *model, struct sock *sock);
void listener_unlisted(struct model *model, struct sock *sock);
/* Its port, not known before, is: whoever is filed under its address follows. */
void listener_moved(struct model *model, struct sock *sock, const struct address *local);
/* One that is no longer among the model's. */
void listener_free(struct model *model, struct listener *listener);
void listener_accepted(struct model *model, struct sock *listener, struct sock *sock);
void listener_closed(struct sock *sock);
/* It was not closed after all: somebody holds it who had told nothing yet. */
void listener_reopened(const struct model *model, struct sock *sock);
/* Who serves `address` as seen from `sock`: a listening (or bound datagram) socket, or NULL. */
struct sock *listener_find(const struct model *model, const struct sock *sock, const struct address *address);
/* Which end of an internet connection it is, by who listens where. */
enum side listener_side(const struct model *model, const struct sock *sock);
/* Whether a unix path that means another file in each working directory could be another one's than `server`'s. */
bool listener_doubtful(const struct model *model, const struct sock *sock, const struct address *address,
                       const struct sock *server);

/* ---- edge.c ---- */

/* The conversation becomes part of an edge. */
void edge_add(struct model *model, const struct conversation *conversation);
/* The socket is among those of the edge. False: it was. */
bool edge_count(struct model *model, const struct edge *edge, uint64_t socket);
/* The node of the peer's address of `half`; NULL: it names nobody. */
struct process *edge_external(struct model *model, const struct half *half);
void edge_finish(struct model *model);
void edge_free(struct edge *edge);

/* ---- host_address.c ---- */

/* A socket of `host` has this address. */
void host_address_learn(struct model *model, unsigned host, const struct address *local);
/* Whether exactly one traced host is known to have the address, whose port is 0; which. */
bool host_address_find(const struct model *model, const struct address *bare, unsigned *host);
void host_address_free(struct model *model);

/* ---- sock_half.c ---- */

/* A connection's half, a socket pair's end, or an attempt to connect begins. */
struct half *half_begin(struct model *model, struct sock *sock, enum side side, uint64_t start_ns);
/* The exchange of a datagram socket with `peer`, made if there was none; `task` takes part in it. */
struct half *half_exchange(struct model *model, struct sock *sock, struct task *task, const struct address *peer,
                           bool sent, uint64_t time_ns);
/* What is known of the socket by now goes into the row, and others can be matched with it. */
void half_offer(struct model *model, struct sock *sock, struct half *half);
/* The attempt or the connection is over, and the socket lives on. */
void half_over(struct model *model, struct sock *sock);
/* The association is dissolved, and the socket lives on. */
void half_dissolved(struct model *model, struct sock *sock, uint64_t time_ns);
/* Nothing more comes of the socket: all of its halves are final. */
/* Whether records are lost of one of several processes that had it, so that nobody knows what that one sent. */
bool half_holder_lost(const struct model *model, const struct sock *sock);
void half_over_all(struct model *model, struct sock *sock);
/* Puts into all of a socket's halves what is known of it. */
void half_update_all(struct model *model, struct sock *sock);
/* Who is at the other end, as far as is known before that is decided; NULL nobody. */
struct process *half_peer_so_far(const struct model *model, const struct sock *sock);
/* What the pairing found goes into the socket's row. */
void half_decided(struct sock *sock, const struct half *half);
void half_forget(struct model *model, struct sock *sock);

/* ---- sock_life.c ---- */

/* A process that was handed a connection transfers on it: the connection is its. */
void sock_hand_over(struct sock *sock, struct task *task, int32_t fd);
/* Somebody let go of a socket pair's end, or the trace ends: one that nobody was seen to use is whose who still holds
 * it, rather than whose who made it. */
void sock_user(const struct model *model, struct sock *sock);
/* The last strong holder let go. */
void sock_unheld(struct model *model, struct sock *sock);
void sock_held_again(struct model *model, struct sock *sock);
/* One of its halves is decided: reports it when it was the last one. */
void sock_decided(struct model *model, struct sock *sock);
/* Nothing more comes: all are over. */
void sock_finish(struct model *model);
/* Reports those that are left. */
void sock_report_all(struct model *model);

/* ---- descriptor_hold.c ---- */

/* Puts `sock` at fd; what stood there and was never seen closed is let go. */
void descriptor_put(struct model *model, struct task *task, int32_t fd, struct sock *sock, bool cloexec,
                    uint64_t time_ns);
void descriptor_drop(struct model *model, struct task *task, int32_t fd, uint64_t time_ns);
/* Whether `task` has what stands at `fd` at no other number. */
bool descriptor_only(const struct model *model, const struct task *task, int32_t fd);
/* child's table, which is empty, becomes a copy; without the CLOEXEC ones if `inheritable`. */
void descriptor_copy(struct model *model, struct task *child, const struct task *parent, bool inheritable);
void descriptor_drop_cloexec(struct model *model, struct task *task, uint64_t time_ns);
void descriptor_drop_all(struct model *model, struct task *task, uint64_t time_ns);
/* All of a task's descriptors are weak, or strong, now that its state has changed. */
void descriptor_weaken(struct model *model, struct task *task);
void descriptor_strengthen(struct model *model, struct task *task);
void descriptor_free_doubled(struct model *model);

/* ---- task_exec.c ---- */

void task_exec(struct model *model, struct task *task, const struct event *event);
void task_exec_failed(struct model *model, struct task *task);
/* Those that have not failed in time have happened. */
void task_exec_expire(struct model *model);
/* The image in `task` that was said not to be traceable is over, or the trace is: it was right. */
void task_claim_tell(struct model *model, struct task *task);

/* ---- task_life.c ---- */

struct image *task_image(struct model *model, const struct trace_image *trace);
/* The same for a file of which no record may be an event: nobody is known by it. */
struct image *task_note_image(struct model *model, const struct trace_image *trace);
/* Whose event it is; made if not known. */
struct task *task_of(struct model *model, struct image *image, const struct event *event);
void task_fork(struct model *model, struct image *image, struct task *parent, const struct event *event);
void task_start(struct model *model, struct image *image, const struct event *event);
void task_process(struct model *model, struct task *task, const struct event *event);
void task_spawn(struct model *model, struct task *parent, const struct event *event);
void task_end(struct model *model, struct task *task, uint64_t time_ns);
/* The same, but nobody said so: it was over at `time_ns` at the latest, 0 unknown. */
void task_vanish(struct model *model, struct task *task, uint64_t time_ns);
/* Forks whose child has not shown up never were of use. */
void task_drop_forks(struct model *model, struct image *image);

/* ---- replay.c ---- */

void replay_event(struct model *model, const struct event *event);

#endif
