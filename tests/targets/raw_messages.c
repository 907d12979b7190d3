/* SPDX-License-Identifier: MIT
 *
 * Datagrams to and fro by syscall(), as libuv sends and receives them: several at a time, one as a message, one alone.
 */
#include "tests/targets/target.h"

#include <sys/syscall.h>

int main(void)
{
    struct sockaddr_in address, from;
    char text[100] = "hello";
    struct iovec vector = {text, 5};
    struct mmsghdr several = {
        .msg_hdr = {.msg_name = &address, .msg_namelen = sizeof address, .msg_iov = &vector, .msg_iovlen = 1}};
    int server = must(socket(AF_INET, SOCK_DGRAM, 0), "socket"),
        client = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
    bind_loopback(server, &address);
    must((int)syscall(SYS_sendmmsg, client, &several, 1, 0), "sendmmsg");
    several.msg_hdr.msg_name = &from;
    vector.iov_len = sizeof text;
    must((int)syscall(SYS_recvmmsg, server, &several, 1, 0, NULL), "recvmmsg");
    vector.iov_len = 4;
    must((int)syscall(SYS_sendmsg, server, &several.msg_hdr, 0), "sendmsg");
    vector.iov_len = sizeof text;
    must((int)syscall(SYS_recvmsg, client, &several.msg_hdr, 0), "recvmsg");
    socklen_t size = sizeof from;
    must((int)syscall(SYS_sendto, client, text, 3, 0, &address, sizeof address), "sendto");
    must((int)syscall(SYS_recvfrom, server, text, sizeof text, 0, &from, &size), "recvfrom");
    must(close(client), "close");
    must(close(server), "close");
    return 0;
}
