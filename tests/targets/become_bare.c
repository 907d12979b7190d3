/* SPDX-License-Identifier: MIT
 *
 * become_bare PROGRAM [ARGUMENT...]: executes it with an empty environment.
 */
#include "tests/targets/target.h"

int main(int count, char **arguments)
{
    char *nothing[] = {NULL};
    if (count < 2)
        return 2;
    must(execve(arguments[1], arguments + 1, nothing), "execve");
    return 0;
}
