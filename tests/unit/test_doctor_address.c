/* SPDX-License-Identifier: MIT
 *
 * The doctor's rules on addresses and ports: for each a trace in which the mistake is made, and one in which it nearly
 * is.
 */
#include "tests/unit/doctor_script.h"

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

Test(doctor, address_in_use_by_one_that_listens)
{
    struct who first = process(100, "first"), second = process(200, "second");
    listen_with(first, 3, 0x10, "0.0.0.0:80", 511);
    t_socket(&script, second, 3, 0x20, AF_INET, SOCK_STREAM, 0);
    bind_fails(second, 3, 0x20, "127.0.0.1:80");
    expect("address-in-use", "first (100) listens on it");
}

Test(doctor, address_in_use_option_set_on_another_socket)
{
    struct who server = process(100, "server");
    t_socket(&script, server, 3, 0x10, AF_INET, SOCK_STREAM, 0);
    option(server, 3, 0x10, SOL_SOCKET, SO_REUSEADDR, 1, 0);
    t_socket(&script, server, 4, 0x11, AF_INET, SOCK_STREAM, 0);
    bind_fails(server, 4, 0x11, "0.0.0.0:80");
    expect("address-in-use", "was set on socket 1, not on the one that is bound");
}

Test(doctor, address_in_use_option_set_too_late)
{
    struct who server = process(100, "server");
    t_socket(&script, server, 4, 0x11, AF_INET, SOCK_STREAM, 0);
    bind_fails(server, 4, 0x11, "0.0.0.0:80");
    option(server, 4, 0x11, SOL_SOCKET, SO_REUSEADDR, 1, 0);
    expect("address-in-use", "set after bind()");
}

Test(doctor, address_in_use_without_the_option_is_inferred)
{
    struct who server = process(100, "server");
    t_socket(&script, server, 4, 0x11, AF_INET, SOCK_STREAM, 0);
    bind_fails(server, 4, 0x11, "0.0.0.0:80");
    const struct finding *finding = found("address-in-use");
    cr_assert_not_null(finding);
    cr_expect(finding->inferred);
}

Test(doctor, address_in_use_nearly_bound_at_the_next_try)
{
    struct who server = process(100, "server");
    t_socket(&script, server, 4, 0x11, AF_INET, SOCK_STREAM, 0);
    bind_fails(server, 4, 0x11, "0.0.0.0:80");
    option(server, 4, 0x11, SOL_SOCKET, SO_REUSEADDR, 1, 0);
    t_bind(&script, server, 4, 0x11, "0.0.0.0:80");
    expect_none("address-in-use");
}

/* `low`-`high`: the sockets' own range; 0 none. */
static void connects_within(struct who client, unsigned count, unsigned first_port, int low, int high)
{
    for (unsigned i = 0; i < count; i++) {
        t_socket(&script, client, 3, 0x1000 + first_port + i, AF_INET, SOCK_STREAM, 0);
        if (low || high)
            option(client, 3, 0x1000 + first_port + i, IPPROTO_IP, IP_LOCAL_PORT_RANGE,
                   (int)((unsigned)high << 16 | (unsigned)low), 0);
        t_connect(&script, client, 3, 0x1000 + first_port + i, "10.0.0.1:80", text_of("10.0.0.2:%u", first_port + i), 0,
                  0);
        t_close(&script, client, 3, 0x1000 + first_port + i);
    }
}

static void connects(struct who client, unsigned count, unsigned first_port)
{
    connects_within(client, count, first_port, 0, 0);
}

Test(doctor, ports_running_out)
{
    struct who client = process(100, "client");
    connects(client, 100, 32768);
    t_socket(&script, client, 3, 0x20, AF_INET, SOCK_STREAM, 0);
    t_connect(&script, client, 3, 0x20, "10.0.0.1:80", NULL, EADDRNOTAVAIL, 0);
    const struct finding *finding = found("ports-running-out");
    cr_assert_not_null(finding);
    cr_expect_eq(finding->severity, SEVERITY_ERROR);
    cr_expect_not_null(strstr(finding->evidence[0].text, "100 connections"), "%s", finding->evidence[0].text);
    cr_expect_not_null(strstr(finding->evidence[0].text, "are 100"), "%s", finding->evidence[0].text);
}

