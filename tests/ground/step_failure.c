/* SPDX-License-Identifier: MIT
 *
 * Steps about connects that come to nothing: refuse.
 */
#include "tests/ground/play.h"

/* An address that is bound, so that nobody else can have it, but not listened on; or a path that is not there. */
static socklen_t dead_end(int process, int family, struct sockaddr_storage *out)
{
    int fd;
    socklen_t size =
        family == AF_UNIX ? play_unix_address(out, play_chance(30)) : play_inet_address(out, family, false);
    if (family == AF_UNIX && play_chance(50))
        return size;
    struct sock *sock = play_new(process, family, SOCK_STREAM, play_flags(), &fd);
    play_bind(process, fd, out, size);
    *out = sock->address;
    return family == AF_UNIX ? size : sock->address_size;
}

void step_refuse(void)
{
    static const int families[] = {AF_INET, AF_INET6, AF_UNIX};
    int process = play_process(), family = families[step_random(3)], fd, extra = play_flags();
    struct sockaddr_storage to;
    socklen_t size = dead_end(play_process_in(world.processes[process].net), family, &to);
    if (family != AF_UNIX && play_chance(50))
        extra |= SOCK_NONBLOCK;
    struct sock *client = play_new(process, family, SOCK_STREAM, extra, &fd);
    client->peer = world_name(&to, size);
    if (family == AF_UNIX)
        client->local.known = true;
    client->local.port = -1;
    for (unsigned attempts = 1 + step_random(2); attempts; attempts--) {
        struct cast_span begun;
        int result = play_connect(process, fd, &to, size, &begun);
        if (result >= 0)
            cast_fail("actor %d: nobody serves %s, and yet it answers", process, client->peer.text);
        play_failed(process, client, -result, begun, "external", -1);
    }
}
