/* SPDX-License-Identifier: MIT
 *
 * Charts: what is noted of every socket while it lives. Called by doctor.c and the rules; knows of no rule.
 */
#include "analyzer/doctor/internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ---- Charts ---- */

struct chart *chart_find(const struct doctor *doctor, uint64_t socket)
{
    uint64_t hash = table_mix(socket);
    for (struct table_link *link = table_first(&doctor->charts, hash); link; link = table_next(link)) {
        struct chart *chart = TABLE_OF(link, struct chart, by_id);
        if (chart->id == socket)
            return chart;
    }
    return NULL;
}

struct chart *chart_of(struct doctor *doctor, const struct socket *socket)
{
    struct chart *chart = chart_find(doctor, socket->id);
    if (chart)
        return chart;
    chart = doctor->spare ? doctor->spare : malloc(sizeof *chart);
    if (!chart)
        abort();
    if (doctor->spare)
        doctor->spare = chart->next;
    memset(chart, 0, sizeof *chart);
    chart->id = socket->id;
    table_insert(&doctor->charts, &chart->by_id, table_mix(chart->id));
    chart->previous = doctor->last;
    *(doctor->last ? &doctor->last->next : &doctor->first) = chart;
    doctor->last = chart;
    doctor->sockets_seen++;
    return chart;
}

static bool is_tcp(const struct socket *socket)
{
    return (socket->family == AF_INET || socket->family == AF_INET6) && socket->type == SOCK_STREAM &&
           (socket->protocol == 0 || socket->protocol == IPPROTO_TCP);
}

static void tuple_of(const struct chart *chart, bool mirrored, struct tuple_key *key)
{
    const struct address *local = mirrored ? &chart->peer : &chart->local;
    const struct address *peer = mirrored ? &chart->local : &chart->peer;
    memset(key, 0, sizeof *key);
    key->netns = chart->netns;
    key->host = chart->host;
    key->ports = (uint32_t)local->port << 16 | peer->port;
    memcpy(key->local, local->bytes, local->size <= 16 ? local->size : 0);
    memcpy(key->peer, peer->bytes, peer->size <= 16 ? peer->size : 0);
}

struct chart *chart_by_tuple(const struct doctor *doctor, const struct chart *chart, bool mirrored)
{
    struct tuple_key key;
    if (!address_known(&chart->local) || !address_known(&chart->peer))
        return NULL;
    tuple_of(chart, mirrored, &key);
    uint64_t hash = hash_struct(&key, sizeof key);
    for (struct table_link *link = table_first(&doctor->tuples, hash); link; link = table_next(link)) {
        struct chart *found = TABLE_OF(link, struct chart, by_tuple);
        if (memcmp(&found->tuple, &key, sizeof key) == 0)
            return found;
    }
    return NULL;
}

/* The latest owner of a tuple is the one listed. */
static void tuple_list(struct doctor *doctor, struct chart *chart)
{
    if (chart->by_tuple.listed || !address_known(&chart->local) || !address_known(&chart->peer))
        return;
    struct chart *former = chart_by_tuple(doctor, chart, false);
    if (former) {
        former->twin_id = chart->id;
        former->twin_ns = chart->connected_ns;
        table_remove(&doctor->tuples, &former->by_tuple);
    }
    tuple_of(chart, false, &chart->tuple);
    table_insert(&doctor->tuples, &chart->by_tuple, hash_struct(&chart->tuple, sizeof chart->tuple));
}

/* ---- What an event changes on a chart ---- */

bool option_value(const struct event *event, int32_t level, int32_t name, int64_t *value)
{
    const struct sockatlas_body_option *body = event_body(event);
    int32_t number = 0;
    bool found = event->call == SOCKATLAS_CALL_attach; /* the value in force is all that is known */
    size_t size = event->kind != SOCKATLAS_OPTION ? 0 : found ? body->effective_size : body->kept_size;
    if (size < sizeof number || event->error || body->level != level || body->name != name ||
        !event_tail(event, sizeof *body, found ? body->kept_size : 0, &number, sizeof number))
        return false;
    *value = number;
    return true;
}

bool is_exit_call(unsigned call)
{
    return call == SOCKATLAS_CALL_exit || call == SOCKATLAS_CALL__exit || call == SOCKATLAS_CALL__Exit ||
           call == SOCKATLAS_CALL_quick_exit || call == SOCKATLAS_CALL_abort;
}

