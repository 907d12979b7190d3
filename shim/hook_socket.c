/* SPDX-License-Identifier: MIT
 *
 * Wrappers that make sockets: socket, socketpair. Callable from anywhere.
 */
#include "shim/hook.h"
#include "shim/load.h"
#include "shim/watch.h"

/* A new socket. */
HOOK int socket(int family, int type, int protocol)
{
    load_ready();
    log_prepare();
    int fd = real.socket(family, type, protocol);
    int error = hook_error(fd);
    watch_socket(SOCKATLAS_CALL_socket, fd, error, family, type, protocol);
    return fd;
}
HOOK_ALIAS(__socket, socket);

/* Two sockets, each the other's peer. */
HOOK int socketpair(int family, int type, int protocol, int fds[2])
{
    load_ready();
    log_prepare();
    int result = real.socketpair(family, type, protocol, fds);
    int error = hook_error(result);
    watch_socketpair(SOCKATLAS_CALL_socketpair, fds, error, family, type, protocol);
    return result;
}
