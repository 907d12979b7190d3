/* SPDX-License-Identifier: MIT
 *
 * A half's life: offered to others, over, decided. A mate is provisional until both halves are over; then times, bytes
 * and rivals have their say, and the conversation is told. The only file whose functions the model calls.
 */
#include "analyzer/pair/internal.h"

#include <string.h>
#include <sys/socket.h>

/* Trace time. */
#define RECORD_NS 1000000000ull

/* ---- States ---- */

enum change { CHANGE_ENDS, CHANGE_DECIDED, CHANGES };

static const enum half_state states[HALF_STATES][CHANGES] = {
    [HALF_OPEN] = {[CHANGE_ENDS] = HALF_WAITING, [CHANGE_DECIDED] = HALF_DECIDED},
    [HALF_WAITING] = {[CHANGE_ENDS] = HALF_WAITING, [CHANGE_DECIDED] = HALF_DECIDED},
    [HALF_DECIDED] = {[CHANGE_ENDS] = HALF_DECIDED, [CHANGE_DECIDED] = HALF_DECIDED},
};

static void change(struct entry *entry, enum change change)
{
    entry->state = states[entry->state][change];
}

/* ---- Making and freeing ---- */

struct pair *pair_new(const struct pair_callbacks *callbacks)
{
    struct pair *pair = calloc(1, sizeof *pair);
    if (!pair)
        abort();
    pair->callbacks = *callbacks;
    return pair;
}

void pair_free(struct pair *pair)
{
    if (!pair)
        return;
    for (enum key key = 0; key < KEYS; key++)
        table_free(&pair->keys[key]);
    clock_free(pair);
    for (int i = 0; i < 2; i++)
        for (struct entry *entry = i ? pair->free_entries : pair->first, *next; entry; entry = next) {
            next = entry->next;
            free(entry);
        }
    free(pair);
}

struct half *pair_half(struct pair *pair)
{
    struct entry *entry = pair->free_entries;
    if (entry)
        pair->free_entries = entry->next;
    else if (!(entry = malloc(sizeof *entry)))
        abort();
    memset(entry, 0, sizeof *entry);
    entry->half.connect_ns = UINT64_MAX;
    entry->previous = pair->last;
    *(pair->last ? &pair->last->next : &pair->first) = entry;
    pair->last = entry;
    return &entry->half;
}

static void wait_leave(struct pair *pair, struct entry *entry)
{
    enum wait wait = entry->wait;
    if (wait == WAIT_NONE)
        return;
    *(entry->wait_previous ? &entry->wait_previous->wait_next : &pair->wait_first[wait]) = entry->wait_next;
    *(entry->wait_next ? &entry->wait_next->wait_previous : &pair->wait_last[wait]) = entry->wait_previous;
    pair->waiting -= wait == WAIT_END;
    entry->wait = WAIT_NONE;
    entry->wait_next = entry->wait_previous = NULL;
}

static void wait_enter(struct pair *pair, struct entry *entry, enum wait wait)
{
    wait_leave(pair, entry);
    entry->wait = wait;
    entry->until_ns = pair->now_ns + RECORD_NS;
    entry->wait_previous = pair->wait_last[wait];
    *(pair->wait_last[wait] ? &pair->wait_last[wait]->wait_next : &pair->wait_first[wait]) = entry;
    pair->wait_last[wait] = entry;
    pair->waiting += wait == WAIT_END;
}

static void part(struct entry *entry)
{
    if (entry->mate)
        entry->mate->mate = NULL;
    entry->mate = NULL;
}

static void drop(struct pair *pair, struct entry *entry)
{
    if (pair->cursor == entry)
        pair->cursor = entry->next;
    wait_leave(pair, entry);
    pair_unlist(pair, entry);
    table_remove(&pair->keys[KEY_LIVES], &entry->links[KEY_LIVES]);
    *(entry->previous ? &entry->previous->next : &pair->first) = entry->next;
    *(entry->next ? &entry->next->previous : &pair->last) = entry->previous;
    entry->next = pair->free_entries;
    pair->free_entries = entry;
}

/* ---- Telling ---- */

