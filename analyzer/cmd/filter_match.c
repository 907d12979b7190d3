/* SPDX-License-Identifier: MIT
 *
 * Applying filters, see filter_match.h.
 */
#include "analyzer/cmd/filter_match.h"

#include "analyzer/view/words.h"

#include <fnmatch.h>
#include <string.h>
#include <sys/socket.h>

/* ---- One value ---- */

static bool in_network(const struct filter_term *term, const struct address *address)
{
    if (term->address.family != address->family)
        return false;
    unsigned bytes = term->prefix / 8, bits = term->prefix % 8;
    if (memcmp(term->address.bytes, address->bytes, bytes) != 0)
        return false;
    return bits == 0 || (term->address.bytes[bytes] ^ address->bytes[bytes]) >> (8 - bits) == 0;
}

static bool address_matches(const struct filter_term *term, const struct address *address)
{
    char text[ADDRESS_TEXT_MAX];
    if (term->address.family)
        return in_network(term, address);
    return address_text(address, text) != NULL && fnmatch(term->text, text, 0) == 0;
}

static bool port_matches(const struct filter_term *term, const struct address *address)
{
    bool has_port = address->family == AF_INET || address->family == AF_INET6;
    return has_port && term->low <= address->port && address->port <= term->high;
}

static bool container_matches(const struct filter_term *term, const struct process *process)
{
    char name[CGROUP_NAME_MAX];
    if (!process_container(process, name))
        return false;
    return strncmp(name, term->text, strlen(term->text)) == 0 || fnmatch(term->text, name, 0) == 0;
}

static bool is_word(const struct filter_term *term, const char *word)
{
    return word && strcmp(term->text, word) == 0;
}

/* Addresses and ports: of any of the subject's ends. */
static bool term_matches(enum filter_kind kind, const struct filter_term *term, const struct filter_subject *subject)
{
    static const struct process nobody;
    const struct process *process = subject->process ? subject->process : &nobody;
    char unit[CGROUP_NAME_MAX];
    switch (kind) {
    case FILTER_pid:
        return term->low <= process->pid && process->pid <= term->high && process->pid;
    case FILTER_comm:
        return process->comm && process->comm[0] && fnmatch(term->text, process->comm, 0) == 0;
    case FILTER_unit:
        return process_unit(process, unit) && fnmatch(term->text, unit, 0) == 0;
    case FILTER_container:
        return container_matches(term, process);
    case FILTER_transport:
        return is_word(term, subject->transport);
    case FILTER_role:
        return is_word(term, subject->role);
    case FILTER_end:
        return is_word(term, subject->end);
    default:
        break;
    }
    for (size_t i = 0; i < sizeof subject->addresses / sizeof *subject->addresses; i++) {
        const struct address *address = subject->addresses[i];
        if (address && address_known(address) &&
            (kind == FILTER_port ? port_matches(term, address) : address_matches(term, address)))
            return true;
    }
    return false;
}

/* ---- All of them ---- */

/* Whether one of the values that are asked for matches, or none is asked for. */
static bool asked_for(const struct filter *filter, enum filter_kind kind, const struct filter_subject *subject)
{
    bool asked = false;
    for (const struct filter_term *term = filter->terms[kind]; term; term = term->next) {
        if (!term->negated && term_matches(kind, term, subject))
            return true;
        asked |= !term->negated;
    }
    return !asked;
}

static bool not_wanted(const struct filter *filter, const struct filter_subject *subject)
{
    for (enum filter_kind kind = 0; kind < FILTER_KINDS; kind++)
        for (const struct filter_term *term = filter->terms[kind]; term; term = term->next)
            if (term->negated && term_matches(kind, term, subject))
                return true;
    return false;
}

/* An address and a port that are both asked for must be of the same end. */
static bool end_asked_for(const struct filter *filter, const struct filter_subject *subject)
{
    for (size_t i = 0; i < sizeof subject->addresses / sizeof *subject->addresses; i++) {
        struct filter_subject one = {.addresses = {subject->addresses[i]}};
        if (asked_for(filter, FILTER_address, &one) && asked_for(filter, FILTER_port, &one))
            return true;
    }
    return false;
}

static int64_t absolute(const struct filter_time *time, int64_t origin_us)
{
    return time->relative ? origin_us + time->us : time->us;
}

static bool in_time(const struct filter *filter, const struct filter_subject *subject)
{
    const struct filter_time *least = &filter->min_duration;
    if (filter->since.given && subject->last_us < absolute(&filter->since, subject->origin_us))
        return false;
    if (filter->until.given && subject->first_us > absolute(&filter->until, subject->origin_us))
        return false;
    bool lasted = subject->duration_us >= 0 && subject->duration_us >= least->us;
    return !least->given || lasted != least->negated;
}

static bool positively(const struct filter *filter, const struct filter_subject *subject)
{
    if ((filter->failed == FAILED_ONLY && !subject->failed) || (filter->failed == FAILED_NONE && subject->failed))
        return false;
    for (enum filter_kind kind = 0; kind < FILTER_KINDS; kind++)
        if (kind != FILTER_address && kind != FILTER_port && !asked_for(filter, kind, subject))
            return false;
    return end_asked_for(filter, subject) && in_time(filter, subject);
}

bool filter_match(const struct filter *filter, const struct filter_subject *subject)
{
    return positively(filter, subject) && !not_wanted(filter, subject);
}

