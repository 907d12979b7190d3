/* SPDX-License-Identifier: MIT
 *
 * A child accepts on the listener it inherited; its parent connected before.
 */
#include "tests/targets/target.h"

int main(void)
{
    struct sockaddr_in address;
    int ready[2], connected[2];
    char byte;
    int listener = listen_loopback(&address);
    must(pipe(ready), "pipe");
    must(pipe(connected), "pipe");
    pid_t child = must(fork(), "fork");
    if (child == 0) {
        must((int)write(ready[1], "r", 1), "write");
        must((int)read(connected[0], &byte, 1), "read");
        int server = must(accept(listener, NULL, NULL), "accept");
        must(close(server), "close");
        _exit(0);
    }
    must((int)read(ready[0], &byte, 1), "read");
    int client = connect_to(&address);
    must((int)write(connected[1], "c", 1), "write");
    wait_for(child);
    must(close(client), "close");
    return 0;
}
