/* SPDX-License-Identifier: MIT
 *
 * The kernel's notices of ended sockets, joined with what logs tell: what the bytes are, whose the socket was, what is
 * drawn and what is not.
 */
#include "analyzer/model/internal.h"
#include "tests/unit/model_script.h"

static struct script script;
static struct who kernel;

static void setup(void)
{
    struct sockatlas_body_netns body = {.netns_inode = 1};
    script_begin(&script);
    kernel = (struct who){script_image(&script, 9, "sockatlas", 0, 1), 9};
    script.images[kernel.image].header.writer = SOCKATLAS_WRITER_KERNEL;
    script.images[kernel.image].header.notices = SOCKATLAS_NOTICES_ASKED;
    script_record(&script, kernel, (struct sockatlas_common){.kind = SOCKATLAS_NETNS, .fd = -1}, &body, sizeof body,
                  NULL, 0);
}

static void teardown(void)
{
    model_free(script.model);
}

TestSuite(ended, .init = setup, .fini = teardown);

static struct who process(uint32_t pid, const char *comm)
{
    return (struct who){script_image(&script, pid, comm, 0, 1), pid};
}

static const struct sockatlas_body_ended in_order = {
    .bytes_sent = 10, .bytes_received = 20, .protocol = IPPROTO_TCP, .acked = 2, .left = SOCKATLAS_LEFT_FIN_WAIT2};

static void t_ended(uint64_t cookie, struct sockatlas_body_ended body, const char *local, const char *peer)
{
    unsigned char tail[256];
    struct sockatlas_tcp tcp = {.state = 7, .rtt_us = 5, .segs_in = 3};
    size_t size = script_tail(&body.addresses, tail, local, peer);
    if (body.bytes_received != SOCKATLAS_BYTES_UNKNOWN) {
        memcpy(tail + size, &tcp, sizeof tcp);
        size += sizeof tcp;
    }
    script_record(&script, kernel, (struct sockatlas_common){.kind = SOCKATLAS_ENDED, .fd = -1, .cookie = cookie},
                  &body, sizeof body, tail, size);
}

static void t_holder(uint64_t cookie, uint32_t pid, const char *comm, const char *local, const char *peer)
{
    unsigned char tail[256];
    struct sockatlas_body_untraced body = {.peer_pid = pid,
                                           .type = SOCK_STREAM,
                                           .netns_inode = 1,
                                           .comm_size = (uint8_t)strlen(comm),
                                           .own_cookie = cookie};
    size_t size = script_tail(&body.addresses, tail, local, peer);
    memcpy(tail + size, comm, body.comm_size);
    script_record(&script, (struct who){kernel.image, pid},
                  (struct sockatlas_common){.kind = SOCKATLAS_UNTRACED, .fd = -1}, &body, sizeof body, tail,
                  size + body.comm_size);
}

static const struct socket *done(uint64_t cookie)
{
    for (unsigned i = 0; i < script.done_count; i++)
        if (script.done[i].cookie == cookie)
            return &script.done[i];
    cr_assert_fail("no socket %llx", (unsigned long long)cookie);
    return NULL;
}

static unsigned coverages(const char *what)
{
    unsigned count = 0;
    for (unsigned i = 0; i < model_coverage_count(script.model); i++)
        count += strcmp(model_coverage(script.model, i)->what, what) == 0;
    return count;
}

/* ---- Bytes and end ---- */

struct reckoning {
    const char *what;
    struct sockatlas_body_ended body;
    uint32_t notsent;
    enum side side;
    bool shut;
    int64_t sent, received; /* -1 unknown */
    bool in_order, torn;
};

