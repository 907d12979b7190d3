/* SPDX-License-Identifier: MIT
 *
 * A server whose forked workers hold a connection for a while before their fork() has returned, and so before anything
 * of theirs is recorded, as on a machine that is busy. Three times, so that whoever looks every 100 ms meets one.
 */
#include "tests/targets/target.h"

#include <pthread.h>

static void in_child(void)
{
    usleep(400000);
}

int main(void)
{
    struct sockaddr_in address;
    int listener = listen_loopback(&address);
    must(-pthread_atfork(NULL, NULL, in_child), "pthread_atfork");
    for (int i = 0; i < 3; i++) {
        char byte;
        int client = connect_to(&address);
        int server = must(accept(listener, NULL, NULL), "accept");
        pid_t child = must(fork(), "fork");
        if (child == 0) {
            must((int)write(server, "x", 1), "write");
            _exit(0);
        }
        must(close(server), "close");
        must((int)read(client, &byte, 1), "read");
        must(close(client), "close");
        wait_for(child);
    }
    return 0;
}
