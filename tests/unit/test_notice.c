/* SPDX-License-Identifier: MIT
 *
 * Decoding the kernel's notices of ended sockets: as they come, and short, long and garbled ones.
 */
#include "analyzer/cmd/notice.h"
#include "tests/unit/notice_messages.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct notice seen;
static unsigned count;

/* `context`: a cookie, of which alone there is to be a notice; NULL: any. */
static void found(void *context, const struct notice *notice)
{
    if (context && notice->cookie != *(const uint64_t *)context)
        return;
    seen = *notice;
    count++;
}

/* In memory that ends where the datagram does. */
static unsigned decode(const void *datagram, size_t size)
{
    void *copy = malloc(size ? size : 1);
    count = 0;
    memcpy(copy, datagram, size);
    notice_answer(copy, size, found, NULL);
    free(copy);
    return count;
}

static void is_at(const struct address *address, const char *text)
{
    char at[ADDRESS_TEXT_MAX];
    cr_expect_str_eq(address_text_port(address, at), text);
}

Test(notice, of_a_client_that_closed_first)
{
    cr_assert_eq(decode(notice_client, sizeof notice_client), 1);
    cr_expect_eq(seen.protocol, IPPROTO_TCP);
    cr_expect_eq(seen.local.family, AF_INET);
    is_at(&seen.local, "127.0.0.1:43408");
    is_at(&seen.peer, "127.0.0.1:49355");
    cr_expect_eq(seen.bytes_sent, 1000);
    cr_expect_eq(seen.bytes_received, 500); /* its peer's FIN came when it was no more */
    cr_expect_eq(seen.unread, 0);
    cr_expect_eq(seen.acked, 2); /* SYN and FIN */
    cr_expect(seen.tcp_known);
    cr_expect_gt(seen.tcp.rtt_us, 0);
    cr_expect_neq(seen.cookie, 0);
}

Test(notice, of_a_server_that_closed_second)
{
    cr_assert_eq(decode(notice_server, sizeof notice_server), 1);
    cr_expect_eq(seen.bytes_sent, 500);
    cr_expect_eq(seen.bytes_received, 1001); /* with the FIN, which nobody read */
    cr_expect_eq(seen.unread, 1);
    cr_expect_eq(seen.acked, 1);
}

Test(notice, of_what_was_not_read)
{
    cr_assert_eq(decode(notice_unread6, sizeof notice_unread6), 1);
    cr_expect_eq(seen.local.family, AF_INET6);
    cr_expect_eq(seen.bytes_received, 3);
    cr_expect_eq(seen.unread, 3);
    cr_expect_eq(seen.acked, 0);
}

Test(notice, of_a_datagram_socket)
{
    cr_assert_eq(decode(notice_udp, sizeof notice_udp), 1);
    cr_expect_eq(seen.protocol, IPPROTO_UDP);
    cr_expect_not(seen.tcp_known);
    cr_expect_eq(seen.bytes_sent, SOCKATLAS_BYTES_UNKNOWN);
    cr_expect_eq(seen.bytes_received, SOCKATLAS_BYTES_UNKNOWN);
}

/* The kernel has cleared it: no peer, and counters that are 0 are not counts. */
Test(notice, of_a_socket_that_reset_its_connection)
{
    cr_assert_eq(decode(notice_aborted, sizeof notice_aborted), 1);
    cr_expect_not(address_known(&seen.peer));
    cr_expect_not(seen.tcp_known);
    cr_expect_eq(seen.bytes_sent, SOCKATLAS_BYTES_UNKNOWN);
    cr_expect_eq(seen.bytes_received, SOCKATLAS_BYTES_UNKNOWN);
    cr_expect_eq(seen.acked, UINT8_MAX);
}

Test(notice, several_in_one_datagram)
{
    unsigned char both[sizeof notice_client + sizeof notice_udp];
    memcpy(both, notice_client, sizeof notice_client);
    memcpy(both + sizeof notice_client, notice_udp, sizeof notice_udp);
    cr_expect_eq(decode(both, sizeof both), 2);
    cr_expect_eq(seen.protocol, IPPROTO_UDP);
}

/* What an older kernel's struct tcp_info is too short to tell is not known. */
Test(notice, of_a_kernel_that_tells_less)
{
    uint32_t message[sizeof notice_client / sizeof(uint32_t)];
    memcpy(message, notice_client, sizeof message);
    struct nlmsghdr *header = (void *)message;
    struct rtattr *info = (void *)((char *)message + NLMSG_LENGTH(72) + 8);
    cr_assert_eq(info->rta_type, 2);
    info->rta_len = RTA_LENGTH(104); /* up to tcpi_total_retrans */
    header->nlmsg_len = (uint32_t)((char *)info - (char *)message) + info->rta_len;
    cr_assert_eq(decode(message, header->nlmsg_len), 1);
    cr_expect_not(seen.tcp_known);
    cr_expect_eq(seen.bytes_received, SOCKATLAS_BYTES_UNKNOWN);
    cr_expect_eq(seen.acked, UINT8_MAX);
}

