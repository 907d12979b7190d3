/* SPDX-License-Identifier: MIT
 *
 * Memory that a reader of traces cannot go on without, see memory.h.
 */
#include "analyzer/trace/memory.h"

#include <stdio.h>
#include <stdlib.h>

void *memory_must(void *memory)
{
    if (memory == NULL) {
        fputs("sockatlas: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}
