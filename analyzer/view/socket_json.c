/* SPDX-License-Identifier: MIT
 *
 * One socket as the object that `list --json` writes.
 */
#include "analyzer/view/socket_json.h"

#include "analyzer/model/community_id.h"
#include "analyzer/names/names.h"
#include "analyzer/trace/json.h"
#include "analyzer/view/setting.h"
#include "analyzer/view/value.h"
#include "analyzer/view/words.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static void time_of(cJSON *object, const char *key, const struct model *model, const struct socket *socket, uint64_t ns)
{
    value_integer(object, key, ns != 0, ns ? model_time_us(model, socket->host, ns) : 0);
}

static void constant(cJSON *object, const char *key, const char *name, int64_t value)
{
    char number[WORD_MAX];
    value_text(object, key, word_or_number(name, value, number));
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

static void endpoint(cJSON *object, const char *address_key, const char *port_key, const struct address *address)
{
    char text[ADDRESS_TEXT_MAX];
    value_text(object, address_key, address_text(address, text));
    value_integer(object, port_key, is_inet(address->family) && address->port, address->port);
}

static void identity(cJSON *object, const struct model *model, const struct socket *socket)
{
    char host[sizeof((struct sockatlas_header *)NULL)->host + 1] = "";
    if (socket->host < model_host_count(model) && model_host(model, socket->host))
        memcpy(host, model_host(model, socket->host)->header.host, sizeof host - 1);
    int protocol = ip_protocol(socket);
    const struct process *owner = socket->owner;
    const char *name = names_protocol(socket->family, protocol);
    value_integer(object, "socket", true, (int64_t)socket->id);
    json_add_cookie(object, "cookie", socket->cookie);
    value_bytes(object, "host", host);
    value_integer(object, "netns", socket->netns != 0, (int64_t)socket->netns);
    value_integer(object, "process", owner != NULL, owner ? owner->id : 0);
    value_integer(object, "pid", owner && owner->pid, owner ? owner->pid : 0);
    value_bytes(object, "comm", owner ? owner->comm : NULL);
    value_integer(object, "fd", socket->fd >= 0, socket->fd);
    constant(object, "family", names_family(socket->family), socket->family);
    constant(object, "type", names_type(socket->type), socket->type);
    if (protocol || name)
        constant(object, "protocol", name, protocol);
    else
        value_text(object, "protocol", NULL);
    value_text(object, "transport", word_transport(socket->family, socket->type, protocol));
    value_text(object, "role", word_role(socket->role));
    value_text(object, "state", word_state(socket->state));
}

static void life(cJSON *object, const struct model *model, const struct socket *socket)
{
    bool timed = socket->connect_ns != UINT64_MAX;
    value_bytes(object, "peer_name", socket->peer_name);
    time_of(object, "opened_us", model, socket, socket->opened_ns);
    time_of(object, "connected_us", model, socket, socket->connected_ns);
    time_of(object, "closed_us", model, socket, socket->closed_ns);
    value_integer(object, "connect_us", timed, timed ? (int64_t)(socket->connect_ns / 1000) : 0);
    value_integer(object, "bytes_sent", socket->bytes_known, (int64_t)socket->bytes_sent);
    value_integer(object, "bytes_received", socket->bytes_known, (int64_t)socket->bytes_received);
    if (socket->error)
        constant(object, "error", names_errno(socket->error), socket->error);
    else
        value_text(object, "error", NULL);
}

static cJSON *options_json(const struct socket *socket)
{
    cJSON *array = cJSON_CreateArray();
    for (const struct socket_option *option = socket->options; option; option = option->next) {
        cJSON *object = cJSON_CreateObject();
        setting_json(object, option);
        cJSON_AddItemToArray(array, object);
    }
    return array;
}

/* The congestion control in force: the program's choice, else the namespace's default. */
static const char *congestion(const struct model *model, const struct socket *socket, char out[17])
{
    memset(out, 0, 17);
    if (socket->host < model_host_count(model) && model_host(model, socket->host))
        memcpy(out, model_host(model, socket->host)->header.congestion, 16);
    for (const struct socket_option *option = socket->options; option; option = option->next) {
        const char *name = names_option(option->level, option->name);
        const unsigned char *bytes;
        size_t size = setting_effective(option, &bytes);
        if (!size || !name || strcmp(name, "TCP_CONGESTION") != 0)
            continue;
        memset(out, 0, 17);
        memcpy(out, bytes, size < 16 ? size : 16);
    }
    return out[0] ? out : NULL;
}

static cJSON *tcp_json(const struct model *model, const struct socket *socket)
{
    if (!socket->tcp_known)
        return cJSON_CreateNull();
    char name[17];
    const struct sockatlas_tcp *tcp = &socket->tcp;
    cJSON *object = cJSON_CreateObject();
    value_integer(object, "rtt_us", true, tcp->rtt_us);
    value_integer(object, "rttvar_us", true, tcp->rttvar_us);
    value_integer(object, "snd_mss", true, tcp->snd_mss);
    value_integer(object, "rcv_mss", true, tcp->rcv_mss);
    value_integer(object, "pmtu", true, tcp->pmtu);
    value_integer(object, "retransmits", true, tcp->retransmits);
    value_integer(object, "lost", true, tcp->lost);
    value_integer(object, "snd_cwnd", true, tcp->snd_cwnd);
    value_bytes(object, "congestion", congestion(model, socket, name));
    return object;
}

static cJSON *holders_json(const struct socket *socket)
{
    cJSON *array = cJSON_CreateArray();
    for (unsigned i = 0; i < socket->holders_count; i++)
        value_append(array, socket->holders[i]);
    return array;
}

cJSON *socket_json(const struct model *model, const struct socket *socket)
{
    char id[COMMUNITY_ID_MAX];
    const struct process *peer = socket->peer_process;
    cJSON *object = cJSON_CreateObject();
    identity(object, model, socket);
    endpoint(object, "local_address", "local_port", &socket->local);
    endpoint(object, "peer_address", "peer_port", &socket->peer);
    life(object, model, socket);
    cJSON_AddItemToObjectCS(object, "options", options_json(socket));
    cJSON_AddItemToObjectCS(object, "tcp", tcp_json(model, socket));
    value_integer(object, "rcvbuf", socket->rcvbuf != 0, socket->rcvbuf);
    value_integer(object, "sndbuf", socket->sndbuf != 0, socket->sndbuf);
    cJSON_AddItemToObjectCS(object, "holders", holders_json(socket));
    value_integer(object, "peer_socket", socket->peer_socket != 0, (int64_t)socket->peer_socket);
    value_integer(object, "peer_process", peer != NULL, peer ? peer->id : 0);
    value_text(object, "match", word_match(socket->match));
    value_text(object, "community_id", community_id(&socket->local, &socket->peer, ip_protocol(socket), id));
    return object;
}