static void tell(struct pair *pair, struct entry *entry, const struct half *mate)
{
    change(entry, CHANGE_DECIDED);
    wait_leave(pair, entry);
    pair->callbacks.decided(pair->callbacks.context, &entry->half, mate);
}

static void tell_alone(struct pair *pair, struct entry *entry)
{
    tell(pair, entry, NULL);
    drop(pair, entry);
}

/* `from`, `to`: those of `conversation`, to be written to. */
static void converse(struct pair *pair, struct half *from, struct half *to, const struct conversation *conversation)
{
    if (!conversation->from_process || !conversation->to_process)
        return;
    for (int i = 0; i < 2; i++) {
        struct half *half = i ? from : to;
        if (!half)
            continue;
        half->initiator = i ? INITIATOR_SELF : INITIATOR_PEER;
        half->edge = conversation->match;
    }
    pair->callbacks.conversation(pair->callbacks.context, conversation);
}

static void decide_joined(struct pair *pair, struct entry *entry)
{
    struct entry *mate = entry->mate;
    struct half *a = &entry->half, *b = &mate->half;
    part(entry);
    a->match = b->match = entry->found;
    a->peer_socket = b->socket;
    b->peer_socket = a->socket;
    a->peer_process = b->process;
    b->peer_process = a->process;
    learn_other(a, b);
    learn_sides(a, b, a->match);
    if (a == b) {
        converse(
            pair, a, NULL,
            &(struct conversation){.from = a, .from_process = a->process, .to_process = a->process, .match = a->match});
        tell_alone(pair, entry);
        return;
    }
    learn_other(b, a);
    struct half *from = learn_initiates(a, b, entry->found) ? a : b, *to = from == a ? b : a;
    converse(
        pair, from, to,
        &(struct conversation){
            .from = from, .to = to, .from_process = from->process, .to_process = to->process, .match = entry->found});
    bool first = a->socket < b->socket;
    tell(pair, first ? entry : mate, first ? b : a);
    tell(pair, first ? mate : entry, first ? a : b);
    drop(pair, first ? entry : mate);
    drop(pair, first ? mate : entry);
}

/* What it began, or only took part in, ends at `process`. */
static void decide_with(struct pair *pair, struct entry *entry, struct process *process, enum match match)
{
    struct half *half = &entry->half;
    if (half->side == SIDE_UNKNOWN)
        half->side = SIDE_CLIENT; /* which is what the conversation says */
    bool server = half->side == SIDE_SERVER;
    half->match = match;
    half->peer_process = process;
    converse(pair, server ? NULL : half, server ? half : NULL,
             &(struct conversation){.from = server ? NULL : half,
                                    .to = server ? half : NULL,
                                    .from_process = server ? process : half->process,
                                    .to_process = server ? half->process : process,
                                    .match = match});
    tell_alone(pair, entry);
}

/* An attempt that failed, to who serves the address, else to the address. */
static void decide_failed(struct pair *pair, struct entry *entry)
{
    struct half *half = &entry->half;
    enum match match = half->family == AF_UNIX ? MATCH_PATH : MATCH_EXACT;
    struct process *to = half->served;
    if (!to)
        to = pair->callbacks.elsewhere(pair->callbacks.context, half, &match);
    half->peer_process = to;
    converse(pair, half, NULL,
             &(struct conversation){
                 .from = half, .from_process = half->process, .to_process = to, .match = match, .failed = true});
    tell_alone(pair, entry);
}

/* The address is served by a traced socket whose half never showed: not accepted yet, or a datagram read without its
 * sender. Or the other way round: a datagram came from a traced socket that had sent it to a group. */
static bool decide_served(struct pair *pair, struct entry *entry)
{
    struct half *half = &entry->half;
    if (!half->served || half->to_group || (half->side == SIDE_SERVER && !half->datagram))
        return false;
    if (half->datagram)
        half->peer_socket = half->served_socket;
    decide_with(pair, entry, half->served,
                !half->datagram           ? MATCH_NONE
                : half->family == AF_UNIX ? MATCH_PATH
                                          : MATCH_EXACT);
    return true;
}

/* ---- Deciding ---- */

