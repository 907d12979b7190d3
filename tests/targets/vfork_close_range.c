/* SPDX-License-Identifier: MIT
 *
 * A vfork child makes a socket of its own and a duplicate beyond all its parent's, and closes everything by
 * close_range() or closefrom(): its own, its duplicate and its parent's are closed, and the parent's go on in the
 * parent.
 */
#include "tests/targets/target.h"

static void close_by_range(void)
{
    if (close_range(3, ~0U, 0) != 0)
        _exit(1);
}

static void close_from(void)
{
    closefrom(3);
}

static void child_closes(int socket_of_parent, void (*close_all)(void))
{
    /* NOLINTBEGIN(clang-analyzer-unix.Vfork,clang-analyzer-security.insecureAPI.vfork): what such a child does is the
     * test */
    pid_t child = vfork();
    if (child == 0) {
        if (socket(AF_INET, SOCK_STREAM, 0) < 0 || dup2(socket_of_parent, 700) != 700)
            _exit(2);
        close_all();
        _exit(3);
    }
    /* NOLINTEND(clang-analyzer-unix.Vfork,clang-analyzer-security.insecureAPI.vfork) */
    wait_for(must(child, "vfork"));
}

int main(void)
{
    int fd = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    child_closes(fd, close_by_range);
    child_closes(fd, close_from);
    must(close(fd), "close");
    return 0;
}
