/* SPDX-License-Identifier: MIT
 *
 * The shim's questions to a kernel that answers with less than was asked for, as older kernels and emulators do. The
 * shim's source is compiled here with a kernel of its own.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define SHIM_SYS_H
#define sys(...) told(__VA_ARGS__)

/* getsockopt() alone is asked: `told_info`, of which the kernel knows so many bytes. */
static struct tcp_info told_info;
static socklen_t told_size;

static long told(long number, ...)
{
    va_list arguments;
    if (number != SYS_getsockopt)
        return -1;
    va_start(arguments, number);
    (void)va_arg(arguments, int);
    (void)va_arg(arguments, int);
    (void)va_arg(arguments, int);
    void *out = va_arg(arguments, void *);
    socklen_t *size = va_arg(arguments, socklen_t *);
    va_end(arguments);
    *size = told_size < *size ? told_size : *size;
    memcpy(out, &told_info, *size);
    return 0;
}

#include "shim/endpoint.c" /* NOLINT(bugprone-suspicious-include): with a kernel of its own */
#include "shim/probe.c"    /* NOLINT(bugprone-suspicious-include) */

uintptr_t memory_page_size(void)
{
    return 4096;
}

/* 1,000 bytes were sent and acknowledged and 200 of them sent twice, 30 more wait; 500 came in 2 segments. */
static const struct tcp_info talked = {
    .tcpi_state = 1,
    .tcpi_rtt = 70,
    .tcpi_total_retrans = 1,
    .tcpi_min_rtt = 60,
    .tcpi_notsent_bytes = 30,
    .tcpi_bytes_acked = 1000,
    .tcpi_bytes_received = 500,
    .tcpi_segs_out = 9,
    .tcpi_segs_in = 8,
    .tcpi_data_segs_in = 2,
    .tcpi_bytes_sent = 1200,
    .tcpi_bytes_retrans = 200,
    .tcpi_busy_time = 8ull << 30,
    .tcpi_sndbuf_limited = 2ull << 30,
};

struct answer {
    bool there;
    struct sockatlas_tcp tcp;
    uint64_t sent, received;
};

static struct answer ask_knowing(const struct tcp_info *info, size_t size)
{
    struct answer answer = {.there = false};
    told_info = *info;
    told_size = (socklen_t)size;
    answer.there = probe_tcp(3, &answer.tcp, &answer.sent, &answer.received);
    return answer;
}

Test(probe, all_of_tcp_info_is_all_known)
{
    struct answer answer = ask_knowing(&talked, sizeof talked);
    cr_assert(answer.there);
    cr_expect_eq(answer.sent, 1030);
    cr_expect_eq(answer.received, 500);
    cr_expect_eq(answer.tcp.min_rtt_us, 60);
    cr_expect_eq(answer.tcp.notsent_bytes, 30);
    cr_expect_eq(answer.tcp.sndbuf_limited, 250);
    cr_expect(probe_segments_in(&answer.tcp) && probe_segments_out(&answer.tcp));
}

Test(probe, linux_4_6_counts_what_was_acknowledged_and_what_waits)
{
    struct answer answer = ask_knowing(&talked, offsetof(struct tcp_info, tcpi_delivery_rate));
    cr_assert(answer.there);
    cr_expect_eq(answer.sent, 1030);
    cr_expect_eq(answer.received, 500);
    cr_expect_eq(answer.tcp.segs_in, 8);
    cr_expect_eq(answer.tcp.sndbuf_limited, 0);
}

Test(probe, linux_4_2_does_not_know_what_waits)
{
    struct answer answer = ask_knowing(&talked, offsetof(struct tcp_info, tcpi_notsent_bytes));
    cr_assert(answer.there);
    cr_expect_eq(answer.sent, SOCKATLAS_BYTES_UNKNOWN);
    cr_expect_eq(answer.received, 500);
    cr_expect_eq(answer.tcp.rtt_us, 70);
    cr_expect_eq(answer.tcp.segs_out, 9);
    cr_expect_eq(answer.tcp.notsent_bytes, UINT32_MAX);
    cr_expect_eq(answer.tcp.min_rtt_us, UINT32_MAX);
}

Test(probe, linux_3_counts_no_bytes)
{
    struct answer answer = ask_knowing(&talked, offsetof(struct tcp_info, tcpi_bytes_acked));
    cr_assert(answer.there);
    cr_expect_eq(answer.sent, SOCKATLAS_BYTES_UNKNOWN);
    cr_expect_eq(answer.received, SOCKATLAS_BYTES_UNKNOWN);
    cr_expect_eq(answer.tcp.retransmits, 1);
    cr_expect_eq(answer.tcp.segs_in, UINT32_MAX);
    cr_expect_not(probe_segments_in(&answer.tcp) || probe_segments_out(&answer.tcp));
}

/* QEMU's user emulation hands out an int. */
Test(probe, an_emulators_four_bytes_say_nothing)
{
    cr_expect_not(ask_knowing(&talked, sizeof(int)).there);
}
