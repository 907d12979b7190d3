/* SPDX-License-Identifier: MIT
 *
 * `sockatlas run`: starts a command with the shim preloaded, and gives back its exit status.
 */
#include "analyzer/cmd/cmd.h"

#include <stdio.h>
#include <unistd.h>

int cmd_run(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "%s: no command given\n", argv[0]);
        return CMD_USAGE;
    }
    execvp(argv[1], argv + 1);
    perror(argv[1]);
    return 127;
}
