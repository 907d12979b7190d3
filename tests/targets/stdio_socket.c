/* SPDX-License-Identifier: MIT
 *
 * Streams over unix sockets: what stdio transfers passes through no wrapper, so the counts of such a descriptor are
 * unknown, not 0; dprintf()'s are known, and so are those of a standard descriptor whose stream was not used.
 */
#include "tests/targets/target.h"

static void pair(int fds[2])
{
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), "socketpair");
}

static void streams(void)
{
    int fds[2];
    char line[16];
    pair(fds);
    FILE *here = fdopen(fds[0], "r+"), *there = fdopen(fds[1], "r+");
    fputs("hello\n", here);
    fflush(here);
    if (!fgets(line, sizeof line, there))
        exit(1);
    fclose(there);
    fclose(here);
}

static void prints(void)
{
    int fds[2];
    char line[16];
    pair(fds);
    must(dprintf(fds[0], "%d %s\n", 12, "ab"), "dprintf");
    must((int)read(fds[1], line, sizeof line), "read");
    must(close(fds[0]), "close");
    must(close(fds[1]), "close");
}

/* As a service of inetd's: standard input is read by its number, standard output and error are printed to. */
static void serves(void)
{
    int fds[2];
    char line[16] = "ask";
    pair(fds);
    pid_t child = must(fork(), "fork");
    if (child == 0) {
        for (int fd = 0; fd < 3; fd++)
            must(dup2(fds[1], fd), "dup2");
        must((int)read(0, line, 3), "read");
        printf("answer\n");
        fflush(stdout);
        fprintf(stderr, "error\n");
        _exit(0);
    }
    must((int)write(fds[0], line, 3), "write");
    for (int got = 0; got < 13;)
        got += must((int)read(fds[0], line, sizeof line), "read");
    wait_for(child);
    must(close(fds[0]), "close");
    must(close(fds[1]), "close");
}

int main(void)
{
    streams();
    prints();
    serves();
    return 0;
}
