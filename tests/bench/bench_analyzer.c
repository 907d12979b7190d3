/* SPDX-License-Identifier: MIT
 *
 * The analyzer over generated traces: events a second and peak memory, how both grow, and the same question (which
 * process connected to which, how often) put to jq, to sqlite3 and to DuckDB over the exported JSON Lines.
 */
#include "tests/bench/bench.h"
#include "tests/bench/table.h"

#include "shim/trace_format.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>

enum { RUNS = 3, EXPORTED_EVENTS = 200000 };

/* What a command took: the least of some runs, as nothing but the machine's other work makes one longer. */
struct cost {
    double cpu_s, wall_s;
    double peak_bytes;
};

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static bool run_once(const char *const *command, struct cost *out)
{
    struct spawn spawn = {.command = command, .cpu = -1, .quiet = true};
    struct timespec from, to;
    struct rusage usage;
    int status;
    clock_gettime(CLOCK_MONOTONIC, &from);
    pid_t child = spawn_start(&spawn, -1, -1);
    if (child <= 0 || wait4(child, &status, 0, &usage) != child || status != 0)
        return false;
    clock_gettime(CLOCK_MONOTONIC, &to);
    *out = (struct cost){
        .cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime),
        .wall_s = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9,
        .peak_bytes = (double)usage.ru_maxrss * 1024,
    };
    return true;
}

static void measure(const char *title, const char *const *command, double events, int runs)
{
    struct cost least = {0}, cost;
    for (int i = 0; i < runs; i++) {
        if (!run_once(command, &cost)) {
            table_note(title, "cannot run: %s failed", command[0]);
            return;
        }
        if (i == 0 || cost.cpu_s < least.cpu_s)
            least = cost;
    }
    table_volume(title, events, least.cpu_s, least.wall_s, least.peak_bytes);
}

static bool space_for(const char *path, double bytes)
{
    struct statvfs status;
    return statvfs(path, &status) == 0 && (double)status.f_bavail * (double)status.f_frsize > bytes * 1.2;
}

static bool generate(const struct bench *bench, const char *trace, double events)
{
    char number[32];
    struct cost cost;
    snprintf(number, sizeof(number), "%.0f", events);
    const char *const command[] = {bench->generate, trace, number, NULL};
    return run_once(command, &cost);
}

/* Commands whose cost is told of each size, or of those alone that take no minutes. */
static const struct report {
    const char *title;
    const char *words[4];
    double most_events;
} reports[] = {
    {"  map --format json", {"map", "--format", "json"}, 1e9},
    {"  list --json", {"list", "--json"}, 1e9},
    {"  list", {"list"}, 2e7},
    {"  list --csv", {"list", "--csv"}, 2e7},
    {"  tuned", {"tuned"}, 2e7},
    {"  doctor", {"doctor"}, 2e7},
    {"  events", {"events"}, 2e7},
    {"  events --json", {"events", "--json"}, 1e9},
    {"  export --format jsonl", {"export", "-f", "jsonl"}, 1e9},
    {"  export --format chrome", {"export", "-f", "chrome"}, 2e7},
    {"  export --format zeek", {"export", "-f", "zeek"}, 2e7},
};

static void measure_report(const struct bench *bench, const struct report *report, const char *trace, double count)
{
    const char *command[8] = {bench->analyzer};
    unsigned words = 1;
    for (; report->words[words - 1]; words++)
        command[words] = report->words[words - 1];
    command[words] = trace;
    measure(report->title, command, count, count > 5e7 ? 1 : RUNS);
}

static void measure_size(const struct bench *bench, double count)
{
    char trace[4200], floor[4200], title[64], million[TABLE_FIGURE];
    snprintf(trace, sizeof(trace), "%s/trace", bench->disk.path);
    snprintf(title, sizeof(title), "%s events", table_number(million, count));
    if (!space_for(bench->disk.path, count * SOCKATLAS_SLOT_SIZE * 1.5))
        table_note(title, "cannot run: not enough space on the disk");
    else if (!generate(bench, trace, count))
        table_note(title, "cannot run: the trace could not be made");
    else {
        table_note(title, "%s", "");
        snprintf(floor, sizeof floor, "%s/bench/floor", bench->build);
        measure("  floor: each slot read", (const char *const[]){floor, trace, NULL}, count, RUNS);
        for (size_t i = 0; i < sizeof reports / sizeof *reports; i++)
            if (count <= reports[i].most_events)
                measure_report(bench, &reports[i], trace, count);
    }
    folder_clear(&bench->disk);
}

/* Edges by tuple: an accept's other end is the latest connect from the address that it names. */
static const char jq_program[] = "[inputs | select(.event == \"connect\" or .event == \"accept\")"
                                 " | {event, pid, time_ns, client: (if .event == \"connect\""
                                 " then \"\\(.local_address) \\(.local_port)\""
                                 " else \"\\(.peer_address) \\(.peer_port)\" end)}]"
                                 " | group_by(.client) | [.[] | sort_by(.time_ns) | . as $g | range(1; length)"
                                 " | select($g[.].event == \"accept\") | \"\\($g[. - 1].pid) \\($g[.].pid)\"]"
                                 " | group_by(.) | map({(.[0]): length}) | add";