/* What was nearly the same before is no further time. */
Test(doctor, ports_running_out_counts_what_failed)
{
    struct who client = process(100, "client");
    connects(client, 256, 32768);
    t_socket(&script, client, 3, 0x200, AF_INET, SOCK_STREAM, 0);
    t_connect(&script, client, 3, 0x200, "10.0.0.1:80", NULL, EADDRNOTAVAIL, 0);
    const struct finding *finding = found("ports-running-out");
    cr_assert_not_null(finding);
    cr_expect_eq(finding->times, 1);
}

Test(doctor, ports_running_out_nearly_no_route)
{
    struct who client = process(100, "client");
    t_socket(&script, client, 3, 0x20, AF_INET6, SOCK_STREAM, 0);
    t_connect(&script, client, 3, 0x20, "[2001:db8::1]:80", NULL, EADDRNOTAVAIL, 0);
    connects(client, 60, 32768);
    expect_none("ports-running-out");
}

/* A socket's own range is what counts, and who else draws from it. */
Test(doctor, ports_running_out_of_the_sockets_own)
{
    struct who client = process(100, "client");
    connects(client, 40, 32800);
    connects_within(client, 10, 32770, 32770, 32779);
    t_socket(&script, client, 3, 0x20, AF_INET, SOCK_STREAM, 0);
    option(client, 3, 0x20, IPPROTO_IP, IP_LOCAL_PORT_RANGE, (int)(32779u << 16 | 32770u), 0);
    t_connect(&script, client, 3, 0x20, "10.0.0.1:80", NULL, EADDRNOTAVAIL, 0);
    const struct finding *finding = found("ports-running-out");
    cr_assert_not_null(finding);
    cr_expect_eq(finding->severity, SEVERITY_ERROR);
    const char *said = finding->evidence[finding->evidence_count - 1].text;
    cr_expect_not_null(strstr(said, "10 connections"), "%s", said);
    cr_expect_not_null(strstr(said, "with IP_LOCAL_PORT_RANGE, ports 32770-32779 are 10"), "%s", said);
}

Test(doctor, ports_of_the_sockets_own_nearly_all_in_use)
{
    connects_within(process(100, "client"), 32, 32770, 32770, 32807);
    const struct finding *finding = found("ports-running-out");
    cr_assert_not_null(finding);
    cr_expect(finding->inferred);
    cr_expect_not_null(strstr(finding->evidence[0].text, "32770-32807 are 38"), "%s", finding->evidence[0].text);
}

/* One bound is the socket's, the other the namespace's: 60 of 80 ports. */
Test(doctor, ports_running_out_nearly_with_one_bound)
{
    connects_within(process(100, "client"), 60, 32788, 32788, 0);
    expect_none("ports-running-out");
}

/* Outside the namespace's range the kernel takes no notice of it. */
Test(doctor, ports_running_out_nearly_with_a_range_elsewhere)
{
    connects_within(process(100, "client"), 60, 32768, 20000, 20009);
    expect_none("ports-running-out");
}

Test(doctor, ports_running_out_nearly_with_a_range_refused)
{
    struct who client = process(100, "client");
    for (unsigned i = 0; i < 60; i++) {
        t_socket(&script, client, 3, 0x1000 + i, AF_INET, SOCK_STREAM, 0);
        option(client, 3, 0x1000 + i, IPPROTO_IP, IP_LOCAL_PORT_RANGE, (int)(32779u << 16 | 32770u), ENOPROTOOPT);
        t_connect(&script, client, 3, 0x1000 + i, "10.0.0.1:80", text_of("10.0.0.2:%u", 32768 + i), 0, 0);
        t_close(&script, client, 3, 0x1000 + i);
    }
    expect_none("ports-running-out");
}

static void same_tuple(bool used_after)
{
    struct who client = process(100, "client");
    t_client(&script, client, 3, 0x10, "10.0.0.1:80", "10.0.0.2:4000");
    if (!used_after)
        close_in(client, 3, 0x10, SOCKATLAS_CALL_close, (struct sockatlas_tcp){.state = TCP_ESTABLISHED});
    t_client(&script, client, 4, 0x11, "10.0.0.1:80", "10.0.0.2:4000");
    if (used_after)
        close_in(client, 3, 0x10, SOCKATLAS_CALL_close, (struct sockatlas_tcp){.state = TCP_ESTABLISHED});
}

Test(doctor, same_tuple)
{
    same_tuple(true);
    expect("same-tuple", "sockets 1 and 2 are both");
}

Test(doctor, same_tuple_nearly_one_after_the_other)
{
    same_tuple(false);
    expect_none("same-tuple");
}
