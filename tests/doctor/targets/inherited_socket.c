/* SPDX-License-Identifier: MIT
 *
 * Starts a program that gets a listening socket it does not know of; nearly: close-on-exec.
 */
#include "tests/doctor/targets/doctor_target.h"

int main(int argc, char **argv)
{
    bool nearly = is_nearly(argc, argv);

    struct sockaddr_in address;
    int fd = must(socket(AF_INET, SOCK_STREAM | (nearly ? SOCK_CLOEXEC : 0), 0), "socket");
    bind_loopback(fd, &address);
    must(listen(fd, SOMAXCONN), "listen");
    pid_t child = must(fork(), "fork");
    if (child == 0) {
        execl("/bin/true", "true", (char *)NULL);
        _exit(127);
    }
    wait_for(child);
    return close(fd);
}
