/* SPDX-License-Identifier: MIT
 *
 * Starting the command, standing between it and whoever signals `run`, and ending as it did. The command stays in the
 * caller's process group: the terminal's job control reaches both, so nothing here stops, continues or sets the
 * foreground.
 */
#include "analyzer/cmd/run.h"
#include "analyzer/trace/complaint.h"
#include "shim/launch.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static sigset_t held;     /* what run_command_wait() takes */
static sigset_t mask_was; /* the caller's mask and SIGCHLD disposition, which the command gets */
static struct sigaction child_was;

static void hold_signals(void)
{
    static const int left_alone[] = {SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT, SIGSEGV, SIGBUS,
                                     SIGILL,  SIGFPE,  SIGTRAP, SIGABRT, SIGSYS};
    sigfillset(&held);
    for (size_t i = 0; i < sizeof left_alone / sizeof left_alone[0]; i++)
        sigdelset(&held, left_alone[i]);
    sigprocmask(SIG_BLOCK, &held, &mask_was);
    /* With SIGCHLD ignored the kernel would reap the command, and its status with it. */
    sigaction(SIGCHLD, &(struct sigaction){.sa_handler = SIG_DFL}, &child_was);
}

/* Entries of LD_PRELOAD are separated by colons or spaces. `entry` may also be there by its own word size's path, as
 * without "$LIB/". */
static bool is_listed(const char *list, const char *entry)
{
    size_t size = strlen(entry);
    const char *choice = strstr(entry, "$LIB/");
    if (choice) {
        char plain[PATH_MAX];
        snprintf(plain, sizeof plain, "%.*s%s", (int)(choice - entry), entry, choice + strlen("$LIB/"));
        if (is_listed(list, plain))
            return true;
    }
    for (const char *at = list + strspn(list, ": "); *at; at += strspn(at, ": ")) {
        size_t length = strcspn(at, ": ");
        if (length == size && memcmp(at, entry, size) == 0)
            return true;
        at += length;
    }
    return false;
}

static void add(struct run_settings *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct run_settings *to, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (to->count == RUN_SETTINGS_MAX || vasprintf(&to->entries[to->count++], format, arguments) < 0)
        abort();
    va_end(arguments);
}

/* Each traced image finds the folder by its path, and knows it by its device and inode (config.c of the shim). */
void run_command_settings(struct run_settings *out, const struct run_preload *preload)
{
    const struct run_folder *folder = preload->folder;
    *out = (struct run_settings){.count = 0};
    add(out, "SOCKATLAS_DIR=%s", folder->path);
    add(out, "SOCKATLAS_FOLDER=%" PRIu64 ":%" PRIu64 ":%s", folder->device, folder->inode, folder->path);
    add(out, "SOCKATLAS_RUN=%016" PRIx64 "%016" PRIx64, preload->id[0], preload->id[1]);
    if (folder->across_users)
        add(out, "SOCKATLAS_ACROSS_USERS=1");
    if (preload->no_cmdline)
        add(out, "SOCKATLAS_NO_CMDLINE=1");
    add(out, "SOCKATLAS_PATCH=%s", preload->patcher ? preload->patcher : "0");
    if (preload->killed_by)
        add(out, "SOCKATLAS_OFF=1");
    else if (preload->filters >= 0)
        add(out, "SOCKATLAS_FILTERS=%d", preload->filters);
}

/* Ours goes last: an allocator or a sanitizer that must come first stays first. */
static bool set_environment(const struct run_preload *preload)
{
    const char *others = getenv("LD_PRELOAD");
    struct run_settings settings;
    run_command_settings(&settings, preload);
    if (preload->filters < 0 && unsetenv("SOCKATLAS_FILTERS") < 0)
        return false;
    for (unsigned i = 0; i < settings.count; i++)
        if (putenv(settings.entries[i]) != 0)
            return false;
    if (preload->killed_by)
        return true;
    if (!others || !*others)
        return setenv("LD_PRELOAD", preload->shim, 1) == 0;
    if (is_listed(others, preload->shim))
        return true;
    char *both;
    if (asprintf(&both, "%s:%s", others, preload->shim) < 0)
        return false;
    bool set = setenv("LD_PRELOAD", both, 1) == 0;
    free(both);
    return set;
}

