/* SPDX-License-Identifier: MIT
 *
 * The true map: which processes there are, which sockets each holds under which descriptors, who used them for what,
 * and who talked to whom. step.c keeps it true as it orders things done; truth.c writes it down.
 *
 * A socket belongs to the process that used it: that listened, connected or accepted; else that sent; else that
 * received; else that made it. A process that is handed a connection, by fork, exec or descriptor passing, has it from
 * the first time that it sends, receives or shuts down. Which of two that do so in turns has it would be a matter of
 * taste, so none does: once a connection has been taken over, who had it before only lets go of it, or gets it handed
 * anew; and nobody but a connection's owner does anything else to it (dup, options, passing) once the owner let go.
 *
 * What a trace cannot know is not part of the truth: bytes that only a killed process could have told, and when a
 * killed process let go.
 */
#ifndef TESTS_GROUND_WORLD_H
#define TESTS_GROUND_WORLD_H

#include "tests/ground/cast.h"

#include <stdio.h>

#define DESCRIPTORS 128
#define SOCKETS_MAX 2048
#define TALKS_MAX   2048

/* As the contract writes it. port -1: none. */
struct name {
    bool known;
    char text[120];
    int port;
};

enum rank { RANK_NONE, RANK_CREATED, RANK_RECEIVED, RANK_SENT, RANK_USED };

struct row { /* of `listeners` */
    int owner;
    const char *transport;
    struct name address;
    unsigned accepted, now, peak;
    bool peak_open; /* depends on what nobody told in time */
};

struct sock {
    uint64_t cookie;
    int family, type, protocol;
    int net;                  /* network namespace */
    const char *role, *state; /* the state while it is held */
    struct name local, peer;
    struct sockaddr_storage address; /* the local one */
    socklen_t address_size;
    int owner;       /* process index */
    int fd;          /* in it, when it became the owner */
    bool renumbered; /* some process had it under several numbers: which one it was used by is nobody's concern */
    enum rank rank;
    struct cast_span opened, established, closed; /* from == 0: not, or nobody can tell when */
    struct cast_span dropped;                     /* by whichever holder, latest */
    uint32_t holders;                             /* process indexes that ever held it */
    unsigned in_flight;
    bool counted;    /* some process told its counts */
    bool lost;       /* some process could not, as it became another image */
    bool killed;     /* or was killed, nobody knows when */
    struct name met; /* datagrams: the first peer that it exchanged with */
    bool several;    /* and another */
    bool unreleased; /* nobody knows when some process let go */
    bool haunted;    /* of one that the trace knew to hold it */
    bool shut;
    uint64_t sent, received;
    int error;
    struct talk *talk; /* the first it took part in */
    struct row *row;   /* a listener's; or that of what accepted it */
    bool accepted;
    bool left;      /* accepted, and not counted any more among those that are open */
    bool connected; /* TCP: ever was */
    int user;       /* pairs and datagrams: the only process that uses it, -1 none yet */
    bool quiet;     /* nothing more is sent over it */
    bool grouped;   /* SO_REUSEPORT */
    bool grabbed;   /* by pidfd_getfd(), of which its other holders cannot know */
    bool given;     /* by who is not traced, or had by one: nobody can tell when it began */
    bool nameless;  /* the kernel does not tell its cookie */
    bool shared;    /* several use it at once: which of them has it is nobody's concern */
    bool dissolved; /* had another connection before: the kernel's counts are of both */
    bool flushed;   /* stdio sent at the process's end what nobody saw */
    bool announces; /* to a group, or listens to one */
    bool only6;     /* takes no IPv4 connections */
    bool sandboxed; /* of one whose bytes nobody may ask for */
    bool apart;     /* bound where each mount namespace has another file system: `mounts` */
    int mounts;
    bool by_descriptor; /* the folder, as /proc/self/fd/N */
    int folder;         /* bound by a name that means something in that folder alone; 0 none */
    struct sock *other; /* the other end of a connection or pair */
    unsigned backlog_count;
    struct talk *backlog_talks[64];
};

