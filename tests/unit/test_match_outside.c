/* SPDX-License-Identifier: MIT
 *
 * Matching: ends that no traced process has: untraced processes, and addresses.
 */
#include "tests/unit/match_script.h"

/* ---- Untraced processes ---- */

static struct who run_log(void)
{
    unsigned id = script_image(&script, 50, "sockatlas", 0, 1);
    script.images[id].header.writer = SOCKATLAS_WRITER_RUN;
    return (struct who){id, 50};
}

static unsigned count_untraced(void)
{
    unsigned count = 0;
    for (unsigned i = 0; i < model_process_count(script.model); i++)
        count += model_process(script.model, i)->kind == PROCESS_UNTRACED;
    return count;
}

Test(match, untraced_server_is_named)
{
    struct who client = process(200, "client"), run = run_log();
    t_client(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000");
    t_untraced(&script, run, 300, "other", "127.0.0.1:80", "127.0.0.1:4000");
    t_untraced(&script, run, 301, "another", "127.0.0.1:81", NULL);
    t_close(&script, client, 3, 0x20);
    script_finish(&script);
    cr_expect_eq(script_edge(&script, 200, 300)->match, MATCH_UNTRACED);
    cr_expect_eq(count_untraced(), 1, "one that nobody talks to is no node");
}

/* A worker holds the connection before fork() has returned in it. */
Test(match, looked_at_before_its_first_record)
{
    struct who server = process(100, "server"), client = process(200, "client"), run = run_log();
    t_server(&script, server, 3, 0x10, "127.0.0.1:80");
    t_client(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000");
    t_accept(&script, server, 4, 0x30, 3, 0x10, "127.0.0.1:4000", NULL, 0);
    uint64_t slot = t_fork(&script, server, 101);
    t_untraced(&script, run, 101, "server", "127.0.0.1:80", "127.0.0.1:4000");
    t_untraced(&script, run, 101, "server", "127.0.0.1:80", NULL);
    struct who worker = t_start(&script, server, 101, slot, false);
    t_close(&script, server, 4, 0x30);
    t_used(&script, worker, 4, 0x30, SOCKATLAS_CALL_write);
    t_close(&script, worker, 4, 0x30);
    t_close(&script, client, 3, 0x20);
    script_finish(&script);
    script_mates(&script, 0x20, 0x30, MATCH_EXACT);
    cr_expect_eq(count_untraced(), 0);
}

/* The worker's end was lost: it is not an untraced process for that. */
Test(match, traced_process_is_never_untraced)
{
    struct who worker = process(101, "server"), client = process(200, "client"), run = run_log();
    t_client(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000");
    t_untraced(&script, run, 101, "server", "127.0.0.1:80", "127.0.0.1:4000");
    t_close(&script, client, 3, 0x20);
    t_exit(&script, worker);
    script_finish(&script);
    cr_expect_eq(count_untraced(), 0);
}

/* ---- Addresses ---- */

static const struct process *external(const char *text)
{
    for (unsigned i = 0; i < model_process_count(script.model); i++) {
        const struct process *process = model_process(script.model, i);
        char address[ADDRESS_TEXT_MAX];
        if (process->kind == PROCESS_EXTERNAL && strcmp(address_text(&process->address, address), text) == 0)
            return process;
    }
    return NULL;
}

Test(match, many_loopback_addresses_are_one_host)
{
    struct who client = process(200, "client");
    for (unsigned i = 1; i < 30; i++) {
        char peer[32];
        snprintf(peer, sizeof peer, "127.0.0.%u:80", i);
        t_socket(&script, client, 3, 0x20 + i, AF_INET, SOCK_STREAM, 0);
        t_connect(&script, client, 3, 0x20 + i, peer, NULL, ECONNREFUSED, 0);
        t_close(&script, client, 3, 0x20 + i);
    }
    script_finish(&script);
    cr_expect_eq(model_process_count(script.model), 2);
    cr_expect_eq(model_edge_count(script.model), 29, "each address is an edge of its own");
    cr_expect(external("127.0.0.1")->located);
}

/* Nobody listens there, on a host that is in the trace: its address is known by another connection. */
Test(match, refused_by_a_traced_host)
{
    struct who server = process_in(100, "server", 1, 7), client = process_in(200, "client", 0, 1);
    t_server(&script, server, 3, 0x10, "0.0.0.0:80");
    t_client(&script, client, 3, 0x20, "10.0.0.2:80", "10.0.0.1:4000");
    t_accept(&script, server, 4, 0x30, 3, 0x10, "10.0.0.1:4000", "10.0.0.2:80", 0);
    t_socket(&script, client, 5, 0x40, AF_INET, SOCK_STREAM, 0);
    t_connect(&script, client, 5, 0x40, "10.0.0.2:81", "10.0.0.1:4001", ECONNREFUSED, 0);
    t_socket(&script, client, 6, 0x50, AF_INET, SOCK_STREAM, 0);
    t_connect(&script, client, 6, 0x50, "10.0.0.3:81", "10.0.0.1:4002", ECONNREFUSED, 0);
    script_finish(&script);
    cr_expect(external("10.0.0.2")->located);
    cr_expect_eq(external("10.0.0.2")->host, 1);
    cr_expect_not(external("10.0.0.3")->located);
}

/* Its process was attached to: a thread used the connection before the listener was told. */
Test(match, connection_told_before_its_listener)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_client(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000");
    t_seen(&script, server, 5, 0x30, SOCKATLAS_HOW_USED, false, "127.0.0.1:80", "127.0.0.1:4000");
    t_seen(&script, server, 6, 0x31, SOCKATLAS_HOW_USED, false, "127.0.0.1:80", "127.0.0.1:4001");
    t_seen(&script, server, 4, 0x10, SOCKATLAS_HOW_ATTACHED, true, "127.0.0.1:80", NULL);
    t_close_tcp(&script, server, 6, 0x31, 2, 1);
    t_close_tcp(&script, server, 5, 0x30, 2, 1);
    t_close_tcp(&script, client, 3, 0x20, 1, 2);
    script_finish(&script);
    script_mates(&script, 0x20, 0x30, MATCH_EXACT);
    cr_expect_eq(script_socket(&script, 0x30)->role, ROLE_SERVER);
    const struct socket *alone = script_socket(&script, 0x31);
    cr_expect_eq(alone->role, ROLE_SERVER);
    const struct edge *edge = NULL;
    for (unsigned i = 0; i < model_edge_count(script.model); i++)
        if (model_edge(script.model, i)->from == alone->peer_process)
            edge = model_edge(script.model, i);
    cr_assert_not_null(edge);
    cr_expect_eq(edge->to->pid, 100);
}

/* Of both ends only the listener's is known, afterwards. */
Test(match, both_ends_told_before_the_listener)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_seen(&script, server, 5, 0x30, SOCKATLAS_HOW_USED, false, "127.0.0.1:80", "127.0.0.1:4000");
    t_seen(&script, client, 3, 0x20, SOCKATLAS_HOW_USED, false, "127.0.0.1:4000", "127.0.0.1:80");
    t_seen(&script, server, 4, 0x10, SOCKATLAS_HOW_ATTACHED, true, "127.0.0.1:80", NULL);
    t_close_tcp(&script, server, 5, 0x30, 2, 1);
    t_close_tcp(&script, client, 3, 0x20, 1, 2);
    script_finish(&script);
    script_mates(&script, 0x20, 0x30, MATCH_EXACT);
    cr_expect_eq(script_socket(&script, 0x20)->role, ROLE_CLIENT);
    cr_expect_eq(script_socket(&script, 0x30)->role, ROLE_SERVER);
    cr_expect_eq(script_edge(&script, 200, 100)->connections, 1);
}

/* A server's child runs another program on one end, which says nothing by itself. */
Test(match, a_pair_held_by_a_silent_program_has_one_user)
{
    struct who parent = process(100, "parent");
    t_pair(&script, parent, 3, 0x20, 4, 0x21);
    struct who child = t_child(&script, parent, 101);
    t_close(&script, parent, 4, 0x21);
    t_close(&script, child, 3, 0x20);
    t_exec(&script, child, "/bin/cat");
    script_finish(&script);
    const struct socket *ends[] = {script_socket(&script, 0x20), script_socket(&script, 0x21)};
    cr_assert(ends[0] && ends[1]);
    for (int i = 0; i < 2; i++)
        cr_expect_eq(ends[i]->peer_process, ends[1 - i]->owner);
    cr_expect_eq(ends[1]->owner->pid, 101);
    cr_expect_eq(ends[1]->fd, 4);
}

static void lost(uint8_t state, bool known)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_server(&script, server, 3, 0x10, "127.0.0.1:80");
    t_client(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000");
    t_accept(&script, server, 4, 0x30, 3, 0x10, "127.0.0.1:4000", NULL, 0);
    t_close_tcp(&script, client, 3, 0x20, 5, 0);
    t_close_state(&script, server, 4, 0x30, state);
    script_finish(&script);
    const struct socket *socket = script_socket(&script, 0x20);
    cr_assert_not_null(socket);
    cr_expect_eq(socket->undelivered_known, known);
    cr_expect_eq(socket->undelivered, known ? 5 : 0);
}

Test(match, what_came_after_the_other_end_was_closed_is_lost)
{
    lost(1, true);
}

Test(match, nothing_is_lost_before_an_end_that_was_heard)
{
    lost(8, false);
}
