/* SPDX-License-Identifier: MIT
 *
 * exchange HOW A B: what another user does in a folder of theirs, again and again until it is killed.
 *   exchange swap A B     exchanges the names A and B
 *   exchange plant A B    makes A a symbolic link to B, and removes it
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    for (;;) {
        if (strcmp(argv[1], "swap") == 0) {
            renameat2(AT_FDCWD, argv[2], AT_FDCWD, argv[3], RENAME_EXCHANGE);
        } else {
            (void)!symlink(argv[3], argv[2]);
            unlink(argv[2]);
        }
    }
}
