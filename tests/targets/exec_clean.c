/* SPDX-License-Identifier: MIT
 *
 * execve() with an empty environment; what follows is traced all the same.
 */
#include "tests/targets/target.h"

int main(int argc, char **argv)
{
    if (argc > 1) {
        must(close(must(socket(AF_INET6, SOCK_DGRAM, 0), "socket")), "close");
        return 0;
    }
    char again[] = "again";
    char *arguments[] = {argv[0], again, NULL}, *environment[] = {NULL};
    must(close(must(socket(AF_INET, SOCK_DGRAM, 0), "socket")), "close");
    execve("/proc/self/exe", arguments, environment);
    return 1;
}
