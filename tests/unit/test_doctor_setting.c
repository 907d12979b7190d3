/* SPDX-License-Identifier: MIT
 *
 * The doctor's rules on parameters: for each a trace in which the mistake is made, and one in which it nearly is.
 */
#include "tests/unit/doctor_script.h"

Test(doctor, names_are_distinct_and_said_in_full)
{
    for (unsigned i = 0; i < doctor_rule_count(); i++) {
        const struct rule *rule = doctor_rule(i);
        cr_expect(rule->name[0] && rule->title[0] && rule->why[0] && rule->remedy[0]);
        for (unsigned j = 0; j < i; j++)
            cr_expect_str_neq(rule->name, doctor_rule(j)->name);
    }
}

Test(doctor, clamped_buffer)
{
    struct who client = process(100, "client");
    t_socket(&script, client, 3, 0x10, AF_INET, SOCK_STREAM, 0);
    buffer(client, 3, 0x10, SO_RCVBUF, 1 << 26, 425984);
    expect("clamped-buffer", "granted 212992");
}

Test(doctor, clamped_buffer_nearly_doubled_and_raised)
{
    struct who client = process(100, "client");
    t_socket(&script, client, 3, 0x10, AF_INET, SOCK_STREAM, 0);
    buffer(client, 3, 0x10, SO_RCVBUF, 65536, 131072);
    buffer(client, 3, 0x10, SO_SNDBUF, 100, 4608);
    expect_none("clamped-buffer");
}

Test(doctor, late_buffer)
{
    struct who client = process(100, "client");
    t_client(&script, client, 3, 0x10, "10.0.0.1:80", "10.0.0.2:4000");
    buffer(client, 3, 0x10, SO_RCVBUF, 65536, 131072);
    expect("late-buffer", "after connect()");
}

Test(doctor, late_buffer_nearly_set_before_connect_or_on_datagrams)
{
    struct who client = process(100, "client");
    t_socket(&script, client, 3, 0x10, AF_INET, SOCK_STREAM, 0);
    buffer(client, 3, 0x10, SO_RCVBUF, 65536, 131072);
    t_connect(&script, client, 3, 0x10, "10.0.0.1:80", "10.0.0.2:4000", 0, 0);
    t_socket(&script, client, 4, 0x11, AF_INET, SOCK_DGRAM, 0);
    t_connect(&script, client, 4, 0x11, "10.0.0.1:53", "10.0.0.2:4000", 0, 0);
    buffer(client, 4, 0x11, SO_RCVBUF, 65536, 131072);
    expect_none("late-buffer");
}

Test(doctor, refused_setting)
{
    struct who client = process(100, "client");
    t_socket(&script, client, 3, 0x10, AF_INET, SOCK_STREAM, 0);
    option(client, 3, 0x10, IPPROTO_TCP, TCP_USER_TIMEOUT, -1, EINVAL);
    t_connect(&script, client, 3, 0x10, "10.0.0.1:80", "10.0.0.2:4000", 0, 0);
    expect("refused-setting", "TCP_USER_TIMEOUT was refused with EINVAL");
}

Test(doctor, refused_setting_nearly_mended_or_fallen_back_or_given_up)
{
    struct who client = process(100, "client");
    t_socket(&script, client, 3, 0x10, AF_INET, SOCK_STREAM, 0);
    option(client, 3, 0x10, IPPROTO_TCP, TCP_USER_TIMEOUT, -1, EINVAL);
    option(client, 3, 0x10, IPPROTO_TCP, TCP_USER_TIMEOUT, 5000, 0);
    option(client, 3, 0x10, SOL_SOCKET, SO_RCVBUFFORCE, 65536, EPERM);
    buffer(client, 3, 0x10, SO_RCVBUF, 65536, 131072);
    t_connect(&script, client, 3, 0x10, "10.0.0.1:80", "10.0.0.2:4000", 0, 0);
    t_socket(&script, client, 4, 0x11, AF_INET, SOCK_STREAM, 0);
    option(client, 4, 0x11, SOL_SOCKET, SO_MARK, 1, EPERM);
    t_close(&script, client, 4, 0x11);
    expect_none("refused-setting");
}

Test(doctor, small_backlog)
{
    listen_with(process(100, "server"), 3, 0x10, "0.0.0.0:80", 8);
    expect("small-backlog", "backlog of 8; net.core.somaxconn is 4096");
}

Test(doctor, small_backlog_nearly)
{
    listen_with(process(100, "server"), 3, 0x10, "0.0.0.0:80", 128);
    expect_none("small-backlog");
}

static void linger(struct who who, int fd, uint64_t cookie, int seconds)
{
    struct linger value = {.l_onoff = 1, .l_linger = seconds};
    option_bytes(who, fd, cookie, SOL_SOCKET, SO_LINGER, &value, sizeof value, NULL, 0, 0);
}

Test(doctor, linger_reset_handed_down_by_the_listener)
{
    struct who server = process(100, "server");
    listen_with(server, 3, 0x10, "0.0.0.0:80", 511);
    linger(server, 3, 0x10, 0);
    t_accept(&script, server, 4, 0x30, 3, 0x10, "10.0.0.3:4000", "10.0.0.1:80", 0);
    close_in(server, 4, 0x30, SOCKATLAS_CALL_close, (struct sockatlas_tcp){.state = TCP_ESTABLISHED, .unacked = 2});
    expect("linger-reset", "accepted on 10.0.0.1:80");
}

/* Its client has ended all, or only its own side, and still reads. */
static void reset_behind(bool half)
{
    struct who server = process(100, "server"), client = process(200, "client");
    listen_with(server, 3, 0x10, "0.0.0.0:80", 511);
    linger(server, 3, 0x10, 0);
    t_client(&script, client, 3, 0x20, "10.0.0.1:80", "10.0.0.3:4000");
    t_accept(&script, server, 4, 0x30, 3, 0x10, "10.0.0.3:4000", "10.0.0.1:80", 0);
    if (!half)
        close_in(client, 3, 0x20, SOCKATLAS_CALL_close, (struct sockatlas_tcp){.state = TCP_ESTABLISHED});
    close_in(server, 4, 0x30, SOCKATLAS_CALL_close, (struct sockatlas_tcp){.state = TCP_CLOSE_WAIT});
}

Test(doctor, linger_reset_while_its_peer_reads)
{
    reset_behind(true);
    expect("linger-reset", "accepted on 10.0.0.1:80");
}

Test(doctor, linger_reset_nearly_behind_a_peer_that_has_ended)
{
    reset_behind(false);
    expect_none("linger-reset");
}

Test(doctor, linger_reset_nearly_with_a_time_or_already_over)
{
    struct who client = process(100, "client");
    t_client(&script, client, 3, 0x10, "10.0.0.1:80", "10.0.0.2:4000");
    linger(client, 3, 0x10, 5);
    close_in(client, 3, 0x10, SOCKATLAS_CALL_close, (struct sockatlas_tcp){.state = TCP_ESTABLISHED});
    t_client(&script, client, 3, 0x11, "10.0.0.1:80", "10.0.0.2:4001");
    linger(client, 3, 0x11, 0);
    close_in(client, 3, 0x11, SOCKATLAS_CALL_close, (struct sockatlas_tcp){.state = TCP_CLOSE});
    expect_none("linger-reset");
}
