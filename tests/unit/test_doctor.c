/* SPDX-License-Identifier: MIT
 *
 * The doctor's rules: for each a trace in which the mistake is made, and one in which it nearly is.
 */
#include "analyzer/doctor/doctor.h"
#include "tests/unit/model_script.h"

#include <netinet/tcp.h>
#include <stdio.h>

#define SECOND 1000000000ull

static struct script script;
static struct doctor *doctor;

static void setup(void)
{
    script = (struct script){.now = 1000 * SECOND};
    struct model_callbacks callbacks = {.context = NULL};
    doctor = doctor_new();
    doctor_callbacks(doctor, &callbacks);
    script.model = model_new(&callbacks);
    doctor_attach(doctor, script.model);
}

static void teardown(void)
{
    doctor_free(doctor);
    model_free(script.model);
}

TestSuite(doctor, .init = setup, .fini = teardown);

static struct who process(uint32_t pid, const char *comm)
{
    struct who who = {script_image(&script, pid, comm, 0, 1), pid};
    script.images[who.image].header.somaxconn = 4096;
    script.images[who.image].header.port_low = 32768; /* a hundred ports */
    script.images[who.image].header.port_high = 32867;
    return who;
}

/* ---- What the script lacks ---- */

static void option_bytes(struct who who, int fd, uint64_t cookie, int level, int name, const void *value, size_t size,
                         const void *effective, size_t effective_size, int error)
{
    unsigned char tail[64];
    struct sockatlas_body_option body = {.level = level,
                                         .name = name,
                                         .requested_size = (uint32_t)size,
                                         .kept_size = (uint16_t)size,
                                         .effective_size = (uint16_t)effective_size};
    memcpy(tail, value, size);
    if (effective_size)
        memcpy(tail + size, effective, effective_size);
    script_record(
        &script, who,
        (struct sockatlas_common){.kind = SOCKATLAS_OPTION, .fd = fd, .cookie = cookie, .error = (uint16_t)error},
        &body, sizeof body, tail, size + effective_size);
}

static void option(struct who who, int fd, uint64_t cookie, int level, int name, int value, int error)
{
    option_bytes(who, fd, cookie, level, name, &value, sizeof value, NULL, 0, error);
}

static void buffer(struct who who, int fd, uint64_t cookie, int name, int value, int effective)
{
    option_bytes(who, fd, cookie, SOL_SOCKET, name, &value, sizeof value, &effective, sizeof effective, 0);
}

static void close_in(struct who who, int fd, uint64_t cookie, int call, struct sockatlas_tcp tcp)
{
    struct sockatlas_body_close body = {.bytes_sent = 10, .bytes_received = 10};
    script_record(&script, who,
                  (struct sockatlas_common){.kind = SOCKATLAS_CLOSE, .call = (uint8_t)call, .fd = fd, .cookie = cookie},
                  &body, sizeof body, &tcp, sizeof tcp);
}

static void listen_with(struct who who, int fd, uint64_t cookie, const char *local, int backlog)
{
    unsigned char tail[64];
    struct sockatlas_body_listen body = {.backlog = backlog};
    t_socket(&script, who, fd, cookie, AF_INET, SOCK_STREAM, 0);
    t_bind(&script, who, fd, cookie, local);
    size_t size = script_tail(&body.addresses, tail, local, NULL);
    script_record(&script, who, (struct sockatlas_common){.kind = SOCKATLAS_LISTEN, .fd = fd, .cookie = cookie}, &body,
                  sizeof body, tail, size);
}

static void bind_fails(struct who who, int fd, uint64_t cookie, const char *local)
{
    unsigned char tail[64];
    struct sockatlas_body_bind body = {.addresses = {.family = 0}};
    size_t size = script_tail(&body.addresses, tail, local, NULL);
    script_record(&script, who,
                  (struct sockatlas_common){.kind = SOCKATLAS_BIND, .fd = fd, .cookie = cookie, .error = EADDRINUSE},
                  &body, sizeof body, tail, size);
}

