/* SPDX-License-Identifier: MIT
 *
 * The doctor's rules on serving, keeping and closing connections, and transfers over them: for each a trace in which
 * the mistake is made, and one in which it nearly is.
 */
#include "tests/unit/doctor_script.h"

/* ---- Serving ---- */

static void refused_accepts(unsigned count, int error)
{
    struct who server = process(100, "server");
    listen_with(server, 3, 0x10, "0.0.0.0:80", 511);
    while (count--)
        accept_fails(server, 3, 0x10, error);
}

Test(doctor, accept_limit)
{
    refused_accepts(50, EMFILE);
    const struct finding *finding = found("accept-limit");
    cr_assert_not_null(finding);
    cr_expect_eq(finding->times, 50);
    cr_expect_not_null(strstr(finding->message, "failed 50 times with EMFILE"), "%s", finding->message);
}

Test(doctor, accept_limit_nearly_once_or_another_error)
{
    refused_accepts(2, EMFILE);
    for (unsigned i = 0; i < 50; i++)
        accept_fails((struct who){0, 100}, 3, 0x10, ECONNABORTED);
    expect_none("accept-limit");
}

/* A master with two workers on one listener; `share` percent of 60 connections go to the first. */
static void workers(unsigned share, bool together)
{
    struct who master = process(100, "master");
    listen_with(master, 3, 0x10, "0.0.0.0:80", 511);
    struct who worker[2];
    for (unsigned i = 0; i < 2; i++)
        worker[i] = t_child(&script, master, 101 + i);
    for (unsigned i = 0; i < 60; i++) {
        struct who who = worker[i * 100 / 60 >= share];
        t_accept(&script, who, (int)(together ? 10 + i : 10), 0x100 + i, 3, 0x10, text_of("10.0.0.9:%u", 2000 + i),
                 "10.0.0.1:80", 0);
        if (!together)
            t_close(&script, who, 10, 0x100 + i);
    }
}

Test(doctor, one_worker)
{
    workers(95, true);
    expect("one-worker", "one of 2 workers accepted 57 of 60");
}

Test(doctor, one_worker_nearly_shared)
{
    workers(60, true);
    expect_none("one-worker");
}

Test(doctor, one_worker_nearly_one_connection_at_a_time)
{
    workers(100, false);
    expect_none("one-worker");
}

/* ---- Keeping and closing ---- */

/* The client closes, and `wait` later the server's process ends or closes. */
static void peer_closes(uint64_t wait, int call)
{
    struct who server = process(100, "server"), client = process(200, "client");
    listen_with(server, 3, 0x10, "127.0.0.1:80", 511);
    t_client(&script, client, 3, 0x20, "127.0.0.1:80", "127.0.0.1:4000");
    t_accept(&script, server, 4, 0x30, 3, 0x10, "127.0.0.1:4000", NULL, 0);
    close_in(client, 3, 0x20, SOCKATLAS_CALL_close, (struct sockatlas_tcp){.state = TCP_ESTABLISHED});
    later(wait);
    if (call)
        close_in(server, 4, 0x30, call, (struct sockatlas_tcp){.state = TCP_CLOSE_WAIT});
    else
        t_fork(&script, client, 0);
}

Test(doctor, close_wait_at_exit)
{
    peer_closes(2 * SECOND, SOCKATLAS_CALL_exit);
    const struct finding *finding = found("close-wait");
    cr_assert_not_null(finding);
    cr_expect_not(finding->inferred);
    cr_expect_not_null(strstr(finding->message, "never did"), "%s", finding->message);
}

Test(doctor, close_wait_much_too_late)
{
    peer_closes(30 * SECOND, SOCKATLAS_CALL_close);
    expect("close-wait", "only 30.0 s later");
}

Test(doctor, close_wait_still_open)
{
    peer_closes(30 * SECOND, 0);
    const struct finding *finding = found("close-wait");
    cr_assert_not_null(finding);
    cr_expect(finding->inferred);
}

Test(doctor, close_wait_nearly_closed_in_time)
{
    peer_closes(SECOND / 10, SOCKATLAS_CALL_close);
    expect_none("close-wait");
}

