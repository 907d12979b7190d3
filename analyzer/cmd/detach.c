/* SPDX-License-Identifier: MIT
 *
 * `sockatlas detach`: makes processes stop recording. Their slots lead to libc again; the shim stays loaded, and idle.
 */
#include "analyzer/attach/attach.h"

#include "analyzer/cmd/attach.h"
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/usage.h"
#include "analyzer/trace/complaint.h"

#include <argp.h>
#include <stdio.h>

static error_t parse(int key, char *value, struct argp_state *state)
{
    (void)value;
    if (key != ARGP_KEY_INIT)
        return ARGP_ERR_UNKNOWN;
    state->child_inputs[1] = state->input;
    return 0;
}

static const struct argp_child children[] = {USAGE_CHILD, ATTACH_PIDS_CHILD, {0}};

static const struct argp detach_argp = {
    .parser = parse,
    .children = children,
    .args_doc = "PID...",
    .doc = "Stops the recording of processes that `sockatlas attach` or `run` began. What was recorded stays.\v"
           "How each open socket stands is recorded last. The process may be attached to again.\n\n"
           "Exit status: 0 none is recorded any more, 1 some still are or never were, 2 usage.\n\n"
           "Examples:\n"
           "  sockatlas detach $(pidof redis-server)\n"
           "  sockatlas detach --children $(cat /run/nginx.pid)",
};

int cmd_detach(int argc, char **argv)
{
    struct attach_pids pids = {.children = false};
    const char *title = argv[0];
    unsigned failed = 0;
    usage_parse(&detach_argp, argc, argv, 0, &pids);
    if (!pids.count) {
        complain_line("%s: no process given; `%s --help` tells more", title, title);
        return CMD_USAGE;
    }
    if (pids.children)
        attach_pids_descend(&pids);
    for (unsigned i = 0; i < pids.count; i++) {
        struct attach_answer answer;
        pid_t pid = pids.pids[i];
        const char *comm = attach_pids_comm(pid);
        attach_signals_hold();
        bool good = attach_end(pid, &answer);
        attach_signals_release();
        failed += !good;
        if (good)
            complain_line("%s: %d (%s): no longer recorded", title, (int)pid, comm);
        else
            complain_line("%s: %d (%s): %s", title, (int)pid, comm, answer.why);
    }
    attach_pids_free(&pids);
    return failed ? CMD_UNREADABLE : CMD_DONE;
}