static void note_option(struct chart *chart, const struct event *event)
{
    const struct sockatlas_body_option *body = event_body(event);
    int64_t value;
    if (!option_value(event, body->level, body->name, &value))
        return;
    if (body->level == SOL_SOCKET && body->name == SO_REUSEADDR)
        chart->reuse_address = value != 0;
    else if (body->level == SOL_SOCKET && body->name == SO_KEEPALIVE)
        chart->keepalive = value != 0;
    else if (body->level == IPPROTO_TCP && body->name == TCP_USER_TIMEOUT)
        chart->user_timeout = value != 0;
    else if (body->level == IPPROTO_TCP && body->name == TCP_NODELAY)
        chart->nodelay = value != 0;
    else if (body->level == IPPROTO_TCP && body->name == TCP_CORK)
        chart->cork = value != 0;
    else if (body->level == SOL_SOCKET && (body->name == SO_SNDBUF || body->name == SO_SNDBUFFORCE))
        chart->send_buffer = value > 0 ? (uint32_t)value : 0;
    else if (body->level == IPPROTO_IP && body->name == IP_LOCAL_PORT_RANGE) {
        chart->own_port_low = (uint16_t)value;
        chart->own_port_high = (uint16_t)((uint64_t)value >> 16);
    }
    struct linger linger;
    if (body->level == SOL_SOCKET && body->name == SO_LINGER && body->kept_size >= sizeof linger &&
        event_tail(event, sizeof *body, 0, &linger, sizeof linger))
        chart->linger_zero = linger.l_onoff && !linger.l_linger;
}

static void note_accept(const struct doctor *doctor, struct chart *chart, const struct event *event)
{
    struct sockatlas_body_accept body;
    memcpy(&body, event_body(event), sizeof body);
    const struct socket *listener = model_socket(doctor->model, event->image->host, body.listener_cookie);
    const struct chart *from = listener ? chart_find(doctor, listener->id) : NULL;
    if (!from)
        return;
    chart->keepalive = from->keepalive;
    chart->user_timeout = from->user_timeout;
    chart->linger_zero = from->linger_zero;
    chart->nodelay = from->nodelay;
    chart->send_buffer = from->send_buffer;
}

static void note_peer_closed(const struct doctor *doctor, const struct chart *chart, const struct event *event)
{
    bool half = event->kind == SOCKATLAS_SHUTDOWN && !event->error &&
                ((const struct sockatlas_body_shutdown *)event_body(event))->how != SHUT_RD;
    struct chart *other =
        chart->tcp && (half || event->kind == SOCKATLAS_CLOSE) ? chart_by_tuple(doctor, chart, true) : NULL;
    if (other && other != chart) {
        other->peer_closed_ns = event->time_ns;
        other->peer_lingers = chart->linger_zero;
        other->peer_gone = !half;
    }
}

/* Of most addresses a few bytes are all there is. */
static void copy_address(struct address *to, const struct address *from)
{
    enum { BEGINNING = 32 };
    memcpy(to, from, BEGINNING);
    if (offsetof(struct address, bytes) + from->size > BEGINNING)
        *to = *from;
}

void chart_note(struct doctor *doctor, const struct sight *sight)
{
    const struct socket *socket = sight->socket;
    const struct event *event = sight->event;
    struct chart *chart = sight->chart;
    bool before = chart->connected_ns != 0;
    chart->host = socket->host;
    chart->netns = socket->netns;
    chart->family = socket->family;
    chart->type = socket->type;
    chart->tcp = is_tcp(socket);
    chart->state = socket->state;
    chart->backlog = socket->backlog;
    copy_address(&chart->local, &socket->local);
    copy_address(&chart->peer, &socket->peer);
    chart->owner = socket->owner;
    chart->connected_ns = socket->state == STATE_ESTABLISHED ? socket->connected_ns : 0;
    if (event->kind == SOCKATLAS_LISTEN && !event->error)
        chart->listened_ns = event->time_ns;
    if (event->kind == SOCKATLAS_OPTION)
        note_option(chart, event);
    if (event->kind == SOCKATLAS_ACCEPT && !event->error)
        note_accept(doctor, chart, event);
    if (chart->tcp && chart->connected_ns && !before && socket->cookie)
        tuple_list(doctor, chart);
    note_peer_closed(doctor, chart, event);
}

/* ---- Its end ---- */

void chart_free(struct doctor *doctor, struct chart *chart)
{
    table_remove(&doctor->tuples, &chart->by_tuple);
    table_remove(&doctor->charts, &chart->by_id);
    *(chart->previous ? &chart->previous->next : &doctor->first) = chart->next;
    *(chart->next ? &chart->next->previous : &doctor->last) = chart->previous;
    chart->next = doctor->spare;
    doctor->spare = chart;
}

static void free_list(struct chart *chart)
{
    for (struct chart *next; chart; chart = next) {
        next = chart->next;
        free(chart);
    }
}

void chart_free_all(struct doctor *doctor)
{
    free_list(doctor->first);
    free_list(doctor->spare);
    table_free(&doctor->tuples);
    table_free(&doctor->charts);
}