/* Each length of each message, and each of its words changed: never read beyond the end (the suite runs under valgrind
 * and sanitizers too), never an address that is none. */
Test(notice, short_and_garbled)
{
    const struct {
        const uint32_t *words;
        size_t size;
    } messages[] = {{notice_client, sizeof notice_client},
                    {notice_server, sizeof notice_server},
                    {notice_unread6, sizeof notice_unread6},
                    {notice_udp, sizeof notice_udp},
                    {notice_aborted, sizeof notice_aborted}};
    static const uint32_t bad[] = {0, 1, 3, 4, 0xff, 0x7fffffff, 0x80000000, UINT32_MAX};
    uint32_t copy[128];
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        for (size_t size = 0; size < messages[i].size; size++)
            cr_expect_eq(decode(messages[i].words, size), 0, "%zu of message %zu", size, i);
        for (size_t at = 0; at < messages[i].size / sizeof *copy; at++)
            for (size_t b = 0; b < sizeof bad / sizeof *bad; b++) {
                memcpy(copy, messages[i].words, messages[i].size);
                copy[at] = bad[b];
                if (decode(copy, messages[i].size))
                    cr_expect(seen.local.family == AF_INET || seen.local.family == AF_INET6);
            }
    }
}

/* What other types of messages say is nothing. */
Test(notice, of_something_else)
{
    uint32_t message[sizeof notice_client / sizeof(uint32_t)];
    memcpy(message, notice_client, sizeof message);
    ((struct nlmsghdr *)(void *)message)->nlmsg_type = NLMSG_ERROR;
    cr_expect_eq(decode(message, sizeof message), 0);
}

Test(notice, are_read_from_the_kernel)
{
    struct notice_reader reader;
    uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    cr_assert(notice_open(&reader, 0));
    cr_expect_neq(reader.netns_inode, 0);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size), 0);
    close(fd);
    for (int i = 0; i < 5000 && count == 0; i++)
        if (!notice_read(&reader, found, &cookie))
            usleep(1000);
    cr_expect_eq(count, 1);
    cr_expect_eq(seen.protocol, IPPROTO_TCP);
    notice_close(&reader);
}

static void end_sockets(unsigned number)
{
    for (unsigned i = 0; i < number; i++)
        close(socket(AF_INET, SOCK_DGRAM, 0));
}

/* Until so many are told of or lost, which the kernel does some time later. */
static void read_until(struct notice_reader *reader, unsigned number)
{
    for (int i = 0; i < 1000 && count + reader->lost < number; i++) {
        poll(&(struct pollfd){.fd = reader->groups, .events = POLLIN}, 1, 10);
        notice_read(reader, found, NULL);
    }
    cr_expect_eq(count + reader->lost, number, "%u told, %u lost", count, (unsigned)reader->lost);
}

static bool own_network(void)
{
    return unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
}

/* The kernel says ENOBUFS once until the buffer was empty. What it drops before that is counted too. */
Test(notice, what_is_dropped_without_a_word_is_counted)
{
    struct notice_reader small, large;
    char first[1];
    if (!own_network())
        cr_skip_test("no network namespace can be made here");
    cr_assert(notice_open(&small, 1));
    cr_assert(notice_open(&large, 0));
    end_sockets(100);
    read_until(&large, 100); /* so all were sent */
    cr_assert_eq(recv(small.groups, first, sizeof first, 0), -1);
    cr_assert_eq(errno, ENOBUFS);
    end_sockets(60);
    read_until(&large, 160);
    cr_expect_eq(large.lost, 0);
    count = 0;
    read_until(&small, 160);
    cr_expect_gt(small.lost, 60);
    notice_close(&small);
    notice_close(&large);
}

/* A mark comes after what had ended on its CPU, and is nobody's notice. */
Test(notice, come_before_a_mark)
{
    struct notice_reader reader;
    cpu_set_t set;
    if (!own_network())
        cr_skip_test("no network namespace can be made here");
    cr_assert_eq(sched_getaffinity(0, sizeof set, &set), 0);
    int cpu = 0;
    while (!CPU_ISSET((size_t)cpu, &set))
        cpu++;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    cr_assert_eq(sched_setaffinity(0, sizeof set, &set), 0);
    cr_assert(notice_open(&reader, 0));
    end_sockets(100);
    uint64_t mark = notice_mark(&reader);
    cr_assert_neq(mark, 0);
    for (int i = 0; i < 1000 && !notice_mark_is_told(&reader, mark); i++) {
        poll(&(struct pollfd){.fd = reader.groups, .events = POLLIN}, 1, 10);
        notice_read(&reader, found, NULL);
    }
    cr_expect(notice_mark_is_told(&reader, mark));
    cr_expect_eq(count, 100);
    cr_expect_eq(reader.lost, 0);
    notice_close(&reader);
}
