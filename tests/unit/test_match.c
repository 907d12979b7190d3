/* SPDX-License-Identifier: MIT
 *
 * Matching: which socket is the other end of which, rule by rule.
 */
#include "tests/unit/match_script.h"

#include <errno.h>
#include <netinet/in.h>

Test(match, accept_recorded_after_the_client_closed)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_server(&script, server, 3, 0x10, "127.0.0.1:80");
    t_client(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000");
    t_close_tcp(&script, client, 3, 0x20, 1, 2);
    t_wait(&script, client, 20000000000);
    t_accept(&script, server, 4, 0x30, 3, 0x10, "127.0.0.1:4000", NULL, 0);
    t_close_tcp(&script, server, 4, 0x30, 2, 1);
    script_mates(&script, 0x20, 0x30, MATCH_EXACT);
    script_finish(&script);
    cr_expect_eq(script_edge(&script, 200, 100)->connections, 1);
    cr_expect_eq(model_coverage_count(script.model), 0);
}

Test(match, accept_recorded_before_the_connect)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_server(&script, server, 3, 0x10, "0.0.0.0:80");
    t_socket(&script, client, 3, 0x20, AF_INET, SOCK_STREAM, 0);
    uint64_t later = script.now + 3000;
    t_accept(&script, server, 4, 0x30, 3, 0x10, "127.0.0.1:4000", "127.0.0.1:80", 0);
    script.now = later;
    unsigned char tail[64];
    struct sockatlas_body_connect body = {.duration_ns = 4000};
    size_t size = script_tail(&body.addresses, tail, "127.0.0.1:80", "127.0.0.1:4000");
    script_record(&script, client, (struct sockatlas_common){.kind = SOCKATLAS_CONNECT, .fd = 3, .cookie = 0x20}, &body,
                  sizeof body, tail, size);
    script_finish(&script);
    script_mates(&script, 0x20, 0x30, MATCH_EXACT);
    cr_expect_eq(script_edge(&script, 200, 100)->open, 1);
}

/* In a seccomp sandbox an address is known once the program asks for it. */
Test(match, accepted_whose_peer_is_told_later)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_server(&script, server, 3, 0x10, "127.0.0.1:80");
    t_client(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000");
    t_accept(&script, server, 4, 0x30, 3, 0x10, NULL, NULL, 0);
    t_seen(&script, server, 4, 0x30, SOCKATLAS_HOW_USED, false, NULL, "127.0.0.1:4000");
    t_close_tcp(&script, client, 3, 0x20, 1, 2);
    t_close_tcp(&script, server, 4, 0x30, 2, 1);
    script_finish(&script);
    script_mates(&script, 0x20, 0x30, MATCH_EXACT);
    cr_expect_eq(script_edge(&script, 200, 100)->connections, 1);
}

/* Less was measured than lies between the call and its record: it seems to have begun after its own accept. */
Test(match, accept_before_the_connect_seems_to_begin)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_server(&script, server, 3, 0x10, "127.0.0.1:80");
    t_socket(&script, client, 3, 0x20, AF_INET, SOCK_STREAM, 0);
    t_accept(&script, server, 4, 0x30, 3, 0x10, "127.0.0.1:4000", NULL, 0);
    t_close_tcp(&script, server, 4, 0x30, 0, 0);
    t_connect(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000", 0, 1);
    t_close_tcp(&script, client, 3, 0x20, 0, 0);
    script_finish(&script);
    const struct edge *edge = script_edge(&script, 200, 100);
    cr_assert_not_null(edge);
    cr_expect_eq(edge->sockets, 2);
}

