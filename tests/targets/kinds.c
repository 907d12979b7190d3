/* SPDX-License-Identifier: MIT
 *
 * kinds KIND [ARGUMENT...]: one conversation of a kind that servers rarely have; both ends in this process, or in it
 * and a forked child. Prints what the test has to know of it.
 */
#include "tests/targets/target.h"

#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static const int on = 1;

static struct sockaddr_in address_of(const char *text, unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    must(inet_pton(AF_INET, text, &address.sin_addr) - 1, text);
    return address;
}

static void answer(int fd)
{
    char bytes[16];
    if (must((int)read(fd, bytes, sizeof bytes), "read") > 0)
        must((int)write(fd, "yes", 3), "write");
}

static void ask(int fd)
{
    char bytes[16];
    must((int)write(fd, "query", 5), "write");
    must((int)read(fd, bytes, sizeof bytes), "read");
}

/* GROUP SOURCE: a datagram to a group, or a broadcast address, of the interface that has SOURCE; two sockets get it. */
static void group(char **arguments)
{
    char bytes[16];
    int in[2], out = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
    struct sockaddr_in to = address_of(arguments[0], 0), source = address_of(arguments[1], 0);
    socklen_t size = sizeof to;
    struct ip_mreq member = {.imr_multiaddr = to.sin_addr, .imr_interface = source.sin_addr};
    for (int i = 0; i < 2; i++) {
        in[i] = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
        must(setsockopt(in[i], SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), "SO_REUSEADDR");
        struct sockaddr_in any = address_of("0.0.0.0", ntohs(to.sin_port));
        must(bind(in[i], (struct sockaddr *)&any, sizeof any), "bind");
        must(getsockname(in[i], (struct sockaddr *)&any, &size), "getsockname");
        to.sin_port = any.sin_port;
        if (IN_MULTICAST(ntohl(to.sin_addr.s_addr)))
            must(setsockopt(in[i], IPPROTO_IP, IP_ADD_MEMBERSHIP, &member, sizeof member), "IP_ADD_MEMBERSHIP");
    }
    must(setsockopt(out, SOL_SOCKET, SO_BROADCAST, &on, sizeof on), "SO_BROADCAST");
    must(setsockopt(out, IPPROTO_IP, IP_MULTICAST_IF, &source.sin_addr, sizeof source.sin_addr), "IP_MULTICAST_IF");
    must(bind(out, (struct sockaddr *)&source, sizeof source), "bind");
    must((int)sendto(out, "hello", 5, 0, (struct sockaddr *)&to, sizeof to), "sendto");
    for (int i = 0; i < 2; i++)
        must((int)recvfrom(in[i], bytes, sizeof bytes, 0, NULL, NULL), "recvfrom");
    printf("%u\n", ntohs(to.sin_port));
    for (int i = 0; i < 2; i++)
        must(close(in[i]), "close");
    must(close(out), "close");
}

static struct sockaddr_in6 link_address(char **arguments, unsigned port)
{
    struct sockaddr_in6 address = {
        .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_scope_id = if_nametoindex(arguments[1])};
    must(inet_pton(AF_INET6, arguments[0], &address.sin6_addr) - 1, arguments[0]);
    return address;
}

/* ADDRESS INTERFACE: answers once; prints its port. */
static void link_server(char **arguments)
{
    struct sockaddr_in6 address = link_address(arguments, 0);
    socklen_t size = sizeof address;
    int listener = must(socket(AF_INET6, SOCK_STREAM, 0), "socket");
    must(bind(listener, (struct sockaddr *)&address, size), "bind");
    must(listen(listener, 1), "listen");
    must(getsockname(listener, (struct sockaddr *)&address, &size), "getsockname");
    printf("%u\n", ntohs(address.sin6_port));
    fflush(stdout);
    int end = must(accept(listener, NULL, NULL), "accept");
    answer(end);
    must(close(end), "close");
    must(close(listener), "close");
}