#define UNKNOWN SOCKATLAS_BYTES_UNKNOWN
static const struct reckoning reckonings[] = {
    {"the peer sent no FIN", {10, 20, 0, 6, 0, 2, 5, {0}}, 0, SIDE_CLIENT, false, 10, 20, true, false},
    {"the peer's FIN was read", {10, 21, 0, 6, 0, 2, 7, {0}}, 0, SIDE_CLIENT, false, 10, 20, true, false},
    {"the peer's FIN was not read", {10, 21, 0, 6, 1, 2, 0, {0}}, 0, SIDE_CLIENT, false, 10, 20, true, false},
    {"a server's", {10, 21, 0, 6, 1, 1, 0, {0}}, 0, SIDE_SERVER, false, 10, 20, true, false},
    {"the FIN came after the end", {10, 20, 0, 6, 0, 2, 6, {0}}, 0, SIDE_CLIENT, false, 10, 20, true, false},
    {"the FIN came before or after", {10, 20, 0, 6, 0, 2, 6, {0}}, 0, SIDE_CLIENT, true, 10, -1, true, false},
    {"nobody asked what is left", {10, 20, 0, 6, 0, 2, 0, {0}}, 0, SIDE_CLIENT, false, 10, -1, true, false},
    {"unread data resets", {10, 20, 0, 6, 20, 1, 0, {0}}, 0, SIDE_CLIENT, false, 10, -1, false, true},
    {"reset by the peer", {10, 20, 0, 6, 0, 0, 7, {0}}, 0, SIDE_SERVER, false, 10, -1, false, true},
    {"nothing came", {10, 0, 0, 6, 0, 0, 0, {0}}, 0, SIDE_SERVER, false, 10, 0, false, true},
    {"not all went out", {10, 0, 0, 6, 0, 0, 0, {0}}, 5, SIDE_CLIENT, false, -1, 0, false, true},
    {"not all went out, and no FIN", {10, 9, 0, 6, 9, 0, 0, {0}}, 5, SIDE_CLIENT, false, 10, -1, false, true},
    {"which end it is, is not known", {10, 20, 0, 6, 0, 1, 5, {0}}, 0, SIDE_UNKNOWN, false, 10, -1, false, false},
    {"the kernel does not tell", {10, 20, 0, 6, 0, 255, 5, {0}}, 0, SIDE_CLIENT, false, 10, -1, false, false},
    {"reset by its own side", {UNKNOWN, UNKNOWN, 0, 6, 0, 255, 0, {0}}, 0, SIDE_CLIENT, false, -1, -1, false, false},
};

Test(ended, what_a_notice_says_of_bytes)
{
    for (size_t i = 0; i < sizeof reckonings / sizeof *reckonings; i++) {
        const struct reckoning *at = &reckonings[i];
        struct sockatlas_tcp tcp = {.notsent_bytes = at->notsent};
        struct ended_counts counts = ended_counts(&at->body, &tcp, at->side, at->shut);
        cr_expect_eq(counts.sent_known ? (int64_t)counts.bytes_sent : -1, at->sent, "%s", at->what);
        cr_expect_eq(counts.received_known ? (int64_t)counts.bytes_received : -1, at->received, "%s", at->what);
        cr_expect_eq(counts.in_order, at->in_order, "%s", at->what);
        cr_expect_eq(counts.torn, at->torn, "%s", at->what);
    }
}

/* ---- Traced sockets ---- */

Test(ended, of_a_killed_process)
{
    struct who client = process(200, "client");
    t_client(&script, client, 3, 0x20, "10.0.0.9:80", "10.0.0.1:4000");
    t_ended(0x20, in_order, "10.0.0.1:4000", "10.0.0.9:80");
    uint64_t when = script.now;
    script.alive_answer = MODEL_DEAD;
    script_finish(&script);
    const struct socket *socket = done(0x20);
    cr_expect(socket->sent_known && socket->received_known);
    cr_expect_eq(socket->bytes_sent, 10);
    cr_expect_eq(socket->bytes_received, 20);
    cr_expect_eq(socket->end, END_CLOSED);
    cr_expect_eq(socket->closed_ns, when);
    cr_expect(socket->tcp_known);
    cr_expect_eq(socket->tcp.rtt_us, 5);
    cr_expect_eq(coverages("unlogged"), 0);
    cr_expect_eq(model_edge_count(script.model), 1);
}