Test(match, tuple_used_again_is_two_connections_in_order)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_server(&script, server, 3, 0x10, "127.0.0.1:80");
    t_client(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000");
    t_close_tcp(&script, client, 3, 0x20, 1, 0);
    t_client(&script, client, 3, 0x21, "127.0.0.1:80", "127.0.0.1:4000");
    t_close_tcp(&script, client, 3, 0x21, 2, 0);
    t_accept(&script, server, 4, 0x30, 3, 0x10, "127.0.0.1:4000", NULL, 0);
    t_accept(&script, server, 5, 0x31, 3, 0x10, "127.0.0.1:4000", NULL, 0);
    script_finish(&script);
    script_mates(&script, 0x20, 0x30, MATCH_EXACT);
    script_mates(&script, 0x21, 0x31, MATCH_EXACT);
    cr_expect_eq(script_edge(&script, 200, 100)->connections, 2);
}

Test(match, loopback_of_two_namespaces_never_meets)
{
    struct who server = process_in(100, "server", 0, 1), client = process_in(200, "client", 0, 2);
    t_server(&script, server, 3, 0x10, "127.0.0.1:80");
    t_client(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000");
    t_accept(&script, server, 4, 0x30, 3, 0x10, "127.0.0.1:4000", NULL, 0);
    script_finish(&script);
    cr_expect_null(script_edge(&script, 200, 100));
    cr_expect_eq(script_socket(&script, 0x20)->match, MATCH_EXTERNAL);
    cr_expect_eq(script_socket(&script, 0x30)->match, MATCH_EXTERNAL);
    cr_expect_neq(script_socket(&script, 0x20)->peer_process->id, script_socket(&script, 0x30)->peer_process->id);
}

Test(match, routable_addresses_meet_across_namespaces_and_hosts)
{
    struct who server = process_in(100, "server", 0, 1), near = process_in(200, "near", 0, 2),
               far = process_in(300, "far", 1, 1);
    t_server(&script, server, 3, 0x10, "10.0.0.1:80");
    t_client(&script, near, 3, 0x20, "10.0.0.1:80", "10.0.0.2:4000");
    t_client(&script, far, 3, 0x21, "10.0.0.1:80", "10.0.0.3:4000");
    t_accept(&script, server, 4, 0x30, 3, 0x10, "10.0.0.2:4000", NULL, 0);
    t_accept(&script, server, 5, 0x31, 3, 0x10, "10.0.0.3:4000", NULL, 0);
    script_finish(&script);
    script_mates(&script, 0x20, 0x30, MATCH_EXACT);
    script_mates(&script, 0x21, 0x31, MATCH_EXACT);
}

static void expect_met(const char *served, const char *asked, const char *peer, const char *local)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_server(&script, server, 3, 0x10, served);
    t_client(&script, client, 3, 0x20, asked, "127.0.0.1:4000");
    t_accept(&script, server, 4, 0x30, 3, 0x10, peer, local, 0);
    script_finish(&script);
    script_mates(&script, 0x20, 0x30, MATCH_EXACT);
}

Test(match, mapped_address_is_ipv4)
{
    expect_met("[::]:80", "127.0.0.1:80", "[::ffff:127.0.0.1]:4000", "[::ffff:127.0.0.1]:80");
}

Test(match, unspecified_destination_is_loopback)
{
    expect_met("0.0.0.0:80", "0.0.0.0:80", "127.0.0.1:4000", "127.0.0.1:80");
}

Test(match, socket_connected_to_itself)
{
    struct who one = process(100, "one");
    t_client(&script, one, 3, 0x20, "127.0.0.1:4000", "127.0.0.1:4000");
    script_finish(&script);
    cr_expect_eq(script_socket(&script, 0x20)->peer_socket, script_socket(&script, 0x20)->id);
    cr_expect_eq(script_edge(&script, 100, 100)->connections, 1);
}

Test(match, simultaneous_open)
{
    struct who one = process(100, "one"), two = process(200, "two");
    t_client(&script, one, 3, 0x20, "127.0.0.1:5000", "127.0.0.1:4000");
    t_client(&script, two, 3, 0x21, "127.0.0.1:4000", "127.0.0.1:5000");
    script_finish(&script);
    script_mates(&script, 0x20, 0x21, MATCH_EXACT);
    cr_expect_eq(script_edge(&script, 100, 200)->connections, 1);
}

