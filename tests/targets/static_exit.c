/* SPDX-License-Identifier: MIT
 *
 * static_exit [STATUS]: statically linked, no preload reaches it. Ends with STATUS.
 */
#include <stdlib.h>

int main(int argc, char **argv)
{
    return argc > 1 ? atoi(argv[1]) : 0;
}