/* AddressSanitizer's runtime, where it is a library, refuses to start when another one was loaded before it, as ours
 * is. It works behind ours all the same: what we stand in for is handed on to it. */
static bool let_sanitizer_start(void)
{
    static const char option[] = "verify_asan_link_order";
    const char *others = getenv("ASAN_OPTIONS");
    if (!others || !*others)
        return setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1) == 0;
    if (strstr(others, option))
        return true;
    char *both;
    if (asprintf(&both, "%s:%s=0", others, option) < 0)
        return false;
    bool set = setenv("ASAN_OPTIONS", both, 1) == 0;
    free(both);
    return set;
}

pid_t run_command_start(char *const *argv, const struct run_preload *preload, const char *title)
{
    hold_signals();
    pid_t command = fork();
    if (command != 0)
        return command;
    sigaction(SIGCHLD, &child_was, NULL);
    sigprocmask(SIG_SETMASK, &mask_was, NULL);
    if (!set_environment(preload) || !let_sanitizer_start()) {
        complain_line("%s: %s", title, strerror(errno));
        _exit(RUN_FAILED);
    }
    struct launch launch = {.pipe = -1};
    if (preload->patched && !preload->killed_by &&
        launch_begin(&launch, preload->patcher, preload->patched) != SOCKATLAS_TRACEABLE)
        complain_line("%s: %s will not be traced: sockatlas-patch cannot follow it", title, argv[0]);
    execvp(argv[0], argv);
    int status = errno == ENOENT ? RUN_NOT_FOUND : RUN_NOT_EXECUTABLE;
    complain_line("%s: %s: %s", title, argv[0], strerror(errno));
    _exit(status);
}

/* The kernel's own signals (si_code > 0: the terminal's keys, a changed window) went to the whole foreground group;
 * only a hangup goes to the session's leader alone. */
static bool reached_command(const siginfo_t *signal)
{
    return signal->si_code > 0 && !(signal->si_signo == SIGHUP && getsid(0) == getpid());
}

/* The command is no more, and signals act on `run` alone, as they would on any program. Those that had reached the
 * command as well were meant for it; another one that came since the last look was not. */
static void release_signals(void)
{
    siginfo_t signal;
    int number;
    sigset_t late;
    sigemptyset(&late);
    while ((number = sigtimedwait(&held, &signal, &(struct timespec){0})) > 0)
        if (number != SIGCHLD && !reached_command(&signal))
            sigaddset(&late, number);
    for (number = 1; number < NSIG; number++)
        if (sigismember(&late, number) == 1)
            raise(number);
    sigprocmask(SIG_SETMASK, &mask_was, NULL);
}

int run_command_wait(pid_t command)
{
    for (;;) {
        siginfo_t signal;
        int number = sigwaitinfo(&held, &signal), status;
        if (number < 0)
            continue; /* EINTR: stopped and continued */
        bool meant = number != SIGCHLD && !reached_command(&signal);
        /* A lower number is told of first, and what comes once the command is dead is not for it. */
        if (waitpid(command, &status, WNOHANG) == command) {
            if (meant)
                raise(number);
            release_signals();
            return status;
        }
        if (meant && signal.si_code == SI_QUEUE)
            sigqueue(command, number, signal.si_value);
        else if (meant)
            kill(command, number);
    }
}

int run_command_finish(int wait_status)
{
    if (!WIFSIGNALED(wait_status))
        return WEXITSTATUS(wait_status);
    int number = WTERMSIG(wait_status);
    sigset_t only;
    fflush(NULL);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0}); /* the command's core is the one wanted */
    sigaction(number, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    sigemptyset(&only);
    sigaddset(&only, number);
    sigprocmask(SIG_UNBLOCK, &only, NULL);
    raise(number);
    return 128 + number; /* the signal does not kill an init process */
}
