/* SPDX-License-Identifier: MIT
 *
 * Finds a thread that is where a call can be made in its place: in, or on its way into, a system call that waits
 * (waits.def), and not in a signal handler that came in the middle of something else. One thread is stopped at a time,
 * the others run. Called by attach.c.
 */
#include "analyzer/attach/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    PATIENCE_MS = 5000,   /* for a thread that waits to be found */
    STOP_MS = 1000,       /* for one to stop */
    STEPS_MS = 200,       /* for one to come to a call that waits */
    STACK_MOST = 1 << 20, /* of the stack that is looked through for handlers */
    RESTORERS_MAX = 16,
    SIGNAL_SET_SIZE = 8,
};

/* What the kernel returns from a call that a stop interrupted (include/linux/errno.h). */
enum { RESTART_NOINTR = 513, RESTART_NOHAND = 514 };

/* ---- Which calls ---- */

enum which { WHICH_ALWAYS, WHICH_FUTEX, WHICH_RECEIVE, WHICH_BLOCKED };
enum again { AGAIN_ALWAYS, AGAIN_ENDLESS, AGAIN_POINTER };

struct wait_call {
    long number;
    enum which which;
    enum again again;
    unsigned argument;
};

static const struct wait_call waits[] = {
#define WAIT(name, which, again, argument) {SYS_##name, WHICH_##which, AGAIN_##again, argument},
#ifndef SYS_poll /* newer processors have the later forms alone */
#define SYS_poll       (-2)
#define SYS_select     (-2)
#define SYS_epoll_wait (-2)
#define SYS_pause      (-2)
#endif
#include "analyzer/attach/waits.def"
#undef WAIT
};

static const struct wait_call *wait_find(long number)
{
    for (size_t i = 0; number >= 0 && i < sizeof waits / sizeof waits[0]; i++)
        if (waits[i].number == number)
            return &waits[i];
    return NULL;
}

static bool wait_fits(const struct wait_call *wait, const uint64_t arguments[CALL_ARGUMENTS], bool blocked)
{
    switch (wait->which) {
    case WHICH_FUTEX: /* a mutex is waited for by FUTEX_WAIT */
        return (arguments[1] & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET;
    case WHICH_RECEIVE:
        return !(arguments[wait->argument] & MSG_WAITALL);
    case WHICH_BLOCKED:
        return blocked;
    default:
        return true;
    }
}

/* Whether the program notices nothing of an interruption. */
static bool wait_goes_on(const struct wait_call *wait, const uint64_t arguments[CALL_ARGUMENTS])
{
    return wait->again == AGAIN_ALWAYS || (wait->again == AGAIN_ENDLESS && (int)arguments[wait->argument] < 0) ||
           (wait->again == AGAIN_POINTER && !arguments[wait->argument]);
}

/* ---- Where threads are ---- */

enum where { WHERE_UNFIT, WHERE_RUNNING, WHERE_NOTICES, WHERE_WAITS };

/* As /proc has it, without stopping it. */
static enum where where_is(pid_t pid, pid_t tid)
{
    char path[80], text[256];
    snprintf(path, sizeof path, "/proc/%d/task/%d/syscall", (int)pid, (int)tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (got <= 0)
        return WHERE_UNFIT;
    text[got] = '\0';
    if (strncmp(text, "running", 7) == 0)
        return WHERE_RUNNING;
    char *at = text;
    uint64_t arguments[CALL_ARGUMENTS];
    const struct wait_call *wait = wait_find(strtol(text, &at, 10));
    for (unsigned i = 0; i < CALL_ARGUMENTS; i++)
        arguments[i] = strtoull(at, &at, 16);
    if (!wait || !wait_fits(wait, arguments, true))
        return WHERE_UNFIT;
    return wait_goes_on(wait, arguments) ? WHERE_WAITS : WHERE_NOTICES;
}

/* ---- Signal handlers ---- */

/* The addresses of the code that handlers return to, in the object that holds `inside`. */
struct restorers {
    uint64_t at[RESTORERS_MAX];
    unsigned count;
    bool known;
};

static void search_code(struct restorers *out, const struct memory *memory, uint64_t start, uint64_t end)
{
    size_t size = end - start;
    unsigned char *code = malloc(size ? size : 1), *at = code;
    size_t got = code ? memory_part(memory, start, code, size) : 0;
    while (out->count < RESTORERS_MAX && code && arch_restorer_size &&
           (at = memmem(at, (size_t)(code + got - at), arch_restorer, arch_restorer_size))) {
        out->at[out->count++] = start + (uint64_t)(at - code);
        at++;
    }
    free(code);
}

/* In all executable mappings of files that are called like a C library. */
static void find_restorers(struct restorers *out, pid_t pid, const struct memory *memory)
{
    char path[64], *line = NULL;
    size_t capacity = 0;
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    FILE *maps = fopen(path, "re");
    *out = (struct restorers){.known = maps != NULL};
    while (maps && getline(&line, &capacity, maps) > 0) {
        uint64_t start, end;
        char mode[8];
        const char *name = strrchr(line, '/');
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &start, &end, mode) == 3 && mode[2] == 'x' && name &&
            (strncmp(name, "/libc", 5) == 0 || strncmp(name, "/ld-", 4) == 0 || strncmp(name, "/libpthread", 11) == 0))
            search_code(out, memory, start, end);
    }
    free(line);
    if (maps)
        fclose(maps);
}

