/* SPDX-License-Identifier: MIT
 *
 * Addresses: decoding, text in both directions, classification, equality.
 */
#include "analyzer/trace/address.h"
#include "tests/unit/trace.h"

static struct address parsed(int family, const char *text, unsigned port)
{
    struct address address;
    cr_expect(address_parse(&address, (unsigned)family, text, port), "%s", text);
    return address;
}

Test(address, refuses_sizes_that_do_not_fit_the_family)
{
    unsigned char bytes[256] = {0};
    struct address address;
    for (size_t size = 0; size < 256; size++) {
        cr_expect_eq(address_decode(&address, AF_INET, bytes, size), size == 6);
        cr_expect_eq(address_decode(&address, AF_INET6, bytes, size), size == 22);
        cr_expect_eq(address_decode(&address, AF_UNIX, bytes, size), size <= 108);
        cr_expect_eq(address_decode(&address, AF_NETLINK, bytes, size), size <= 126);
        cr_expect_not(address_decode(&address, AF_UNSPEC, bytes, size));
        cr_expect_not(address_known(&address));
    }
}

Test(address, prints_and_reads_text)
{
    static const struct {
        int family;
        const char *text, *with_port;
    } cases[] = {
        {AF_INET, "127.0.0.1", "127.0.0.1:80"},
        {AF_INET, "0.0.0.0", "*:80"},
        {AF_INET6, "::1", "[::1]:80"},
        {AF_INET6, "fe80::1%2", "[fe80::1%2]:80"},
        {AF_INET6, "::", "*:80"},
        {AF_UNIX, "/run/x.sock", "/run/x.sock"},
        {AF_UNIX, "@name", "@name"},
        {AF_UNIX, "\\x40file", "\\x40file"},
        {AF_UNIX, "@a\\x00b\\\\", "@a\\x00b\\\\"},
        {AF_UNIX, "", "(unnamed)"},
        {AF_UNIX, "/tmp/ü", "/tmp/ü"},
        {AF_NETLINK, "00ff", "00ff"},
        {AF_NETLINK, "kernel", "kernel"},
        {AF_NETLINK, "port 77", "port 77"},
        {AF_NETLINK, "kernel groups 0xffffffff", "kernel groups 0xffffffff"},
        {AF_VSOCK, "2:1024", "2:1024"},
        {AF_VSOCK, "*:*", "*:*"},
        {AF_VSOCK, "0000000400000200000001000000", "0000000400000200000001000000"},
        {AF_PACKET, "*:if1", "*:if1"},
        {AF_PACKET, "ip:*", "ip:*"},
        {AF_PACKET, "0x0000:*", "0x0000:*"},
        {AF_PACKET, "arp:if4294967295 52:54:00:12:34:56", "arp:if4294967295 52:54:00:12:34:56"},
        {AF_PACKET, "0x88b5:if2 ff", "0x88b5:if2 ff"},
        {AF_PACKET, "88b5020000000100", "88b5020000000100"},
    };
    char text[ADDRESS_TEXT_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct address address = parsed(cases[i].family, cases[i].text, 80);
        cr_expect_str_eq(address_text(&address, text), cases[i].text);
        cr_expect_str_eq(address_text_port(&address, text), cases[i].with_port);
    }
}