Test(ended, reset_by_its_own_side_it_stays_unknown)
{
    struct who client = process(200, "client");
    struct sockatlas_body_ended body = {
        .bytes_sent = UNKNOWN, .bytes_received = UNKNOWN, .protocol = IPPROTO_TCP, .acked = 255};
    t_client(&script, client, 3, 0x20, "10.0.0.9:80", "10.0.0.1:4000");
    t_ended(0x20, body, "0.0.0.0:4000", NULL);
    script.alive_answer = MODEL_DEAD;
    script_finish(&script);
    cr_expect_not(done(0x20)->sent_known || done(0x20)->received_known);
}

/* What the shim asked stands. */
Test(ended, after_a_close_it_changes_nothing)
{
    struct who client = process(200, "client");
    t_client(&script, client, 3, 0x20, "10.0.0.9:80", "10.0.0.1:4000");
    t_close_tcp(&script, client, 3, 0x20, 1, 2);
    t_ended(0x20, in_order, "10.0.0.1:4000", "10.0.0.9:80");
    script_finish(&script);
    cr_expect_eq(done(0x20)->bytes_sent, 1);
    cr_expect_eq(done(0x20)->bytes_received, 2);
    cr_expect_eq(model_edge_count(script.model), 1);
    cr_expect_eq(coverages("unlogged"), 0);
}

Test(ended, number_used_again_after_it)
{
    struct who client = process(200, "client");
    t_client(&script, client, 3, 0x20, "10.0.0.9:80", "10.0.0.1:4000");
    t_ended(0x20, in_order, "10.0.0.1:4000", "10.0.0.9:80");
    t_client(&script, client, 3, 0x21, "10.0.0.9:80", "10.0.0.1:4001");
    t_close_tcp(&script, client, 3, 0x21, 7, 8);
    script_finish(&script);
    cr_expect_eq(done(0x20)->bytes_sent, 10);
    cr_expect_eq(done(0x21)->bytes_sent, 7);
    cr_expect_eq(done(0x21)->end, END_CLOSED);
}

/* Connected in a way that no wrapper saw: it is that program's. */
Test(ended, connected_by_a_ring)
{
    struct who client = process(200, "client");
    t_socket(&script, client, 3, 0x20, AF_INET, SOCK_STREAM, 0);
    t_socket(&script, client, 4, 0x21, AF_INET, SOCK_STREAM, 0);
    t_close(&script, client, 3, 0x20);
    t_ended(0x20, in_order, "10.0.0.1:4000", "10.0.0.9:80");
    t_ended(0x21, in_order, "10.0.0.1:4001", "10.0.0.9:80");
    script_finish(&script);
    cr_assert_eq(model_edge_count(script.model), 1);
    const struct edge *edge = model_edge(script.model, 0);
    cr_expect_eq(edge->from->pid, 200);
    cr_expect_eq(edge->to->kind, PROCESS_EXTERNAL);
    cr_expect_eq(edge->connections, 2);
    cr_expect_eq(edge->bytes_sent, 20);
    cr_expect_eq(coverages("unlogged"), 0);
}

/* ---- Others ---- */

Test(ended, of_a_program_without_a_log)
{
    t_holder(0x30, 77, "nc", "10.0.0.1:4000", "10.0.0.9:80");
    t_ended(0x30, in_order, "10.0.0.1:4000", "10.0.0.9:80");
    t_ended(0x31, in_order, "10.0.0.1:4001", "10.0.0.9:80");
    script_finish(&script);
    cr_assert_eq(model_edge_count(script.model), 2);
    cr_expect_eq(model_edge(script.model, 0)->from->kind, PROCESS_UNTRACED);
    cr_expect_eq(model_edge(script.model, 0)->from->pid, 77);
    cr_expect_eq(model_edge(script.model, 0)->bytes_sent, 10);
    cr_expect_eq(model_edge(script.model, 1)->from->kind, PROCESS_EXTERNAL);
    cr_assert_eq(coverages("unlogged"), 1);
    cr_expect_str_eq(model_coverage(script.model, 0)->detail,
                     "2 TCP sockets in network 1 belong to no log: nc 1, 1 of programs that are not known");
}

