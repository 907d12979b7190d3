/* SPDX-License-Identifier: MIT
 *
 * A forked child that takes a connection over by syscall(SYS_shutdown), having touched it by dup() before.
 */
#include "tests/targets/target.h"

#include <sys/syscall.h>

int main(void)
{
    char byte;
    struct sockaddr_in address;
    int listener = listen_loopback(&address), client = connect_to(&address);
    int server = must(accept(listener, NULL, NULL), "accept");
    pid_t child = must(fork(), "fork");
    if (child == 0) {
        int copy = must(dup(server), "dup");
        must((int)syscall(SYS_shutdown, copy, SHUT_WR), "shutdown");
        _exit(0);
    }
    wait_for(child);
    must((int)read(client, &byte, 1), "read");
    must(close(client), "close");
    must(close(server), "close");
    must(close(listener), "close");
    return 0;
}