/* What becomes part of an edge: one connection, one attempt, one pair of datagram sockets. */
struct talk {
    struct sock *client, *server; /* server NULL: nobody there, or not accepted */
    int from, to;                 /* process indexes; to -1: external */
    struct name external, served;
    int net; /* of the external */
    const char *transport, *match;
    bool failed;
    int error;
    struct cast_span begun, ended; /* ended: of one that failed */
    bool moved;                    /* was another process's, at either end */
    uint64_t sent, received;       /* datagrams: from the client's view */
    bool datagrams;
    struct cast_span dissolved; /* by connect(AF_UNSPEC): the client's socket has another connection since */
    bool half;                  /* what reached the server by way of a group */
};

struct process {
    pid_t pid;
    int net;          /* network namespace: 0 the scenario's */
    int parent;       /* index, -1: the coordinator */
    bool parent_told; /* by the parent's log, or the process's own while the parent lived */
    const char *comm;
    struct cast_span start, end; /* end.from == 0: lives, or nobody can tell when it ended */
    bool alive;
    bool known;     /* the trace has it: some image of it touched a socket, or its parent's did before it was forked */
    bool silent;    /* an image that has not touched a socket */
    int mounts;     /* mount namespace: 0 the scenario's */
    bool sandboxed; /* the trace says so */
    bool inner;     /* in a pid namespace of its own: `pid` is that one's; it makes no children */
    struct {
        struct sock *sock;
        bool cloexec;
        bool met;       /* the present image has seen it */
        bool uncounted; /* and used it: counts to come */
        bool handed;    /* from another process or an image before, and nothing was transferred over it since */
    } fds[DESCRIPTORS];
};

struct world {
    struct process processes[ACTORS_MAX]; /* index = channel */
    int nets_count;                       /* made beyond the scenario's own */
    int mounts_count;
    int processes_count;
    struct sock *sockets[SOCKETS_MAX];
    unsigned sockets_count;
    struct talk *talks[TALKS_MAX];
    unsigned talks_count;
    struct row rows[256];
    unsigned rows_count;
};
extern struct world world;

struct name world_name(const struct sockaddr_storage *address, socklen_t size);
const char *world_transport(const struct sock *sock);

/* A new process. */
void world_enter(int process, pid_t pid, int parent, struct cast_span start);
/* A new socket at `fd` of `process`, its cookie and local name looked up. */
struct sock *world_socket(int process, int fd, int family, int type, int protocol, bool cloexec);
/* Looks its local name up again. */
void world_local(int process, int fd);
/* `from`: whose end the client's is; -1 nobody's that is traced. */
struct talk *world_talk_between(int from, struct sock *client, struct sock *server, const char *match);
struct talk *world_talk(struct sock *client, struct sock *server, const char *match);

void world_hold(int process, int fd, struct sock *sock, bool cloexec);
/* The descriptor goes: told of by a close or an exit, or not (a kill, an exec). */
void world_drop(int process, int fd, bool told);
/* Handled: through its first descriptor, or this one. */
void world_touch(int process, const struct sock *sock);
void world_touch_fd(int process, int fd);
/* Sent, received or shut down, through its first descriptor. */
void world_use(int process, struct sock *sock);
/* Whether it is clear whose the socket would be if `process`, which holds it, used it; or only handled it. */
bool world_may_use(int process, const struct sock *sock);
bool world_may_touch(int process, const struct sock *sock);
void world_own(int process, struct sock *sock, enum rank rank);
bool world_held(const struct sock *sock);
/* Where `process` holds `sock`, or -1. */
int world_fd(int process, const struct sock *sock);
/* Whether the trace can know by now if it is open: not where all that have it told nothing yet, and may never. */
bool world_openness(const struct sock *sock);
/* Whether its bytes are known for sure: both counts, but for what stdio transferred; one of them. */
bool world_bytes(const struct sock *sock);
bool world_sent(const struct sock *sock);
bool world_received(const struct sock *sock);

void world_fork(int parent, int child);
void world_exec(int process);
/* A child that is another image at once; by vfork() and exec it has had all of its parent's, by posix_spawn() only what
 * the image has. */
void world_spawn(int parent, int child, bool by_vfork);
void world_end(int process, bool told);

/* truth.c: map.json and list.jsonl in `folder`. */
void truth_write(const char *folder);

#endif
