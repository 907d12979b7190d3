/* SPDX-License-Identifier: MIT
 *
 * The pairing by itself: rows in, conversations out. What the replay makes of events is test_match*.c's.
 */
#include "analyzer/model/model.h"
#include "analyzer/pair/pair.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>

enum { SOCKETS = 4096 };

static struct pair *pair;
static struct process nodes[SOCKETS + 1];
static struct half told[SOCKETS + 1]; /* by socket */
static unsigned conversations;
static int64_t ahead_ns; /* how much host 1's clock says more */

static void decided(void *context, struct half *half, const struct half *mate)
{
    (void)mate;
    (void)context;
    told[half->socket] = *half;
}

static void conversation(void *context, const struct conversation *conversation)
{
    (void)context;
    cr_assert(conversation->from_process && conversation->to_process);
    conversations++;
}

static struct process *elsewhere(void *context, const struct half *half, enum match *match)
{
    (void)context;
    (void)half;
    *match = MATCH_EXTERNAL;
    return &nodes[0];
}

static uint64_t wall(void *context, unsigned host, uint64_t time_ns)
{
    (void)context;
    return time_ns + (host ? (uint64_t)ahead_ns : 0);
}

static void setup(void)
{
    conversations = 0;
    memset(told, 0, sizeof told);
    ahead_ns = 0;
    pair = pair_new(&(struct pair_callbacks){
        .decided = decided, .conversation = conversation, .elsewhere = elsewhere, .wall = wall});
}

static void teardown(void)
{
    pair_free(pair);
}

TestSuite(pair, .init = setup, .fini = teardown);

static struct address address(unsigned last, unsigned port)
{
    return (struct address){
        .family = AF_INET, .port = (uint16_t)port, .size = 4, .bytes = {10, 0, 0, (unsigned char)last}};
}

#define SECOND 1000000000ull

/* A closed connection's half: sent and received are its own. */
static void put(unsigned socket, enum side side, unsigned host, unsigned port, double start, double end, uint64_t sent,
                uint64_t received)
{
    struct half *half = pair_half(pair);
    half->socket = socket;
    half->host = host;
    half->family = AF_INET;
    half->type = SOCK_STREAM;
    half->process = &nodes[socket];
    half->side = side;
    half->local = side == SIDE_CLIENT ? address(1, port) : address(2, 80);
    half->peer = side == SIDE_CLIENT ? address(2, 80) : address(1, port);
    half->start_ns = half->began_ns = half->connected_ns = (uint64_t)(start * SECOND);
    half->closed_ns = (uint64_t)(end * SECOND);
    half->outcome = OUTCOME_ESTABLISHED;
    half->sent_known = half->received_known = true;
    half->bytes_sent = sent;
    half->bytes_received = received;
    half->counts_socket = true;
    pair_offer(pair, half);
    pair_end(pair, half);
}

static void client(unsigned socket, unsigned host, unsigned port, double start, uint64_t sent, uint64_t received)
{
    put(socket, SIDE_CLIENT, host, port, start, start + 0.01, sent, received);
}

static void server(unsigned socket, unsigned host, unsigned port, double start, uint64_t sent, uint64_t received)
{
    put(socket, SIDE_SERVER, host, port, start, start + 0.01, sent, received);
}

Test(pair, both_over_is_told_at_once)
{
    client(1, 0, 4000, 1, 10, 20);
    cr_expect_eq(conversations, 0);
    server(2, 0, 4000, 1.001, 20, 10);
    cr_expect_eq(conversations, 1);
    cr_expect_eq(told[1].peer_socket, 2);
    cr_expect_eq(told[2].peer_process, &nodes[1]);
}

/* Of the first connection the accept was lost: the second's must not be taken for it. */
Test(pair, lost_accept_is_told_by_the_bytes)
{
    client(1, 0, 4000, 1, 10, 20);
    client(2, 0, 4000, 5, 30, 40);
    server(3, 0, 4000, 5.001, 40, 30);
    pair_finish(pair);
    cr_expect_eq(told[2].peer_socket, 3);
    cr_expect_eq(told[1].peer_socket, 0);
    cr_expect_eq(told[1].match, MATCH_EXTERNAL);
}