Test(match, simultaneous_open_within_one_process_is_told_by_its_initiator)
{
    struct who one = process(100, "one");
    t_client(&script, one, 3, 0x10, "127.0.0.1:4001", "127.0.0.1:4000");
    t_client(&script, one, 4, 0x20, "127.0.0.1:4000", "127.0.0.1:4001");
    t_close_tcp(&script, one, 4, 0x20, 6, 5);
    t_close_tcp(&script, one, 3, 0x10, 5, 6);
    script_finish(&script);
    const struct edge *edge = script_edge(&script, 100, 100);
    cr_assert_not_null(edge);
    cr_expect_eq(edge->server.port, 4001);
    cr_expect_eq(edge->bytes_sent, 5);
    cr_expect_eq(edge->bytes_received, 6);
}

Test(match, asynchronous_connect_and_refusal)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_server(&script, server, 3, 0x10, "127.0.0.1:80");
    for (int i = 0; i < 2; i++) {
        uint64_t cookie = 0x20 + (uint64_t)i;
        t_socket(&script, client, 3 + i, cookie, AF_INET, SOCK_STREAM, 0);
        t_connect(&script, client, 3 + i, cookie, i ? "127.0.0.1:81" : "127.0.0.1:80",
                  i ? "127.0.0.1:4001" : "127.0.0.1:4000", EINPROGRESS, 0);
        struct sockatlas_body_connected body = {.duration_ns = 9000};
        script_record(&script, client,
                      (struct sockatlas_common){
                          .kind = SOCKATLAS_CONNECTED, .fd = 3 + i, .cookie = cookie, .error = i ? ECONNREFUSED : 0},
                      &body, sizeof body, NULL, 0);
    }
    t_accept(&script, server, 4, 0x30, 3, 0x10, "127.0.0.1:4000", NULL, 0);
    t_close(&script, client, 4, 0x21);
    script_finish(&script);
    script_mates(&script, 0x20, 0x30, MATCH_EXACT);
    const struct socket *refused = script_socket(&script, 0x21);
    cr_expect_eq(refused->state, STATE_FAILED);
    cr_expect_eq(refused->error, ECONNREFUSED);
    cr_expect_eq(refused->connect_ns, 9000);
    const struct edge *edge = script_edge(&script, 200, 0);
    cr_assert_not_null(edge);
    cr_expect_eq(edge->failed, 1);
    cr_expect_eq(edge->connections, 0);
}

Test(match, connect_given_up_is_a_failure_until_then)
{
    struct who client = process(200, "client");
    t_socket(&script, client, 3, 0x20, AF_INET, SOCK_STREAM, 0);
    t_connect(&script, client, 3, 0x20, "127.0.0.1:81", "127.0.0.1:4001", EINPROGRESS, 0);
    t_close(&script, client, 3, 0x20);
    script_finish(&script);
    const struct edge *edge = script_edge(&script, 200, 0);
    cr_assert_not_null(edge);
    cr_expect_eq(edge->failed, 1);
    cr_expect_eq(edge->last_ns - edge->first_ns, 1500, "from the call, 500 ns before its record, to the close");
}

Test(match, not_accepted_is_said)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_server(&script, server, 3, 0x10, "127.0.0.1:80");
    t_client(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000");
    script_finish(&script);
    cr_expect_eq(script_edge(&script, 200, 100)->match, MATCH_NONE);
    cr_expect_eq(script_edge(&script, 200, 100)->connections, 1);
    cr_expect_eq(model_coverage_count(script.model), 0, "all that there is of it is in the trace");
}