static void join(struct pair *pair, struct entry *a, struct entry *b, enum match found)
{
    pair_unlist(pair, a);
    pair_unlist(pair, b);
    wait_leave(pair, b);
    a->mate = b;
    b->mate = a;
    a->found = b->found = found;
    a->half.used = b->half.used = true;
}

static struct entry *find_pair(struct pair *pair, struct entry *entry)
{
    uint64_t low = entry->half.socket, high = entry->half.pair_socket;
    uint64_t hash = hash_numbers(low < high ? low : high, 0);
    for (struct table_link *at = table_first(&pair->keys[KEY_MATE], hash); at; at = table_next(at)) {
        struct entry *other = ENTRY_OF(at, KEY_MATE);
        if (other->half.socket == entry->half.pair_socket && other->half.pair_socket == entry->half.socket)
            return other;
    }
    table_insert(&pair->keys[KEY_MATE], &entry->links[KEY_MATE], hash);
    return NULL;
}

/* A socket connected to its own address. */
static bool is_self(const struct half *half)
{
    return address_known(&half->local) && half->family != AF_UNIX && half->side != SIDE_SERVER &&
           address_equal(&half->local, &half->peer);
}

/* Nobody can name it as the other end. */
static bool is_nobodys(const struct half *half)
{
    return half->datagram &&
           (!address_known(&half->local) || (half->family == AF_UNIX && !half->local.size) || half->to_group);
}

static enum match usual_match(const struct half *half)
{
    return half->pair_socket ? MATCH_PAIR : half->family == AF_UNIX ? MATCH_PATH : MATCH_EXACT;
}

void pair_offer(struct pair *pair, struct half *half)
{
    struct entry *entry = (struct entry *)half, *mate = NULL;
    if (entry->mate || is_nobodys(half))
        return;
    pair_unlist(pair, entry);
    if (is_self(half)) {
        entry->mate = entry;
        entry->found = MATCH_EXACT;
        return;
    }
    mate = half->pair_socket         ? find_pair(pair, entry)
           : half->datagram          ? datagram_find(pair, entry)
           : half->family == AF_UNIX ? path_find(pair, entry)
                                     : tuple_find(pair, entry);
    if (mate)
        join(pair, entry, mate, usual_match(half));
    else
        nat_list(pair, entry);
}

static bool join_credentials(struct pair *pair, struct entry *entry)
{
    struct entry *first, *other;
    while (!entry->mate && (first = path_find_credentials(pair, entry, &other)))
        join(pair, first, other, MATCH_PATH);
    return entry->mate != NULL;
}

/* The rules for what nothing more will come of, the strongest first. */
static bool join_late(struct pair *pair, struct entry *entry)
{
    struct entry *mate = tuple_find_simultaneous(pair, entry);
    if (mate) {
        join(pair, entry, mate, MATCH_EXACT);
        return true;
    }
    if (join_credentials(pair, entry))
        return true;
    mate = path_find_across(pair, entry);
    if (mate) {
        join(pair, entry, mate, MATCH_PATH);
        return true;
    }
    mate = nat_find(pair, entry);
    if (mate)
        join(pair, entry, mate, MATCH_NAT);
    return mate != NULL;
}

/* No half of the trace is its mate. */
static void decide_alone(struct pair *pair, struct entry *entry)
{
    struct half *half = &entry->half;
    enum match match;
    if (outcome_failed(half->outcome)) {
        decide_failed(pair, entry);
        return;
    }
    if (half->pair_socket || (half->datagram ? !half->used : half->outcome != OUTCOME_ESTABLISHED)) {
        tell_alone(pair, entry);
        return;
    }
    if (half->side == SIDE_UNKNOWN)
        half->side = half->likely;
    if (decide_served(pair, entry))
        return;
    struct process *process = pair->callbacks.elsewhere(pair->callbacks.context, half, &match);
    if (process)
        decide_with(pair, entry, process, match);
    else
        tell_alone(pair, entry);
}

static bool may_be_late_established(const struct half *half)
{
    return half->datagram ? half->used : half->outcome == OUTCOME_ESTABLISHED;
}

static bool between_hosts(const struct pair *pair, const struct half *half)
{
    return pair->hosts > 1 && half->family != AF_UNIX && !half->pair_socket && !address_is_loopback(&half->peer);
}