/* ---- What is asked about ---- */

bool filter_process(const struct filter *filter, const struct process *process)
{
    const struct filter_subject subject = {.process = process, .duration_us = -1};
    static const enum filter_kind kinds[] = {FILTER_pid, FILTER_comm, FILTER_unit, FILTER_container};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!asked_for(filter, kinds[i], &subject))
            return false;
    return !not_wanted(filter, &subject);
}

bool filter_listener(const struct filter *filter, const struct listener *listener)
{
    const struct filter_subject subject = {
        .process = listener->process,
        .addresses = {&listener->address},
        .transport = word_transport(listener->family, listener->type, listener->protocol),
        .role = word_role(ROLE_LISTENER),
        .last_us = INT64_MAX,
        .duration_us = INT64_MAX,
    };
    return filter_match(filter, &subject);
}

bool filter_is_internal(const struct socket *socket)
{
    return socket->role == ROLE_PAIR && socket->owner && socket->owner == socket->peer_process;
}

bool filter_socket(const struct filter *filter, const struct model *model, const struct socket *socket)
{
    uint64_t first = socket->opened_ns ? socket->opened_ns : socket->connected_ns;
    struct filter_subject subject = {
        .process = socket->owner,
        .addresses = {&socket->local, &socket->peer},
        .transport = word_transport(socket->family, socket->type, socket->protocol),
        .role = word_role(socket->role),
        .end = word_end(socket->end),
        .failed = socket->failures != 0,
        .first_us = first ? model_time_us(model, socket->host, first) : 0,
        .last_us = socket->closed_ns ? model_time_us(model, socket->host, socket->closed_ns) : INT64_MAX,
        .duration_us = -1,
        .origin_us = model_origin_us(model),
    };
    if (first)
        subject.duration_us = (socket->closed_ns ? subject.last_us : model_latest_us(model)) - subject.first_us;
    return filter_match(filter, &subject);
}

const char *filter_role(enum match match, bool datagram, bool began)
{
    if (match == MATCH_PAIR)
        return word_role(ROLE_PAIR);
    if (datagram)
        return word_role(ROLE_DATAGRAM);
    return word_role(began ? ROLE_CLIENT : ROLE_SERVER);
}

/* One end, of which only the other's half may be known. */
static void put_end(struct filter_subject *subject, const struct model *model, const struct conversation *conversation,
                    bool began)
{
    const struct half *own = began ? conversation->from : conversation->to;
    const struct half *half = own ? own : began ? conversation->to : conversation->from;
    *subject = (struct filter_subject){
        .process = began ? conversation->from_process : conversation->to_process,
        .addresses = {&half->local, &half->peer},
        .transport = word_transport(half->family, half->type, half->protocol),
        .role = filter_role(conversation->match, half->datagram, began),
        .end = own ? word_end(half->end) : NULL,
        .failed = conversation->failed,
        .first_us = half->start_ns ? model_time_us(model, half->host, half->start_ns) : 0,
        .last_us = half->closed_ns ? model_time_us(model, half->host, half->closed_ns) : INT64_MAX,
        .duration_us = -1,
        .origin_us = model_origin_us(model),
    };
    if (half->start_ns)
        subject->duration_us = (half->closed_ns ? subject->last_us : model_latest_us(model)) - subject->first_us;
}

bool filter_ends(const struct filter *filter, const struct filter_subject *from, const struct filter_subject *to)
{
    return (positively(filter, from) || positively(filter, to)) && !not_wanted(filter, from) && !not_wanted(filter, to);
}

bool filter_conversation(const struct filter *filter, const struct model *model,
                         const struct conversation *conversation)
{
    struct filter_subject from, to;
    put_end(&from, model, conversation, true);
    put_end(&to, model, conversation, false);
    return filter_ends(filter, &from, &to);
}

/* ---- For the model ---- */

static bool conversation_wanted(void *context, const struct conversation *conversation)
{
    const struct filter_of_model *of = context;
    return filter_conversation(of->filter, of->model, conversation);
}

static bool listener_wanted(void *context, const struct listener *listener)
{
    const struct filter_of_model *of = context;
    return filter_listener(of->filter, listener);
}

void filter_callbacks(struct filter_of_model *of, struct model_callbacks *callbacks)
{
    if (!filter_given(of->filter))
        return;
    callbacks->wanted = of;
    callbacks->conversation_wanted = conversation_wanted;
    callbacks->listener_wanted = listener_wanted;
}

static void pass_socket(void *context, const struct socket *socket)
{
    const struct filter_sieve *sieve = context;
    if (filter_socket(sieve->filter, sieve->model, socket))
        sieve->behind.socket_done(sieve->behind.context, socket);
}

static void pass_event(void *context, const struct event *event, const struct process *process,
                       const struct socket *socket)
{
    const struct filter_sieve *sieve = context;
    if (filter_process(sieve->filter, process))
        sieve->behind.event_seen(sieve->behind.context, event, process, socket);
}

void filter_sieve(struct filter_sieve *sieve, struct model_callbacks *callbacks)
{
    sieve->behind = *callbacks;
    if (!filter_given(sieve->filter))
        return;
    callbacks->context = sieve;
    callbacks->socket_done = callbacks->socket_done ? pass_socket : NULL;
    callbacks->event_seen = callbacks->event_seen ? pass_event : NULL;
}
