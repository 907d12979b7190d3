/* SPDX-License-Identifier: MIT
 *
 * `sockatlas run`: starts a command with the shim preloaded, waits for it, leaves a trimmed trace and says in three
 * lines what is in it. Its exit status is the command's. While the command runs it sleeps.
 */
#include "analyzer/cmd/run.h"

#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/collect.h"
#include "analyzer/cmd/recording.h"
#include "analyzer/cmd/usage.h"
#include "analyzer/patch/patch.h"
#include "analyzer/trace/complaint.h"
#include "analyzer/trace/text.h"
#include "shim/target.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

struct options {
    struct recording recording;
    struct recording_kernel kernel;
    bool live;
    bool no_patch;
    char **command; /* NULL-terminated, the rest of argv */
};

enum { OPTION_LIVE = 256, OPTION_NO_PATCH };

static const struct argp_option option_table[] = {
    {"live", OPTION_LIVE, NULL, 0, "print the events on standard error as they happen", 0},
    {"no-patch", OPTION_NO_PATCH, NULL, 0, "do not follow Go programs and statically linked ones", 0},
    {0},
};

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct options *options = state->input;
    (void)value;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[1] = &options->recording;
        state->child_inputs[2] = &options->kernel;
        return 0;
    case OPTION_LIVE:
        options->live = true;
        return 0;
    case OPTION_NO_PATCH:
        options->no_patch = true;
        return 0;
    case ARGP_KEY_ARG:
        options->command = state->argv + state->next - 1;
        state->next = state->argc;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {USAGE_CHILD, RECORDING_CHILD, RECORDING_KERNEL_CHILD, {0}};

static const struct argp run_argp = {
    .options = option_table,
    .parser = parse,
    .children = children,
    .args_doc = "[--] CMD [ARG...]",
    .doc = "Runs CMD with the socket calls of it and of all its children recorded.\v"
           "A trace that stands in DIR already is kept as DIR.old. Children that outlive CMD go on recording.\n\n"
           "Exit status: CMD's own (killed by a signal: the same signal); 127 CMD not found, 126 not executable, "
           "125 the trace could not be set up (CMD was not started), 2 usage.\n\n"
           "Examples:\n"
           "  sockatlas run -- curl -s http://example.org/\n"
           "  sockatlas run --live -- ssh host true\n"
           "  sockatlas run -d /tmp/web ./start-everything.sh",
};

/* The same of a program without a libc to interpose on, which sockatlas-patch may know how to follow. */
static enum sockatlas_untraced unpatchable(const char *path)
{
    struct sites sites = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum sockatlas_untraced why = fd >= 0 ? sites_find(fd, &sites) : SOCKATLAS_UNTRACED_STATIC;
    sites_free(&sites);
    if (fd >= 0)
        close(fd);
    return why;
}

/* Says why the command's own program will not be traced, if so, and returns it. */
static enum sockatlas_untraced warn(const char *title, const char *command, const char *path,
                                    struct run_preload *preload)
{
    static const char *const reasons[] = {
        [SOCKATLAS_UNTRACED_STATIC] = "it is statically linked (children of it that are not, will be)",
        [SOCKATLAS_UNTRACED_SITES] = ("it makes its system calls without the C library's help, and not where they were "
                                      "expected (children of it that do not, will be)"),
        [SOCKATLAS_UNTRACED_SETUID] =
            "it runs with rights of its own (setuid, setgid or capabilities), and the loader ignores preloads then",
        [SOCKATLAS_UNTRACED_LIBC] = "its C library's loader does not preload",
        [SOCKATLAS_UNTRACED_CLASS] = "it is built for another machine or word size than libsockatlas.so",
        [SOCKATLAS_UNTRACED_SHIM] = "libsockatlas.so cannot be found by its path any more",
        [SOCKATLAS_UNTRACED_GO] =
            ("it is a Go program, which makes system calls without the C library (children of it that are none, "
             "will be)"),
    };
    const char *off = getenv("SOCKATLAS_OFF");
    bool refused = off && strcmp(off, "1") == 0;
    if (refused)
        complain_line("%s: SOCKATLAS_OFF=1 is set: nothing will be traced", title);
    enum sockatlas_untraced why = target_untraced(AT_FDCWD, path, preload->shim);
    bool loads = why == SOCKATLAS_UNTRACED_GO && preload->patcher;
    if (preload->patcher && (loads || why == SOCKATLAS_UNTRACED_STATIC)) {
        why = unpatchable(path);
        preload->patched = why == SOCKATLAS_TRACEABLE && !loads ? path : NULL;
    }
    if (why != SOCKATLAS_TRACEABLE)
        complain_line("%s: %s will not be traced: %s", title, command, reasons[why]);
    if (loads) /* the shim is in it, and puts why not into the trace by itself */
        why = SOCKATLAS_TRACEABLE;
    return refused ? SOCKATLAS_UNTRACED_REFUSED : why;
}

