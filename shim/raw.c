/* SPDX-License-Identifier: MIT
 *
 * Calls made by syscall(2), see raw.h.
 */
#include "shim/raw.h"

#include "shim/memory.h"
#include "shim/real.h"

#include <linux/net.h>
#include <string.h>
#include <sys/syscall.h>

long raw_make(const struct raw *raw)
{
    const long *a = raw->a;
#ifdef SYS_socketcall
    if (raw->by)
        return real.syscall(SYS_socketcall, raw->by, a);
#endif
    return real.syscall(raw->number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

#ifdef SYS_socketcall
bool raw_read_socketcall(struct raw *raw)
{
    static const struct {
        short number;
        unsigned char arguments;
    } calls[] = {
        [SYS_SOCKET] = {SYS_socket, 3},         [SYS_BIND] = {SYS_bind, 3},
        [SYS_CONNECT] = {SYS_connect, 3},       [SYS_LISTEN] = {SYS_listen, 2},
        [SYS_ACCEPT] = {SYS_accept4, 3},                                      /* with no flags */
        [SYS_SOCKETPAIR] = {SYS_socketpair, 4}, [SYS_SEND] = {SYS_sendto, 4}, /* without an address */
        [SYS_RECV] = {SYS_recvfrom, 4},         [SYS_SENDTO] = {SYS_sendto, 6},
        [SYS_RECVFROM] = {SYS_recvfrom, 6},     [SYS_SHUTDOWN] = {SYS_shutdown, 2},
        [SYS_SETSOCKOPT] = {SYS_setsockopt, 5}, [SYS_GETSOCKOPT] = {SYS_getsockopt, 5},
        [SYS_SENDMSG] = {SYS_sendmsg, 3},       [SYS_RECVMSG] = {SYS_recvmsg, 3},
        [SYS_ACCEPT4] = {SYS_accept4, 4},       [SYS_RECVMMSG] = {SYS_recvmmsg, 5},
        [SYS_SENDMMSG] = {SYS_sendmmsg, 4},
    };
    unsigned long call = (unsigned long)raw->a[0];
    const void *given = (const void *)raw->a[1];
    if (call >= sizeof(calls) / sizeof(calls[0]) || !calls[call].number)
        return false;
    size_t size = calls[call].arguments * sizeof(long);
    if (memory_readable(given, size) != size)
        return false;
    *raw = (struct raw){.number = calls[call].number, .by = (long)call};
    memcpy(raw->a, given, size);
    return true;
}
#endif
