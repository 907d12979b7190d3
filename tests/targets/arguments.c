/* SPDX-License-Identifier: MIT
 *
 * arguments PORT quick|all [NAME...]: calls every entry point that the shim stands in for (calls.def) with arguments
 * that are good, null, unreadable, at the end of what is readable, too short, and so on: each alone, and with each of
 * another argument's, while the others are good; `quick` leaves out pairs of what is like another. Each call is made in
 * a process of its own, whose end is told in a line: the result, errno, or the signal, and a sum of the memory that was
 * written to. `arguments names` lists the entry points.
 *
 * With the shim and without it the lines are the same.
 */
#include "tests/targets/arguments/argument.h"
#include "tests/targets/target.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>

enum result { INT, LONG, POINTER, ERROR, PROCESS, NO };
enum { ARGUMENTS = 9 };

struct call {
    const char *name;  /* as it is found */
    const char *title; /* as it is told */
    const char *first; /* of a second name */
    long number;       /* of a system call, else -1 */
    enum result result;
    enum kind kinds[ARGUMENTS];
};

static const struct call calls[] = {
#define CALL(name, result, ...) {#name, #name, NULL, -1, result, {__VA_ARGS__}},
#define RAW(name, result, ...)  {"syscall", "syscall " #name, NULL, SYS_##name, result, {__VA_ARGS__}},
#define SECOND(name, first)     {#name, #name, #first, -1, NO, {NOTHING}},
#include "tests/targets/arguments/calls.def"
#undef CALL
#undef RAW
#undef SECOND
};
enum { CALLS = sizeof calls / sizeof calls[0] };

/* What a call came to, in memory that the process shares with its parent. */
struct outcome {
    bool returned;
    long result;
    int error;
    uint64_t sum;
};
static struct outcome *outcome;
static bool quick;

typedef long function(long, ...);

static long normal(enum result kind, long result)
{
    switch (kind) {
    case INT:
    case ERROR:
        return (int)result;
    case POINTER:
        return result != 0;
    case PROCESS:
        return (int)result > 0 ? 1 : (int)result;
    case NO:
        return 0;
    default:
        return result;
    }
}

/* In a process of its own. */
static void make_call(const struct call *call, function *entry, const unsigned *choices)
{
    long a[ARGUMENTS] = {0};
    unsigned count = 0;
    for (; call->kinds[count]; count++)
        a[count] = argument_make(call->kinds[count], choices[count], count);
    errno = 0;
    long result = call->number >= 0 ? entry(call->number, a[0], a[1], a[2], a[3], a[4], a[5])
                                    : entry(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]);
    int error = errno;
    if (call->result == PROCESS && (int)result == 0)
        _exit(0);
    outcome->result = normal(call->result, result);
    outcome->error = error;
    outcome->returned = true;
    outcome->sum = argument_sum(call->kinds);
    _exit(0);
}

static void begin_quietly(void)
{
    const struct itimerval soon = {.it_value = {.tv_usec = 400000}};
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; fd++)
        dup2(null, fd);
    close(null);
    setitimer(ITIMER_REAL, &soon, NULL);
}

static void tell(const struct call *call, const unsigned *choices, int status)
{
    char word[64];
    printf("%s(", call->title);
    for (unsigned i = 0; call->kinds[i]; i++) {
        argument_describe(call->kinds[i], choices[i], word, sizeof word);
        printf("%s%s", i ? ", " : "", word);
    }
    if (WIFSIGNALED(status))
        printf(") signal %d\n", WTERMSIG(status));
    else if (outcome->returned)
        printf(") = %ld errno %d sum %llx\n", outcome->result, outcome->error, (unsigned long long)outcome->sum);
    else
        printf(") exit %d\n", WEXITSTATUS(status));
}

static void try_once(const struct call *call, function *entry, const unsigned *choices)
{
    int status;
    *outcome = (struct outcome){0};
    fflush(stdout);
    pid_t child = must(fork(), "fork");
    if (child == 0) {
        begin_quietly();
        make_call(call, entry, choices);
    }
    must(waitpid(child, &status, 0), "waitpid");
    while (wait(NULL) > 0) /* what it left behind */
        ;
    tell(call, choices, status);
}

/* Two arguments at a time, one of them a pointer. */
static void try_pair(const struct call *call, function *entry, unsigned *choices, unsigned first, unsigned second)
{
    enum kind one = call->kinds[first], other = call->kinds[second];
    if (!argument_points(one) && !argument_points(other))
        return;
    for (choices[second] = 1; choices[second] < argument_choices(other); choices[second]++)
        if (!quick || (argument_combines(one, choices[first]) && argument_combines(other, choices[second])))
            try_once(call, entry, choices);
    choices[second] = 0;
}

static void vary(const struct call *call, function *entry, bool pairs)
{
    unsigned choices[ARGUMENTS] = {0};
    try_once(call, entry, choices);
    for (unsigned i = 0; call->kinds[i]; i++) {
        for (choices[i] = 1; choices[i] < argument_choices(call->kinds[i]); choices[i]++) {
            try_once(call, entry, choices);
            for (unsigned j = i + 1; pairs && call->kinds[j]; j++)
                try_pair(call, entry, choices, i, j);
        }
        choices[i] = 0;
    }
}

static void try_call(const struct call *call)
{
    struct call of_first;
    bool pairs = !call->first;
    for (unsigned i = 0; call->first && i < CALLS; i++)
        if (strcmp(calls[i].title, call->first) == 0) {
            of_first = calls[i];
            of_first.name = of_first.title = call->name;
            call = &of_first;
            break;
        }
    function *entry = (function *)dlsym(RTLD_DEFAULT, call->name);
    if (!entry) {
        printf("%s: not in this libc\n", call->name);
        return;
    }
    vary(call, entry, pairs);
}

static bool asked(const struct call *call, char **names)
{
    bool any = !*names;
    for (; *names; names++)
        any |= strcmp(call->title, *names) == 0;
    return any;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "names") == 0) {
        for (unsigned i = 0; i < CALLS; i++)
            puts(calls[i].name);
        return 0;
    }
    if (argc < 3)
        return 2;
    quick = strcmp(argv[2], "quick") == 0;
    outcome = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(outcome == MAP_FAILED ? -1 : 0, "mmap");
    must(prctl(PR_SET_CHILD_SUBREAPER, 1), "prctl");
    argument_begin((unsigned)atoi(argv[1]));
    for (unsigned i = 0; i < CALLS; i++)
        if (asked(&calls[i], argv + 3))
            try_call(&calls[i]);
    return 0;
}
