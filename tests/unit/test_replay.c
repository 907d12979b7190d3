/* SPDX-License-Identifier: MIT
 *
 * Replay: processes, what they hold, and how long sockets live.
 */
#include "tests/unit/model_script.h"

static struct script script;

static void setup(void)
{
    script_begin(&script);
}

static void teardown(void)
{
    model_free(script.model);
}

TestSuite(replay, .init = setup, .fini = teardown);

static struct who process(uint32_t pid, const char *comm)
{
    return (struct who){script_image(&script, pid, comm, 0, 1), pid};
}

/* The server listens (descriptor 3, socket 0x10), the client connects (3, 0x20), and is accepted (4, 0x30). */
static void serve_one(struct who server, struct who client)
{
    t_server(&script, server, 3, 0x10, "127.0.0.1:80");
    t_client(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000");
    t_accept(&script, server, 4, 0x30, 3, 0x10, "127.0.0.1:4000", NULL, 0);
}

Test(replay, worker_owns_what_it_accepts)
{
    struct who master = process(100, "server"), client = process(200, "client");
    t_server(&script, master, 3, 0x10, "127.0.0.1:80");
    struct who worker = t_child(&script, master, 101);
    t_client(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000");
    t_accept(&script, worker, 4, 0x30, 3, 0x10, "127.0.0.1:4000", NULL, 0);
    t_close_tcp(&script, client, 3, 0x20, 10, 20);
    t_close_tcp(&script, worker, 4, 0x30, 20, 10);
    script_finish(&script);
    const struct edge *edge = script_edge(&script, 200, 101);
    cr_assert_not_null(edge);
    cr_expect_eq(edge->connections, 1);
    cr_expect_eq(edge->open, 0);
    cr_expect_eq(edge->bytes_sent, 10);
    cr_expect_eq(edge->bytes_received, 20);
    cr_expect_eq(edge->match, MATCH_EXACT);
    const struct socket *listener = script_socket(&script, 0x10);
    cr_assert_not_null(listener);
    cr_expect(script_held(&script, listener, 100));
    cr_expect(script_held(&script, listener, 101));
    cr_expect_eq(listener->state, STATE_LISTENING);
    cr_assert_eq(model_listener_count(script.model), 1);
    cr_expect_eq(model_listener(script.model, 0)->accepted, 1);
    cr_expect_eq(model_listener(script.model, 0)->peak, 1);
}

Test(replay, child_has_the_table_of_the_fork_slot)
{
    struct who parent = process(100, "parent");
    t_socket(&script, parent, 3, 0x10, AF_INET, SOCK_STREAM, 0);
    uint64_t slot = t_fork(&script, parent, 101);
    t_socket(&script, parent, 4, 0x11, AF_INET, SOCK_STREAM, 0);
    struct who child = t_start(&script, parent, 101, slot, false);
    t_close(&script, child, 3, 0x10);
    script_finish(&script);
    cr_expect(script_held(&script, script_socket(&script, 0x10), 101));
    cr_expect_not(script_held(&script, script_socket(&script, 0x11), 101));
    cr_expect_eq(script_socket(&script, 0x10)->state, STATE_CREATED, "the parent still has it");
}

Test(replay, socket_closes_with_its_last_descriptor)
{
    struct who one = process(100, "one");
    t_socket(&script, one, 3, 0x10, AF_INET, SOCK_STREAM, 0);
    t_dup(&script, one, 4, 0x10, 3, 0);
    t_close(&script, one, 3, 0x10);
    cr_expect_null(script_socket(&script, 0x10));
    t_close(&script, one, 4, 0x10);
    const struct socket *socket = script_socket(&script, 0x10);
    cr_assert_not_null(socket);
    cr_expect_eq(socket->state, STATE_CLOSED);
    cr_expect_eq(socket->closed_ns, script.now);
    script_finish(&script);
}

Test(replay, exec_closes_cloexec_only)
{
    struct who one = process(100, "one");
    t_socket(&script, one, 3, 0x10, AF_INET, SOCK_STREAM, SOCKATLAS_CLOEXEC);
    t_socket(&script, one, 4, 0x11, AF_INET, SOCK_STREAM, 0);
    t_exec(&script, one, "/bin/other");
    struct who image = process(100, "other");
    script.images[image.image].header.start_ticks = script.images[one.image].header.start_ticks;
    t_socket(&script, image, 3, 0x12, AF_INET, SOCK_STREAM, 0);
    cr_assert_not_null(script_socket(&script, 0x10));
    cr_expect_eq(script_socket(&script, 0x10)->state, STATE_CLOSED);
    cr_expect_null(script_socket(&script, 0x11));
    script_finish(&script);
    cr_expect_eq(script_socket(&script, 0x11)->state, STATE_CREATED);
    cr_expect_eq(model_process_count(script.model), 1, "one process in two images");
    cr_expect_str_eq(model_process(script.model, 0)->comm, "other");
}

/* An image that tells nothing may hold it for any time. */
Test(replay, nobody_knows_when_a_silent_image_lets_go)
{
    struct who one = process(100, "one");
    t_socket(&script, one, 3, 0x10, AF_INET, SOCK_STREAM, 0);
    t_exec(&script, one, "/bin/other");
    t_wait(&script, one, 5000000000);
    script.alive_answer = MODEL_DEAD;
    script_finish(&script);
    cr_expect_eq(script_socket(&script, 0x10)->state, STATE_CLOSED);
    cr_expect_eq(script_socket(&script, 0x10)->closed_ns, 0);
}

/* By the time that the child tells of itself its parent is gone and another has adopted it. */
Test(replay, parent_is_who_forked)
{
    struct who parent = process(100, "parent");
    t_socket(&script, parent, 3, 0x10, AF_INET, SOCK_STREAM, 0);
    uint64_t slot = t_fork(&script, parent, 101);
    t_exit(&script, parent);
    t_start(&script, (struct who){parent.image, 1}, 101, slot, false);
    script_finish(&script);
    cr_expect_eq(model_process(script.model, 1)->pid, 101);
    cr_expect_eq(model_process(script.model, 1)->ppid, 100);
}

Test(replay, failed_exec_closes_nothing)
{
    struct who one = process(100, "one");
    t_socket(&script, one, 3, 0x10, AF_INET, SOCK_STREAM, SOCKATLAS_CLOEXEC);
    t_exec(&script, one, "/bin/nosuch");
    t_exec_failed(&script, one);
    t_wait(&script, one, 5000000000);
    script_finish(&script);
    cr_expect_eq(script_socket(&script, 0x10)->state, STATE_CREATED);
    cr_expect_str_eq(model_process(script.model, 0)->comm, "one");
}

Test(replay, fork_slot_said_of_the_file_s_own_process_leaves_nothing_held) /* damage */
{
    struct who parent = process(100, "parent");
    t_socket(&script, parent, 3, 0x10, AF_INET, SOCK_STREAM, 0);
    uint64_t slot = t_fork(&script, parent, 0);
    t_start(&script, parent, 100, slot, true);
    t_close(&script, parent, 3, 0x10);
    script_finish(&script);
    cr_expect_eq(script_socket(&script, 0x10)->state, STATE_CLOSED);
}

Test(replay, vforked_child_has_a_table_of_its_own)
{
    struct who parent = process(100, "parent");
    t_socket(&script, parent, 3, 0x10, AF_INET, SOCK_STREAM, 0);
    uint64_t slot = t_fork(&script, parent, 0);
    struct who child = t_start(&script, parent, 101, slot, true);
    t_close(&script, child, 3, 0x10);
    t_exit(&script, child);
    script_finish(&script);
    cr_expect_eq(script_socket(&script, 0x10)->state, STATE_CREATED);
    cr_expect(script_held(&script, script_socket(&script, 0x10), 101));
}

Test(replay, passed_descriptor_is_one_socket)
{
    struct who sender = process(100, "sender"), receiver = process(200, "receiver");
    t_server(&script, sender, 3, 0x10, "127.0.0.1:80");
    t_pass(&script, sender, 5, 0x99, 3, 0x10);
    t_close(&script, sender, 3, 0x10);
    cr_expect_null(script_socket(&script, 0x10), "it is on its way");
    t_seen(&script, receiver, 7, 0x10, SOCKATLAS_HOW_RECEIVED, true, "127.0.0.1:80", NULL);
    script_finish(&script);
    const struct socket *socket = script_socket(&script, 0x10);
    cr_assert_not_null(socket);
    cr_expect_eq(socket->state, STATE_LISTENING);
    cr_expect(script_held(&script, socket, 100));
    cr_expect(script_held(&script, socket, 200));
}

Test(replay, inherited_listener_is_known_from_its_first_use)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_seen(&script, server, 3, 0x10, SOCKATLAS_HOW_INHERITED, true, "127.0.0.1:80", NULL);
    t_client(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000");
    t_accept(&script, server, 4, 0x30, 3, 0x10, "127.0.0.1:4000", NULL, 0);
    script_finish(&script);
    cr_expect(script_socket(&script, 0x10)->seen_first);
    cr_expect_not_null(script_edge(&script, 200, 100));
}

Test(replay, accept_that_fails_makes_no_listener)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_socket(&script, server, 3, 0x10, AF_INET, SOCK_STREAM, 0);
    t_listen(&script, server, 3, 0x10, "127.0.0.1:80");
    t_client(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000");
    t_accept(&script, server, 4, 0x30, 3, 0x10, "127.0.0.1:4000", NULL, 0);
    t_accept_failed(&script, client, 3, 0x20, EINVAL);
    script_finish(&script);
    cr_expect_eq(script_socket(&script, 0x20)->role, ROLE_CLIENT);
}

/* The kernel has a name for it all the same. */
Test(replay, seen_socket_that_nobody_bound_has_no_address)
{
    struct who heir = process(100, "heir");
    t_seen(&script, heir, 3, 0x10, SOCKATLAS_HOW_INHERITED, false, "0.0.0.0:0", NULL);
    t_seen(&script, heir, 4, 0x11, SOCKATLAS_HOW_INHERITED, false, "[::]:0", NULL);
    t_seen(&script, heir, 5, 0x12, SOCKATLAS_HOW_INHERITED, false, "0.0.0.0:80", NULL);
    t_seen(&script, heir, 6, 0x13, SOCKATLAS_HOW_INHERITED, false, "127.0.0.1:0", NULL);
    script_finish(&script);
    for (uint64_t cookie = 0x10; cookie <= 0x13; cookie++) {
        const struct socket *socket = script_socket(&script, cookie);
        bool bound = cookie > 0x11;
        cr_expect_eq(socket->state, bound ? STATE_BOUND : STATE_CREATED, "%#x", (unsigned)cookie);
        cr_expect_eq(address_known(&socket->local), bound, "%#x", (unsigned)cookie);
    }
}

Test(replay, pid_used_again_is_another_process)
{
    struct who first = process(100, "first");
    t_socket(&script, first, 3, 0x10, AF_INET, SOCK_STREAM, 0);
    script.now += 60000000000;
    struct who second = process(100, "second");
    t_socket(&script, second, 3, 0x11, AF_INET, SOCK_STREAM, 0);
    script_finish(&script);
    cr_assert_eq(model_process_count(script.model), 2);
    cr_expect_eq(script_socket(&script, 0x10)->state, STATE_CLOSED);
    cr_expect_eq(script_socket(&script, 0x10)->owner->id, 0);
    cr_expect_eq(script_socket(&script, 0x11)->owner->id, 1);
    cr_expect_eq(script_socket(&script, 0x11)->state, STATE_CREATED);
}

Test(replay, exit_closes_what_is_left)
{
    struct who one = process(100, "one");
    t_socket(&script, one, 3, 0x10, AF_INET, SOCK_STREAM, 0);
    t_exit(&script, one);
    cr_assert_not_null(script_socket(&script, 0x10));
    cr_expect_eq(script_socket(&script, 0x10)->state, STATE_CLOSED);
    script_finish(&script);
    cr_expect_eq(model_process(script.model, 0)->end_ns, script.now);
}

Test(replay, killed_process_takes_its_sockets_along)
{
    struct who one = process(100, "one");
    t_socket(&script, one, 3, 0x10, AF_INET, SOCK_STREAM, 0);
    script.alive_answer = MODEL_DEAD;
    script_finish(&script);
    cr_expect_eq(script_socket(&script, 0x10)->state, STATE_CLOSED);
    cr_expect_eq(script_socket(&script, 0x10)->closed_ns, 0, "nobody knows when");
}

Test(replay, gone_record_ends_a_killed_process)
{
    struct who one = process(100, "one");
    unsigned run = script_image(&script, 1, "run", 0, 1);
    script.images[run].header.writer = SOCKATLAS_WRITER_RUN;
    t_socket(&script, one, 3, 0x10, AF_INET, SOCK_STREAM, 0);
    struct sockatlas_body_gone body = {.status = 9};
    script_record(&script, (struct who){run, 100}, (struct sockatlas_common){.kind = SOCKATLAS_GONE, .fd = -1}, &body,
                  sizeof body, NULL, 0);
    cr_assert_not_null(script_socket(&script, 0x10));
    cr_expect_eq(script_socket(&script, 0x10)->closed_ns, script.now);
    script_finish(&script);
    cr_expect_eq(model_process_count(script.model), 1, "`run` itself is none of the map's");
}

Test(replay, unseen_close_shows_when_the_number_is_used_again)
{
    struct who one = process(100, "one");
    t_socket(&script, one, 3, 0x10, AF_INET, SOCK_STREAM, 0);
    t_socket(&script, one, 3, 0x11, AF_INET, SOCK_STREAM, 0);
    cr_assert_not_null(script_socket(&script, 0x10));
    cr_expect_eq(script_socket(&script, 0x10)->state, STATE_CLOSED);
    script_finish(&script);
}

Test(replay, unix_bytes_of_all_holders_add_up_and_tcp_bytes_do_not)
{
    struct who parent = process(100, "parent");
    t_pair(&script, parent, 3, 0x10, 4, 0x11);
    t_client(&script, parent, 5, 0x20, "10.0.0.9:80", "10.0.0.1:4000");
    struct who child = t_child(&script, parent, 101);
    t_close_call(&script, child, 3, 0x10, SOCKATLAS_CALL_close, 5, 0, false);
    t_close_call(&script, parent, 3, 0x10, SOCKATLAS_CALL_close, 7, 1, false);
    t_close_tcp(&script, child, 5, 0x20, 100, 200);
    t_close_tcp(&script, parent, 5, 0x20, 150, 250);
    script_finish(&script);
    cr_expect_eq(script_socket(&script, 0x10)->bytes_sent, 12);
    cr_expect_eq(script_socket(&script, 0x10)->bytes_received, 1);
    cr_expect_eq(script_socket(&script, 0x20)->bytes_sent, 150);
    cr_expect_eq(script_socket(&script, 0x20)->bytes_received, 250);
}

/* The postmaster's way: the parent accepts, a forked child serves the connection. */
Test(replay, child_that_serves_an_accepted_connection_owns_it)
{
    struct who parent = process(100, "server"), client = process(200, "client");
    serve_one(parent, client);
    uint64_t slot = t_fork(&script, parent, 101);
    t_close(&script, parent, 4, 0x30);
    struct who child = t_start(&script, parent, 101, slot, false);
    t_used(&script, child, 4, 0x30, SOCKATLAS_CALL_recv);
    t_close_tcp(&script, client, 3, 0x20, 10, 20);
    t_close_tcp(&script, child, 4, 0x30, 20, 10);
    script_finish(&script);
    cr_expect_null(script_edge(&script, 200, 100));
    const struct edge *edge = script_edge(&script, 200, 101);
    cr_assert_not_null(edge);
    cr_expect_eq(edge->connections, 1);
    cr_expect_eq(edge->sockets, 2);
    cr_expect_eq(edge->open, 0);
    cr_expect_eq(edge->bytes_sent, 10);
    cr_expect_eq(script_socket(&script, 0x30)->owner->pid, 101);
    cr_expect_eq(script_socket(&script, 0x20)->peer_process->pid, 101);
    cr_expect_eq(model_listener(script.model, 0)->process->pid, 100);
}

/* Its first touch made the descriptor non-blocking; the bytes tell that it served. */
Test(replay, child_that_moved_bytes_after_its_parent_closed_owns_the_connection)
{
    struct who parent = process(100, "server"), client = process(200, "client");
    serve_one(parent, client);
    struct who child = t_child(&script, parent, 101);
    t_used(&script, child, 4, 0x30, SOCKATLAS_CALL_fcntl);
    t_close_tcp(&script, parent, 4, 0x30, 0, 0);
    t_close_tcp(&script, client, 3, 0x20, 10, 20);
    t_close_tcp(&script, child, 4, 0x30, 20, 10);
    script_finish(&script);
    cr_expect_null(script_edge(&script, 200, 100));
    cr_assert_not_null(script_edge(&script, 200, 101));
}

/* The sender let go of it as soon as it was on its way. */
Test(replay, passed_connection_belongs_to_the_process_that_served_it)
{
    struct who sender = process(100, "sender"), receiver = process(200, "receiver"), client = process(300, "client");
    serve_one(sender, client);
    t_pass(&script, sender, 5, 0x99, 4, 0x30);
    t_close_tcp(&script, sender, 4, 0x30, 0, 0);
    t_seen(&script, receiver, 7, 0x30, SOCKATLAS_HOW_RECEIVED, false, "127.0.0.1:80", "127.0.0.1:4000");
    t_close_tcp(&script, client, 3, 0x20, 10, 20);
    t_close_tcp(&script, receiver, 7, 0x30, 20, 10);
    script_finish(&script);
    cr_expect_null(script_edge(&script, 300, 100));
    const struct edge *edge = script_edge(&script, 300, 200);
    cr_assert_not_null(edge);
    cr_expect_eq(edge->bytes_sent, 10);
    cr_expect_eq(script_socket(&script, 0x30)->owner->pid, 200);
    cr_expect(script_held(&script, script_socket(&script, 0x30), 100));
}

Test(replay, passed_connection_counts_among_those_open_at_once_while_it_was_on_its_way)
{
    struct who sender = process(100, "sender"), receiver = process(200, "receiver"), client = process(300, "client");
    serve_one(sender, client);
    t_pass(&script, sender, 5, 0x99, 4, 0x30);
    t_close_tcp(&script, sender, 4, 0x30, 0, 0);
    t_client(&script, client, 4, 0x21, "127.0.0.1:80", "127.0.0.1:4001");
    t_accept(&script, sender, 4, 0x31, 3, 0x10, "127.0.0.1:4001", NULL, 0);
    t_seen(&script, receiver, 7, 0x30, SOCKATLAS_HOW_RECEIVED, false, "127.0.0.1:80", "127.0.0.1:4000");
    script_finish(&script);
    cr_expect_eq(model_listener(script.model, 0)->peak, 2);
}

/* What arrived while it was on its way was not read for that. */
Test(replay, passed_connection_that_was_only_closed_stays_with_its_sender)
{
    struct who sender = process(100, "sender"), receiver = process(200, "receiver"), client = process(300, "client");
    serve_one(sender, client);
    t_pass(&script, sender, 5, 0x99, 4, 0x30);
    t_close_tcp(&script, sender, 4, 0x30, 20, 0);
    t_seen(&script, receiver, 7, 0x30, SOCKATLAS_HOW_RECEIVED, false, "127.0.0.1:80", "127.0.0.1:4000");
    t_close_tcp(&script, client, 3, 0x20, 10, 20);
    t_close_tcp(&script, receiver, 7, 0x30, 20, 10);
    script_finish(&script);
    cr_expect_null(script_edge(&script, 300, 200));
    cr_assert_not_null(script_edge(&script, 300, 100));
}

/* What the client told when it closed moves along; what else went to the parent stays. */
Test(replay, connection_taken_over_after_its_client_closed_takes_its_bytes_along)
{
    struct who parent = process(100, "server"), client = process(200, "client");
    t_server(&script, parent, 3, 0x10, "127.0.0.1:80");
    for (unsigned i = 0; i < 2; i++) {
        const char *local = i ? "127.0.0.1:4001" : "127.0.0.1:4000";
        t_client(&script, client, 3, 0x20 + i, "127.0.0.1:80", local);
        t_accept(&script, parent, 4 + (int)i, 0x30 + i, 3, 0x10, local, NULL, 0);
        t_close_tcp(&script, client, 3, 0x20 + i, 10 + i, 20 + i);
    }
    uint64_t slot = t_fork(&script, parent, 101);
    t_close_tcp(&script, parent, 4, 0x30, 20, 10);
    t_close_tcp(&script, parent, 5, 0x31, 21, 11);
    struct who child = t_start(&script, parent, 101, slot, false);
    t_used(&script, child, 4, 0x30, SOCKATLAS_CALL_recv);
    script_finish(&script);
    const struct edge *stays = script_edge(&script, 200, 100), *moved = script_edge(&script, 200, 101);
    cr_assert(stays && moved);
    cr_expect(stays->sent_known && moved->sent_known);
    cr_expect_eq(stays->bytes_sent, 11);
    cr_expect_eq(stays->bytes_received, 21);
    cr_expect_eq(moved->bytes_sent, 10);
    cr_expect_eq(moved->bytes_received, 20);
}

/* The parent has another descriptor of it. */
Test(replay, child_does_not_take_a_connection_its_parent_still_holds)
{
    struct who parent = process(100, "server"), client = process(200, "client");
    serve_one(parent, client);
    t_dup(&script, parent, 5, 0x30, 4, 0);
    struct who child = t_child(&script, parent, 101);
    t_used(&script, child, 4, 0x30, SOCKATLAS_CALL_fcntl);
    t_close_tcp(&script, parent, 4, 0x30, 0, 0);
    t_close_tcp(&script, child, 4, 0x30, 20, 10);
    t_close_tcp(&script, parent, 5, 0x30, 20, 10);
    script_finish(&script);
    cr_assert_not_null(script_edge(&script, 200, 100));
    cr_expect_null(script_edge(&script, 200, 101));
}

/* A child that only flags or closes what it inherited has not served it. */
Test(replay, child_that_only_duplicates_does_not_take_a_connection_from_its_server)
{
    struct who parent = process(100, "server"), client = process(200, "client");
    serve_one(parent, client);
    struct who child = t_child(&script, parent, 101);
    t_used(&script, child, 4, 0x30, SOCKATLAS_CALL_fcntl);
    t_close(&script, child, 4, 0x30);
    t_close_tcp(&script, client, 3, 0x20, 10, 20);
    t_close_tcp(&script, parent, 4, 0x30, 20, 10);
    script_finish(&script);
    cr_assert_not_null(script_edge(&script, 200, 100));
    cr_expect_null(script_edge(&script, 200, 101));
}

Test(replay, bytes_that_only_a_killed_process_could_tell_are_unknown)
{
    struct who parent = process(100, "parent");
    t_client(&script, parent, 5, 0x20, "10.0.0.9:80", "10.0.0.1:4000");
    t_pair(&script, parent, 3, 0x10, 4, 0x11);
    struct who child = t_child(&script, parent, 101);
    t_seen(&script, child, 5, 0x20, SOCKATLAS_HOW_USED, false, NULL, NULL);
    t_close_tcp(&script, parent, 5, 0x20, 150, 250);
    t_seen(&script, child, 3, 0x10, SOCKATLAS_HOW_USED, false, NULL, NULL);
    t_close_call(&script, parent, 3, 0x10, SOCKATLAS_CALL_close, 7, 1, false);
    t_close_call(&script, parent, 4, 0x11, SOCKATLAS_CALL_close, 0, 0, false);
    script.alive_answer = MODEL_DEAD;
    script_finish(&script);
    cr_expect_not(script_socket(&script, 0x20)->sent_known);
    cr_expect_not(script_socket(&script, 0x10)->sent_known);
    cr_expect(script_socket(&script, 0x11)->sent_known);
}

Test(replay, bytes_of_a_socket_still_in_use_are_unknown)
{
    struct who parent = process(100, "parent");
    t_client(&script, parent, 5, 0x20, "10.0.0.9:80", "10.0.0.1:4000");
    t_dup(&script, parent, 6, 0x20, 5, 0);
    t_close_tcp(&script, parent, 6, 0x20, 150, 250);
    script.alive_answer = MODEL_ALIVE;
    script_finish(&script);
    cr_expect_not(script_socket(&script, 0x20)->sent_known);
}

Test(replay, child_forked_before_its_parent_had_a_log_holds_nothing_of_it)
{
    struct who parent = process(100, "parent");
    t_client(&script, parent, 5, 0x20, "10.0.0.9:80", "10.0.0.1:4000");
    struct who child = process(101, "child");
    t_start(&script, child, 101, UINT64_MAX, false);
    t_socket(&script, child, 3, 0x30, AF_INET, SOCK_STREAM, 0);
    script_finish(&script);
    cr_expect_not(script_held(&script, script_socket(&script, 0x20), 101));
    cr_expect_eq(model_process_count(script.model), 3, "two, and the address");
}

/* Its logs were opened and hold nothing: views must not take it for one that they can name. */
Test(replay, host_without_events_has_no_image)
{
    struct who far = {.image = script_image(&script, 7, "far", 1, 0), .pid = 7};
    t_socket(&script, far, 3, 0x10, AF_INET, SOCK_STREAM, 0);
    script_finish(&script);
    cr_expect_eq(model_host_count(script.model), 2);
    cr_expect_null(model_host(script.model, 0));
    cr_expect_not_null(model_host(script.model, 1));
}

/* The one that served it has closed it; another only asks who is at its other end. */
Test(replay, connection_stays_with_who_served_it)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_server(&script, server, 3, 0x10, "127.0.0.1:80");
    t_client(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000");
    t_accept(&script, server, 4, 0x30, 3, 0x10, "127.0.0.1:4000", NULL, 0);
    struct who worker = t_child(&script, server, 101);
    t_used(&script, worker, 4, 0x30, SOCKATLAS_CALL_recv);
    t_close_tcp(&script, worker, 4, 0x30, 8, 8);
    struct who heir = t_child(&script, server, 102);
    t_used(&script, heir, 4, 0x30, SOCKATLAS_CALL_getpeername);
    t_close(&script, server, 4, 0x30);
    script_finish(&script);
    cr_expect_eq(script_socket(&script, 0x30)->owner->pid, 101);
    cr_expect_eq(script_socket(&script, 0x20)->peer_process->pid, 101);
    cr_expect_not_null(script_edge(&script, 200, 101));
    cr_expect_null(script_edge(&script, 200, 102));
}

/* Each exchange of a datagram socket belongs to the process that took part in it. */
Test(replay, datagram_socket_of_several_processes)
{
    struct who parent = process(100, "parent"), client = process(200, "client");
    t_socket(&script, parent, 3, 0x10, AF_INET, SOCK_DGRAM, 0);
    t_bind(&script, parent, 3, 0x10, "127.0.0.1:53");
    for (unsigned i = 0; i < 2; i++) {
        const char *local = i ? "127.0.0.1:4001" : "127.0.0.1:4000";
        struct who child = t_child(&script, parent, 101 + i);
        t_socket(&script, client, 3 + (int)i, 0x20 + i, AF_INET, SOCK_DGRAM, 0);
        t_peer(&script, client, 3 + (int)i, 0x20 + i, true, "127.0.0.1:53", local);
        t_peer(&script, child, 3, 0x10, false, local, NULL);
        t_peer(&script, child, 3, 0x10, true, local, NULL);
    }
    script_finish(&script);
    cr_expect_not_null(script_edge(&script, 200, 101));
    cr_expect_not_null(script_edge(&script, 200, 102));
}

/* One that is disconnected and connected anew is two connections. */
Test(replay, connection_dissolved_and_made_anew)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_server(&script, server, 3, 0x10, "127.0.0.1:80");
    t_server(&script, server, 4, 0x11, "127.0.0.1:81");
    t_client(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000");
    t_accept(&script, server, 5, 0x30, 3, 0x10, "127.0.0.1:4000", NULL, 0);
    struct sockatlas_body_connect body = {
        .addresses = {.first_size = SOCKATLAS_ABSENT, .second_size = SOCKATLAS_ABSENT}};
    script_record(&script, client, (struct sockatlas_common){.kind = SOCKATLAS_CONNECT, .fd = 3, .cookie = 0x20}, &body,
                  sizeof body, NULL, 0);
    t_connect(&script, client, 3, 0x20, "127.0.0.1:81", "127.0.0.1:4001", 0, 0);
    t_accept(&script, server, 6, 0x31, 4, 0x11, "127.0.0.1:4001", NULL, 0);
    t_close_tcp(&script, client, 3, 0x20, 9, 0);
    t_close_tcp(&script, server, 5, 0x30, 0, 5);
    t_close_tcp(&script, server, 6, 0x31, 0, 9);
    script_finish(&script);
    cr_expect_eq(model_edge_count(script.model), 2);
    uint64_t bytes = 0;
    for (unsigned i = 0; i < model_edge_count(script.model); i++) {
        cr_expect_eq(model_edge(script.model, i)->connections, 1);
        cr_expect_eq(model_edge(script.model, i)->match, MATCH_EXACT);
        bytes += model_edge(script.model, i)->bytes_sent;
    }
    cr_expect_eq(bytes, 14);
    cr_expect_not(script_socket(&script, 0x20)->sent_known);
}

/* One way is known where the other is not, as of a shared connection that was reset. */
Test(replay, counts_one_way)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_server(&script, server, 3, 0x10, "127.0.0.1:80");
    t_client(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000");
    t_accept(&script, server, 4, 0x30, 3, 0x10, "127.0.0.1:4000", NULL, 0);
    t_close_tcp(&script, server, 4, 0x30, SOCKATLAS_BYTES_UNKNOWN, 7);
    t_close_tcp(&script, client, 3, 0x20, 7, SOCKATLAS_BYTES_UNKNOWN);
    script_finish(&script);
    const struct socket *socket = script_socket(&script, 0x20);
    cr_expect(socket->sent_known && !socket->received_known);
    cr_expect_eq(socket->bytes_sent, 7);
    const struct edge *edge = script_edge(&script, 200, 100);
    cr_expect(edge->sent_known && !edge->received_known);
    cr_expect_eq(edge->bytes_sent, 7);
}