Test(match, not_accepted_by_one_whose_records_are_lost_may_have_been)
{
    struct who server = process(100, "server"), client = process(200, "client");
    script.images[server.image].header.lost = 1;
    t_server(&script, server, 3, 0x10, "127.0.0.1:80");
    t_client(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000");
    script_finish(&script);
    bool said = false;
    for (unsigned i = 0; i < model_coverage_count(script.model); i++)
        said |= strcmp(model_coverage(script.model, i)->what, "half_matched") == 0;
    cr_expect(said);
}

Test(match, translated_address_is_nat)
{
    struct who server = process_in(100, "server", 0, 1), client = process_in(200, "client", 0, 2);
    t_server(&script, server, 3, 0x10, "10.0.0.1:8080");
    t_client(&script, client, 3, 0x20, "10.9.9.9:80", "10.0.0.2:4000");
    t_accept(&script, server, 4, 0x30, 3, 0x10, "10.0.0.2:4000", NULL, 0);
    script_finish(&script);
    script_mates(&script, 0x20, 0x30, MATCH_NAT);
    cr_expect_eq(script_edge(&script, 200, 100)->server.port, 80);
}

/* The client through a router that rewrites its address. The server's bytes are told the other way round. */
static void t_through_router(const char *asked, uint64_t client_cookie, uint64_t server_cookie, const char *seen,
                             uint64_t bytes)
{
    struct who server = process_in(100, "server", 0, 1), client = process_in(200, "client", 0, 2);
    t_server(&script, server, 3, 0x10, "10.0.0.1:8080");
    t_client(&script, client, 3, client_cookie, asked, "10.0.1.2:4000");
    t_accept(&script, server, 4, server_cookie, 3, 0x10, seen, "10.0.0.1:8080", 0);
    t_close_tcp(&script, client, 3, client_cookie, bytes, 7);
    t_close_tcp(&script, server, 4, server_cookie, 7, bytes);
    script_finish(&script);
}

Test(match, masquerading_that_keeps_the_port_is_nat)
{
    t_through_router("10.0.0.1:8080", 0x20, 0x30, "10.0.0.9:4000", 0);
    script_mates(&script, 0x20, 0x30, MATCH_NAT);
}

Test(match, masquerading_that_changes_the_port_is_not_proved)
{
    t_through_router("10.0.0.1:8080", 0x20, 0x30, "10.0.0.9:4001", 5);
    cr_expect_eq(script_socket(&script, 0x20)->match, MATCH_NONE);
    cr_expect_eq(script_socket(&script, 0x30)->match, MATCH_EXTERNAL);
}

Test(match, both_addresses_rewritten_are_nat_when_the_bytes_agree)
{
    t_through_router("10.9.9.9:80", 0x20, 0x30, "10.0.0.9:4000", 5);
    script_mates(&script, 0x20, 0x30, MATCH_NAT);
}

Test(match, both_addresses_rewritten_prove_nothing_without_bytes)
{
    t_through_router("10.9.9.9:80", 0x20, 0x30, "10.0.0.9:4000", 0);
    cr_expect_eq(script_socket(&script, 0x20)->match, MATCH_EXTERNAL);
    cr_expect_eq(script_socket(&script, 0x30)->match, MATCH_EXTERNAL);
}

/* Two clients of different hosts with one port: either could be the one that the server saw. */
Test(match, translation_that_fits_two_clients_is_not_proved)
{
    struct who other = process_in(300, "other", 0, 3);
    t_client(&script, other, 3, 0x21, "10.0.0.1:8080", "10.0.2.2:4000");
    t_through_router("10.0.0.1:8080", 0x20, 0x30, "10.0.0.9:4000", 0);
    cr_expect_eq(script_socket(&script, 0x30)->match, MATCH_EXTERNAL);
}

Test(match, pair_across_a_fork)
{
    struct who parent = process(100, "parent");
    t_pair(&script, parent, 3, 0x10, 4, 0x11);
    struct who child = t_child(&script, parent, 101);
    t_close(&script, parent, 4, 0x11);
    t_close(&script, child, 3, 0x10);
    t_close_call(&script, parent, 3, 0x10, SOCKATLAS_CALL_close, 5, 6, false);
    t_close_call(&script, child, 4, 0x11, SOCKATLAS_CALL_close, 6, 5, false);
    script_finish(&script);
    script_mates(&script, 0x10, 0x11, MATCH_PAIR);
    const struct edge *edge = script_edge(&script, 100, 101);
    cr_assert_not_null(edge);
    cr_expect_eq(edge->bytes_sent, 5);
    cr_expect_eq(edge->bytes_received, 6);
    cr_expect_eq(edge->last_ns - edge->first_ns, 6000, "from the first record to the last");
}

Test(match, datagrams_to_a_wildcard_server)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_socket(&script, server, 3, 0x10, AF_INET, SOCK_DGRAM, 0);
    t_bind(&script, server, 3, 0x10, "0.0.0.0:53");
    t_socket(&script, client, 3, 0x20, AF_INET, SOCK_DGRAM, 0);
    t_peer(&script, client, 3, 0x20, true, "127.0.0.1:53", "0.0.0.0:4000");
    t_peer(&script, server, 3, 0x10, false, "127.0.0.1:4000", NULL);
    t_close_call(&script, client, 3, 0x20, SOCKATLAS_CALL_close, 30, 40, false);
    script_finish(&script);
    const struct edge *edge = script_edge(&script, 200, 100);
    cr_assert_not_null(edge);
    cr_expect_eq(edge->connections, 1);
    cr_expect_eq(edge->bytes_sent, 30);
    cr_expect_eq(edge->bytes_received, 40);
    cr_expect_eq(edge->server.port, 53);
    cr_expect_eq(edge->match, MATCH_EXACT);
    cr_expect_null(script_edge(&script, 100, 200));
}

