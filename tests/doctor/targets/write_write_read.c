/* SPDX-License-Identifier: MIT
 *
 * Sends a request in two writes and waits for the answer; nearly: in one.
 */
#include "tests/doctor/targets/doctor_target.h"

/* Answers once it has both bytes. */
static void answer(int fd)
{
    char bytes[2];
    for (;;) {
        if (recv(fd, bytes, sizeof bytes, MSG_WAITALL) != sizeof bytes)
            _exit(0);
        if (write(fd, "y", 1) != 1)
            _exit(1);
    }
}

int main(int argc, char **argv)
{
    bool nearly = is_nearly(argc, argv);

    struct sockaddr_in address;
    int listener = serve(&address);
    pid_t child = must(fork(), "fork");
    if (child == 0)
        answer(accept_one(listener));
    int fd = connect_to(&address);
    for (int i = 0; i < 40; i++) { /* the kernel delays acknowledgements only after a while */
        char byte;
        bool sent = nearly ? write(fd, "ab", 2) == 2 : write(fd, "a", 1) == 1 && write(fd, "b", 1) == 1;
        if (!sent || read(fd, &byte, 1) != 1)
            return 1;
    }
    close(fd);
    wait_for(child);
    return close(listener);
}
