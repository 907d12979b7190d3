/* SPDX-License-Identifier: MIT
 *
 * The true sockets.
 */
#include "tests/ground/truth.h"

#include <string.h>

static unsigned socket_id(const struct sock *sock)
{
    for (unsigned i = 0; i < world.sockets_count; i++)
        if (world.sockets[i] == sock)
            return i + 1;
    return 0;
}

static const char *type_word(int type)
{
    return type == SOCK_STREAM ? "SOCK_STREAM" : type == SOCK_DGRAM ? "SOCK_DGRAM" : "SOCK_SEQPACKET";
}

static const char *protocol_word(const struct sock *sock)
{
    return sock->type == SOCK_DGRAM ? "IPPROTO_UDP" : sock->protocol ? "IPPROTO_MPTCP" : "IPPROTO_TCP";
}

static const char *family_word(int family)
{
    return family == AF_INET ? "AF_INET" : family == AF_INET6 ? "AF_INET6" : "AF_UNIX";
}

/* An attempt that was given up has failed. */
static const char *state_word(const struct sock *sock)
{
    if (world_held(sock))
        return sock->state;
    bool failed = strcmp(sock->state, "failed") == 0 || (sock->talk && sock->talk->failed);
    return failed ? "failed" : "closed";
}

/* What became of the connection, or of the latest attempt. */
static const char *outcome_word(const struct sock *sock)
{
    bool connection = strcmp(sock->role, "client") == 0 || strcmp(sock->role, "server") == 0;
    if (strcmp(sock->role, "pair") == 0)
        return "established";
    if (!connection)
        return NULL;
    if (strcmp(sock->state, "failed") == 0)
        return "failed";
    if (strcmp(sock->state, "connecting") == 0)
        return world_held(sock) ? "pending" : "unanswered";
    return "established";
}

/* A datagram socket that exchanged with several peers, and is connected to none. */
static bool names_none(const struct sock *sock)
{
    return sock->several && strcmp(sock->state, "established") != 0;
}

static void peer_of(cJSON *object, const struct sock *sock)
{
    const struct talk *talk = sock->talk;
    const struct sock *other = names_none(sock) ? NULL : sock->other;
    int process = -1;
    if (talk && !names_none(sock))
        process = talk->server == sock && talk->client != sock ? truth_from(talk) : truth_to(talk);
    truth_number(object, "peer_socket", other != NULL, other ? socket_id(other) : 0);
    truth_number(object, "peer_process", process >= 0, process);
    truth_text(object, "match", talk && !talk->failed && !names_none(sock) ? talk->match : NULL);
}

cJSON *truth_socket(const struct sock *sock)
{
    char cookie[32];
    snprintf(cookie, sizeof cookie, "%llx", (unsigned long long)sock->cookie);
    bool inet = sock->family != AF_UNIX;
    cJSON *object = cJSON_CreateObject();
    truth_number(object, "socket", true, socket_id(sock));
    truth_text(object, "cookie", sock->nameless ? NULL : cookie);
    if (!sock->shared)
        truth_number(object, "process", true, sock->owner);
    if (!sock->renumbered)
        truth_number(object, "fd", true, sock->fd);
    truth_text(object, "family", family_word(sock->family));
    truth_text(object, "type", type_word(sock->type));
    truth_text(object, "protocol", inet ? protocol_word(sock) : NULL);
    truth_text(object, "transport", world_transport(sock));
    truth_text(object, "role", sock->role);
    truth_text(object, "state", state_word(sock));
    truth_place(object, "local_address", "local_port", &sock->local);
    const struct name unknown = {.known = false};
    truth_place(object, "peer_address", "peer_port", names_none(sock) ? &unknown : &sock->peer);
    truth_number(object, "bytes_sent", world_sent(sock), (double)sock->sent);
    truth_number(object, "bytes_received", world_received(sock), (double)sock->received);
    truth_error(object, "error", sock->error);
    truth_text(object, "outcome", outcome_word(sock));
    if (!sock->given) {
        truth_time(object, "opened_us", sock->opened);
        truth_time(object, "connected_us", sock->established);
    }
    truth_time(object, "closed_us", sock->closed);
    cJSON *holders = cJSON_AddArrayToObject(object, "holders");
    for (int i = 0; i < world.processes_count; i++)
        if (sock->holders & 1u << i)
            cJSON_AddItemToArray(holders, cJSON_CreateNumber(i));
    peer_of(object, sock);
    return object;
}
