/* SPDX-License-Identifier: MIT
 *
 * What the files of steps share: choosing, and ordering one call. step*.c only.
 */
#ifndef TESTS_GROUND_PLAY_H
#define TESTS_GROUND_PLAY_H

#include "tests/ground/step.h"
#include "tests/ground/world.h"

#define X(name, weight) void step_##name(void);
STEPS(X)
#undef X

/* The folder is where unix sockets are bound. */
void play_open(const char *folder);
bool play_chance(unsigned percent);
/* An order's result; the scenario ends where it failed. */
int play_must(int process, const struct order *order);
int play(int process, enum order_kind kind, int a, int b, int c, int d);

int play_result(int process, enum order_kind kind, int a, int b); /* whether it failed or not */
int play_living(void);                                            /* how many */
int play_process(void);                                           /* any that lives */
int play_process_in(int net);                                     /* in that network namespace; -1 none */
int play_process_near(const struct sock *sock);                   /* that reaches its address; -1 none */
int play_holder(const struct sock *sock);                         /* any that lives and holds it; -1 none */
int play_user(struct sock *sock);       /* who may send or receive: pairs and datagrams have one user only; -1 none */
int play_channel(void);                 /* free, or -1 */
int play_fork(int parent, int channel); /* the child there */
bool play_may_fork(int parent);
bool play_holds_unseen(int process);
unsigned play_descriptors(const struct sock *sock); /* that mean it, of all processes and on their way */
int play_spare(void);                               /* that may be killed; -1 none */
/* A connection one of whose ends is gone is not written to any more. */
void play_hush(void);
/* ORDER_FOLDER or ORDER_MOUNT, of a folder by number, which is made; a unix address in it, or with 0 in whatever folder
 * a process works. */
void play_folder(int process, enum order_kind kind, int number);
socklen_t play_name_by_descriptor(struct sockaddr_storage *out); /* in the folder that is OPENED_FD */
socklen_t play_name_in(struct sockaddr_storage *out, int number);
struct sock *play_socket(bool (*fits)(const struct sock *)); /* any that is held and fits, or NULL */
bool play_is_tcp(const struct sock *sock);
/* A unix address that nobody has: a path or an abstract name. */
socklen_t play_unix_address(struct sockaddr_storage *out, bool abstract);
/* 127.0.0.1 or ::1, or with `any` the wildcard, port 0. */
socklen_t play_inet_address(struct sockaddr_storage *out, int family, bool any);
void play_bind(int process, int fd, const struct sockaddr_storage *address, socklen_t size);
struct row *play_row(struct sock *listener);
void play_transfer(struct sock *from); /* to its other end, if there is somebody to send and to receive */
int play_flags(void);                  /* SOCK_CLOEXEC or 0 */
/* A new socket at *fd; type without flags; `protocol` 0 the usual one. */
struct sock *play_new_of(int process, int family, int type, int protocol, int flags, int *fd);
struct sock *play_new(int process, int family, int type, int flags, int *fd);
/* connect(), and where that is only begun its end: 0 or -errno. *begun: when it was called. */
int play_connect(int process, int fd, const struct sockaddr_storage *to, socklen_t size, struct cast_span *begun);
/* An attempt to reach client->peer failed. `to`: whose address that is, -1 nobody's. */
void play_failed(int process, struct sock *client, int error, struct cast_span begun, const char *match, int to);

#endif