/* Whether what a handler interrupted is a system call: then the thread is no less at one than without it. */
static bool interrupted_call(const struct memory *memory, uint64_t pc)
{
    unsigned char code[16];
    size_t size = arch_call_code_size;
    return size <= sizeof code / 2 && memory_get(memory, pc - size, code, 2 * size) &&
           (memcmp(code, arch_call_code, size) == 0 || memcmp(code + size, arch_call_code, size) == 0);
}

/* Whether the word at `at` on the stack begins a handler's frame, of one that interrupted something else. What is left
 * of a former frame looks the same: then another thread, or another time, is taken. */
static bool is_handler(const struct memory *memory, uint64_t at, const struct restorers *restorers, uint64_t word)
{
    uint64_t stack, pc;
    bool returns = false;
    for (unsigned i = 0; i < restorers->count; i++)
        returns |= restorers->at[i] == word;
    return returns && memory_get(memory, at + arch_frame_stack, &stack, sizeof stack) &&
           memory_get(memory, at + arch_frame_pc, &pc, sizeof pc) && stack > at && pc && !interrupted_call(memory, pc);
}

static bool in_handler(const struct target *target, const struct restorers *restorers)
{
    uint64_t at = arch_stack(&target->state);
    uint64_t words[512];
    for (size_t done = 0; done < STACK_MOST;) {
        size_t got = memory_part(&target->memory, at, words, sizeof words) / sizeof words[0];
        for (size_t i = 0; i < got; i++)
            if (is_handler(&target->memory, at + i * sizeof words[0], restorers, words[i]))
                return true;
        if (got < sizeof words / sizeof words[0])
            break;
        at += sizeof words;
        done += sizeof words;
    }
    return false;
}

/* ---- Stopping one ---- */

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void rest(long microseconds)
{
    nanosleep(&(struct timespec){.tv_nsec = microseconds * 1000}, NULL);
}

int stop_wait(pid_t tid, int patience_ms)
{
    int status;
    if (patience_ms < 0)
        return waitpid(tid, &status, __WALL) == tid && WIFSTOPPED(status) ? status : -1;
    for (uint64_t end = now_ms() + (uint64_t)patience_ms;;) {
        pid_t got = waitpid(tid, &status, __WALL | WNOHANG);
        if (got != 0)
            return got == tid && WIFSTOPPED(status) ? status : -1;
        if (now_ms() > end)
            return 0;
        rest(50);
    }
}

