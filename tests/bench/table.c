/* SPDX-License-Identifier: MIT
 *
 * Prints the table.
 */
#include "tests/bench/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* The value with three significant digits and the greatest unit that it fills. */
static const char *scaled(char out[TABLE_FIGURE], double value, const char *const units[4])
{
    int unit = 0;
    while (unit < 3 && value >= 999.5) {
        value /= 1000;
        unit++;
    }
    int digits = value >= 99.95 || (unit == 0 && value >= 9.995) ? 0 : value >= 9.995 ? 1 : 2;
    snprintf(out, TABLE_FIGURE, "%.*f%s", digits, value, units[unit]);
    return out;
}

const char *table_time(char out[TABLE_FIGURE], double ns)
{
    static const char *const units[] = {"ns", "us", "ms", "s"};
    return scaled(out, ns, units);
}

const char *table_number(char out[TABLE_FIGURE], double number)
{
    static const char *const units[] = {"", "k", "M", "G"};
    return scaled(out, number, units);
}

static void cpu_model(char *out, size_t size)
{
    char line[512];
    FILE *file = fopen("/proc/cpuinfo", "re");
    snprintf(out, size, "unknown CPU");
    while (file && fgets(line, sizeof(line), file)) {
        char *colon = strchr(line, ':');
        if (!colon || strncmp(line, "model name", 10) != 0)
            continue;
        snprintf(out, size, "%s", colon + 2);
        out[strcspn(out, "\n")] = 0;
        break;
    }
    if (file)
        fclose(file);
}

void table_machine(void)
{
    struct utsname name;
    char model[128], date[32];
    time_t now = time(NULL);
    struct tm day;
    uname(&name);
    cpu_model(model, sizeof(model));
    strftime(date, sizeof(date), "%Y-%m-%d", gmtime_r(&now, &day));
    printf("%s: %s, %ld CPUs; %s %s; %s\n", name.nodename, model, sysconf(_SC_NPROCESSORS_ONLN), name.sysname,
           name.release, date);
}

void table_part(const char *title, const char *without, const char *with)
{
    printf("\n%-29s%-4s%9s%9s%8s%14s%7s\n", title, "", without, with, "ratio", "quartiles", "min");
    fflush(stdout);
}

static void print_ratio(const struct summary *summary)
{
    printf("%8.3f%7.3f-%-6.3f%7.3f\n", summary->ratio, summary->q1, summary->q3, summary->least);
    fflush(stdout);
}

void table_pair(const char *title, const char *measure, const struct summary *summary)
{
    char without[TABLE_FIGURE], with[TABLE_FIGURE];
    printf("%-29s%-4s%9s%9s", title, measure, table_time(without, summary->without), table_time(with, summary->with));
    print_ratio(summary);
}

void table_calls(const char *title)
{
    printf("\n%-37s%7s%7s%7s%12s  %s\n", title, "without", "with", "added", "quartiles", "system calls added");
    fflush(stdout);
}

void table_call(const char *title, const struct summary *summary, const char *syscalls)
{
    printf("%-37s%7.0f%7.0f%+7.0f%+6.0f..%+-4.0f  %s\n", title, summary->without, summary->with, summary->added,
           summary->added_q1, summary->added_q3, syscalls);
    fflush(stdout);
}

void table_volumes(const char *title)
{
    printf("\n%-29s%9s%9s%11s%11s\n", title, "cpu", "wall", "events/s", "peak");
    fflush(stdout);
}

void table_volume(const char *title, double events, double cpu_s, double wall_s, double peak_bytes)
{
    char cpu[TABLE_FIGURE], wall[TABLE_FIGURE], rate[TABLE_FIGURE];
    printf("%-29s%9s%9s%11s%7.1f MiB\n", title, table_time(cpu, cpu_s * 1e9), table_time(wall, wall_s * 1e9),
           table_number(rate, events / cpu_s), peak_bytes / (1 << 20));
    fflush(stdout);
}

void table_rate(const char *title, const struct summary *summary)
{
    char without[TABLE_FIGURE], with[TABLE_FIGURE];
    printf("%-29s%-4s%7s/s%7s/s", title, "wall", table_number(without, 1e9 / summary->without),
           table_number(with, 1e9 / summary->with));
    print_ratio(summary);
}

void table_note(const char *title, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    printf("%-29s", title);
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
    fflush(stdout);
}
