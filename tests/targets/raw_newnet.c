/* SPDX-License-Identifier: MIT
 *
 * A child that begins in a network namespace of its own, by syscall(): its loopback is not its parent's. Exit 77: not
 * allowed here.
 */
#include "tests/targets/target.h"

#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

static void work(const struct sockaddr_in *parents)
{
    struct sockaddr_in address = *parents;
    struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    must(ioctl(fd, SIOCSIFFLAGS, &loopback), "ioctl");
    must_fail(connect(fd, (const struct sockaddr *)&address, sizeof address), ECONNREFUSED, "connect");
    must(close(fd), "close");
    int listener = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    must(bind(listener, (const struct sockaddr *)&address, sizeof address), "bind");
    must(listen(listener, 5), "listen");
    int client = connect_to(&address), server = must(accept(listener, NULL, NULL), "accept");
    must((int)write(client, "hello", 5), "write");
    must(close(client), "close");
    must(close(server), "close");
    must(close(listener), "close");
    _exit(0);
}

int main(void)
{
    struct sockaddr_in address;
    int listener = listen_loopback(&address);
    pid_t child = (pid_t)syscall(SYS_clone, CLONE_NEWNET | SIGCHLD, NULL, NULL, NULL, NULL);
    if (child < 0)
        child = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWNET | SIGCHLD, NULL, NULL, NULL, NULL);
    if (child < 0)
        return 77;
    if (child == 0)
        work(&address);
    wait_for(child);
    must(close(listener), "close");
    return 0;
}
