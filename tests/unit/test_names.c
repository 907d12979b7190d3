/* SPDX-License-Identifier: MIT
 *
 * The name tables against the headers installed here, both directions of every table, and option values as text.
 */
#include "analyzer/names/names.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

/* Which macros of which header are options of which level: those that begin with `prefix`, less those that begin with a
 * word of `others` (a word that ends in $ must be the whole name). */
static const struct header_options {
    const char *header;
    int level;
    const char *prefix;
    const char *others;
} headers[] = {
    {"asm-generic/socket.h", 1, "SO_", ""},
    {"linux/in.h", 0, "IP_", "IP_PMTUDISC_ IP_DEFAULT_"},
    {"linux/in.h", 0, "MCAST_", "MCAST_EXCLUDE$ MCAST_INCLUDE$"},
    {"linux/in.h", 41, "MCAST_", "MCAST_EXCLUDE$ MCAST_INCLUDE$"},
    {"netinet/in.h", 0, "IP_", "IP_PMTUDISC_ IP_DEFAULT_ IP_PMTUDISC$ IP_MAX_MEMBERSHIPS$"},
    {"linux/netfilter_ipv4.h", 0, "SO_", ""},
    {"linux/in6.h", 41, "IPV6_",
     "IPV6_FL_ IPV6_PRIORITY_ IPV6_TLV_ IPV6_PMTUDISC_ IPV6_PREFER_SRC_ IPV6_FLOWINFO_FLOWLABEL$ "
     "IPV6_FLOWINFO_PRIORITY$"},
    {"netinet/in.h", 41, "IPV6_", "IPV6_PMTUDISC_ IPV6_RTHDR_"},
    {"linux/tcp.h", 6, "TCP_",
     "TCP_REPAIR_OFF TCP_REPAIR_ON$ TCP_MD5SIG_FLAG_ TCP_MD5SIG_MAXKEYLEN$ TCP_MSS_ TCP_RECEIVE_ZEROCOPY_"},
    {"linux/udp.h", 17, "UDP_", "UDP_ENCAP_"},
    {"linux/udp.h", 136, "UDP_", "UDP_ENCAP_"},
    {"linux/mptcp.h", 284, "MPTCP_",
     "MPTCP_PM_ MPTCP_RST_ MPTCP_ATTR_ MPTCP_SUBFLOW_FLAG MPTCP_SUBFLOW_ATTR MPTCP_INFO_FLAG"},
    {"linux/sctp.h", 132, "SCTP_",
     "SCTP_FUTURE_ASSOC$ SCTP_CURRENT_ASSOC$ SCTP_ALL_ASSOC$ SCTP_PR_SCTP_ SCTP_BINDX_ SCTP_ENABLE_RESET_STREAM_REQ$ "
     "SCTP_ENABLE_RESET_ASSOC_REQ$ SCTP_ENABLE_CHANGE_ASSOC_REQ$ SCTP_ENABLE_STRRESET_MASK$ SCTP_STREAM_RESET_ "
     "SCTP_ASSOC_CHANGE_ "
     "SCTP_ASSOC_RESET_"},
    {"linux/dccp.h", 269, "DCCP_SOCKOPT_", ""},
    {"linux/icmp.h", 255, "ICMP_FILTER", ""},
    {"linux/icmpv6.h", 58, "ICMPV6_FILTER", "ICMPV6_FILTER_"},
    {"linux/netlink.h", 270, "NETLINK_",
     "NETLINK_ROUTE$ NETLINK_UNUSED$ NETLINK_USERSOCK$ NETLINK_FIREWALL$ NETLINK_SOCK_DIAG$ NETLINK_NFLOG$ "
     "NETLINK_XFRM$ "
     "NETLINK_SELINUX$ NETLINK_ISCSI$ NETLINK_AUDIT$ NETLINK_FIB_LOOKUP$ NETLINK_CONNECTOR$ NETLINK_NETFILTER$ "
     "NETLINK_IP6_FW$ "
     "NETLINK_DNRTMSG$ NETLINK_KOBJECT_UEVENT$ NETLINK_GENERIC$ NETLINK_SCSITRANSPORT$ NETLINK_ECRYPTFS$ NETLINK_RDMA$ "
     "NETLINK_CRYPTO$ NETLINK_SMC$"},
    {"linux/if_packet.h", 263, "PACKET_",
     "PACKET_HOST$ PACKET_BROADCAST$ PACKET_MULTICAST$ PACKET_OTHERHOST$ PACKET_OUTGOING$ PACKET_LOOPBACK$ "
     "PACKET_USER$ "
     "PACKET_KERNEL$ PACKET_FASTROUTE$ PACKET_FANOUT_HASH$ PACKET_FANOUT_LB$ PACKET_FANOUT_CPU$ "
     "PACKET_FANOUT_ROLLOVER$ "
     "PACKET_FANOUT_RND$ PACKET_FANOUT_QM$ PACKET_FANOUT_CBPF$ PACKET_FANOUT_EBPF$ PACKET_FANOUT_FLAG_ PACKET_MR_"},
    {"linux/vm_sockets.h", 40, "SO_VM_", ""},
    {"linux/tls.h", 282, "TLS_TX", ""},
    {"linux/tls.h", 282, "TLS_RX", ""},
    {"linux/if_alg.h", 279, "ALG_SET_", ""},
};

