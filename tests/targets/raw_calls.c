/* SPDX-License-Identifier: MIT
 *
 * A connection made, used and ended by syscall() alone: by socketcall(), where the machine has it (i386).
 */
#include "tests/targets/target.h"

#include <linux/net.h>
#include <sys/syscall.h>

#ifdef SYS_socketcall
#define RAW(name, NAME, ...) syscall(SYS_socketcall, NAME, ((long[]){__VA_ARGS__}))
#else
#define RAW(name, NAME, ...) syscall(SYS_##name, __VA_ARGS__)
#endif

int main(void)
{
    char buffer[8];
    int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = must((int)RAW(socket, SYS_SOCKET, AF_INET, SOCK_STREAM, 0), "socket");
    must((int)RAW(bind, SYS_BIND, listener, (long)&address, sizeof address), "bind");
    must((int)RAW(listen, SYS_LISTEN, listener, 5), "listen");
    must((int)RAW(getsockname, SYS_GETSOCKNAME, listener, (long)&address, (long)&size), "getsockname");
    int client = must((int)RAW(socket, SYS_SOCKET, AF_INET, SOCK_STREAM, 0), "socket");
    must((int)RAW(setsockopt, SYS_SETSOCKOPT, client, SOL_SOCKET, SO_KEEPALIVE, (long)&on, sizeof on), "setsockopt");
    must((int)RAW(connect, SYS_CONNECT, client, (long)&address, sizeof address), "connect");
    int server = must((int)RAW(accept4, SYS_ACCEPT4, listener, 0, 0, SOCK_CLOEXEC), "accept4");
    must((int)RAW(sendto, SYS_SENDTO, client, (long)"hello", 5, 0, 0, 0), "sendto");
    must((int)RAW(recvfrom, SYS_RECVFROM, server, (long)buffer, sizeof buffer, 0, 0, 0), "recvfrom");
    must((int)RAW(shutdown, SYS_SHUTDOWN, client, SHUT_WR), "shutdown");
    must((int)syscall(SYS_close, client), "close");
    must((int)syscall(SYS_close, server), "close");
    must((int)syscall(SYS_close, listener), "close");
    return 0;
}
