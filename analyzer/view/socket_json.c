/* SPDX-License-Identifier: MIT
 *
 * One socket as the object that `list --json` writes.
 */
#include "analyzer/view/socket_json.h"

#include "analyzer/model/community_id.h"
#include "analyzer/names/cgroup.h"
#include "analyzer/names/names.h"
#include "analyzer/view/setting.h"
#include "analyzer/view/words.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

static void time_of(struct members *to, const char *key, const struct model *model, const struct socket *socket,
                    uint64_t ns)
{
    members_integer(to, key, ns != 0, ns ? model_time_us(model, socket->host, ns) : 0);
}

static void constant(struct members *to, const char *key, const char *name, int64_t value)
{
    char number[WORD_MAX];
    members_word(to, key, word_or_number(name, value, number));
}

static bool is_inet(unsigned family)
{
    return family == AF_INET || family == AF_INET6;
}

/* The kernel's choice where the program asked for 0. */
static int ip_protocol(const struct socket *socket)
{
    if (socket->protocol || !is_inet(socket->family))
        return socket->protocol;
    return socket->type == SOCK_STREAM ? IPPROTO_TCP : socket->type == SOCK_DGRAM ? IPPROTO_UDP : 0;
}

static void endpoint(struct members *to, const char *address_key, const char *port_key, const struct address *address)
{
    char text[ADDRESS_TEXT_MAX];
    if (is_inet(address->family))
        members_word(to, address_key, address_text(address, text));
    else
        members_text(to, address_key, address_text(address, text));
    members_integer(to, port_key, is_inet(address->family) && address->port, address->port);
}

static void owner_members(struct members *to, const struct model *model, const struct socket *socket)
{
    const struct process *owner = socket->owner;
    const struct trace_image *image = socket->host < model_host_count(model) ? model_host(model, socket->host) : NULL;
    const uint64_t key[] = {(uintptr_t)owner_members, (uintptr_t)image, socket->netns, (uintptr_t)owner,
                            owner ? (uintptr_t)owner->comm : 0};
    if (members_again(to, key, sizeof key / sizeof *key))
        return;
    char host[sizeof image->header.host + 1] = "";
    if (image)
        memcpy(host, image->header.host, sizeof host - 1);
    members_bytes(to, "host", host);
    members_integer(to, "netns", socket->netns != 0, (int64_t)socket->netns);
    members_integer(to, "process", owner != NULL, owner ? owner->id : 0);
    members_integer(to, "pid", owner && owner->pid, owner ? owner->pid : 0);
    members_bytes(to, "comm", owner ? owner->comm : NULL);
    members_keep(to);
}

static void kind_members(struct members *to, const struct socket *socket)
{
    const uint64_t key[] = {(uintptr_t)kind_members, (uint64_t)socket->family << 16 | socket->type,
                            (uint64_t)(uint32_t)socket->protocol << 32 | (uint64_t)socket->role << 16 | socket->state};
    if (members_again(to, key, sizeof key / sizeof *key))
        return;
    int protocol = ip_protocol(socket);
    const char *name = names_protocol(socket->family, protocol);
    constant(to, "family", names_family(socket->family), socket->family);
    constant(to, "type", names_type(socket->type), socket->type);
    if (protocol || name)
        constant(to, "protocol", name, protocol);
    else
        members_word(to, "protocol", NULL);
    members_word(to, "transport", word_transport(socket->family, socket->type, protocol));
    members_word(to, "role", word_role(socket->role));
    members_word(to, "state", word_state(socket->state));
    members_keep(to);
}

static void identity(struct members *to, const struct model *model, const struct socket *socket)
{
    members_integer(to, "socket", true, (int64_t)socket->id);
    members_cookie(to, "cookie", socket->cookie);
    owner_members(to, model, socket);
    members_integer(to, "fd", socket->fd >= 0, socket->fd);
    kind_members(to, socket);
}

static void life(struct members *to, const struct model *model, const struct socket *socket)
{
    bool timed = socket->connect_ns != UINT64_MAX;
    members_bytes(to, "peer_name", socket->peer_name);
    time_of(to, "opened_us", model, socket, socket->opened_ns);
    time_of(to, "connected_us", model, socket, socket->connected_ns);
    time_of(to, "closed_us", model, socket, socket->closed_ns);
    members_integer(to, "connect_us", timed, timed ? (int64_t)(socket->connect_ns / 1000) : 0);
    members_integer(to, "bytes_sent", socket->sent_known, (int64_t)socket->bytes_sent);
    members_integer(to, "bytes_received", socket->received_known, (int64_t)socket->bytes_received);
    if (socket->error)
        constant(to, "error", names_errno(socket->error), socket->error);
    else
        members_word(to, "error", NULL);
}

static void options(struct members *to, const struct socket *socket)
{
    members_open(to, "options", '[');
    for (const struct socket_option *option = socket->options; option; option = option->next) {
        members_open(to, NULL, '{');
        setting_members(to, option);
        members_close(to);
    }
    members_close(to);
}