static bool is_listed(const char *words, const char *name)
{
    while (*words != 0) {
        size_t length = strcspn(words, " ");
        bool whole = length > 0 && words[length - 1] == '$';
        if (length > 0 && strncmp(words, name, length - whole) == 0 && (!whole || name[length - 1] == 0))
            return true;
        words += length + (words[length] == ' ');
    }
    return false;
}

/* The number that `text` is: a constant, an enumeration constant said as itself excepted, else -1. */
static long number_of(const char *text)
{
    char *end = NULL;
    long number = strtol(text, &end, 0);
    return end != text && (*end == 0 || *end == '\n') ? number : -1;
}

/* Checks every option that one header defines; returns how many there were. */
static int check_header(const struct header_options *expected)
{
    char command[256], line[512], name[128], value[256];
    int count = 0;
    snprintf(command, sizeof command, "echo '#include <%s>' | cc -D_GNU_SOURCE -dM -E -x c - 2>/dev/null",
             expected->header);
    FILE *macros = popen(command, "r");
    cr_assert_not_null(macros);
    while (fgets(line, sizeof line, macros) != NULL) {
        if (sscanf(line, "#define %127s %255[^\n]", name, value) != 2 ||
            strncmp(name, expected->prefix, strlen(expected->prefix)) != 0 || is_listed(expected->others, name))
            continue;
        long number = number_of(value);
        if (number < 0)
            continue;
        int64_t known = -1;
        cr_expect(names_value(NAMES_OPTION, expected->level, name, &known), "%s: %s (%ld) is in no table",
                  expected->header, name, number);
        cr_expect_eq(known, number, "%s: %s is %ld, the table says %ld", expected->header, name, number, (long)known);
        cr_expect_not_null(names_option(expected->level, (int)number));
        count++;
    }
    pclose(macros);
    return count;
}

Test(names, has_every_option_of_the_installed_headers)
{
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        int count = check_header(&headers[i]);
        cr_expect_gt(count, 0, "%s: no option found", headers[i].header);
    }
}

/* Every name of a table leads back to its value, wherever the table has it. */
static void check_inverse(enum names_table table, int context, int from, int to)
{
    int found = 0;
    for (int value = from; value <= to; value++) {
        const char *name = names_find(table, context, value);
        if (name == NULL)
            continue;
        int64_t back = -1;
        cr_expect(names_value(table, context, name, &back), "%s", name);
        cr_expect_eq(back, value, "%s: %d became %ld", name, value, (long)back);
        found++;
    }
    cr_expect_gt(found, 0, "table %d is empty", table);
}

Test(names, leads_back_from_every_name)
{
    check_inverse(NAMES_FAMILY, 0, 0, 100);
    check_inverse(NAMES_TYPE, 0, 0, 20);
    check_inverse(NAMES_PROTOCOL, AF_INET, 0, 300);
    check_inverse(NAMES_PROTOCOL, AF_NETLINK, 0, 50);
    check_inverse(NAMES_ERRNO, 0, 1, 133);
    check_inverse(NAMES_LEVEL, 0, 0, 400);
    check_inverse(NAMES_SHUTDOWN, 0, 0, 2);
    check_inverse(NAMES_TCP_STATE, 0, 1, 12);
    check_inverse(NAMES_CALL, 0, 1, 255);
    check_inverse(NAMES_KIND, 0, 1, 254);
    check_inverse(NAMES_HOW, 0, 0, 2);
    check_inverse(NAMES_UNTRACED, 0, 1, 5);
    check_inverse(NAMES_COVERAGE, 0, 1, 50);
    check_inverse(NAMES_LOSS, 0, 1, 4);
    check_inverse(NAMES_WRITER, 0, 1, 2);
    check_inverse(NAMES_RESOLVER, 88, -105, 0);
    check_inverse(NAMES_RESOLVER, 90, -1, 4);
    for (int level = 0; level < 400; level++)
        for (int name = 0; name < 200; name++)
            if (names_option(level, name) != NULL)
                check_inverse(NAMES_OPTION, level, name, name);
}

