/* SPDX-License-Identifier: MIT
 *
 * Accepts, on a listener that another image left it, a client that has reset the connection since: by accept(),
 * accept4() and syscall(), never asking for its address, which nobody can be asked for any more.
 */
#include "tests/targets/target.h"

#include <fcntl.h>
#include <sys/syscall.h>

int main(int argc, char **argv)
{
    if (argc > 2) {
        int listener = atoi(argv[1]), server;
        switch (argv[2][0]) {
        case 'a':
            server = accept(listener, NULL, NULL);
            break;
        case '4':
            server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
            break;
        default:
            server = (int)syscall(SYS_accept4, listener, NULL, NULL, 0);
        }
        must(server, "accept");
        must(close(server), "close");
        return 0;
    }
    for (const char *way = "a4s"; *way; way++) {
        struct sockaddr_in address;
        int listener = listen_loopback(&address), client = connect_to(&address);
        must(setsockopt(client, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger)), "setsockopt");
        must(close(client), "close");
        pid_t child = must(fork(), "fork");
        if (child == 0) {
            char number[12];
            snprintf(number, sizeof number, "%d", listener);
            must(fcntl(listener, F_SETFD, 0), "fcntl");
            execv(argv[0], (char *[]){argv[0], number, (char[]){*way, 0}, NULL});
            _exit(127);
        }
        wait_for(child);
        must(close(listener), "close");
    }
    return 0;
}
