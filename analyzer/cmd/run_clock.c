/* SPDX-License-Identifier: MIT
 *
 * The clock of the trace, for `run`: CLOCK_BOOTTIME as the initial time namespace has it, whatever namespace `run` is
 * in.
 */
#include "analyzer/cmd/run.h"

#include "analyzer/cmd/proc.h"

#include <stdio.h>
#include <time.h>

/* time_namespaces(7), /proc/PID/timens_offsets. */
int64_t run_clock_offset(void)
{
    static bool known;
    static int64_t offset;
    FILE *offsets = known ? NULL : fopen("/proc/self/timens_offsets", "re");
    if (offsets) {
        offset = proc_read_boottime_offset(offsets);
        fclose(offsets);
    }
    known = true;
    return offset;
}

uint64_t run_clock_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec - (uint64_t)run_clock_offset();
}
