/* SPDX-License-Identifier: MIT
 *
 * Accepts with no descriptor left, again and again; nearly: once.
 */
#include "tests/doctor/targets/doctor_target.h"

#include <sys/resource.h>

int main(int argc, char **argv)
{
    bool nearly = is_nearly(argc, argv);

    struct sockaddr_in address;
    int listener = serve(&address), client = connect_to(&address);
    struct rlimit limit = {.rlim_cur = (rlim_t)client + 1, .rlim_max = (rlim_t)client + 1};
    must(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
    for (int i = 0; i < (nearly ? 1 : 20); i++)
        must_fail(accept(listener, NULL, NULL), EMFILE, "accept");
    close(client);
    return close(listener);
}