Test(doctor, close_wait_nearly_ended_in_time)
{
    peer_closes(SECOND / 10, SOCKATLAS_CALL_exit);
    expect_none("close-wait");
}

static void idle(const char *peer, const char *local, int level, int name)
{
    struct who client = process(100, "client");
    t_client(&script, client, 3, 0x10, peer, local);
    if (name)
        option(client, 3, 0x10, level, name, 1, 0);
    later(1000 * SECOND);
    close_in(
        client, 3, 0x10, SOCKATLAS_CALL_close,
        (struct sockatlas_tcp){.state = TCP_ESTABLISHED, .last_data_sent_ms = 900000, .last_data_recv_ms = 950000});
}

Test(doctor, no_keepalive)
{
    idle("10.0.0.1:80", "10.0.0.2:4000", 0, 0);
    expect("no-keepalive", "was idle for 900 s");
}

Test(doctor, no_keepalive_nearly_has_it)
{
    idle("10.0.0.1:80", "10.0.0.2:4000", SOL_SOCKET, SO_KEEPALIVE);
    expect_none("no-keepalive");
}

Test(doctor, no_keepalive_nearly_has_a_user_timeout)
{
    idle("10.0.0.1:80", "10.0.0.2:4000", IPPROTO_TCP, TCP_USER_TIMEOUT);
    expect_none("no-keepalive");
}

Test(doctor, no_keepalive_nearly_loopback)
{
    idle("127.0.0.1:80", "127.0.0.1:4000", 0, 0);
    expect_none("no-keepalive");
}

/* A server forks and the child executes another program. */
static void starts_program(unsigned flags, bool used)
{
    struct who server = process(100, "server");
    t_socket(&script, server, 3, 0x10, AF_INET, SOCK_STREAM, flags);
    t_bind(&script, server, 3, 0x10, "0.0.0.0:80");
    t_listen(&script, server, 3, 0x10, "0.0.0.0:80");
    struct who child = t_child(&script, server, 200);
    t_exec(&script, child, "/usr/bin/helper");
    later(SECOND);
    struct who helper = process(200, "helper");
    t_socket(&script, helper, 5, 0x40, AF_INET, SOCK_STREAM, 0);
    if (used)
        t_seen(&script, helper, 3, 0x10, SOCKATLAS_HOW_USED, true, "0.0.0.0:80", NULL);
    t_exit(&script, helper);
    t_exit(&script, server);
}

Test(doctor, inherited_socket)
{
    starts_program(0, false);
    const struct finding *finding = found("inherited-socket");
    cr_assert_not_null(finding);
    cr_expect(finding->inferred);
    cr_expect_not_null(strstr(finding->message, "helper (200), which never used it"), "%s", finding->message);
}

Test(doctor, inherited_socket_nearly_used)
{
    starts_program(0, true);
    expect_none("inherited-socket");
}

Test(doctor, inherited_socket_nearly_close_on_exec)
{
    starts_program(SOCKATLAS_CLOEXEC, false);
    expect_none("inherited-socket");
}

/* ---- Transfers ---- */

static void exchange(unsigned writes, uint64_t wait, bool nodelay)
{
    struct who client = process(100, "client");
    t_client(&script, client, 3, 0x10, "10.0.0.1:80", "10.0.0.2:4000");
    if (nodelay)
        option(client, 3, 0x10, IPPROTO_TCP, TCP_NODELAY, 1, 0);
    while (writes--)
        transfer(client, 3, 0x10, true, 100);
    later(wait);
    transfer(client, 3, 0x10, false, 100);
}

Test(doctor, write_write_read)
{
    exchange(2, SECOND / 25, false);
    const struct finding *finding = found("write-write-read");
    cr_assert_not_null(finding);
    cr_expect(finding->inferred);
    cr_expect_not_null(strstr(finding->message, "40.0 ms"), "%s", finding->message);
}

Test(doctor, write_write_read_nearly_one_write)
{
    exchange(1, SECOND / 25, false);
    expect_none("write-write-read");
}

Test(doctor, write_write_read_nearly_nodelay)
{
    exchange(2, SECOND / 25, true);
    expect_none("write-write-read");
}

Test(doctor, write_write_read_nearly_no_wait)
{
    exchange(2, SECOND / 1000, false);
    expect_none("write-write-read");
}