/* Both ends of one connection are one. */
Test(ended, both_ends_without_a_log)
{
    struct sockatlas_body_ended server = in_order;
    server.acked = 1;
    t_ended(0x31, server, "127.0.0.1:80", "127.0.0.1:4000");
    t_ended(0x30, in_order, "127.0.0.1:4000", "127.0.0.1:80");
    script_finish(&script);
    cr_assert_eq(model_edge_count(script.model), 1);
    cr_expect_eq(model_edge(script.model, 0)->connections, 1);
    cr_expect_eq(model_edge(script.model, 0)->server.port, 80);
}

/* The other end of a traced connection, which is drawn already: told before that one is over, and after. */
Test(ended, other_end_of_a_traced_connection)
{
    struct who client = process(200, "client");
    t_client(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000");
    t_ended(0x30, in_order, "127.0.0.1:80", "127.0.0.1:4000");
    t_close_tcp(&script, client, 3, 0x20, 20, 10);
    t_client(&script, client, 3, 0x21, "127.0.0.1:80", "127.0.0.1:4001");
    t_close_tcp(&script, client, 3, 0x21, 20, 10);
    t_wait(&script, client, 200000000000);
    t_ended(0x31, in_order, "127.0.0.1:80", "127.0.0.1:4001");
    script_finish(&script);
    cr_expect_eq(model_edge_count(script.model), 1);
    cr_expect_eq(model_edge(script.model, 0)->connections, 2);
    cr_expect_eq(coverages("unlogged"), 1);
}

/* Where nothing was asked for, who is not of the run is left out. */
Test(ended, only_the_runs_own_where_not_asked)
{
    script.images[kernel.image].header.notices = SOCKATLAS_NOTICES_OWN;
    struct sockatlas_body_netns body = {.netns_inode = 5};
    script.images[kernel.image].header.netns_inode = 5;
    script_record(&script, kernel, (struct sockatlas_common){.kind = SOCKATLAS_NETNS, .fd = -1}, &body, sizeof body,
                  NULL, 0);
    t_holder(0x30, 77, "static", "10.0.0.1:4000", "10.0.0.9:80");
    t_ended(0x30, in_order, "10.0.0.1:4000", "10.0.0.9:80");
    t_ended(0x31, in_order, "10.0.0.1:4001", "10.0.0.9:80");
    script_finish(&script);
    cr_expect_eq(model_edge_count(script.model), 1);
}

/* A listener, one that never connected, one that was refused: none is a connection. */
Test(ended, what_was_no_connection)
{
    struct sockatlas_body_ended body = {
        .bytes_sent = UNKNOWN, .bytes_received = UNKNOWN, .protocol = IPPROTO_TCP, .acked = 255};
    t_ended(0x30, body, "0.0.0.0:80", NULL);
    t_ended(0x31, body, "0.0.0.0:0", NULL);
    body.protocol = IPPROTO_UDP;
    t_ended(0x32, body, "127.0.0.1:53", "127.0.0.1:4000");
    script_finish(&script);
    cr_expect_eq(model_edge_count(script.model), 0);
    cr_expect_eq(model_coverage_count(script.model), 0);
    cr_expect_eq(model_notices(script.model).ended, 3);
}

Test(ended, lost_notices_are_told)
{
    script.images[kernel.image].header.lost = 12;
    script_finish(&script);
    cr_assert_eq(coverages("ended_lost"), 1);
}