/* The congestion control in force: the program's choice, else the namespace's default. */
static const char *congestion(const struct model *model, const struct socket *socket, char out[17])
{
    memset(out, 0, 17);
    if (socket->host < model_host_count(model) && model_host(model, socket->host))
        memcpy(out, model_host(model, socket->host)->header.congestion, 16);
    for (const struct socket_option *option = socket->options; option; option = option->next) {
        const unsigned char *bytes;
        size_t size = setting_effective(option, &bytes);
        if (!size || option->level != IPPROTO_TCP || option->name != TCP_CONGESTION)
            continue;
        memset(out, 0, 17);
        memcpy(out, bytes, size < 16 ? size : 16);
    }
    return out[0] ? out : NULL;
}

/* What the object has beside the congestion control. */
#define TCP_NUMBERS(X) X(rtt_us) X(rttvar_us) X(snd_mss) X(rcv_mss) X(pmtu) X(retransmits) X(lost) X(snd_cwnd)

static void tcp(struct members *to, const struct model *model, const struct socket *socket)
{
    if (!socket->tcp_known) {
#define X(name) +1
        members_nothing(to, "tcp", 1 TCP_NUMBERS(X));
#undef X
        return;
    }
    char name[17];
    const struct sockatlas_tcp *info = &socket->tcp;
    members_open(to, "tcp", '{');
#define X(name) members_integer(to, #name, true, info->name);
    TCP_NUMBERS(X)
#undef X
    members_bytes(to, "congestion", congestion(model, socket, name));
    members_close(to);
}

static void holders(struct members *to, const struct socket *socket)
{
    members_open(to, "holders", '[');
    for (unsigned i = 0; i < socket->holders_count; i++)
        members_integer(to, NULL, true, socket->holders[i]);
    members_close(to);
}

/* What its process runs in. */
static void place_members(struct members *to, const struct process *owner)
{
    char name[CGROUP_NAME_MAX];
    const char *cgroup = owner && owner->cgroup ? owner->cgroup : "";
    const uint64_t key[] = {(uintptr_t)place_members, (uintptr_t)cgroup};
    if (members_again(to, key, sizeof key / sizeof *key))
        return;
    members_bytes(to, "cgroup", cgroup);
    members_bytes(to, "unit", cgroup_unit(cgroup, name));
    members_bytes(to, "container", cgroup_container(cgroup, name));
    members_keep(to);
}

void socket_members(struct members *to, const struct model *model, const struct socket *socket)
{
    char id[COMMUNITY_ID_MAX];
    const struct process *peer = socket->peer_process;
    identity(to, model, socket);
    endpoint(to, "local_address", "local_port", &socket->local);
    endpoint(to, "peer_address", "peer_port", &socket->peer);
    life(to, model, socket);
    options(to, socket);
    tcp(to, model, socket);
    members_integer(to, "rcvbuf", socket->rcvbuf != 0, socket->rcvbuf);
    members_integer(to, "sndbuf", socket->sndbuf != 0, socket->sndbuf);
    holders(to, socket);
    members_integer(to, "peer_socket", socket->peer_socket != 0, (int64_t)socket->peer_socket);
    members_integer(to, "peer_process", peer != NULL, peer ? peer->id : 0);
    members_word(to, "match", word_match(socket->match));
    members_word(to, "community_id", community_id(&socket->local, &socket->peer, ip_protocol(socket), id));
    members_word(to, "outcome", word_outcome(socket->outcome));
    members_word(to, "end", word_end(socket->end));
    members_word(to, "reset_by", word_reset_by(socket->reset_by));
    members_integer(to, "failures", true, socket->failures);
    members_boolean(to, "complete", socket->complete);
    members_integer(to, "peers", socket->role == ROLE_DATAGRAM, socket->peers);
    const struct process *owner = socket->owner;
    members_integer(to, "uid", owner && owner->uid != UINT32_MAX, owner ? owner->uid : 0);
    place_members(to, owner);
    members_integer(to, "bytes_undelivered", socket->undelivered_known, (int64_t)socket->undelivered);
    members_integer(to, "bytes_unread", socket->unread != 0, (int64_t)socket->unread);
}

cJSON *socket_json(const struct model *model, const struct socket *socket)
{
    struct members members;
    cJSON *object = cJSON_CreateObject();
    members_tree(&members, object);
    socket_members(&members, model, socket);
    return object;
}

bool socket_print(struct members *line, const struct model *model, const struct socket *socket, FILE *out)
{
    members_line(line);
    socket_members(line, model, socket);
    return members_print(line, out);
}

bool socket_print_row(struct members *row, const struct model *model, const struct socket *socket, FILE *out)
{
    members_row(row);
    socket_members(row, model, socket);
    return members_print(row, out);
}
