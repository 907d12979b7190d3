/* SPDX-License-Identifier: MIT
 *
 * Makes sockets with no descriptor left, again and again; nearly: once.
 */
#include "tests/doctor/targets/doctor_target.h"

#include <sys/resource.h>

int main(int argc, char **argv)
{
    bool nearly = is_nearly(argc, argv);

    int last = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    struct rlimit limit = {.rlim_cur = (rlim_t)last + 1, .rlim_max = (rlim_t)last + 1};
    must(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
    for (int i = 0; i < (nearly ? 1 : 20); i++)
        must_fail(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), EMFILE, "socket");
    return close(last);
}