/* How long one that is over, and has no mate, waits for it. */
static enum wait wait_for(const struct pair *pair, const struct half *half)
{
    if (half->outcome == OUTCOME_FAILED || pair->finishing)
        return WAIT_NONE;
    if (between_hosts(pair, half) || half->awaits_accept || half->pair_socket)
        return WAIT_END;
    return WAIT_RECORD;
}

/* `entry` is over. Decides it, or has it wait: for its mate's end, or in a queue. */
static void consider(struct pair *pair, struct entry *entry)
{
    struct entry *mate = entry->mate;
    if (mate && mate->state == HALF_OPEN) {
        wait_leave(pair, entry);
        return;
    }
    enum wait wait = mate ? WAIT_NONE : wait_for(pair, &entry->half);
    if (mate && !pair->finishing) {
        if (entry->half.host != mate->half.host && entry->found == MATCH_EXACT && !entry->half.datagram)
            wait = clock_near(pair, entry) ? WAIT_NONE : WAIT_END;
        else if (mate != entry && lives_doubtful(pair, entry))
            wait = WAIT_RECORD;
    }
    if (wait)
        wait_enter(pair, entry, wait);
    else if (mate)
        decide_joined(pair, entry);
    else
        decide_alone(pair, entry);
}

void pair_withdraw(struct pair *pair, struct half *half)
{
    struct entry *entry = (struct entry *)half, *mate = entry->mate;
    part(entry);
    pair_unlist(pair, entry);
    table_remove(&pair->keys[KEY_LIVES], &entry->links[KEY_LIVES]);
    if (!mate || mate == entry)
        return;
    pair_offer(pair, &mate->half);
    if (mate->state == HALF_WAITING)
        consider(pair, mate);
}

void pair_discard(struct pair *pair, struct half *half)
{
    pair_withdraw(pair, half);
    drop(pair, (struct entry *)half);
}

/* It has waited long enough, and has no mate. */
static void settle_alone(struct pair *pair, struct entry *entry)
{
    if (!may_be_late_established(&entry->half) || !join_late(pair, entry)) {
        decide_alone(pair, entry);
        return;
    }
    if (entry->mate->state == HALF_WAITING)
        decide_joined(pair, entry);
}

static void align(struct pair *pair, struct entry *entry)
{
    struct entry *over[LIVES_MAX * 2];
    unsigned count = lives_align(pair, entry, over);
    for (unsigned i = 0; i < count; i++)
        if (over[i] != entry && over[i]->wait == WAIT_NONE && !over[i]->mate)
            wait_enter(pair, over[i], WAIT_RECORD);
}

/* Nothing more comes: the lives of one tuple, as many as are looked at together. Those that find no mate among them are
 * left to other rules. */
static void decide_lives(struct pair *pair, struct entry *entry)
{
    struct entry *over[LIVES_MAX * 2];
    unsigned count = lives_align(pair, entry, over);
    for (unsigned i = 0; i < count; i++)
        if (!over[i]->mate)
            table_remove(&pair->keys[KEY_LIVES], &over[i]->links[KEY_LIVES]);
    for (unsigned i = 0; i < count; i++)
        if (over[i]->state != HALF_DECIDED && over[i]->mate)
            decide_joined(pair, over[i]);
}

/* It has waited long enough. */
static void settle(struct pair *pair, struct entry *entry)
{
    wait_leave(pair, entry);
    if (entry->mate && entry->mate != entry && lives_doubtful(pair, entry))
        align(pair, entry);
    if (!entry->mate)
        settle_alone(pair, entry);
    else if (entry->mate->state == HALF_WAITING)
        decide_joined(pair, entry);
}

void pair_end(struct pair *pair, struct half *half)
{
    struct entry *entry = (struct entry *)half;
    change(entry, CHANGE_ENDS);
    if (half->outcome == OUTCOME_FAILED)
        pair_withdraw(pair, half);
    else if (!entry->mate && half->datagram && half->used)
        pair_offer(pair, half);
    if (!pair->finishing)
        consider(pair, entry);
}

