/* SPDX-License-Identifier: MIT
 *
 * Brings events and sockets to the rules, and keeps a chart of every socket while it lives.
 */
#include "analyzer/doctor/doctor.h"

#include "analyzer/doctor/internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const struct rule_row *const rows[RULES] = {
#define RULE(name) &rule_##name,
#include "analyzer/doctor/rules.def"
#undef RULE
};

/* ---- Charts ---- */

struct chart *chart_find(const struct doctor *doctor, uint64_t socket)
{
    struct chart *chart;
    HASH_FIND(hh, doctor->charts, &socket, sizeof socket, chart);
    return chart;
}

static struct chart *chart_of(struct doctor *doctor, const struct socket *socket)
{
    struct chart *chart = chart_find(doctor, socket->id);
    if (chart)
        return chart;
    chart = calloc(1, sizeof *chart);
    if (!chart)
        abort();
    chart->id = socket->id;
    HASH_ADD(hh, doctor->charts, id, sizeof chart->id, chart);
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
    struct chart *found;
    if (!address_known(&chart->local) || !address_known(&chart->peer))
        return NULL;
    tuple_of(chart, mirrored, &key);
    HASH_FIND(by_tuple, doctor->tuples, &key, sizeof key, found);
    return found;
}

static void tuple_unlist(struct doctor *doctor, struct chart *chart)
{
    if (chart->tuple_listed)
        HASH_DELETE(by_tuple, doctor->tuples, chart);
    chart->tuple_listed = false;
}

/* The latest owner of a tuple is the one listed. */
static void tuple_list(struct doctor *doctor, struct chart *chart)
{
    if (chart->tuple_listed || !address_known(&chart->local) || !address_known(&chart->peer))
        return;
    struct chart *former = chart_by_tuple(doctor, chart, false);
    if (former) {
        former->twin_id = chart->id;
        former->twin_ns = chart->connected_ns;
        tuple_unlist(doctor, former);
    }
    tuple_of(chart, false, &chart->tuple);
    HASH_ADD(by_tuple, doctor->tuples, tuple, sizeof chart->tuple, chart);
    chart->tuple_listed = true;
}

/* ---- What an event changes on a chart ---- */

bool option_value(const struct event *event, int32_t level, int32_t name, int64_t *value)
{
    const struct sockatlas_body_option *body = event_body(event);
    int32_t number = 0;
    if (event->kind != SOCKATLAS_OPTION || event->error || body->level != level || body->name != name ||
        body->kept_size < sizeof number || !event_tail(event, sizeof *body, 0, &number, sizeof number))
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
    int64_t value;
    const struct sockatlas_body_option *body = event_body(event);
    if (option_value(event, SOL_SOCKET, SO_REUSEADDR, &value))
        chart->reuse_address = value != 0;
    if (option_value(event, SOL_SOCKET, SO_KEEPALIVE, &value))
        chart->keepalive = value != 0;
    if (option_value(event, IPPROTO_TCP, TCP_USER_TIMEOUT, &value))
        chart->user_timeout = value != 0;
    if (option_value(event, IPPROTO_TCP, TCP_NODELAY, &value))
        chart->nodelay = value != 0;
    if (option_value(event, IPPROTO_TCP, TCP_CORK, &value))
        chart->cork = value != 0;
    if (option_value(event, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &value)) {
        chart->own_port_low = (uint16_t)value;
        chart->own_port_high = (uint16_t)((uint64_t)value >> 16);
    }
    struct linger linger;
    if (option_value(event, SOL_SOCKET, SO_LINGER, &value) && body->kept_size >= sizeof linger &&
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
}

static void note_peer_closed(const struct doctor *doctor, const struct chart *chart, const struct event *event)
{
    bool half = event->kind == SOCKATLAS_SHUTDOWN && !event->error &&
                ((const struct sockatlas_body_shutdown *)event_body(event))->how != SHUT_RD;
    struct chart *other =
        chart->tcp && (half || event->kind == SOCKATLAS_CLOSE) ? chart_by_tuple(doctor, chart, true) : NULL;
    if (other && other != chart)
        other->peer_closed_ns = event->time_ns;
}

static void note(struct doctor *doctor, const struct sight *sight)
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
    chart->local = socket->local;
    chart->peer = socket->peer;
    chart->owner = socket->owner;
    chart->connected_ns = socket->state == STATE_ESTABLISHED ? socket->connected_ns : 0;
    if (event->kind == SOCKATLAS_OPTION)
        note_option(chart, event);
    if (event->kind == SOCKATLAS_ACCEPT && !event->error)
        note_accept(doctor, chart, event);
    if (chart->tcp && chart->connected_ns && !before && socket->cookie)
        tuple_list(doctor, chart);
    note_peer_closed(doctor, chart, event);
}