/* The signal that a stop is the delivery of, which is passed on; 0: it is a stop of ptrace's own. */
static long signal_of(int status)
{
    int signal = WSTOPSIG(status);
    return status >> 16 || signal == (SIGTRAP | 0x80) ? 0 : signal;
}

/* Lets a thread go that was not fit. */
static bool leave(struct target *target, long signal)
{
    ptrace(PTRACE_DETACH, target->tid, NULL, (void *)signal);
    target->tid = 0;
    return false;
}

static bool takes_this(struct target *target, const struct restorers *restorers)
{
    const struct symbols *symbols = &target->symbols;
    uint64_t pc = arch_pc(&target->state);
    return !(pc >= symbols->loader && pc < symbols->loader_end) && !in_handler(target, restorers) &&
           !symbols_loading(symbols, &target->memory);
}

static const struct wait_call *call_of(const struct target *target, bool blocked)
{
    const struct wait_call *wait = wait_find(arch_call_number(&target->state));
    uint64_t arguments[CALL_ARGUMENTS];
    for (unsigned i = 0; i < CALL_ARGUMENTS; i++)
        arguments[i] = arch_call_argument(&target->state, i);
    return wait && wait_fits(wait, arguments, blocked) ? wait : NULL;
}

/* The thread was stopped in a call that waits, or at the end of one: how it is to go on. */
static void settle_result(struct target *target, const struct wait_call *wait)
{
    uint64_t arguments[CALL_ARGUMENTS];
    for (unsigned i = 0; i < CALL_ARGUMENTS; i++)
        arguments[i] = arch_call_argument(&target->state, i);
    if (arch_call_result(&target->state) == -EINTR && wait_goes_on(wait, arguments))
        arch_call_set_result(&target->state, -RESTART_NOHAND);
}

/* From one system call to the next, up to the beginning of one that waits. False: it did not come to one, and runs. */
static bool step_to_wait(struct target *target, const struct restorers *restorers, long signal)
{
    uint64_t end = now_ms() + STEPS_MS;
    struct __ptrace_syscall_info info;
    while (now_ms() < end) {
        if (ptrace(PTRACE_SYSCALL, target->tid, NULL, (void *)signal) < 0)
            return leave(target, 0);
        int status = stop_wait(target->tid, STEPS_MS);
        if (status == 0) { /* it computes, or waits where it cannot be used */
            ptrace(PTRACE_INTERRUPT, target->tid, NULL, NULL);
            status = stop_wait(target->tid, STOP_MS);
            return leave(target, status > 0 ? signal_of(status) : 0);
        }
        if (status < 0) {
            target->tid = 0;
            return false;
        }
        signal = signal_of(status);
        if (WSTOPSIG(status) != (SIGTRAP | 0x80) ||
            ptrace(PTRACE_GET_SYSCALL_INFO, target->tid, sizeof info, &info) <= 0 ||
            info.op != PTRACE_SYSCALL_INFO_ENTRY)
            continue;
        if (!arch_get(target->tid, &target->state) || !call_of(target, false) || !takes_this(target, restorers))
            continue;
        if (!arch_call_skip(target->tid) || ptrace(PTRACE_SYSCALL, target->tid, NULL, NULL) < 0 ||
            stop_wait(target->tid, STOP_MS) <= 0)
            return leave(target, 0);
        arch_call_set_result(&target->state, -RESTART_NOINTR);
        return true;
    }
    return leave(target, signal);
}