/* A thousand lives of one tuple, of which every twentieth has lost its accept and every thirtieth its connect. */
Test(pair, lives_of_one_tuple_with_lost_ends, .timeout = 20)
{
    enum { LIVES = 1000 };
    for (unsigned i = 0; i < LIVES; i++) {
        uint64_t out = 100 + i % 7, in = 200 + i % 11;
        if (i % 30 != 7)
            client(1 + 2 * i, 0, 4000, 1 + i, out, in);
        if (i % 20 != 3)
            server(2 + 2 * i, 1, 4000, 1.001 + i, in, out);
    }
    pair_finish(pair);
    unsigned wrong = 0, missed = 0;
    for (unsigned i = 0; i < LIVES; i++) {
        bool both = i % 30 != 7 && i % 20 != 3;
        uint64_t mate = told[1 + 2 * i].peer_socket;
        wrong += mate && mate != 2 + 2 * i;
        missed += both && mate != 2 + 2 * i;
    }
    cr_expect_eq(wrong, 0);
    cr_expect_eq(missed, 0);
}

/* Clocks 90 minutes apart; sure connections say so, and one that is as far from the others is none. */
Test(pair, difference_of_clocks_is_learned)
{
    ahead_ns = 5400 * (int64_t)SECOND;
    for (unsigned i = 0; i < 20; i++) {
        client(1 + 2 * i, 0, 4000 + i, 1 + i, 10 + i, 20);
        server(2 + 2 * i, 1, 4000 + i, 1.001 + i, 20, 10 + i);
    }
    client(101, 0, 5000, 50, 10, 0); /* no bytes that could tell */
    server(102, 1, 5000, 50.001, 0, 10);
    client(103, 0, 5001, 50, 10, 0);
    server(104, 1, 5001, 500, 0, 10);
    pair_finish(pair);
    for (unsigned i = 0; i < 20; i++)
        cr_expect_eq(told[1 + 2 * i].peer_socket, 2 + 2 * i);
    cr_expect_eq(told[101].peer_socket, 102);
    cr_expect_eq(told[103].peer_socket, 0);
    cr_expect_eq(told[104].peer_socket, 0);
}

/* Two clients behind one translator with one port each, of which bytes single out the right one. */
Test(pair, translated_clients_are_told_apart_by_bytes)
{
    for (unsigned i = 0; i < 2; i++) {
        struct half *half = pair_half(pair);
        *half = (struct half){.socket = 1 + i,
                              .host = i,
                              .family = AF_INET,
                              .type = SOCK_STREAM,
                              .process = &nodes[1 + i],
                              .side = SIDE_CLIENT,
                              .local = address(10 + i, 4000),
                              .peer = address(2, 80),
                              .start_ns = SECOND,
                              .began_ns = SECOND,
                              .closed_ns = 2 * SECOND,
                              .outcome = OUTCOME_ESTABLISHED,
                              .sent_known = true,
                              .received_known = true,
                              .bytes_sent = 100 + i,
                              .bytes_received = 50};
        pair_offer(pair, half);
        pair_end(pair, half);
    }
    server(3, 2, 4000, 1.5, 50, 101); /* its peer is the translator's address */
    pair_finish(pair);
    cr_expect_eq(told[3].peer_socket, 2);
    cr_expect_eq(told[3].match, MATCH_NAT);
    cr_expect_eq(told[1].peer_socket, 0);
}

/* A tuple used again while nobody accepts: each waits for the end, and none is walked by the others. */
Test(pair, tuple_that_nobody_accepts_is_linear, .timeout = 20)
{
    for (unsigned i = 0; i < 300000; i++) {
        struct half *half = pair_half(pair);
        half->socket = 1;
        half->family = AF_INET;
        half->type = SOCK_STREAM;
        half->process = &nodes[1];
        half->side = SIDE_CLIENT;
        half->local = address(1, 4000);
        half->peer = address(2, 80);
        half->start_ns = half->began_ns = SECOND + i;
        half->closed_ns = half->start_ns;
        half->outcome = OUTCOME_ESTABLISHED;
        half->awaits_accept = true;
        pair_offer(pair, half);
        pair_end(pair, half);
        pair_advance(pair, half->start_ns, 1);
    }
    cr_expect_eq(pair_given_up(pair), 300000 - PAIR_WAITING_MAX);
    pair_finish(pair);
    cr_expect_eq(conversations, 300000);
}
