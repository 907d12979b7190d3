/* SPDX-License-Identifier: MIT
 *
 * What one process tried with one peer address, from one local address: connections established, failed, open at once,
 * short-lived. Counted before the rules see an event; memory is the distinct pairs.
 */
#include "analyzer/doctor/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A connection that lives longer is kept for what may come, or did more than ask once. */
#define SHORT_NS (2 * SECOND_NS)

static enum outcome told(const struct event *event)
{
    if (event->kind == SOCKATLAS_CONNECTED)
        return event->error ? OUTCOME_FAILED : OUTCOME_ESTABLISHED;
    if (event->kind != SOCKATLAS_CONNECT)
        return OUTCOME_UNKNOWN;
    if (event->error == EINPROGRESS || event->error == EINTR || event->error == EALREADY)
        return OUTCOME_PENDING;
    return event->error == EISCONN ? OUTCOME_UNKNOWN : event->error ? OUTCOME_FAILED : OUTCOME_ESTABLISHED;
}

enum outcome connect_outcome(const struct sight *sight)
{
    enum outcome outcome = told(sight->event);
    if (outcome != OUTCOME_FAILED || !sight->chart || !sight->socket->attempts)
        return outcome; /* datagram sockets make no attempts */
    if (sight->socket->state != STATE_FAILED || sight->chart->failed_attempt == sight->socket->attempts)
        return OUTCOME_UNKNOWN;
    sight->chart->failed_attempt = sight->socket->attempts;
    return outcome;
}

/* A socket's own bounds hold where they are within the namespace's, as in the kernel. */
static void port_range(struct destination_key *key, const struct sight *sight)
{
    const struct sockatlas_header *header = &sight->event->image->header;
    uint16_t own_low = sight->chart->own_port_low, own_high = sight->chart->own_port_high;
    bool known = header->port_high > header->port_low;
    key->port_low = known ? header->port_low : 0;
    key->port_high = known ? header->port_high : 0;
    if (own_low >= key->port_low && own_low <= key->port_high)
        key->port_low = own_low;
    if (own_high >= key->port_low && own_high <= key->port_high)
        key->port_high = own_high;
}

static bool within(const struct destination_key *key, const struct destination_key *range)
{
    return !range->port_high || (key->port_low >= range->port_low && key->port_high <= range->port_high);
}

static bool same_source(const struct address *a, const struct address *b)
{
    return !address_known(a) || !address_known(b) || address_equal(a, b);
}

static struct destination *destination_of(struct doctor *doctor, const struct sight *sight)
{
    struct destination_key key;
    memset(&key, 0, sizeof key);
    key.netns = sight->socket->netns;
    key.host = sight->socket->host;
    key.process = sight->process->id;
    address_key(&key.address, &sight->socket->peer);
    if (address_known(&sight->socket->local) && !address_is_any(&sight->socket->local)) {
        address_key(&key.source, &sight->socket->local);
        key.source.port = 0;
    }
    port_range(&key, sight);
    struct destination *destination;
    HASH_FIND(hh, doctor->destinations, &key, sizeof key, destination);
    if (destination)
        return destination;
    destination = calloc(1, sizeof *destination);
    if (!destination)
        abort();
    destination->key = key;
    destination->process = sight->process;
    HASH_ADD(hh, doctor->destinations, key, sizeof key, destination);
    return destination;
}

static void count_second(struct destination *destination, uint64_t time_ns)
{
    uint64_t second = time_ns / SECOND_NS;
    if (second > destination->latest_second + DESTINATION_SECONDS)
        memset(destination->by_second, 0, sizeof destination->by_second);
    else
        while (destination->latest_second < second)
            destination->by_second[++destination->latest_second % DESTINATION_SECONDS] = 0;
    if (second > destination->latest_second)
        destination->latest_second = second;
    destination->by_second[second % DESTINATION_SECONDS]++;
}

uint64_t destination_recent(const struct doctor *doctor, const struct destination *destination, uint64_t time_ns)
{
    uint64_t second = time_ns / SECOND_NS, recent = 0;
    for (const struct destination *at = doctor->destinations; at; at = at->hh.next) {
        if (at->key.host != destination->key.host || at->key.netns != destination->key.netns ||
            !address_equal(&at->key.address, &destination->key.address) ||
            !same_source(&at->key.source, &destination->key.source) || !within(&at->key, &destination->key))
            continue;
        for (uint64_t back = 0; back < DESTINATION_SECONDS; back++)
            if (at->latest_second >= back && at->latest_second - back + DESTINATION_SECONDS > second)
                recent += at->by_second[(at->latest_second - back) % DESTINATION_SECONDS];
    }
    return recent;
}

static void done(struct destination *destination, struct chart *chart, const struct event *event)
{
    destination->connects++;
    destination->overlapping += destination->open != 0;
    destination->open++;
    chart->destination = destination;
    count_second(destination, event->time_ns);
}

static void closed(struct chart *chart, const struct event *event)
{
    struct destination *destination = chart->destination;
    const struct sockatlas_body_close *body = event_body(event);
    if (!destination)
        return;
    chart->destination = NULL;
    destination->open--;
    if (!body->bytes_sent || !body->bytes_received || !chart->connected_ns ||
        event->time_ns - chart->connected_ns > SHORT_NS)
        return;
    if (!destination->exchanges++) {
        destination->exchange_first_ns = chart->connected_ns;
        destination->exchange_socket = chart->id;
    }
    destination->exchange_last_ns = event->time_ns;
}

void destination_event(struct doctor *doctor, struct sight *sight)
{
    const struct event *event = sight->event;
    struct chart *chart = sight->chart;
    if (!chart->tcp)
        return;
    if (event->kind == SOCKATLAS_CLOSE && !event->error) {
        sight->destination = chart->destination;
        closed(chart, event);
    }
    enum outcome outcome = sight->outcome;
    if ((outcome != OUTCOME_ESTABLISHED && outcome != OUTCOME_FAILED) || !address_known(&chart->peer))
        return;
    struct destination *destination = sight->destination = destination_of(doctor, sight);
    if (outcome == OUTCOME_FAILED)
        destination->failures[destination->failures_count++ % STORM_FAILURES] = event->time_ns;
    else if (!chart->destination)
        done(destination, chart, event);
}

void destination_free_all(struct doctor *doctor)
{
    struct destination *destination, *next;
    destination = doctor->destinations;
    HASH_CLEAR(hh, doctor->destinations);
    for (; destination; destination = next) {
        next = destination->hh.next;
        free(destination);
    }
}