/* ADDRESS INTERFACE PORT */
static void link_client(char **arguments)
{
    struct sockaddr_in6 address = link_address(arguments, (unsigned)atoi(arguments[2]));
    int fd = must(socket(AF_INET6, SOCK_STREAM, 0), "socket");
    must(connect(fd, (struct sockaddr *)&address, sizeof address), "connect");
    ask(fd);
    must(close(fd), "close");
}

/* Two ends that both connect(): where the first SYNs are lost, the next ones find both waiting. */
static void simultaneous(char **arguments)
{
    struct sockaddr_in addresses[2];
    int fds[2], error;
    socklen_t size = sizeof error;
    (void)arguments;
    for (int i = 0; i < 2; i++) {
        fds[i] = must(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");
        bind_loopback(fds[i], &addresses[i]);
    }
    for (int i = 0; i < 2; i++)
        must_fail(connect(fds[i], (struct sockaddr *)&addresses[1 - i], sizeof *addresses), EINPROGRESS, "connect");
    puts("both connect");
    fflush(stdout);
    for (int i = 0; i < 2; i++) {
        struct pollfd ready = {.fd = fds[i], .events = POLLOUT};
        must(poll(&ready, 1, 10000) - 1, "poll");
        must(getsockopt(fds[i], SOL_SOCKET, SO_ERROR, &error, &size), "SO_ERROR");
        must(-error, "connect");
        must(fcntl(fds[i], F_SETFL, 0), "F_SETFL");
    }
    must((int)write(fds[0], "query", 5), "write");
    answer(fds[1]);
    char bytes[16];
    must((int)read(fds[0], bytes, sizeof bytes), "read");
    must(close(fds[0]), "close");
    must(close(fds[1]), "close");
}

static int fast_listener(struct sockaddr_in *address)
{
    int queue = 5, listener = listen_loopback(address);
    must(setsockopt(listener, IPPROTO_TCP, TCP_FASTOPEN, &queue, sizeof queue), "TCP_FASTOPEN");
    return listener;
}

static void fast_end(int listener, int client)
{
    char bytes[16];
    int server = must(accept(listener, NULL, NULL), "accept");
    answer(server);
    must((int)read(client, bytes, sizeof bytes), "read");
    must(close(client), "close");
    must(close(server), "close");
}

/* The first gets the cookie, the second sends with its SYN. */
static void fast_send(char **arguments)
{
    struct sockaddr_in address;
    int listener = fast_listener(&address);
    (void)arguments;
    for (int i = 0; i < 2; i++) {
        int client = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
        must((int)sendto(client, "query", 5, MSG_FASTOPEN, (struct sockaddr *)&address, sizeof address), "sendto");
        fast_end(listener, client);
    }
    must(close(listener), "close");
}

static void fast_connect(char **arguments)
{
    struct sockaddr_in address;
    int listener = fast_listener(&address);
    (void)arguments;
    for (int i = 0; i < 2; i++) {
        int client = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
        must(setsockopt(client, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof on), "TCP_FASTOPEN_CONNECT");
        must(connect(client, (struct sockaddr *)&address, sizeof address), "connect");
        must((int)write(client, "query", 5), "write");
        fast_end(listener, client);
    }
    must(close(listener), "close");
}

static void mptcp(char **arguments)
{
    struct sockaddr_in address;
    int listener = must(socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP), "socket");
    (void)arguments;
    bind_loopback(listener, &address);
    must(listen(listener, 5), "listen");
    int client = must(socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP), "socket");
    must(connect(client, (struct sockaddr *)&address, sizeof address), "connect");
    int server = must(accept(listener, NULL, NULL), "accept");
    must((int)write(client, "query", 5), "write");
    answer(server);
    char bytes[16];
    must((int)read(client, bytes, sizeof bytes), "read");
    must(close(client), "close");
    must(close(server), "close");
    must(close(listener), "close");
}

