/* SPDX-License-Identifier: MIT
 *
 * A forked child whose first call comes from a handler of pthread_atfork(), inside fork(); then one that makes no call,
 * and one that forks again at once. Each has one beginning.
 */
#include "tests/targets/target.h"

#include <pthread.h>

static int made;

static void in_child(void)
{
    if (made >= 0)
        must(close(made), "close");
    made = -1;
}

int main(void)
{
    must(-pthread_atfork(NULL, NULL, in_child), "pthread_atfork");
    made = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    pid_t child = must(fork(), "fork");
    if (child == 0)
        _exit(1);
    wait_for(child);
    must(close(made), "close");
    made = -1;
    child = must(fork(), "fork");
    if (child == 0)
        _exit(2);
    wait_for(child);
    child = must(fork(), "fork");
    if (child == 0) {
        pid_t grandchild = must(fork(), "fork");
        if (grandchild == 0)
            _exit(4);
        wait_for(grandchild);
        _exit(3);
    }
    wait_for(child);
    return 0;
}
