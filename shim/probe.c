/* SPDX-License-Identifier: MIT
 *
 * Questions to the kernel. Callable from anywhere; changes nothing.
 */
#include "shim/probe.h"

#include "shim/memory.h"
#include "shim/sys.h"
#include "shim/tcp_info.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>

#ifndef TCP_ZEROCOPY_RECEIVE
#define TCP_ZEROCOPY_RECEIVE 35
#endif
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

static long get(int fd, int level, int name, void *out, socklen_t *size)
{
    return sys(SYS_getsockopt, fd, level, name, out, size);
}

int probe_cookie(int fd, uint64_t *cookie)
{
    socklen_t size = sizeof(*cookie);
    long result = get(fd, SOL_SOCKET, SO_COOKIE, cookie, &size);
    if (result == 0)
        return 0;
    *cookie = 0;
    return result == -ENOPROTOOPT ? 0 : (int)result;
}

int probe_int(int fd, int level, int name, int otherwise)
{
    int value = 0;
    socklen_t size = sizeof(value);
    return get(fd, level, name, &value, &size) == 0 ? value : otherwise;
}

unsigned probe_option(int fd, int level, int name, void *out, unsigned capacity)
{
    socklen_t size = capacity;
    return get(fd, level, name, out, &size) == 0 && size <= capacity ? size : 0;
}

bool probe_alters(int level, int name, int *read_name)
{
    *read_name = name;
    switch ((uint64_t)(uint32_t)level << 32 | (uint32_t)name) {
    case (uint64_t)SOL_SOCKET << 32 | SO_SNDBUFFORCE:
        *read_name = SO_SNDBUF;
        return true;
    case (uint64_t)SOL_SOCKET << 32 | SO_RCVBUFFORCE:
        *read_name = SO_RCVBUF;
        return true;
#define OPTION(level, name) case (uint64_t)level << 32 | name:
#include "shim/option.def"
#undef OPTION
        return true;
    default:
        return false;
    }
}

static void ask_name(long call, int fd, struct endpoint *out)
{
    union {
        struct sockaddr address;
        unsigned char bytes[128];
    } name;
    socklen_t size = sizeof(name);
    if (sys(call, fd, &name, &size) == 0)
        endpoint_encode(out, &name.address, size < sizeof(name) ? size : sizeof(name));
    else
        endpoint_clear(out);
}

void probe_local(int fd, struct endpoint *out)
{
    ask_name(SYS_getsockname, fd, out);
}

void probe_peer(int fd, struct endpoint *out)
{
    ask_name(SYS_getpeername, fd, out);
}

uint64_t probe_netns_cookie(int fd)
{
    uint64_t cookie = 0;
    socklen_t size = sizeof(cookie);
    return get(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

uint32_t probe_peer_pid(int fd)
{
    struct ucred credentials = {0};
    socklen_t size = sizeof(credentials);
    bool got = get(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0;
    return got && credentials.pid > 0 ? (uint32_t)credentials.pid : 0;
}

bool probe_buffers(int fd, uint32_t *rcvbuf, uint32_t *sndbuf)
{
    uint32_t memory[SK_MEMINFO_VARS];
    socklen_t size = sizeof(memory);
    if (get(fd, SOL_SOCKET, SO_MEMINFO, memory, &size) < 0 || size <= SK_MEMINFO_SNDBUF * sizeof(memory[0]))
        return false;
    *rcvbuf = memory[SK_MEMINFO_RCVBUF];
    *sndbuf = memory[SK_MEMINFO_SNDBUF];
    return true;
}

bool probe_tcp(int fd, struct sockatlas_tcp *out, uint64_t *bytes_sent, uint64_t *bytes_received)
{
    struct tcp_info info;
    socklen_t size = sizeof(info);
    if (get(fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
        return false;
    if (size < sizeof(info))
        memset((char *)&info + size, 0, sizeof(info) - size);
    return tcp_info_tell(&info, size, out, bytes_sent, bytes_received);
}

uint64_t probe_unread(int fd)
{
    int bytes = 0;
    return sys(SYS_ioctl, fd, FIONREAD, &bytes) == 0 && bytes > 0 ? (uint64_t)bytes : 0;
}

/* TCP_ZEROCOPY_RECEIVE says under the socket's lock how much may be read without the FIN (recv_skip_hint) and with it
 * (inq, tcp_inq_hint()), or EIO where nothing but a FIN is left. So long as less than a page waits, nothing is mapped
 * or read; for more it looks for a mapping of the socket, of which there is none in the last page of all. The size ends
 * before `err`: else the error that waits would be taken. */
enum probe_fin probe_fin(int fd)
{
    struct {
        uint64_t address;
        uint32_t length, recv_skip_hint, inq;
    } receive = {.address = -memory_page_size()}; /* struct tcp_zerocopy_receive of <linux/tcp.h>, up to `err` */
    socklen_t size = sizeof(receive.address) + 3 * sizeof(uint32_t);
    long result = get(fd, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &receive, &size);
    if (result == -EIO)
        return PROBE_FIN_CAME;
    if (result < 0)
        return PROBE_FIN_UNKNOWN;
    return receive.inq == receive.recv_skip_hint ? PROBE_FIN_NONE : PROBE_FIN_CAME;
}

bool probe_open(int fd)
{
    return sys(SYS_fcntl, fd, F_GETFD) != -EBADF;
}

uint32_t probe_flags(int fd)
{
    long descriptor = sys(SYS_fcntl, fd, F_GETFD), status = sys(SYS_fcntl, fd, F_GETFL);
    uint32_t flags = descriptor > 0 && (descriptor & FD_CLOEXEC) ? SOCKATLAS_CLOEXEC : 0;
    return flags | (status > 0 && (status & O_NONBLOCK) ? SOCKATLAS_NONBLOCK : 0);
}
