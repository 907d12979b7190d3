/* SPDX-License-Identifier: MIT
 *
 * Connects to a port that nobody listens on, without a pause; nearly: three times.
 */
#include "tests/doctor/targets/doctor_target.h"

int main(int argc, char **argv)
{
    bool nearly = is_nearly(argc, argv);

    struct sockaddr_in address;
    int bound = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    bind_loopback(bound, &address);
    for (int i = 0; i < (nearly ? 3 : 30); i++) {
        int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
        must_fail(connect(fd, (struct sockaddr *)&address, sizeof address), ECONNREFUSED, "connect");
        close(fd);
    }
    return close(bound);
}
