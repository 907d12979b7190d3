/* SPDX-License-Identifier: MIT
 *
 * The kernel's notices of ended sockets, for `run`: read for all sockets of the network where they were asked for, else
 * from when something of the run is known not to be traced. What the shim tells goes before what they do.
 */
#include "analyzer/cmd/run.h"

#include "analyzer/cmd/notice_log.h"
#include "analyzer/trace/complaint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct run_notices {
    struct notice_rules rules;
    const struct run_preload *preload;
    struct notice_log *log; /* NULL: not read */
    bool begun;
    bool refused; /* they could not be read */
    const char *title;
};

/* Where nothing was asked for, only who is of the run is looked at. */
static bool of_the_run(void *context, pid_t pid)
{
    return run_traced_told(pid, context);
}

static void open_log(struct run_notices *notices)
{
    notices->log = notice_log_open(&notices->rules);
    notices->refused = notices->log == NULL;
    if (notices->refused && notices->rules.why == SOCKATLAS_NOTICES_ASKED)
        complain_line("%s: the kernel's notices of ended sockets cannot be read: %s", notices->title, strerror(errno));
}

struct run_notices *run_notices_open(const struct run_preload *preload, bool asked, size_t buffer, const char *title)
{
    struct run_notices *notices = calloc(1, sizeof *notices);
    if (!notices)
        return NULL;
    notices->preload = preload;
    notices->title = title;
    notices->rules = (struct notice_rules){.dir = preload->folder->dir,
                                           .why = asked ? SOCKATLAS_NOTICES_ASKED : SOCKATLAS_NOTICES_OWN,
                                           .buffer = buffer,
                                           .id = {preload->id[0], preload->id[1]},
                                           .no_cmdline = preload->no_cmdline,
                                           .named = asked ? NULL : of_the_run,
                                           .context = (void *)preload};
    /* A filter that kills for what the shim asks kills for what the reader asks, too. */
    notices->refused = !asked && preload->killed_by;
    if (asked)
        open_log(notices);
    return notices;
}

void run_notices_begin(struct run_notices *notices)
{
    if (!notices || !notices->log || notices->begun)
        return;
    notices->begun = notice_log_begin(notices->log);
}

void run_notices_need(struct run_notices *notices)
{
    if (!notices || notices->log || notices->refused)
        return;
    open_log(notices);
    run_notices_begin(notices);
}

void run_notices_end(struct run_notices *notices, struct run_report *report)
{
    if (!notices)
        return;
    struct notice_counts counts = notice_log_end(notices->log);
    report->notices_asked = notices->rules.why == SOCKATLAS_NOTICES_ASKED && !notices->refused;
    report->notices_lost = counts.lost;
    report->notices_late = counts.late;
    free(notices);
}
