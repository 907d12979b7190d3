/* SPDX-License-Identifier: MIT
 *
 * steady WARM ROUNDS: opens and closes WARM sockets, then ROUNDS more, and prints how many page faults those cost the
 * process.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void open_sockets(long count)
{
    while (count-- > 0)
        if (close(socket(AF_INET, SOCK_STREAM, 0)) < 0)
            exit(1);
}

static long faults(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt + usage.ru_majflt;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: steady WARM ROUNDS\n", stderr);
        return 2;
    }
    open_sockets(strtol(argv[1], NULL, 10));
    long before = faults();
    open_sockets(strtol(argv[2], NULL, 10));
    printf("%ld\n", faults() - before);
    return 0;
}