/* Stops the thread; true: it is where a call can be made. */
static bool stop_one(struct target *target, pid_t tid, const struct restorers *restorers, bool steps)
{
    if (ptrace(PTRACE_SEIZE, tid, NULL, (void *)PTRACE_O_TRACESYSGOOD) < 0) {
        target->error = errno == ESRCH ? 0 : errno; /* a thread may end at any time */
        return false;
    }
    target->tid = tid;
    ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
    int status = stop_wait(tid, STOP_MS);
    if (status <= 0)
        return leave(target, 0);
    const struct wait_call *wait = NULL;
    bool stopped = status >> 16 == PTRACE_EVENT_STOP && WSTOPSIG(status) == SIGTRAP;
    if (stopped && arch_get(tid, &target->state) && (wait = call_of(target, true)) && takes_this(target, restorers)) {
        settle_result(target, wait);
        return true;
    }
    return steps ? step_to_wait(target, restorers, signal_of(status)) : leave(target, signal_of(status));
}

/* ---- Finding one ---- */

/* All threads, the first one first; returns how many. */
static unsigned list_threads(pid_t pid, pid_t **out)
{
    char path[64];
    unsigned count = 0, capacity = 0;
    *out = NULL;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    for (const struct dirent *entry; threads && (entry = readdir(threads));) {
        if (entry->d_name[0] == '.')
            continue;
        if (count == capacity) {
            pid_t *larger = realloc(*out, (capacity = capacity * 2 + 16) * sizeof **out);
            if (!larger)
                abort();
            *out = larger;
        }
        (*out)[count++] = (pid_t)strtol(entry->d_name, NULL, 10);
    }
    if (threads)
        closedir(threads);
    return count;
}

/* One round: threads that notice nothing first, then, `anyhow`, those that run and those that would see EINTR. */
static bool try_all(struct target *target, const struct restorers *restorers, bool anyhow)
{
    static const enum where order[] = {WHERE_WAITS, WHERE_RUNNING, WHERE_NOTICES};
    pid_t *threads;
    unsigned count = list_threads(target->pid, &threads);
    bool found = false;
    for (size_t kind = 0; kind < (anyhow ? sizeof order / sizeof order[0] : 1) && !found; kind++)
        for (unsigned i = 0; i < count && !found; i++)
            found = !target->error && where_is(target->pid, threads[i]) == order[kind] &&
                    stop_one(target, threads[i], restorers, order[kind] == WHERE_RUNNING);
    free(threads);
    return found;
}

/* Signals wait meanwhile, but those that the called functions' own faults would raise. */
static bool hold_signals(struct target *target)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};
    uint64_t all = UINT64_MAX;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        all &= ~(UINT64_C(1) << (faults[i] - 1));
    target->masked = ptrace(PTRACE_GETSIGMASK, target->tid, (void *)SIGNAL_SET_SIZE, &target->mask) == 0 &&
                     ptrace(PTRACE_SETSIGMASK, target->tid, (void *)SIGNAL_SET_SIZE, &all) == 0;
    return target->masked;
}

/* For how long only threads that notice nothing are taken. */
enum { GENTLY_ROUNDS = 8 };

bool stop_thread(struct target *target, char *why)
{
    struct restorers restorers;
    find_restorers(&restorers, target->pid, &target->memory);
    if (!restorers.known)
        return refuse(why, "its memory map cannot be read");
    target->tid = 0;
    target->masked = false;
    target->error = 0;
    uint64_t end = now_ms() + PATIENCE_MS;
    for (unsigned round = 0; now_ms() < end; round++) {
        if (!look_forking(target->pid) && try_all(target, &restorers, round >= GENTLY_ROUNDS)) {
            if (hold_signals(target))
                return true;
            stop_end(target);
        }
        if (target->error || kill(target->pid, 0) < 0)
            return look_refused(target->pid, target->error ? target->error : errno, why);
        rest(round < 100 ? 500 : 5000);
    }
    return refuse(why, "none of its threads came to a system call that waits within %d s", PATIENCE_MS / 1000);
}

void stop_end(struct target *target)
{
    if (!target->tid)
        return;
    arch_put(target->tid, &target->state);
    if (target->masked)
        ptrace(PTRACE_SETSIGMASK, target->tid, (void *)SIGNAL_SET_SIZE, &target->mask);
    ptrace(PTRACE_DETACH, target->tid, NULL, NULL);
    target->tid = 0;
}
