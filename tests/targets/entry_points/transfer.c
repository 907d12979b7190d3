/* SPDX-License-Identifier: MIT
 *
 * What is sent and received.
 */
#include "tests/targets/entry_points/entry.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

void try_transfer(void)
{
    struct connection made = entry_connection();
    char bytes[64] = "0123456789";
    struct iovec vector = {.iov_base = bytes, .iov_len = 10};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    MUST(write(made.client, bytes, 10) == 10 && read(made.accepted, bytes, 10) == 10);
    MUST(send(made.client, bytes, 10, 0) == 10 && recv(made.accepted, bytes, 10, 0) == 10);
    MUST(writev(made.client, &vector, 1) == 10 && readv(made.accepted, &vector, 1) == 10);
    MUST(sendmsg(made.client, &message, 0) == 10 && recvmsg(made.accepted, &message, 0) == 10);
    MUST(sendto(made.client, bytes, 10, 0, NULL, 0) == 10 && recvfrom(made.accepted, bytes, 10, 0, NULL, NULL) == 10);
    MUST(preadv2(made.accepted, &vector, 1, -1, RWF_NOWAIT) == -1);
    entry_close(&made);
    MUST(read(-1, bytes, 1) == -1 && errno == EBADF);
    MUST(send(-1, bytes, 1, 0) == -1 && errno == EBADF);
}

void try_datagrams(void)
{
    struct sockaddr_in address, from;
    socklen_t size = sizeof(from);
    int server = entry_listener(SOCK_DGRAM, &address), fd = socket(AF_INET, SOCK_DGRAM, 0);
    char bytes[16] = "datagram";
    struct iovec vector = {.iov_base = bytes, .iov_len = 8};
    struct mmsghdr messages[2] = {
        {.msg_hdr = {.msg_name = &address, .msg_namelen = sizeof(address), .msg_iov = &vector, .msg_iovlen = 1}},
        {.msg_hdr = {.msg_name = &address, .msg_namelen = sizeof(address), .msg_iov = &vector, .msg_iovlen = 1}}};
    MUST(sendto(fd, bytes, 8, 0, (struct sockaddr *)&address, sizeof(address)) == 8);
    MUST(recvfrom(server, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &size) == 8);
    MUST(sendmmsg(fd, messages, 2, 0) == 2);
    messages[0].msg_hdr.msg_name = messages[1].msg_hdr.msg_name = &from;
    MUST(recvmmsg(server, messages, 2, MSG_WAITFORONE, NULL) >= 1);
    MUST(close(fd) == 0 && close(server) == 0);
}

void try_sendfile(void)
{
    struct connection made = entry_connection();
    char bytes[4];
    int file = open("/proc/self/exe", O_RDONLY), ends[2];
    MUST(sendfile(made.client, file, NULL, 4) == 4 && recv(made.accepted, bytes, 4, MSG_WAITALL) == 4);
    MUST(memcmp(bytes, "\177ELF", 4) == 0);
    MUST(pipe(ends) == 0 && write(ends[1], "pipe", 4) == 4);
    MUST(splice(ends[0], NULL, made.client, NULL, 4, 0) == 4 && recv(made.accepted, bytes, 4, MSG_WAITALL) == 4);
    MUST(memcmp(bytes, "pipe", 4) == 0);
    MUST(close(file) == 0 && close(ends[0]) == 0 && close(ends[1]) == 0);
    entry_close(&made);
}
