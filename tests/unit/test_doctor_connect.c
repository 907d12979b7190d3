/* SPDX-License-Identifier: MIT
 *
 * The doctor's rules on connecting: for each a trace in which the mistake is made, and one in which it nearly is.
 */
#include "tests/unit/doctor_script.h"

static void failing_connects(uint64_t pause, unsigned factor)
{
    struct who client = process(100, "client");
    for (unsigned i = 0; i < 12; i++) {
        t_socket(&script, client, 3, 0x20 + i, AF_INET, SOCK_STREAM, 0);
        t_connect(&script, client, 3, 0x20 + i, "127.0.0.1:80", NULL, ECONNREFUSED, 0);
        t_close(&script, client, 3, 0x20 + i);
        later(pause);
        pause *= factor;
    }
}

Test(doctor, reconnect_storm)
{
    failing_connects(SECOND / 100, 1);
    expect("reconnect-storm", "12 connects to 127.0.0.1:80 failed (ECONNREFUSED)");
}

Test(doctor, reconnect_storm_nearly_with_growing_pauses)
{
    failing_connects(SECOND / 100, 2);
    expect_none("reconnect-storm");
}

static void one_connect(int error, uint64_t duration)
{
    struct who client = process(100, "client");
    t_socket(&script, client, 3, 0x10, AF_INET, SOCK_STREAM, 0);
    t_connect(&script, client, 3, 0x10, "192.0.2.7:80", NULL, duration ? EINPROGRESS : error, 0);
    later(duration);
    if (duration && error)
        t_connect(&script, client, 3, 0x10, "192.0.2.7:80", NULL, error, 0);
    t_close(&script, client, 3, 0x10);
}

Test(doctor, connect_failed)
{
    one_connect(ECONNREFUSED, 0);
    expect("connect-failed", "192.0.2.7:80 refused the connection: its host answers, and nobody listens there");
}

Test(doctor, connect_failed_says_who_listens_elsewhere)
{
    struct who server = process(200, "server");
    t_server(&script, server, 3, 0x50, "192.0.2.8:80");
    one_connect(ECONNREFUSED, 0);
    expect("connect-failed", "nobody listens there; server (200) listens on 192.0.2.8:80");
}

Test(doctor, connect_failed_without_a_route)
{
    one_connect(ENETUNREACH, 0);
    expect("connect-failed", "192.0.2.7:80 is unreachable: this machine has no route to it");
}

Test(doctor, connect_failed_without_an_answer)
{
    one_connect(ETIMEDOUT, 3 * SECOND);
    expect("connect-failed", "192.0.2.7:80 did not answer within ");
}

Test(doctor, connect_failed_when_the_program_gave_up)
{
    one_connect(0, 3 * SECOND);
    expect("connect-failed", "192.0.2.7:80 had not answered when the program gave up after 3.0 s");
}

Test(doctor, connect_failed_nearly_given_up_at_once)
{
    one_connect(0, SECOND / 2);
    expect_none("connect-failed");
}

Test(doctor, connect_failed_nearly_it_went_well_later)
{
    one_connect(ECONNREFUSED, 0);
    t_client(&script, process(100, "client"), 3, 0x11, "192.0.2.7:80", "192.0.2.1:4000");
    expect_none("connect-failed");
}

Test(doctor, connect_failed_nearly_another_rule_says_more)
{
    failing_connects(SECOND / 100, 1);
    expect_none("connect-failed");
}

static void requests(bool at_once)
{
    struct who client = process(100, "client");
    struct sockatlas_tcp tcp = {.state = TCP_ESTABLISHED};
    for (unsigned i = 0; i < 30; i++) {
        t_client(&script, client, (int)(3 + (at_once ? i : 0)), 0x20 + i, "10.0.0.1:80",
                 text_of("10.0.0.2:%u", 4000 + i));
        if (!at_once)
            close_in(client, 3, 0x20 + i, SOCKATLAS_CALL_close, tcp);
    }
    for (unsigned i = 0; i < 30 && at_once; i++)
        close_in(client, (int)(3 + i), 0x20 + i, SOCKATLAS_CALL_close, tcp);
}

Test(doctor, connection_per_request)
{
    requests(false);
    expect("connection-per-request", "30 connections to 10.0.0.1:80 one after the other");
}

Test(doctor, connection_per_request_nearly_a_pool)
{
    requests(true);
    expect_none("connection-per-request");
}

static void six_then_four(uint64_t between, const char *four)
{
    struct who client = process(100, "client");
    t_socket(&script, client, 3, 0x10, AF_INET6, SOCK_STREAM, 0);
    t_connect(&script, client, 3, 0x10, "[2001:db8::1]:443", NULL, EINPROGRESS, 0);
    later(3 * SECOND);
    t_close(&script, client, 3, 0x10);
    later(between);
    t_client(&script, client, 3, 0x11, four, "10.0.0.2:4000");
}

Test(doctor, ipv6_first)
{
    six_then_four(0, "10.0.0.1:443");
    const struct finding *finding = found("ipv6-first");
    cr_assert_not_null(finding);
    cr_expect(finding->inferred, "no name says that both are one host");
    cr_expect_eq(finding->severity, SEVERITY_WARNING);
    cr_expect_not_null(strstr(finding->message, "did not answer"), "%s", finding->message);
}

Test(doctor, ipv6_first_nearly_another_port)
{
    six_then_four(0, "10.0.0.1:444");
    expect_none("ipv6-first");
}

Test(doctor, ipv6_first_nearly_much_later)
{
    six_then_four(60 * SECOND, "10.0.0.1:443");
    expect_none("ipv6-first");
}

Test(doctor, slow_name)
{
    name_looked_up(process(100, "client"), "db.example", 5005000000);
    expect("slow-name", "\"db.example\" took 5.0 s");
}

Test(doctor, slow_name_nearly)
{
    name_looked_up(process(100, "client"), "db.example", 900000000);
    expect_none("slow-name");
}