void pair_advance(struct pair *pair, uint64_t now_ns, unsigned hosts)
{
    pair->now_ns = now_ns;
    pair->hosts = hosts;
    for (struct entry *entry; (entry = pair->wait_first[WAIT_RECORD]) && entry->until_ns < now_ns;)
        settle(pair, entry);
    while (pair->waiting > PAIR_WAITING_MAX) {
        pair->given_up += !pair->wait_first[WAIT_END]->mate;
        settle(pair, pair->wait_first[WAIT_END]);
    }
}

/* Two hosts' clocks say that the two are not one connection. Where only the bytes speak for a late accept, other ends
 * may be meant, behind a translator. */
static bool refuted(const struct pair *pair, struct entry *entry)
{
    struct entry *mate = entry->mate;
    if (!mate || entry->found != MATCH_EXACT || entry->half.datagram || entry->half.side == mate->half.side)
        return false;
    bool client = entry->half.side == SIDE_CLIENT;
    const struct entry *c = client ? entry : mate, *s = client ? mate : entry;
    if (entry->half.host == mate->half.host || clock_in_time(pair, &c->half, &s->half))
        return !clock_allows(pair, c, s);
    return !clock_allows(pair, c, s) || nat_has_better(pair, entry) || nat_has_better(pair, mate);
}

static void part_refuted(struct pair *pair, struct entry *entry)
{
    struct entry *mate = entry->mate;
    part(entry);
    for (int i = 0; i < 2; i++) {
        tuple_list(pair, i ? mate : entry);
        nat_list(pair, i ? mate : entry);
    }
}

/* All that have no mate by address: found by their moment. */
static void list_moments(struct pair *pair)
{
    for (struct entry *entry = pair->first; entry; entry = entry->next)
        if (!entry->mate && may_be_late_established(&entry->half))
            nat_list_moment(pair, entry);
}

/* Of what is left, those of which no other can be meant. */
static void decide_translated(struct pair *pair)
{
    for (struct entry *entry = pair->first; entry; entry = pair->cursor) {
        pair->cursor = entry->next;
        struct entry *mate = entry->mate ? NULL : nat_find_moment(pair, entry);
        if (!mate)
            continue;
        join(pair, entry, mate, MATCH_NAT);
        decide_joined(pair, entry);
    }
}

void pair_finish(struct pair *pair)
{
    pair->finishing = true;
    clock_learn(pair);
    list_moments(pair);
    for (struct entry *entry = pair->first; entry; entry = pair->cursor) {
        pair->cursor = entry->next;
        if (entry->mate && entry->mate != entry && lives_doubtful(pair, entry))
            decide_lives(pair, entry);
        else if (refuted(pair, entry))
            part_refuted(pair, entry);
    }
    /* Those that have a mate go first, so that no weaker evidence takes it. */
    for (struct entry *entry = pair->first; entry; entry = pair->cursor) {
        pair->cursor = entry->next;
        if (entry->mate)
            decide_joined(pair, entry);
    }
    list_moments(pair); /* once more: some have lost theirs */
    decide_translated(pair);
    while (pair->first)
        settle_alone(pair, pair->first);
}

/* ---- Asked ---- */

const struct half *pair_mate(const struct half *half)
{
    const struct entry *mate = ((const struct entry *)half)->mate;
    return mate ? &mate->half : NULL;
}

/* Undecided, as it would be decided now. */
static struct half as_it_stands(const struct entry *entry)
{
    struct half half = entry->half;
    const struct half *mate = entry->mate ? &entry->mate->half : NULL;
    if (half.side == SIDE_UNKNOWN)
        half.side = half.likely;
    if (!mate)
        return half;
    bool began = learn_initiates(&half, mate, entry->found) || mate == &entry->half;
    half.match = half.edge = entry->found;
    half.peer_socket = mate->socket;
    half.peer_process = mate->process;
    half.initiator = !half.process || !mate->process ? INITIATOR_UNKNOWN : began ? INITIATOR_SELF : INITIATOR_PEER;
    return half;
}

void pair_each(const struct pair *pair, pair_see_fn *see, void *context)
{
    for (const struct entry *entry = pair->first; entry; entry = entry->next) {
        struct half half = as_it_stands(entry);
        see(context, &half, entry->mate ? &entry->mate->half : NULL);
    }
}

uint64_t pair_given_up(const struct pair *pair)
{
    return pair->given_up;
}
