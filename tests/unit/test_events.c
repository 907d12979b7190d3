/* SPDX-License-Identifier: MIT
 *
 * Events as text: the columns are what printf makes of them, whatever the numbers.
 */
#include "analyzer/view/events.h"
#include "tests/unit/trace.h"

#include <inttypes.h>

static const char *const names[] = {"", "a", "eleven chars", "thirteen char", "sixteen bytes!!!"};

static void check(int64_t since_ns, uint32_t pid, const char *comm)
{
    static _Alignas(8) unsigned char slot[SOCKATLAS_SLOT_SIZE] = {SOCKATLAS_ERROR};
    const uint64_t origin = UINT64_C(1700000000000000000);
    struct trace_image image = {.offset_ns = 5};
    struct event event = {.image = &image, .record = slot, .slots = 1};
    char *written = NULL, expected[160];
    size_t size;
    event_common(&event);
    event.time_ns = origin + (uint64_t)since_ns - 5;
    event.pid = pid;
    event.fd = -1;
    FILE *out = open_memstream(&written, &size);
    events_text(out, &event, comm, origin, &(struct events_look){0});
    fclose(out);
    uint64_t us = ((since_ns < 0 ? -(uint64_t)since_ns : (uint64_t)since_ns) + 500) / 1000; /* half of one up */
    char seconds[32];
    snprintf(seconds, sizeof seconds, "%s%" PRIu64 ".%06" PRIu64, since_ns < 0 && us > 0 ? "-" : "", us / 1000000,
             us % 1000000);
    snprintf(expected, sizeof expected, "%11s %6" PRIu32 " %-12.16s error()\n", seconds, pid, comm);
    cr_expect_str_eq(written, expected);
    free(written);
}

Test(events, columns_are_as_printf_has_them)
{
    static const int64_t times[] = {
        0,         1,         499,         500,        501,           1500,          2500,          7812500,
        999999499, 999999500, 999999501,   1000000000, 9999999999499, 9998999999501, 9999000000000, 12345678901234567,
        -1,        -500,      -1500000000, INT64_MAX,  INT64_MIN};
    static const uint32_t pids[] = {0, 9, 99999, 999999, 1000000, UINT32_MAX};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        for (size_t j = 0; j < sizeof pids / sizeof *pids; j++)
            check(times[i], pids[j], names[(i + j) % (sizeof names / sizeof *names)]);
    /* Every fraction that is cut, at lengths far apart. */
    for (int64_t time = 0; time < 9000000000000; time = time * 3 / 2 + 2000)
        for (int64_t rest = 0; rest < 1000; rest += 1 + rest % 7)
            check(time / 1000 * 1000 + rest, 1, "x");
}