/* Runs the command, whose file is at `path`, into the preload's folder; the wait status, or -1 when it could not be
 * started. */
static int trace(const struct options *options, const struct run_preload *preload, const char *path,
                 enum sockatlas_untraced why, const char *title)
{
    struct run_report report = {.processes = 0};
    struct run_log *log = run_log_open(preload, options->command);
    if (!log)
        complain_line("%s: %s/run%s: %s", title, preload->folder->path, SOCKATLAS_SUFFIX, strerror(errno));
    struct run_notices *notices = run_notices_open(preload, options->kernel.wanted, options->kernel.buffer, title);
    struct run_unheard *unheard = run_unheard_open(preload);
    pid_t command = run_command_start(options->command, preload, title);
    if (command < 0) {
        complain_line("%s: fork: %s", title, strerror(errno));
        run_notices_end(notices, &report);
        run_unheard_end(unheard, log);
        run_log_close(log);
        return -1;
    }
    run_hosts(log);
    run_log_command(log, command, -1);
    run_log_unfollowed(log, path, why);
    if (preload->killed_by)
        run_log_sandbox(log, preload->killed_by);
    run_notices_begin(notices);
    run_unheard_begin(unheard);
    if (why != SOCKATLAS_TRACEABLE)
        run_notices_need(notices);
    struct run_live *live = options->live ? run_live_start(preload->folder) : NULL;
    if (options->live && !live)
        complain_line("%s: --live: %s", title, strerror(errno));
    struct run_untraced *untraced = run_untraced_start(preload, log, notices, unheard);
    struct collect_thread *collect = collect_thread_start(preload->folder->fd, preload->folder->path);
    if (!collect)
        complain_line("%s: what overwrites itself is not collected: %s", title, strerror(errno));
    int status = run_command_wait(command);
    collect_thread_end(collect);
    run_untraced_end(untraced);
    run_unheard_end(unheard, log);
    run_notices_end(notices, &report);
    run_log_folder(log);
    run_trim_half(preload->folder->dir, log);
    run_log_command(log, command, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
    run_live_end(live);
    run_report(&report, log, preload, &(struct run_ended){.command = command, .wait_status = status});
    run_log_close(log);
    report.in_memory = run_trim(preload->folder->dir);
    run_report_print(&report, preload->folder, options->recording.dir_given ? options->recording.dir : NULL);
    return status;
}

int cmd_run(int argc, char **argv)
{
    struct options options = {.recording.dir = RECORDING_DIR};
    const char *title = argv[0];
    char shim[PATH_MAX], patcher[PATH_MAX], path[PATH_MAX];
    usage_parse(&run_argp, argc, argv, ARGP_IN_ORDER, &options);
    if (!options.command) {
        complain_line("%s: no command given; `%s --help` tells more", title, title);
        return CMD_USAGE;
    }
    if (!run_shim_limit_ready(title) || !run_shim_ready(shim, title))
        return RUN_FAILED;
    bool patches = !options.no_patch && run_shim_patcher(shim, patcher);
    run_target_preload(shim);
    int status = run_target_find(options.command[0], path);
    if (status != 0) {
        complain(&(struct complaints){.count = 0}, "%s: %s: %s", title, text_name(options.command[0]),
                 status == RUN_NOT_FOUND ? "command not found" : strerror(errno));
        return status;
    }
    struct run_folder folder;
    if (!run_folder_prepare(&folder, options.recording.dir, options.recording.across_users, title))
        return RUN_FAILED;
    struct run_preload preload = {.shim = shim,
                                  .patcher = patches ? patcher : NULL,
                                  .folder = &folder,
                                  .no_cmdline = options.recording.no_cmdline,
                                  .filters = run_filter_count()};
    if (preload.filters != 0) /* what sockatlas-patch does has not been tried */
        preload.patcher = NULL;
    enum sockatlas_untraced why = warn(title, options.command[0], path, &preload);
    if (preload.filters > 0)
        preload.killed_by = run_filter_kills();
    if (preload.killed_by)
        fprintf(
            stderr,
            "%s: nothing will be traced: this runs under a seccomp filter that kills for %s(), which tracing needs\n",
            title, preload.killed_by);
    if (getrandom(preload.id, sizeof preload.id, 0) != (ssize_t)sizeof preload.id)
        memset(preload.id, 0, sizeof preload.id);
    int wait_status = trace(&options, &preload, path, why, title);
    run_folder_close(&folder);
    return wait_status < 0 ? RUN_FAILED : run_command_finish(wait_status);
}
