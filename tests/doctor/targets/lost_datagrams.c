/* SPDX-License-Identifier: MIT
 *
 * Sends 1,000 datagrams to a socket whose buffer holds a few, and reads those; nearly: reads each when it was sent.
 */
#include "tests/doctor/targets/doctor_target.h"

enum { DATAGRAMS = 1000 };

int main(int argc, char **argv)
{
    bool nearly = is_nearly(argc, argv);

    struct sockaddr_in address;
    char bytes[500] = "";
    int reader = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
    int sender = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
    set_option(reader, SOL_SOCKET, SO_RCVBUF, 4096);
    bind_loopback(reader, &address);
    for (int i = 0; i < DATAGRAMS; i++) {
        if (sendto(sender, bytes, sizeof bytes, 0, (struct sockaddr *)&address, sizeof address) != sizeof bytes ||
            (nearly && recv(reader, bytes, sizeof bytes, 0) != sizeof bytes))
            return 1;
    }
    while (recv(reader, bytes, sizeof bytes, 0) > 0)
        continue;
    close(sender);
    return close(reader);
}
