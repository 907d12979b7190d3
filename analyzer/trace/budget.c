/* SPDX-License-Identifier: MIT
 *
 * What reading has cost so far, see budget.h.
 */
#include "analyzer/trace/budget.h"

#include <malloc.h>

_Thread_local uint64_t budget_steps;

size_t budget_memory(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}
