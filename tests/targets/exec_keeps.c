/* SPDX-License-Identifier: MIT
 *
 * exec() keeps a socket without close-on-exec and closes the other; the new image uses the one it has.
 */
#include "tests/targets/target.h"

int main(int argc, char **argv)
{
    if (argc > 1) {
        must(listen(atoi(argv[1]), 3), "listen");
        return 0;
    }
    struct sockaddr_in address;
    char number[16];
    int kept = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    bind_loopback(kept, &address);
    snprintf(number, sizeof number, "%d", kept);
    execl("/proc/self/exe", argv[0], number, (char *)NULL);
    return 1;
}