Test(names, knows_what_the_kernel_calls_things)
{
    cr_expect_str_eq(names_family(AF_INET6), "AF_INET6");
    cr_expect_str_eq(names_family(AF_UNIX), "AF_UNIX");
    cr_expect_str_eq(names_type(SOCK_SEQPACKET), "SOCK_SEQPACKET");
    cr_expect_str_eq(names_protocol(AF_INET, IPPROTO_MPTCP), "IPPROTO_MPTCP");
    cr_expect_null(names_protocol(AF_UNIX, 0));
    cr_expect_str_eq(names_protocol(AF_NETLINK, 0), "NETLINK_ROUTE");
    cr_expect_str_eq(names_errno(ECONNREFUSED), "ECONNREFUSED");
    cr_expect_str_eq(names_errno(EAGAIN), "EAGAIN");
    cr_expect_null(names_errno(0));
    cr_expect_null(names_errno(4000));
    cr_expect_str_eq(names_level(SOL_SOCKET), "SOL_SOCKET");
    cr_expect_str_eq(names_level(IPPROTO_TCP), "IPPROTO_TCP");
    cr_expect_str_eq(names_tcp_state(TCP_LISTEN), "TCP_LISTEN");
    cr_expect_str_eq(names_option(SOL_SOCKET, SO_RCVTIMEO), "SO_RCVTIMEO");
    cr_expect_null(names_option(SOL_SOCKET, 9999));
}

static const char *text_of(int level, int name, const void *bytes, size_t size)
{
    static char out[OPTION_TEXT_MAX];
    return option_text(level, name, bytes, size, out);
}

Test(names, prints_option_values_for_people)
{
    int number = 131072;
    cr_expect_str_eq(text_of(SOL_SOCKET, SO_RCVBUF, &number, sizeof number), "131072");
    number = 1;
    cr_expect_str_eq(text_of(IPPROTO_TCP, TCP_NODELAY, &number, sizeof number), "on");
    cr_expect_str_eq(text_of(IPPROTO_TCP, TCP_NODELAY, &number, 1), "on");
    struct linger linger = {1, 5};
    cr_expect_str_eq(text_of(SOL_SOCKET, SO_LINGER, &linger, sizeof linger), "{on, 5 s}");
    struct timeval time = {2, 250000};
    cr_expect_str_eq(text_of(SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time), "2.25 s");
    cr_expect_str_eq(text_of(IPPROTO_TCP, TCP_CONGESTION, "bbr", 3), "bbr");
    cr_expect_str_eq(text_of(IPPROTO_TCP, TCP_CONGESTION, "bbr\0garbage", 11), "bbr");
    struct ip_mreq mreq = {{inet_addr("239.1.2.3")}, {inet_addr("127.0.0.1")}};
    cr_expect_str_eq(text_of(IPPROTO_IP, IP_ADD_MEMBERSHIP, &mreq, sizeof mreq), "239.1.2.3 on 127.0.0.1");
    struct ipv6_mreq mreq6 = {.ipv6mr_interface = 3};
    inet_pton(AF_INET6, "ff02::1", &mreq6.ipv6mr_multiaddr);
    cr_expect_str_eq(text_of(IPPROTO_IPV6, IPV6_JOIN_GROUP, &mreq6, sizeof mreq6), "ff02::1 on interface 3");
    cr_expect_str_eq(text_of(SOL_SOCKET, 57, "\1\0\0\0\0\0\0\0", 8), "1");
    cr_expect_str_eq(text_of(SOL_SOCKET, SO_RCVBUF, "", 0), "");
    cr_expect_str_eq(text_of(SOL_SOCKET, SO_LINGER, "\1\2\3", 3), "010203");
    cr_expect_str_eq(text_of(99999, 1, "\1\0\0\0", 4), "1");
}
