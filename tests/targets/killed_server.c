/* SPDX-License-Identifier: MIT
 *
 * A child accepts three connections and kills itself: nothing of what came before is lost.
 */
#include "tests/targets/target.h"

#include <signal.h>

int main(void)
{
    struct sockaddr_in address;
    int listener = listen_loopback(&address);
    int clients[3];
    for (int i = 0; i < 3; i++)
        clients[i] = connect_to(&address);
    pid_t child = must(fork(), "fork");
    if (child == 0) {
        for (int i = 0; i < 3; i++)
            must(accept(listener, NULL, NULL), "accept");
        raise(SIGKILL);
    }
    wait_for(child);
    for (int i = 0; i < 3; i++)
        must(close(clients[i]), "close");
    must(close(listener), "close");
    return 0;
}
