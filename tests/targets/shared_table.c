/* SPDX-License-Identifier: MIT
 *
 * Two processes with one descriptor table (CLONE_FILES): what the child opens and closes, its parent has and has not.
 */
#include "tests/targets/target.h"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>

int main(void)
{
    char text[8];
    struct sockaddr_in address;
    int listener = listen_loopback(&address), client = connect_to(&address);
    int server = must(accept(listener, NULL, NULL), "accept");
    pid_t child = must((int)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL), "clone");
    if (child == 0) {
        must((int)write(server, "hello", 5), "write");
        must(close(server), "close");
        must(connect_to(&address) == server ? 0 : -1, "the number again");
        _exit(0);
    }
    wait_for(child);
    must((int)read(client, text, sizeof text), "read");
    int second = must(accept(listener, NULL, NULL), "accept");
    must((int)write(server, "again", 5), "write"); /* the child's socket */
    must((int)read(second, text, sizeof text), "read");
    must(close(second), "close");
    must(close(server), "close");
    must(close(client), "close");
    must(close(listener), "close");
    return 0;
}
