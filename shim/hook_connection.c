/* SPDX-License-Identifier: MIT
 *
 * Wrappers that give sockets their addresses: bind, listen, connect, accept, accept4, shutdown. Callable from anywhere.
 */
#include "shim/caller.h"
#include "shim/hook.h"
#include "shim/load.h"
#include "shim/watch.h"

/* The local address. */
HOOK int bind(int fd, __CONST_SOCKADDR_ARG address, socklen_t size)
{
    load_ready();
    int result = real.bind(fd, address, size);
    int error = hook_error(result);
    watch_bind(SOCKATLAS_CALL_bind, fd, error, address.__sockaddr__, size);
    return result;
}

/* A socket becomes a listener. */
HOOK int listen(int fd, int backlog)
{
    load_ready();
    int result = real.listen(fd, backlog);
    int error = hook_error(result);
    watch_listen(SOCKATLAS_CALL_listen, fd, error, backlog);
    return result;
}

/* The peer's address; for a stream, the connection. */
HOOK int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t size)
{
    load_ready();
    log_prepare();
    struct watch_attempt attempt = watch_connecting(SOCKATLAS_CALL_connect, fd, address.__sockaddr__, size);
    int result = real.connect(fd, address, size);
    int error = hook_error(result);
    watch_connect(SOCKATLAS_CALL_connect, fd, error, address.__sockaddr__, size, attempt);
    return result;
}
HOOK_ALIAS(__connect, connect);

/* A connection comes in. */
HOOK int accept(int fd, __SOCKADDR_ARG address, socklen_t *restrict size)
{
    load_ready();
    log_prepare();
    struct caller_peer peer;
    caller_peer_prepare(&peer, fd, config.on, address.__sockaddr__, size);
    int result = real.accept(fd, peer.address, peer.size);
    int error = hook_error(result);
    socklen_t got = error ? 0 : caller_whole(peer.address, peer.size, peer.capacity);
    watch_accept(SOCKATLAS_CALL_accept, fd, result, error, peer.address, got, 0);
    return result;
}

/* The same, with descriptor flags. */
HOOK int accept4(int fd, __SOCKADDR_ARG address, socklen_t *restrict size, int flags)
{
    load_ready();
    log_prepare();
    struct caller_peer peer;
    caller_peer_prepare(&peer, fd, config.on, address.__sockaddr__, size);
    int result = real.accept4(fd, peer.address, peer.size, flags);
    int error = hook_error(result);
    socklen_t got = error ? 0 : caller_whole(peer.address, peer.size, peer.capacity);
    watch_accept(SOCKATLAS_CALL_accept4, fd, result, error, peer.address, got, flags);
    return result;
}

/* One or both directions end. */
HOOK int shutdown(int fd, int how)
{
    load_ready();
    int result = real.shutdown(fd, how);
    int error = hook_error(result);
    watch_shutdown(SOCKATLAS_CALL_shutdown, fd, error, how);
    return result;
}
