/* SPDX-License-Identifier: MIT
 *
 * arguments PORT quick|all|alone|good [NAME...]: calls every entry point that the shim stands in for (calls.def) with
 * arguments that are good, null, unreadable, at the end of what is readable, too short, and so on: each alone, and with
 * each of another argument's, while the others are good; `quick` leaves out pairs of what is like another, `alone` all
 * pairs, `good` all but the good ones. Each call is made in a process of its own, whose end is told in a line: the
 * result, errno, or the signal, and a sum of the memory that was written to. PART/PARTS in a name's place is one part
 * of all of them. `arguments names` lists the entry points, `arguments numbers` those of syscall(2).
 *
 * With $CALL_FILTERS each call is made under PR_SET_NO_NEW_PRIVS, and in the seccomp sandbox of the file N.bpf in that
 * folder, if there is one: N, its line's in calls.def, is told.
 *
 * With the shim and without it the lines are the same.
 */
#include "tests/targets/arguments/argument.h"
#include "tests/targets/target.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>

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
static bool quick, alone, good;
static const char *filters;
static unsigned number; /* of the call that is made, in calls.def */
static sigset_t ends;   /* SIGCHLD, held except in the calls' processes */

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

/* Into the sandbox of the call. */
static void enter(void)
{
    enum { INSTRUCTIONS = 4096 };
    static struct sock_filter instructions[INSTRUCTIONS];
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%u.bpf", filters, number);
    int fd = open(path, O_RDONLY);
    ssize_t size = fd < 0 ? 0 : read(fd, instructions, sizeof instructions);
    close(fd);
    struct sock_fprog program = {(unsigned short)((size_t)size / sizeof *instructions), instructions};
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
    if (size)
        must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), "seccomp");
}

/* In a process of its own. */
static void make_call(const struct call *call, function *entry, const unsigned *choices)
{
    long a[ARGUMENTS] = {0};
    unsigned count = 0;
    for (; call->kinds[count]; count++)
        a[count] = argument_make(call->kinds[count], choices[count], count);
    if (filters)
        enter();
    errno = 0;
    long result = call->number >= 0 ? entry(call->number, a[0], a[1], a[2], a[3], a[4], a[5])
                                    : entry(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]);
    int error = errno;
    if (filters && call->kinds[0] == PID && strstr(call->name, "create") && result == 0 && a[0])
        pthread_join(*(pthread_t *)a[0], NULL); /* what the thread does is part of the call */
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
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; fd++)
        dup2(null, fd);
    close(null);
    must(sigprocmask(SIG_UNBLOCK, &ends, NULL), "sigprocmask");
}

static bool sleeps(pid_t child)
{
    char path[64], state = 'R';
    snprintf(path, sizeof path, "/proc/%d/stat", (int)child);
    FILE *stat = fopen(path, "re");
    if (stat && fscanf(stat, "%*d (%*[^)]) %c", &state) != 1)
        state = 'R';
    if (stat)
        fclose(stat);
    return state != 'R';
}

/* Its status; one whose call waits for what never comes is ended by SIGALRM: it slept at each of so many looks. One
 * that is slow, on a busy machine, has all the time that it needs. */
static int end_of(pid_t child)
{
    enum { LOOKS = 40 };
    const struct timespec pause = {.tv_nsec = 10000000};
    int status;
    for (unsigned asleep = 0; must(waitpid(child, &status, WNOHANG), "waitpid") == 0;) {
        if (sigtimedwait(&ends, NULL, &pause) >= 0)
            continue;
        asleep = sleeps(child) ? asleep + 1 : 0;
        if (asleep == LOOKS)
            kill(child, SIGALRM);
    }
    return status;
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
        printf(") signal %d", WTERMSIG(status));
    else if (outcome->returned)
        printf(") = %ld errno %d sum %llx", outcome->result, outcome->error, (unsigned long long)outcome->sum);
    else
        printf(") exit %d", WEXITSTATUS(status));
    if (filters)
        printf(" #%u", number);
    putchar('\n');
}

static void try_once(const struct call *call, function *entry, const unsigned *choices)
{
    *outcome = (struct outcome){0};
    fflush(stdout);
    pid_t child = must(fork(), "fork");
    if (child == 0) {
        begin_quietly();
        make_call(call, entry, choices);
    }
    int status = end_of(child);
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
    for (unsigned i = 0; call->kinds[i] && !good; i++) {
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
    bool pairs = !call->first && !alone;
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

static bool asked(unsigned index, char **names)
{
    bool any = !*names;
    for (; *names; names++) {
        unsigned part, parts;
        bool is_part = sscanf(*names, "%u/%u", &part, &parts) == 2 && parts;
        any |= is_part ? index % parts == part : strcmp(calls[index].title, *names) == 0;
    }
    return any;
}

/* Of which vfork() is none that a program could make by syscall(2): its child would take the frame that its parent
 * returns from. */
static void list_numbers(void)
{
    for (unsigned i = 0; i < CALLS; i++)
        if (calls[i].number >= 0)
            printf("%ld\n", calls[i].number);
#ifdef SYS_vfork
    printf("%d\n", SYS_vfork);
#endif
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "names") == 0) {
        for (unsigned i = 0; i < CALLS; i++)
            puts(calls[i].name);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "numbers") == 0) {
        list_numbers();
        return 0;
    }
    if (argc < 3)
        return 2;
    quick = strcmp(argv[2], "quick") == 0;
    alone = strcmp(argv[2], "alone") == 0;
    good = strcmp(argv[2], "good") == 0;
    filters = getenv("CALL_FILTERS");
    outcome = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(outcome == MAP_FAILED ? -1 : 0, "mmap");
    must(prctl(PR_SET_CHILD_SUBREAPER, 1), "prctl");
    sigemptyset(&ends);
    sigaddset(&ends, SIGCHLD);
    must(sigprocmask(SIG_BLOCK, &ends, NULL), "sigprocmask");
    argument_begin((unsigned)atoi(argv[1]));
    for (unsigned i = 0; i < CALLS; i++)
        if (number = i, asked(i, argv + 3))
            try_call(&calls[i]);
    return 0;
}
