/* SPDX-License-Identifier: MIT
 *
 * `sockatlas attach`: makes processes that run record into a trace folder, and ends. They go on recording; so do their
 * children to come.
 */
#include "analyzer/attach/attach.h"

#include "analyzer/cmd/attach.h"
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/recording.h"
#include "analyzer/cmd/run.h"
#include "analyzer/cmd/usage.h"
#include "analyzer/trace/complaint.h"
#include "analyzer/trace/text.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct options {
    struct recording recording;
    struct attach_pids pids;
};

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct options *options = state->input;
    (void)value;
    if (key != ARGP_KEY_INIT)
        return ARGP_ERR_UNKNOWN;
    state->child_inputs[1] = &options->recording;
    state->child_inputs[2] = &options->pids;
    return 0;
}

static const struct argp_child children[] = {USAGE_CHILD, RECORDING_CHILD, ATTACH_PIDS_CHILD, {0}};

static const struct argp attach_argp = {
    .parser = parse,
    .children = children,
    .args_doc = "PID...",
    .doc = "Records the socket calls of processes that run already, from now on, and what sockets they have open.\v"
           "The processes, and children that they make from now on, record until they end or `sockatlas detach`. A DIR "
           "that is still recorded into is added to; another trace that stands there is kept as DIR.old. A process "
           "that cannot be attached to is left as it is, and the reason printed.\n\n"
           "Exit status: 0 all are recorded, 1 some are not, 125 the trace could not be set up, 2 usage.\n\n"
           "Examples:\n"
           "  sockatlas attach $(pidof redis-server)\n"
           "  sockatlas attach --children $(cat /run/nginx.pid)",
};

/* Opens the folder and, where it is a new one, its log of what is known from outside. */
static bool prepare(const struct recording *options, struct run_preload *preload, struct run_folder *folder,
                    char *const *argv, const char *title)
{
    bool joined;
    if (!run_folder_join(folder, options->dir, title, &joined))
        return false;
    preload->folder = folder;
    if (joined && options->across_users && !folder->across_users) {
        complain_line("%s: %s: was begun without --across-users; choose another folder with -d", title,
                      text_name(options->dir));
        return false;
    }
    if (joined)
        return true;
    if (!run_folder_prepare(folder, options->dir, options->across_users, title))
        return false;
    struct run_log *log = run_log_open(preload, argv);
    if (!log)
        complain_line("%s: %s/run%s: %s", title, folder->path, SOCKATLAS_SUFFIX, strerror(errno));
    run_hosts(log);
    run_log_close(log);
    return true;
}

/* How many could not be attached to. */
static unsigned attach_all(const struct attach_pids *pids, const struct attach_plan *plan, const char *title)
{
    unsigned failed = 0;
    for (unsigned i = 0; i < pids->count; i++) {
        struct attach_answer answer;
        const char *comm = attach_pids_comm(pids->pids[i]);
        attach_signals_hold();
        bool good = attach_begin(pids->pids[i], plan, &answer);
        attach_signals_release();
        failed += !good;
        if (good)
            complain_line("%s: %d (%s): recorded into %s, with %d socket%s open", title, (int)pids->pids[i], comm,
                          text_name(plan->folder), answer.sockets, answer.sockets == 1 ? "" : "s");
        else
            complain_line("%s: %d (%s): %s", title, (int)pids->pids[i], comm, answer.why);
    }
    return failed;
}

/* Takes out those that cannot be attached to whatever is tried, and says why: a trace that stands in the folder is not
 * moved away for them. How many. */
static unsigned leave_out(struct attach_pids *pids, const char *shim, const char *title)
{
    char musl[PATH_MAX];
    struct attach_plan plan = {.shim = shim, .shim_musl = run_shim_musl(shim, musl) ? musl : NULL};
    unsigned kept = 0, count = pids->count;
    for (unsigned i = 0; i < count; i++) {
        struct attach_answer answer;
        if (attach_look(pids->pids[i], &plan, &answer))
            pids->pids[kept++] = pids->pids[i];
        else
            complain_line("%s: %d (%s): %s", title, (int)pids->pids[i], attach_pids_comm(pids->pids[i]), answer.why);
    }
    pids->count = kept;
    return count - kept;
}

static void add_setting(struct run_settings *to, const char *name, const char *value)
{
    if (value && *value && asprintf(&to->entries[to->count++], "%s=%s", name, value) < 0)
        abort();
}

/* `shim`: the file for the processes themselves; the preload's may be one for each word size, for their children. */
static unsigned attach_with(const struct options *options, const struct run_preload *preload, const char *shim,
                            const char *title)
{
    struct run_settings settings;
    run_command_settings(&settings, preload);
    add_setting(&settings, "LD_PRELOAD", preload->shim);
    add_setting(&settings, "SOCKATLAS_LIMIT", getenv("SOCKATLAS_LIMIT"));
    add_setting(&settings, "SOCKATLAS_IO", getenv("SOCKATLAS_IO"));
    char musl[PATH_MAX];
    struct attach_plan plan = {.shim = shim,
                               .shim_musl = run_shim_musl(shim, musl) ? musl : NULL,
                               .folder = preload->folder->path,
                               .folder_fd = preload->folder->fd,
                               .settings = (const char *const *)settings.entries};
    unsigned failed = attach_all(&options->pids, &plan, title);
    for (unsigned i = 0; i < settings.count; i++)
        free(settings.entries[i]);
    return failed;
}

int cmd_attach(int argc, char **argv)
{
    struct options options = {.recording.dir = RECORDING_DIR};
    const char *title = argv[0];
    char shim[PATH_MAX], preloaded[PATH_MAX];
    usage_parse(&attach_argp, argc, argv, 0, &options);
    if (!options.pids.count) {
        complain_line("%s: no process given; `%s --help` tells more", title, title);
        return CMD_USAGE;
    }
    if (!run_shim_limit_ready(title) || !run_shim_ready(shim, title))
        return RUN_FAILED;
    struct run_folder folder;
    memcpy(preloaded, shim, sizeof preloaded);
    run_target_preload(preloaded);
    struct run_preload preload = {.shim = preloaded, .no_cmdline = options.recording.no_cmdline, .filters = 0};
    if (getrandom(preload.id, sizeof preload.id, 0) != (ssize_t)sizeof preload.id)
        memset(preload.id, 0, sizeof preload.id);
    if (options.pids.children)
        attach_pids_descend(&options.pids);
    unsigned failed = leave_out(&options.pids, shim, title);
    if (options.pids.count) {
        if (!prepare(&options.recording, &preload, &folder, argv, title))
            return RUN_FAILED;
        failed += attach_with(&options, &preload, shim, title);
        run_folder_close(&folder);
    }
    attach_pids_free(&options.pids);
    return failed ? CMD_UNREADABLE : CMD_DONE;
}
