/* SPDX-License-Identifier: MIT
 *
 * attach_static: statically linked, prints its number and waits until it is killed.
 */
#include "tests/targets/target.h"

int main(void)
{
    printf("%d\n", (int)getpid());
    fflush(stdout);
    for (;;)
        pause();
}