Test(match, one_datagram_server_is_one_socket_of_an_edge)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_socket(&script, server, 3, 0x10, AF_INET, SOCK_DGRAM, 0);
    t_bind(&script, server, 3, 0x10, "127.0.0.1:53");
    for (unsigned i = 0; i < 2; i++) {
        const char *local = i ? "127.0.0.1:4001" : "127.0.0.1:4000";
        t_socket(&script, client, 3 + (int)i, 0x20 + i, AF_INET, SOCK_DGRAM, 0);
        t_peer(&script, client, 3 + (int)i, 0x20 + i, true, "127.0.0.1:53", local);
        t_peer(&script, server, 3, 0x10, false, local, NULL);
    }
    script_finish(&script);
    const struct edge *edge = script_edge(&script, 200, 100);
    cr_assert_not_null(edge);
    cr_expect_eq(edge->connections, 2);
    cr_expect_eq(edge->sockets, 3);
}

Test(match, connected_datagram_socket_that_never_sent_is_not_drawn)
{
    struct who client = process(200, "client");
    t_socket(&script, client, 3, 0x20, AF_INET, SOCK_DGRAM, 0);
    t_connect(&script, client, 3, 0x20, "10.0.0.9:53", "10.0.0.1:4000", 0, 0);
    t_close(&script, client, 3, 0x20);
    script_finish(&script);
    cr_expect_eq(model_edge_count(script.model), 0);
}

Test(match, external_nodes_are_one_per_address)
{
    struct who client = process(200, "client");
    t_client(&script, client, 3, 0x20, "10.0.0.9:80", "10.0.0.1:4000");
    t_client(&script, client, 4, 0x21, "10.0.0.9:443", "10.0.0.1:4001");
    t_client(&script, client, 5, 0x22, "10.0.0.9:443", "10.0.0.1:4002");
    script_finish(&script);
    cr_expect_eq(model_process_count(script.model), 2);
    cr_expect_eq(model_edge_count(script.model), 2);
}

Test(match, closed_sockets_leave_while_the_trace_goes_on)
{
    struct who client = process(200, "client");
    t_client(&script, client, 3, 0x20, "10.0.0.9:80", "10.0.0.1:4000");
    t_close_tcp(&script, client, 3, 0x20, 1, 1);
    t_wait(&script, client, 2000000000);
    cr_assert_not_null(script_socket(&script, 0x20));
    cr_expect_eq(script_socket(&script, 0x20)->match, MATCH_EXTERNAL);
    script_finish(&script);
}