Test(address, refuses_text_that_is_none)
{
    struct address address;
    cr_expect_not(address_parse(&address, AF_INET, "1.2.3", 0));
    cr_expect_not(address_parse(&address, AF_INET, "::1", 0));
    cr_expect_not(address_parse(&address, AF_INET6, "::1%x", 0));
    cr_expect_not(address_parse(&address, AF_INET, "1.2.3.4", 65536));
    cr_expect_not(address_parse(&address, AF_UNIX, "\\q", 0));
    cr_expect_not(address_parse(&address, AF_NETLINK, "0", 0));
    cr_expect_not(address_parse(&address, AF_NETLINK, "port -1", 0));
    cr_expect_not(address_parse(&address, AF_NETLINK, "port 1 groups", 0));
    cr_expect_not(address_parse(&address, AF_NETLINK, "kernels", 0));
    cr_expect_not(address_parse(&address, AF_PACKET, "ip:", 0));
    cr_expect_not(address_parse(&address, AF_PACKET, ":if1", 0));
    cr_expect_not(address_parse(&address, AF_PACKET, "ipx:if1", 0));
    cr_expect_not(address_parse(&address, AF_PACKET, "0x88b:if1", 0));
    cr_expect_not(address_parse(&address, AF_PACKET, "ip:if0", 0));
    cr_expect_not(address_parse(&address, AF_PACKET, "ip:if4294967296", 0));
    cr_expect_not(address_parse(&address, AF_PACKET, "ip:if1 ", 0));
    cr_expect_not(address_parse(&address, AF_PACKET, "ip:if1 ff:", 0));
    cr_expect_not(address_parse(&address, AF_PACKET, "ip:if1 ff:f", 0));
    cr_expect_not(address_parse(&address, AF_PACKET, "ip:if1 fff", 0));
    cr_expect_not(address_parse(&address, AF_PACKET, "ip:if1:ff", 0));
    cr_expect_not(address_parse(&address, AF_VSOCK, "1:", 0));
    cr_expect_not(address_parse(&address, AF_VSOCK, "1:4294967296", 0));
    cr_expect_not(address_known(&address));
    char text[ADDRESS_TEXT_MAX];
    cr_expect_null(address_text(&address, text));
    cr_expect_str_eq(address_text_port(&address, text), "?");
}

/* What the kernel tells of a packet, and bytes that nobody set, make no other address. */
Test(address, leaves_out_what_tells_none_apart)
{
    static const unsigned char sent[18] = {0x08, 0, 2, 0, 0, 0, 0, 0, 0, 6, 1, 2, 3, 4, 5, 6},
                               seen[18] = {0x08, 0, 2, 0, 0, 0, 1, 0, 4, 6, 1, 2, 3, 4, 5, 6, 9, 9},
                               longer[18] = {0x08, 0, 2, 0, 0, 0, 1, 0, 4, 9, 1, 2, 3, 4, 5, 6, 9, 9};
    struct address one, other;
    char text[ADDRESS_TEXT_MAX];
    cr_expect(address_decode(&one, AF_PACKET, sent, sizeof sent));
    cr_expect(address_decode(&other, AF_PACKET, seen, sizeof seen));
    cr_expect(address_equal(&one, &other));
    cr_expect_eq(address_hash(&one, 1), address_hash(&other, 1));
    cr_expect_str_eq(address_text(&other, text), "ip:if2 01:02:03:04:05:06");
    cr_expect(address_decode(&other, AF_PACKET, longer, sizeof longer));
    cr_expect_str_eq(address_text(&other, text), "080002000000010004090102030405060909", "not as long as it says");
    static const unsigned char padded[10] = {0xd3, 4, 7};
    cr_expect(address_decode(&other, AF_NETLINK, padded, sizeof padded));
    cr_expect_str_eq(address_text(&other, text), "port 7");
}

Test(address, holds_mapped_addresses_as_ipv4)
{
    struct address mapped, plain = parsed(AF_INET, "10.0.0.1", 80);
    cr_expect(address_decode(&mapped, AF_INET6, sample_mapped, sizeof sample_mapped));
    cr_expect(address_equal(&mapped, &plain));
    cr_expect_eq(address_hash(&mapped, 1), address_hash(&plain, 1));
    unsigned char encoded[126];
    cr_expect_eq(address_encode(&mapped, encoded), 6);
}

Test(address, tells_what_kind_it_is)
{
    struct address a = parsed(AF_INET, "127.9.9.9", 1), b = parsed(AF_INET6, "::1", 1);
    struct address group = parsed(AF_INET, "239.1.2.3", 1), group6 = parsed(AF_INET6, "ff02::1", 1);
    struct address broadcast = parsed(AF_INET, "255.255.255.255", 1), path = parsed(AF_UNIX, "/x", 0);
    struct address any = parsed(AF_INET6, "::", 1), other = parsed(AF_INET, "127.9.9.9", 2);
    cr_expect(address_is_loopback(&a) && address_is_loopback(&b) && !address_is_loopback(&group));
    cr_expect(address_is_multicast(&group) && address_is_multicast(&group6) && address_is_multicast(&broadcast));
    cr_expect(!address_is_multicast(&a) && !address_is_multicast(&path));
    cr_expect(address_is_any(&any) && !address_is_any(&a) && !address_is_any(&path));
    cr_expect_not(address_equal(&a, &other));
    cr_expect_neq(address_hash(&a, 1), address_hash(&other, 1));
}