/* After the client's reset the server's subflow counts nothing of the connection any more. */
static void mptcp_reset(char **arguments)
{
    struct sockaddr_in address;
    int listener = must(socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP), "socket");
    (void)arguments;
    bind_loopback(listener, &address);
    must(listen(listener, 5), "listen");
    int client = must(socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP), "socket");
    must(connect(client, (struct sockaddr *)&address, sizeof address), "connect");
    int server = must(accept(listener, NULL, NULL), "accept");
    must((int)write(client, "query", 5), "write");
    must(setsockopt(client, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger)), "setsockopt");
    must(close(client), "close");
    must(close(server), "close");
    must(close(listener), "close");
}

static void vsock(char **arguments)
{
    struct sockaddr_vm address = {
        .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = (unsigned)VMADDR_PORT_ANY};
    socklen_t size = sizeof address;
    (void)arguments;
    int listener = must(socket(AF_VSOCK, SOCK_STREAM, 0), "socket");
    must(bind(listener, (struct sockaddr *)&address, size), "bind");
    must(listen(listener, 5), "listen");
    must(getsockname(listener, (struct sockaddr *)&address, &size), "getsockname");
    printf("%u\n", address.svm_port);
    fflush(stdout);
    address.svm_cid = VMADDR_CID_LOCAL;
    int client = must(socket(AF_VSOCK, SOCK_STREAM, 0), "socket");
    if (connect(client, (struct sockaddr *)&address, size) == 0) {
        int server = must(accept(listener, NULL, NULL), "accept");
        must((int)write(client, "query", 5), "write");
        answer(server);
        must(close(server), "close");
    } else {
        printf("%s\n", strerrorname_np(errno));
    }
    must(close(client), "close");
    must(close(listener), "close");
}

/* A question to the kernel: the links there are. */
static void netlink(char **arguments)
{
    struct {
        struct nlmsghdr header;
        struct rtgenmsg body;
    } request = {
        .header = {.nlmsg_len = sizeof request, .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .body = {.rtgen_family = AF_UNSPEC}};
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    char bytes[8192];
    (void)arguments;
    int fd = must(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), "socket");
    must(bind(fd, (struct sockaddr *)&kernel, sizeof kernel), "bind");
    must((int)sendto(fd, &request, sizeof request, 0, (struct sockaddr *)&kernel, sizeof kernel), "sendto");
    must((int)recv(fd, bytes, sizeof bytes, 0), "recv");
    must(close(fd), "close");
}

/* INTERFACE: a frame of its own kind to all on it. */
static void packet(char **arguments)
{
    struct sockaddr_ll all = {.sll_family = AF_PACKET,
                              .sll_protocol = htons(0x88b5),
                              .sll_ifindex = (int)if_nametoindex(arguments[0]),
                              .sll_halen = 6,
                              .sll_addr = {255, 255, 255, 255, 255, 255}};
    int fd = must(socket(AF_PACKET, SOCK_DGRAM, htons(0x88b5)), "socket");
    must(bind(fd, (struct sockaddr *)&all, sizeof all), "bind");
    must((int)sendto(fd, "hello", 5, 0, (struct sockaddr *)&all, sizeof all), "sendto");
    must(close(fd), "close");
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(char **arguments);
        int arguments;
    } kinds[] = {{"group", group, 2},
                 {"link-server", link_server, 2},
                 {"link-client", link_client, 3},
                 {"simultaneous", simultaneous, 0},
                 {"fast-send", fast_send, 0},
                 {"fast-connect", fast_connect, 0},
                 {"mptcp", mptcp, 0},
                 {"mptcp-reset", mptcp_reset, 0},
                 {"vsock", vsock, 0},
                 {"netlink", netlink, 0},
                 {"packet", packet, 1}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (argc == kinds[i].arguments + 2 && strcmp(argv[1], kinds[i].name) == 0) {
            kinds[i].run(argv + 2);
            return 0;
        }
    fputs("usage: kinds KIND [ARGUMENT...]\n", stderr);
    return 2;
}
