/* SPDX-License-Identifier: MIT
 *
 * become UID HOW COMMAND [ARG...]: becomes another user, as a server does before it executes a CGI program, and
 * executes the command. HOW: keep (its environment), clean (an empty one, as sudo gives), real (only the effective user
 * changes).
 */
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    static char *none[] = {NULL};
    if (argc < 4)
        return 2;
    unsigned user = (unsigned)strtoul(argv[1], NULL, 10);
    int failed = strcmp(argv[2], "real") == 0 ? seteuid(user) : setgroups(0, NULL) || setgid(user) || setuid(user);
    if (failed) {
        perror("become");
        return 1;
    }
    if (strcmp(argv[2], "clean") == 0)
        execve(argv[3], argv + 3, none);
    else
        execv(argv[3], argv + 3);
    perror(argv[3]);
    return 127;
}