static void accept_fails(struct who who, int listener_fd, uint64_t listener, int error)
{
    struct sockatlas_body_accept body = {
        .listener_fd = listener_fd,
        .listener_cookie = listener,
        .addresses = {.first_size = SOCKATLAS_ABSENT, .second_size = SOCKATLAS_ABSENT}};
    script_record(&script, who, (struct sockatlas_common){.kind = SOCKATLAS_ACCEPT, .fd = -1, .error = (uint16_t)error},
                  &body, sizeof body, NULL, 0);
}

static void name_looked_up(struct who who, const char *name, uint64_t duration_ns)
{
    struct sockatlas_body_name body = {.duration_ns = duration_ns, .name_size = (uint16_t)strlen(name)};
    script_record(&script, who,
                  (struct sockatlas_common){.kind = SOCKATLAS_NAME, .call = SOCKATLAS_CALL_getaddrinfo, .fd = -1},
                  &body, sizeof body, name, strlen(name));
}

static void transfer(struct who who, int fd, uint64_t cookie, bool sent, int64_t bytes)
{
    struct sockatlas_body_io body = {.result = bytes, .requested = 4096, .sent = sent};
    script_record(&script, who, (struct sockatlas_common){.kind = SOCKATLAS_IO, .fd = fd, .cookie = cookie}, &body,
                  sizeof body, NULL, 0);
}

static void later(uint64_t ns)
{
    script.now += ns;
}

static const char *text_of(const char *format, unsigned number)
{
    static char text[64];
    snprintf(text, sizeof text, format, number);
    return text;
}

/* ---- Looking ---- */

/* Ends the trace; the finding of `rule`, NULL when there is none. */
static const struct finding *found(const char *rule)
{
    const struct finding *found = NULL;
    model_finish(script.model);
    doctor_finish(doctor);
    for (unsigned i = 0; i < doctor_finding_count(doctor); i++) {
        const struct finding *finding = doctor_finding(doctor, i);
        cr_expect_gt(finding->evidence_count, 0, "%s: a finding without evidence", finding->rule->name);
        cr_expect_not_null(finding->message, "%s", finding->rule->name);
        if (strcmp(finding->rule->name, rule) == 0)
            found = finding;
    }
    return found;
}

static void expect(const char *rule, const char *words)
{
    const struct finding *finding = found(rule);
    cr_assert_not_null(finding, "no %s", rule);
    cr_expect_not_null(strstr(finding->message, words), "%s", finding->message);
}

static void expect_none(const char *rule)
{
    const struct finding *finding = found(rule);
    cr_expect_null(finding, "%s", finding ? finding->message : "");
}

Test(doctor, names_are_distinct_and_said_in_full)
{
    for (unsigned i = 0; i < doctor_rule_count(); i++) {
        const struct rule *rule = doctor_rule(i);
        cr_expect(rule->name[0] && rule->title[0] && rule->why[0] && rule->remedy[0]);
        for (unsigned j = 0; j < i; j++)
            cr_expect_str_neq(rule->name, doctor_rule(j)->name);
    }
}

/* ---- Settings ---- */

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
    listen_with(process(100, "server"), 3, 0x10, "0.0.0.0:80", 5);
    expect("small-backlog", "backlog of 5; net.core.somaxconn is 4096");
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

/* ---- Addresses and ports ---- */

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

static void connects(struct who client, unsigned count, unsigned first_port)
{
    for (unsigned i = 0; i < count; i++) {
        t_client(&script, client, 3, 0x1000 + first_port + i, "10.0.0.1:80", text_of("10.0.0.2:%u", first_port + i));
        t_close(&script, client, 3, 0x1000 + first_port + i);
    }
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

/* ---- Connecting ---- */

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
        worker[i] = t_start(&script, master, 101 + i, t_fork(&script, master, 101 + i), false);
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
    struct who child = t_start(&script, server, 200, t_fork(&script, server, 200), false);
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