/* ---- To the rules ---- */

static void see_event(void *context, const struct event *event, const struct process *process,
                      const struct socket *socket)
{
    struct doctor *doctor = context;
    struct sight sight = {.event = event, .process = process, .socket = socket};
    if (event->time_ns > doctor->last_ns)
        doctor->last_ns = event->time_ns;
    if (socket) {
        sight.chart = chart_of(doctor, socket);
        note(doctor, &sight);
        destination_event(doctor, &sight);
    }
    for (unsigned i = 0; i < RULES; i++)
        if (rows[i]->on_event)
            rows[i]->on_event(doctor, &rows[i]->rule, &sight);
    if (sight.chart)
        sight.chart->last_ns = event->time_ns;
}

static void see_socket(void *context, const struct socket *socket)
{
    struct doctor *doctor = context;
    struct chart *chart = chart_find(doctor, socket->id);
    if (!chart)
        return;
    for (unsigned i = 0; i < RULES; i++)
        if (rows[i]->on_socket)
            rows[i]->on_socket(doctor, &rows[i]->rule, socket, chart);
    tuple_unlist(doctor, chart);
    HASH_DEL(doctor->charts, chart);
    free(chart);
}

static void see_inherited(void *context, const struct process *process, const struct socket *socket, int32_t fd,
                          uint64_t time_ns)
{
    struct doctor *doctor = context;
    for (unsigned i = 0; i < RULES; i++)
        if (rows[i]->on_inherit)
            rows[i]->on_inherit(doctor, &rows[i]->rule, process, socket, fd, time_ns);
}

/* ---- Life ---- */

struct doctor *doctor_new(void)
{
    struct doctor *doctor = calloc(1, sizeof *doctor);
    if (!doctor)
        abort();
    return doctor;
}

void doctor_callbacks(struct doctor *doctor, struct model_callbacks *callbacks)
{
    callbacks->context = doctor;
    callbacks->socket_done = see_socket;
    callbacks->event_seen = see_event;
    callbacks->socket_inherited = see_inherited;
}

void doctor_attach(struct doctor *doctor, const struct model *model)
{
    doctor->model = model;
}

static int most_severe_first(const void *a, const void *b)
{
    const struct finding *one = *(const struct finding *const *)a, *other = *(const struct finding *const *)b;
    if (one->severity != other->severity)
        return one->severity > other->severity ? -1 : 1;
    int64_t first = one->evidence_count ? one->evidence[0].time_us : 0;
    int64_t second = other->evidence_count ? other->evidence[0].time_us : 0;
    if (first != second)
        return first < second ? -1 : 1;
    return strcmp(one->rule->name, other->rule->name);
}

void doctor_finish(struct doctor *doctor)
{
    for (unsigned i = 0; i < RULES; i++)
        if (rows[i]->on_finish)
            rows[i]->on_finish(doctor, &rows[i]->rule);
    if (doctor->findings_count)
        qsort(doctor->findings, doctor->findings_count, sizeof *doctor->findings, most_severe_first);
}

unsigned doctor_finding_count(const struct doctor *doctor)
{
    return doctor->findings_count;
}

const struct finding *doctor_finding(const struct doctor *doctor, unsigned index)
{
    return doctor->findings[index];
}

unsigned doctor_rule_count(void)
{
    return RULES;
}

const struct rule *doctor_rule(unsigned index)
{
    return &rows[index]->rule;
}

uint64_t doctor_sockets_seen(const struct doctor *doctor)
{
    return doctor->sockets_seen;
}

void doctor_free(struct doctor *doctor)
{
    struct chart *chart, *next;
    for (unsigned i = 0; i < RULES; i++)
        if (rows[i]->free && doctor->notes[i])
            rows[i]->free(doctor->notes[i]);
    HASH_CLEAR(by_tuple, doctor->tuples);
    chart = doctor->charts;
    HASH_CLEAR(hh, doctor->charts);
    for (; chart; chart = next) {
        next = chart->hh.next;
        free(chart);
    }
    destination_free_all(doctor);
    finding_free_all(doctor);
    free(doctor);
}