Test(match, second_connect_call_is_the_same_connection, .timeout = 10)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_server(&script, server, 3, 0x10, "127.0.0.1:80");
    t_client(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000");
    t_connect(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000", 0, 0);
    t_connect(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000", EISCONN, 0);
    t_accept(&script, server, 4, 0x30, 3, 0x10, "127.0.0.1:4000", NULL, 0);
    script_finish(&script);
    script_mates(&script, 0x20, 0x30, MATCH_EXACT);
    cr_expect_eq(script_edge(&script, 200, 100)->connections, 1);
}

Test(match, half_seen_again_is_listed_once, .timeout = 10)
{
    struct who server = process(100, "server");
    t_server(&script, server, 3, 0x10, "127.0.0.1:80");
    for (int i = 0; i < 2; i++)
        t_accept(&script, server, 4, 0x30, 3, 0x10, "127.0.0.1:4000", NULL, 0);
    t_accept(&script, server, 5, 0x31, 3, 0x10, "127.0.0.1:4000", NULL, 0);
    script_finish(&script);
    cr_expect_eq(script_socket(&script, 0x30)->match, MATCH_EXTERNAL);
}

Test(match, connection_never_accepted_belongs_to_who_listened_then)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_server(&script, server, 3, 0x10, "127.0.0.1:80");
    t_client(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000");
    t_close(&script, server, 3, 0x10);
    t_close_tcp(&script, client, 3, 0x20, 0, 0);
    script_finish(&script);
    cr_expect_eq(script_edge(&script, 200, 100)->connections, 1);
    cr_expect_eq(script_socket(&script, 0x20)->match, MATCH_NONE);
    cr_expect_eq(script_socket(&script, 0x20)->peer_process->pid, 100);
}

Test(match, connected_datagram_socket_is_known_by_what_the_other_end_got_from_it)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_socket(&script, server, 3, 0x10, AF_INET, SOCK_DGRAM, 0);
    t_bind(&script, server, 3, 0x10, "127.0.0.1:53");
    t_socket(&script, client, 3, 0x20, AF_INET, SOCK_DGRAM, 0);
    t_connect(&script, client, 3, 0x20, "127.0.0.1:53", "127.0.0.1:4000", 0, 0);
    t_peer(&script, server, 3, 0x10, false, "127.0.0.1:4000", NULL);
    script_finish(&script); /* both still open */
    script_mates(&script, 0x20, 0x10, MATCH_EXACT);
    cr_expect_eq(script_edge(&script, 200, 100)->connections, 1);
}

Test(match, the_creator_of_a_pair_is_its_initiator)
{
    struct who parent = process(100, "parent");
    t_pair(&script, parent, 3, 0x10, 4, 0x11);
    struct who child = t_child(&script, parent, 101);
    t_close_call(&script, child, 3, 0x10, SOCKATLAS_CALL_close, 5, 0, false);
    t_close_call(&script, child, 4, 0x11, SOCKATLAS_CALL_close, 0, 0, false);
    t_close_call(&script, parent, 4, 0x11, SOCKATLAS_CALL_close, 0, 5, false);
    t_close_call(&script, parent, 3, 0x10, SOCKATLAS_CALL_close, 0, 0, false);
    script_finish(&script);
    cr_assert_not_null(script_edge(&script, 100, 101));
    cr_expect_eq(script_edge(&script, 100, 101)->bytes_received, 5);
}

/* Clocks an hour apart: all of one host comes before the other's first event. */
Test(match, hosts_whose_clocks_differ_meet)
{
    struct who client = process_in(200, "client", 0, 1);
    model_expect_hosts(script.model, 2);
    t_client(&script, client, 3, 0x20, "10.0.0.2:80", "10.0.0.1:4000");
    t_close_tcp(&script, client, 3, 0x20, 1, 2);
    t_wait(&script, client, 3600000000000);
    struct who server = process_in(100, "server", 1, 1);
    t_server(&script, server, 3, 0x10, "10.0.0.2:80");
    t_accept(&script, server, 4, 0x30, 3, 0x10, "10.0.0.1:4000", NULL, 0);
    t_close_tcp(&script, server, 4, 0x30, 2, 1);
    script_finish(&script);
    script_mates(&script, 0x20, 0x30, MATCH_EXACT);
}

static const struct process *peer_so_far(uint64_t cookie)
{
    const struct socket *socket = model_socket(script.model, 0, cookie);
    cr_assert_not_null(socket);
    return model_socket_peer(script.model, socket);
}

static uint32_t peer_pid_so_far(uint64_t cookie)
{
    const struct process *peer = peer_so_far(cookie);
    return peer ? peer->pid : 0;
}

/* What a live view asks before anything is settled. */
Test(match, the_other_end_is_known_while_both_are_open)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_server(&script, server, 3, 0x10, "127.0.0.1:80");
    t_client(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000");
    cr_expect_null(peer_so_far(0x10));
    cr_expect_null(peer_so_far(0x20), "nobody has accepted it");
    t_accept(&script, server, 4, 0x30, 3, 0x10, "127.0.0.1:4000", NULL, 0);
    cr_expect_eq(peer_pid_so_far(0x20), 100);
    cr_expect_eq(peer_pid_so_far(0x30), 200);
    cr_expect_null(peer_so_far(0x10));
}

Test(match, the_other_end_of_an_open_pair_is_known)
{
    struct who parent = process(100, "parent");
    t_pair(&script, parent, 3, 0x20, 4, 0x21);
    struct who child = t_child(&script, parent, 101);
    t_close(&script, parent, 4, 0x21);
    t_close(&script, child, 3, 0x20);
    cr_expect_eq(peer_pid_so_far(0x20), 101);
    cr_expect_eq(peer_pid_so_far(0x21), 100);
}

Test(match, the_other_end_of_open_datagram_sockets_is_known)
{
    struct who one = process(100, "one"), other = process(200, "other");
    t_socket(&script, one, 3, 0x20, AF_INET, SOCK_DGRAM, 0);
    t_bind(&script, one, 3, 0x20, "127.0.0.1:53");
    t_socket(&script, other, 3, 0x21, AF_INET, SOCK_DGRAM, 0);
    t_peer(&script, other, 3, 0x21, true, "127.0.0.1:53", "127.0.0.1:4000");
    t_peer(&script, one, 3, 0x20, false, "127.0.0.1:4000", "127.0.0.1:53");
    cr_expect_eq(peer_pid_so_far(0x20), 200);
    cr_expect_eq(peer_pid_so_far(0x21), 100);
}

/* The end came behind all that the client sent, and the server did not read all of that. */
Test(match, what_came_and_nobody_read_is_lost)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_server(&script, server, 3, 0x10, "127.0.0.1:80");
    t_client(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000");
    t_accept(&script, server, 4, 0x30, 3, 0x10, "127.0.0.1:4000", NULL, 0);
    t_close_tcp(&script, client, 3, 0x20, 5, 0);
    struct sockatlas_body_transfer unread = {.unread = 3};
    script_record(&script, server, (struct sockatlas_common){.kind = SOCKATLAS_TRANSFER, .fd = 4, .cookie = 0x30},
                  &unread, sizeof unread, NULL, 0);
    t_close_tcp(&script, server, 4, 0x30, 0, 5);
    script_finish(&script);
    cr_expect_eq(script_socket(&script, 0x30)->bytes_received, 5);
    cr_expect_eq(script_socket(&script, 0x30)->unread, 3);
    cr_expect(script_socket(&script, 0x20)->undelivered_known);
    cr_expect_eq(script_socket(&script, 0x20)->undelivered, 3);
}

/* Sockets that were refused at one process are among those of the edge to another, which took them, and of the edge to
 * the first, once each. */
Test(match, a_socket_is_counted_once_on_each_edge)
{
    struct who one = process(100, "one"), two = process(101, "two"), client = process(200, "client");
    t_server(&script, one, 3, 0x10, "127.0.0.1:80");
    t_server(&script, two, 3, 0x11, "127.0.0.1:81");
    for (int i = 0; i < 3; i++) {
        t_socket(&script, client, 5 + i, 0x20 + (uint64_t)i, AF_INET, SOCK_STREAM, 0);
        t_connect(&script, client, 5 + i, 0x20 + (uint64_t)i, "127.0.0.1:80", "127.0.0.1:4000", ECONNREFUSED, 0);
        t_connect(&script, client, 5 + i, 0x20 + (uint64_t)i, "127.0.0.1:80", "127.0.0.1:4000", ECONNREFUSED, 0);
    }
    for (int i = 0; i < 3; i++) {
        char local[] = "127.0.0.1:4000";
        local[13] = (char)('1' + i);
        t_connect(&script, client, 5 + i, 0x20 + (uint64_t)i, "127.0.0.1:81", local, 0, 0);
        t_accept(&script, two, 4 + i, 0x30 + (uint64_t)i, 3, 0x11, local, NULL, 0);
    }
    script_finish(&script);
    cr_expect_eq(script_edge(&script, 200, 100)->failed, 6);
    cr_expect_eq(script_edge(&script, 200, 100)->sockets, 3);
    cr_expect_eq(script_edge(&script, 200, 101)->sockets, 6);
}

/* Who listens at :: has what comes by IPv4, unless another listens at 0.0.0.0, or it does not want it. */
Test(match, what_comes_by_ipv4_is_for_the_wildcard_of_ipv4)
{
    struct who six = process(100, "six"), four = process(101, "four"), client = process(200, "client");
    int on = 1;
    struct sockatlas_body_option only = {
        .level = IPPROTO_IPV6, .name = IPV6_V6ONLY, .requested_size = 4, .kept_size = 4};
    t_server(&script, six, 3, 0x10, "[::]:80");
    t_client(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000");
    t_close_tcp(&script, client, 3, 0x20, 0, 0);
    t_server(&script, four, 3, 0x11, "0.0.0.0:80");
    t_client(&script, client, 3, 0x21, "127.0.0.1:80", "127.0.0.1:4001");
    t_close_tcp(&script, client, 3, 0x21, 0, 0);
    t_close(&script, four, 3, 0x11);
    script_record(&script, six, (struct sockatlas_common){.kind = SOCKATLAS_OPTION, .fd = 3, .cookie = 0x10}, &only,
                  sizeof only, &on, sizeof on);
    t_client(&script, client, 3, 0x22, "127.0.0.1:80", "127.0.0.1:4002");
    t_close_tcp(&script, client, 3, 0x22, 0, 0);
    script_finish(&script);
    cr_expect_eq(script_socket(&script, 0x20)->peer_process->pid, 100);
    cr_expect_eq(script_socket(&script, 0x21)->peer_process->pid, 101);
    cr_expect_neq(script_socket(&script, 0x22)->peer_process->pid, 100);
}

/* The process was killed in connect(), and its port is another's by the end of the trace. */
Test(match, who_listens_later_did_not_leave_an_attempt_unanswered)
{
    struct who server = process(100, "server"), client = process(200, "client");
    unsigned char tail[64];
    struct sockatlas_body_connecting body = {.addresses = {.family = 0}};
    size_t size = script_tail(&body.addresses, tail, "127.0.0.1:80", NULL);
    t_socket(&script, client, 3, 0x20, AF_INET, SOCK_STREAM, 0);
    script_record(&script, client, (struct sockatlas_common){.kind = SOCKATLAS_CONNECTING, .fd = 3, .cookie = 0x20},
                  &body, sizeof body, tail, size);
    t_server(&script, server, 3, 0x10, "0.0.0.0:80");
    t_close(&script, client, 3, 0x20);
    script_finish(&script);
    cr_expect_eq(script_socket(&script, 0x20)->outcome, OUTCOME_UNANSWERED);
    cr_expect_null(script_edge(&script, 200, 100));
}