static const char sql_program[] =
    "create table lines(line text);\n"
    ".mode ascii\n"
    ".separator \"\\037\" \"\\n\"\n"
    ".import %s lines\n"
    "with events as (\n"
    "  select json_extract(line, '$.event') as event, json_extract(line, '$.pid') as pid,\n"
    "         json_extract(line, '$.time_ns') as time_ns,\n"
    "         coalesce(json_extract(line, '$.local_address') || ' ' || json_extract(line, '$.local_port'),\n"
    "                  json_extract(line, '$.peer_address') || ' ' || json_extract(line, '$.peer_port')) as client\n"
    "  from lines where json_extract(line, '$.event') in ('connect', 'accept')),\n"
    "pairs as (select event, lag(pid) over (partition by client order by time_ns) as client_pid, pid from events)\n"
    "select client_pid, pid, count(*) from pairs where event = 'accept' group by 1, 2;\n";

static bool write_sql(const char *path, const char *lines)
{
    FILE *file = fopen(path, "we");
    if (!file)
        return false;
    fprintf(file, sql_program, lines);
    return fclose(file) == 0;
}

static void measure_others(const struct bench *bench)
{
    char trace[4200], lines[4200], sql[4200], read_sql[4300];
    struct cost cost;
    snprintf(trace, sizeof(trace), "%s/trace", bench->disk.path);
    snprintf(lines, sizeof(lines), "%s/trace.jsonl", bench->disk.path);
    snprintf(sql, sizeof(sql), "%s/join.sql", bench->disk.path);
    snprintf(read_sql, sizeof(read_sql), ".read %s", sql);
    const char *const export[] = {bench->analyzer, "export", "-f", "jsonl", "-o", lines, trace, NULL};
    const char *const map[] = {bench->analyzer, "map", "--format", "json", trace, NULL};
    const char *const map_lines[] = {bench->analyzer, "map", "--format", "json", lines, NULL};
    const char *const jq[] = {"jq", "-n", jq_program, lines, NULL};
    const char *const sqlite[] = {"sqlite3", ":memory:", read_sql, NULL};
    const char *const duckdb[] = {"node", "tests/bench/duckdb.js", lines, NULL};
    const char *const duckdb_start[] = {"node", "tests/bench/duckdb.js", NULL};
    table_note("200k events, who with whom", "%s", "");
    if (!generate(bench, trace, EXPORTED_EVENTS) || !run_once(export, &cost) || !write_sql(sql, lines)) {
        table_note("", "cannot run: the trace could not be made or exported");
    } else {
        measure("  sockatlas map", map, EXPORTED_EVENTS, RUNS);
        measure("  the same, from JSON Lines", map_lines, EXPORTED_EVENTS, RUNS);
        measure("  jq", jq, EXPORTED_EVENTS, 1);
        measure("  sqlite3, import and join", sqlite, EXPORTED_EVENTS, 1);
        measure("  DuckDB, the same join", duckdb, EXPORTED_EVENTS, RUNS);
        measure("    of that its start", duckdb_start, EXPORTED_EVENTS, RUNS);
    }
    folder_clear(&bench->disk);
}

/* Each rule by which two ends are found to belong together, on traces in which as many ends as can be share what it
 * looks up by (tests/fault/hostile.c). Ten times as many take ten times as long. */
static void measure_rules(const struct bench *bench)
{
    static const char *const families[] = {"same_tuple",   "same_tuple_apart", "same_tuple_late", "both_connect",
                                           "socket_pairs", "unix_untraced",    "unix_renamed",    "unix_across",
                                           "unix_backlog", "one_port",         "peers",           "peers_of_two",
                                           "askers",       "listeners",        "translated",      "namespaces"};
    char trace[4200], make[4200], title[64];
    struct cost cost;
    snprintf(trace, sizeof(trace), "%s/trace", bench->disk.path);
    snprintf(make, sizeof(make), "%s/fault/hostile", bench->build);
    table_note("map, ends that share a key", "%s", "");
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        for (unsigned count = 10000; count <= 100000; count *= 10) {
            char number[16];
            snprintf(number, sizeof(number), "%u", count);
            snprintf(title, sizeof(title), "  %s, %u", families[i], count);
            const char *const generate_it[] = {make, families[i], number, trace, NULL};
            const char *const map[] = {bench->analyzer, "map", trace, NULL};
            if (run_once(generate_it, &cost))
                measure(title, map, count, RUNS);
            else
                table_note(title, "cannot run: the trace could not be made");
            folder_clear(&bench->disk);
        }
}

void bench_analyzer(const struct bench *bench)
{
    table_volumes("the analyzer");
    measure_size(bench, 1e6);
    measure_size(bench, 1e7);
    if (bench->big)
        measure_size(bench, 1e8);
    measure_others(bench);
    measure_rules(bench);
}
