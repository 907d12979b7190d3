/* SPDX-License-Identifier: MIT
 *
 * What the files of the replay share: handlers, one per record kind, and how they find the socket a record is about.
 * Nothing but replay*.c includes it.
 */
#ifndef ANALYZER_MODEL_REPLAY_H
#define ANALYZER_MODEL_REPLAY_H

#include "analyzer/model/internal.h"

/* ---- replay_find.c ---- */

/* The socket at the record's descriptor or of its cookie; NULL if neither is known. Learns from what the two say. */
struct sock *replay_sock(struct model *model, struct task *task, const struct event *event);
/* The socket of that cookie, new if there was none, now at `fd` of `task` (a number below 0: held, but nowhere known).
 */
struct sock *replay_make(struct model *model, struct task *task, const struct event *event, int32_t fd, uint64_t cookie,
                         struct network *network, bool cloexec);
/* The socket, or one made up from what the record says of it: the records before were lost. */
struct sock *replay_known(struct model *model, struct task *task, const struct event *event, unsigned family);
/* A datagram socket with an address can be sent to. */
void replay_serve(struct model *model, struct sock *sock);
/* The kernel takes an unspecified destination for the own host. */
void replay_wildcard(struct address *peer, const struct address *local);

/* ---- replay_socket.c ---- */

void replay_on_socket(struct model *model, struct task *task, const struct event *event);
void replay_on_socketpair(struct model *model, struct task *task, const struct event *event);
void replay_on_seen(struct model *model, struct task *task, const struct event *event);
void replay_on_bind(struct model *model, struct task *task, const struct event *event);
void replay_on_file(struct model *model, struct task *task, const struct event *event);
void replay_on_listen(struct model *model, struct task *task, const struct event *event);

/* ---- replay_ended.c ---- */

/* Of a log of the kernel's notices. */
void replay_on_ended(struct model *model, const struct event *event);
void replay_network_watched(struct model *model, const struct event *event);

/* ---- replay_connection.c ---- */

void replay_on_connect(struct model *model, struct task *task, const struct event *event);
void replay_on_connecting(struct model *model, struct task *task, const struct event *event);
void replay_on_connected(struct model *model, struct task *task, const struct event *event);
void replay_on_accept(struct model *model, struct task *task, const struct event *event);

/* ---- replay_descriptor.c ---- */

void replay_on_transfer(struct model *model, struct task *task, const struct event *event);
void replay_on_peer(struct model *model, struct task *task, const struct event *event);
void replay_on_peer_total(struct model *model, struct task *task, const struct event *event);
void replay_on_close(struct model *model, struct task *task, const struct event *event);
void replay_on_state(struct model *model, struct task *task, const struct event *event);
void replay_on_dup(struct model *model, struct task *task, const struct event *event);
void replay_on_flags(struct model *model, struct task *task, const struct event *event);
void replay_on_pass(struct model *model, struct task *task, const struct event *event);

#endif
