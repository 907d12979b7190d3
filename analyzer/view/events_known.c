/* SPDX-License-Identifier: MIT
 *
 * Processes' names and sockets' properties, collected from the events that tell them, see events.h.
 */
#include "analyzer/trace/hash.h"
#include "analyzer/view/events.h"

#include <stdlib.h>
#include <string.h>

/* Closed sockets that are remembered a while: other processes may still hold them. */
#define CLOSED_KEPT 4096

struct process {
    struct {
        uint64_t host, pid;
    } key;
    char comm[17];
    unsigned image; /* the latest one that named it */
    UT_hash_handle hh;
};

struct key {
    uint64_t host, cookie;
};

struct known_socket {
    struct key key;
    struct events_socket socket;
    UT_hash_handle hh;
};

struct events_known {
    bool with_sockets;
    struct process *processes;
    const struct process *now; /* of the event taken last; NULL unknown */
    struct known_socket *sockets;
    struct key closed[CLOSED_KEPT];
    unsigned closed_next;
};

static void *must(void *memory)
{
    if (memory == NULL) {
        fputs("sockatlas: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

/* Asked at every event: see hash_words(). */
static unsigned hash_of(uint64_t host, uint64_t number)
{
    return (unsigned)hash_numbers(host, number);
}

static struct process *find_process(const struct events_known *known, uint64_t host, uint64_t pid)
{
    struct process *process = NULL;
    uint64_t key[2] = {host, pid};
    HASH_FIND_BYHASHVALUE(hh, known->processes, key, sizeof key, hash_of(host, pid), process);
    return process;
}

static struct process *name_process(struct events_known *known, const struct event *event, const char comm[16])
{
    struct process *process = find_process(known, event->image->host, event->pid);
    if (process == NULL) {
        process = must(calloc(1, sizeof *process));
        process->key.host = event->image->host;
        process->key.pid = event->pid;
        unsigned hash = hash_of(process->key.host, process->key.pid);
        HASH_ADD_BYHASHVALUE(hh, known->processes, key, sizeof process->key, hash, process);
    }
    memcpy(process->comm, comm, 16);
    process->image = event->image->id;
    return process;
}

static struct known_socket *find_socket(const struct events_known *known, uint64_t host, uint64_t cookie)
{
    struct known_socket *socket = NULL;
    struct key key = {host, cookie};
    if (cookie != 0)
        HASH_FIND_BYHASHVALUE(hh, known->sockets, &key, sizeof key, hash_of(host, cookie), socket);
    return socket;
}

/* The socket of this cookie, made if it is new; NULL without a cookie. */
static struct events_socket *get_socket(struct events_known *known, const struct event *event, uint64_t cookie)
{
    struct known_socket *socket = find_socket(known, event->image->host, cookie);
    if (socket == NULL && cookie != 0) {
        socket = must(calloc(1, sizeof *socket));
        socket->key = (struct key){event->image->host, cookie};
        unsigned hash = hash_of(socket->key.host, cookie);
        HASH_ADD_BYHASHVALUE(hh, known->sockets, key, sizeof socket->key, hash, socket);
    }
    return socket == NULL ? NULL : &socket->socket;
}

static void set_kind(struct events_socket *socket, unsigned family, unsigned type, int protocol)
{
    socket->family = (uint16_t)family;
    socket->type = (uint16_t)type;
    socket->protocol = protocol;
}

static void set_address(struct address *to, const struct address *from)
{
    if (address_known(from))
        *to = *from;
}

static void take_accept(struct events_known *known, const struct event *event, struct events_socket *socket)
{
    struct sockatlas_body_accept body;
    memcpy(&body, event_body(event), sizeof body);
    const struct known_socket *listener = find_socket(known, event->image->host, body.listener_cookie);
    event_addresses(event, &socket->peer, &socket->local);
    socket->role = "server";
    if (listener == NULL)
        return;
    set_kind(socket, listener->socket.family, listener->socket.type, listener->socket.protocol);
    if (!address_known(&socket->local))
        socket->local = listener->socket.local;
}

static void take_pair(struct events_known *known, const struct event *event)
{
    const struct sockatlas_body_socketpair *body = event_body(event);
    uint64_t cookies[2] = {event->cookie, body->cookie2};
    for (int i = 0; i < 2; i++) {
        struct events_socket *socket = get_socket(known, event, cookies[i]);
        if (socket == NULL)
            continue;
        set_kind(socket, body->family, body->type, body->protocol);
        socket->role = "pair";
    }
}

static void take_seen(const struct event *event, struct events_socket *socket)
{
    const struct sockatlas_body_seen *body = event_body(event);
    struct address local, peer;
    set_kind(socket, body->family, body->type, body->protocol);
    event_addresses(event, &local, &peer);
    set_address(&socket->local, &local);
    set_address(&socket->peer, &peer);
    if (socket->role == NULL && body->listening)
        socket->role = "listener";
}

/* Addresses of a bind, listen, connect or peer record. */
static void take_addresses(const struct event *event, struct events_socket *socket)
{
    struct address first, second;
    event_addresses(event, &first, &second);
    switch (event->kind) {
    case SOCKATLAS_BIND:
        set_address(&socket->local, address_known(&second) ? &second : &first);
        break;
    case SOCKATLAS_LISTEN:
        set_address(&socket->local, &first);
        socket->role = "listener";
        break;
    case SOCKATLAS_CONNECT:
        set_address(&socket->peer, &first);
        set_address(&socket->local, &second);
        socket->role = "client";
        break;
    default:
        set_address(&socket->local, &second);
        socket->role = "datagram";
    }
}

static void take_close(struct events_known *known, const struct event *event)
{
    struct key *place = &known->closed[known->closed_next++ % CLOSED_KEPT];
    struct known_socket *old = find_socket(known, place->host, place->cookie);
    if (old != NULL) {
        HASH_DEL(known->sockets, old);
        free(old);
    }
    *place = (struct key){event->image->host, event->cookie};
}

static void take_socket(struct events_known *known, const struct event *event)
{
    struct events_socket *socket = get_socket(known, event, event->cookie);
    if (socket == NULL)
        return;
    switch (event->kind) {
    case SOCKATLAS_SOCKET: {
        const struct sockatlas_body_socket *body = event_body(event);
        set_kind(socket, body->family, body->type, body->protocol);
        break;
    }
    case SOCKATLAS_SEEN:
        take_seen(event, socket);
        break;
    case SOCKATLAS_ACCEPT:
        take_accept(known, event, socket);
        break;
    case SOCKATLAS_BIND:
    case SOCKATLAS_LISTEN:
    case SOCKATLAS_CONNECT:
    case SOCKATLAS_PEER:
        take_addresses(event, socket);
        break;
    case SOCKATLAS_CLOSE:
        take_close(known, event);
        break;
    default:
        break;
    }
}

struct events_known *events_known_new(bool with_sockets)
{
    struct events_known *known = must(calloc(1, sizeof *known));
    known->with_sockets = with_sockets;
    return known;
}

void events_known_take(struct events_known *known, const struct event *event)
{
    /* The name stands in the header of the image that the process runs: an exec makes another image. */
    struct process *process = find_process(known, event->image->host, event->pid);
    if (event->pid == event->image->header.pid && (process == NULL || process->image != event->image->id))
        process = name_process(known, event, event->image->header.comm);
    if (event->kind == SOCKATLAS_START)
        process = name_process(known, event, ((const struct sockatlas_body_start *)event_body(event))->comm);
    known->now = process;
    if (!known->with_sockets)
        return;
    if (event->kind == SOCKATLAS_SOCKETPAIR)
        take_pair(known, event);
    else if (event->kind != SOCKATLAS_UNTRACED && event->kind != SOCKATLAS_GONE)
        take_socket(known, event);
}

const char *events_known_comm(const struct events_known *known)
{
    return known->now == NULL ? "" : known->now->comm;
}

const struct events_socket *events_known_socket(const struct events_known *known, const struct event *event)
{
    const struct known_socket *socket = find_socket(known, event->image->host, event->cookie);
    return socket == NULL ? NULL : &socket->socket;
}

void events_known_free(struct events_known *known)
{
    struct process *process = NULL, *next_process = NULL;
    struct known_socket *socket = NULL, *next_socket = NULL;
    process = known->processes;
    HASH_CLEAR(hh, known->processes);
    for (; process; process = next_process) {
        next_process = process->hh.next;
        free(process);
    }
    socket = known->sockets;
    HASH_CLEAR(hh, known->sockets);
    for (; socket; socket = next_socket) {
        next_socket = socket->hh.next;
        free(socket);
    }
    free(known);
}
