/* SPDX-License-Identifier: MIT
 *
 * Writes a seccomp filter on standard output (BPF, as seccomp(2) takes it) that kills.
 *   - filter [--inside] RECORD...: for all but the system calls that `strace -f -n -e raw=all` wrote into the records.
 *     Of those that ask or change what their arguments name, the arguments are held to what was seen too. --inside:
 *     only what came after PR_SET_NO_NEW_PRIVS.
 *   - filter --deny NAME...: for these system calls alone.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ARGUMENTS = 6, KEPT_MAX = 3, RULES_MAX = 4096 };

/* Which arguments count, by their places; -1 none. */
static const struct {
    long number;
    int kept[KEPT_MAX];
} exact[] = {
    {SYS_fcntl, {1, -1, -1}},     {SYS_prctl, {0, -1, -1}},         {SYS_madvise, {2, -1, -1}},
    {SYS_getsockopt, {1, 2, -1}}, {SYS_setsockopt, {1, 2, -1}},     {SYS_socket, {0, 1, -1}},
    {SYS_ioctl, {1, -1, -1}},     {SYS_openat, {2, -1, -1}},        {SYS_prlimit64, {1, -1, -1}},
    {SYS_dup3, {2, -1, -1}},      {SYS_clock_gettime, {0, -1, -1}}, {SYS_seccomp, {0, 1, -1}},
#ifdef SYS_open
    {SYS_open, {1, -1, -1}},
#endif
};

struct rule {
    long number;
    unsigned count;
    struct scmp_arg_cmp arguments[KEPT_MAX];
};
static struct rule rules[RULES_MAX];
static unsigned rules_count;

/* What a signal or a stop brings about, at any time. */
static const int always[] = {SYS_restart_syscall, SYS_rt_sigreturn, SYS_exit_group, SYS_exit, SYS_futex};

static void fail(const char *what, int error)
{
    fprintf(stderr, "filter: %s: %s\n", what, strerror(error));
    exit(2);
}

static bool is_known(const struct rule *rule)
{
    for (unsigned i = 0; i < rules_count; i++) {
        bool same = rules[i].number == rule->number && rules[i].count == rule->count;
        for (unsigned k = 0; same && k < rule->count; k++)
            same = rules[i].arguments[k].datum_b == rule->arguments[k].datum_b &&
                   rules[i].arguments[k].arg == rule->arguments[k].arg;
        if (same)
            return true;
    }
    return false;
}

static void add(long number, const uint64_t given[ARGUMENTS])
{
    struct rule rule = {.number = number};
    for (size_t i = 0; i < sizeof exact / sizeof *exact; i++)
        for (int k = 0; exact[i].number == number && k < KEPT_MAX && exact[i].kept[k] >= 0; k++) {
            int place = exact[i].kept[k];
            rule.arguments[rule.count++] =
                SCMP_CMP64((unsigned)place, SCMP_CMP_MASKED_EQ, UINT32_MAX, (uint32_t)given[place]);
        }
    if (is_known(&rule))
        return;
    if (rules_count == RULES_MAX)
        fail("rules", E2BIG);
    rules[rules_count++] = rule;
}

/* PID [NUMBER] NAME(ARGUMENT, ... */
static void read_record(const char *path, bool inside)
{
    FILE *file = fopen(path, "r");
    if (!file)
        fail(path, errno);
    char *line = NULL;
    size_t capacity = 0;
    bool counts = !inside;
    while (getline(&line, &capacity, file) > 0) {
        char *number = strchr(line, '['), *name = number ? strchr(number, ']') : NULL;
        char *at = name ? strchr(name, '(') : NULL;
        if (!at || strchr("<+-", name[2]))
            continue;
        uint64_t given[ARGUMENTS] = {0};
        for (int i = 0; i < ARGUMENTS; i++) {
            given[i] = strtoull(at + 1, &at, 0);
            if (*at != ',')
                break;
        }
        long call = strtol(number + 1, NULL, 10);
        if (counts)
            add(call, given);
        counts |= call == SYS_prctl && given[0] == PR_SET_NO_NEW_PRIVS;
    }
    free(line);
    fclose(file);
}

/* All that was seen, and what is always let pass. */
static void allow(scmp_filter_ctx filter)
{
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        seccomp_rule_add(filter, SCMP_ACT_ALLOW, always[i], 0);
    for (unsigned i = 0; i < rules_count; i++) {
        int result =
            seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, (int)rules[i].number, rules[i].count, rules[i].arguments);
        if (result < 0 && result != -EEXIST)
            fail("seccomp_rule_add_array", -result);
    }
}

static void deny(scmp_filter_ctx filter, const char *name)
{
    int result = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, seccomp_syscall_resolve_name(name), 0);
    if (result < 0)
        fail(name, -result);
}

int main(int argc, char **argv)
{
    bool denies = argc > 1 && strcmp(argv[1], "--deny") == 0, inside = argc > 1 && strcmp(argv[1], "--inside") == 0;
    scmp_filter_ctx filter = seccomp_init(denies ? SCMP_ACT_ALLOW : SCMP_ACT_KILL_PROCESS);
    if (!filter)
        fail("seccomp_init", ENOMEM);
    for (int i = 1 + (denies || inside); i < argc; i++) {
        if (denies)
            deny(filter, argv[i]);
        else
            read_record(argv[i], inside);
    }
    if (!denies)
        allow(filter);
    int result = seccomp_export_bpf(filter, STDOUT_FILENO);
    if (result < 0)
        fail("seccomp_export_bpf", -result);
    return 0;
}
