/* SPDX-License-Identifier: MIT
 *
 * Matching where a port is used again: who has it now, and who had it.
 */
#include "tests/unit/model_script.h"

#include <errno.h>

static struct script script;

static void setup(void)
{
    script_begin(&script);
}

static void teardown(void)
{
    model_free(script.model);
}

TestSuite(match_reuse, .init = setup, .fini = teardown);

static struct who process(uint32_t pid, const char *comm)
{
    return (struct who){script_image(&script, pid, comm, 0, 1), pid};
}

/* A datagram that somebody closed its socket before could not have sent. */
Test(match_reuse, datagram_to_a_group_is_from_who_has_the_port)
{
    struct who former = process(100, "former"), sender = process(200, "sender"), receiver = process(300, "receiver");
    t_socket(&script, receiver, 3, 0x30, AF_INET, SOCK_DGRAM, 0);
    t_bind(&script, receiver, 3, 0x30, "0.0.0.0:5000");
    t_socket(&script, former, 3, 0x10, AF_INET, SOCK_DGRAM, 0);
    t_bind(&script, former, 3, 0x10, "0.0.0.0:4000");
    t_peer(&script, former, 3, 0x10, true, "127.0.0.1:9", NULL);
    t_close(&script, former, 3, 0x10);
    t_socket(&script, sender, 3, 0x20, AF_INET, SOCK_DGRAM, 0);
    t_peer(&script, sender, 3, 0x20, true, "239.1.2.3:5000", "0.0.0.0:4000");
    t_peer(&script, receiver, 3, 0x30, false, "127.0.0.1:4000", NULL);
    script_finish(&script);
    cr_expect_null(script_edge(&script, 100, 300));
    cr_expect_not_null(script_edge(&script, 200, 300));
}

/* The kernel told at its close that nobody had answered. */
Test(match_reuse, connect_that_was_given_up_is_not_accepted)
{
    struct who server = process(100, "server"), client = process(200, "client"), next = process(300, "next");
    t_server(&script, server, 3, 0x10, "127.0.0.1:80");
    t_socket(&script, client, 3, 0x20, AF_INET, SOCK_STREAM, 0);
    t_connect(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000", EINPROGRESS, 0);
    t_close_state(&script, client, 3, 0x20, 2); /* TCP_SYN_SENT */
    t_client(&script, next, 3, 0x21, "127.0.0.1:80", "127.0.0.1:4000");
    t_accept(&script, server, 4, 0x30, 3, 0x10, "127.0.0.1:4000", NULL, 0);
    script_finish(&script);
    script_mates(&script, 0x21, 0x30, MATCH_EXACT);
    const struct edge *given_up = script_edge(&script, 200, 100);
    cr_assert_not_null(given_up);
    cr_expect_eq(given_up->connections, 0);
    cr_expect_eq(given_up->failed, 1);
}

/* Nor is it one with whoever listens there afterwards. */
Test(match_reuse, connect_that_was_given_up_was_not_with_a_later_listener)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_socket(&script, client, 3, 0x20, AF_INET, SOCK_STREAM, 0);
    t_connect(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000", EINPROGRESS, 0);
    t_close_state(&script, client, 3, 0x20, 2);
    t_server(&script, server, 3, 0x10, "127.0.0.1:80");
    script_finish(&script);
    cr_expect_null(script_edge(&script, 200, 100));
    const struct edge *given_up = script_edge(&script, 200, 0);
    cr_assert_not_null(given_up);
    cr_expect_eq(given_up->failed, 1);
}

/* Two lives of one tuple in a backlog, and one accept() by a process that tells no counts: the first is served first.
 */
Test(match_reuse, backlog_is_served_in_order_whoever_tells_no_counts)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_server(&script, server, 3, 0x10, "127.0.0.1:80");
    t_client(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000");
    t_close_tcp(&script, client, 3, 0x20, 0, 0);
    t_client(&script, client, 3, 0x21, "127.0.0.1:80", "127.0.0.1:4000");
    t_accept(&script, server, 4, 0x30, 3, 0x10, "127.0.0.1:4000", NULL, 0);
    t_close_tcp(&script, client, 3, 0x21, 0, 0);
    script.alive_answer = MODEL_DEAD;
    script_finish(&script);
    script_mates(&script, 0x20, 0x30, MATCH_EXACT);
    cr_expect_eq(script_socket(&script, 0x21)->peer_socket, 0);
}

/* Disconnected and connected to the same server again: two connections of one socket at that end. */
Test(match_reuse, socket_that_connects_twice_is_counted_once)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_server(&script, server, 3, 0x10, "127.0.0.1:80");
    t_client(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000");
    t_accept(&script, server, 4, 0x30, 3, 0x10, "127.0.0.1:4000", NULL, 0);
    struct sockatlas_body_connect dissolve = {
        .addresses = {.first_size = SOCKATLAS_ABSENT, .second_size = SOCKATLAS_ABSENT}};
    script_record(&script, client, (struct sockatlas_common){.kind = SOCKATLAS_CONNECT, .fd = 3, .cookie = 0x20},
                  &dissolve, sizeof dissolve, NULL, 0);
    t_connect(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4001", 0, 0);
    t_accept(&script, server, 5, 0x31, 3, 0x10, "127.0.0.1:4001", NULL, 0);
    script_finish(&script);
    cr_assert_eq(model_edge_count(script.model), 1);
    cr_expect_eq(model_edge(script.model, 0)->connections, 2);
    cr_expect_eq(model_edge(script.model, 0)->sockets, 3);
}

/* An untraced inetd accepted it: the program that it started sees a connection of which nobody tells who began it. */
Test(match_reuse, inherited_end_of_a_traced_client_is_the_server)
{
    struct who client = process(100, "client"), service = process(200, "service");
    t_client(&script, client, 3, 0x10, "127.0.0.1:5000", "127.0.0.1:40000");
    t_seen(&script, service, 5, 0x20, SOCKATLAS_HOW_USED, false, "127.0.0.1:5000", "127.0.0.1:40000");
    script_finish(&script);
    cr_expect_eq(script_socket(&script, 0x20)->role, ROLE_SERVER);
    cr_expect_eq(script_socket(&script, 0x10)->role, ROLE_CLIENT);
    cr_expect_not_null(script_edge(&script, 100, 200));
}

/* It is counted where it had failed: the edge to who began to listen meanwhile has its connection all the same. */
Test(match_reuse, connection_after_a_refusal_that_nobody_accepted)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_socket(&script, client, 3, 0x20, AF_INET, SOCK_STREAM, 0);
    t_connect(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000", ECONNREFUSED, 0);
    t_server(&script, server, 3, 0x10, "127.0.0.1:80");
    t_connect(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4001", 0, 0);
    t_close(&script, client, 3, 0x20);
    script_finish(&script);
    const struct edge *edge = script_edge(&script, 200, 100);
    cr_assert_not_null(edge);
    cr_expect_eq(edge->connections, 1);
    cr_expect_eq(edge->sockets, 1);
}
