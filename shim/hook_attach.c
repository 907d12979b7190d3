/* SPDX-License-Identifier: MIT
 *
 * What `sockatlas attach` and `detach` call in a process that runs: by ptrace(2), in a thread that waits in a system
 * call, on a stack that they brought along. No program calls these; their names are in no libc.
 */
#include "shim/config.h"
#include "shim/coverage.h"
#include "shim/got.h"
#include "shim/hook.h"
#include "shim/load.h"
#include "shim/loader.h"
#include "shim/log_file.h"
#include "shim/site_redirect.h"
#include "shim/snapshot.h"
#include "shim/watch.h"

#include <string.h>

int sockatlas_attach(char *const *settings, char *why, size_t size);
int sockatlas_detach(char *why, size_t size);

static int refuse(const char *reason, char *why, size_t size)
{
    size_t length = strlen(reason) < size ? strlen(reason) : size - 1;
    memcpy(why, reason, length);
    why[length] = 0;
    return -1;
}

/* The log is made before anything is changed: without one there is nothing to attach for. */
static bool make_log(void)
{
    log_try_again();
    process_prepare();
    log_prepare();
    config.log_given = 0; /* its descriptor is closed when this returns */
    return log_is_open();
}

/* Begins to record. `settings`: entries NAME=VALUE as in an environment, the last one NULL. How many sockets are open;
 * -1: nothing was changed, and `why`, of `size` bytes, has the reason. */
HOOK int sockatlas_attach(char *const *settings, char *why, size_t size)
{
    load_ready();
    if (config.on && (!config.late || config.attached))
        return refuse("it is traced already", why, size);
    sandbox_ask_again();
    if (sandbox_inside())
        return refuse("it is in a seccomp sandbox, which may kill it for what the shim asks of the kernel", why, size);
    if (!config_attach(settings, why, size))
        return -1;
    if (log_is_open() && !log_file_is_in(&config.folder)) {
        config.on = false;
        return refuse("an earlier attach began its log, which goes on to the process's end, in another folder", why,
                      size);
    }
    if (!make_log()) {
        config.on = false;
        return refuse("no log can be made in the trace folder", why, size);
    }
    coverage_record(SOCKATLAS_CALL_attach, SOCKATLAS_COVERAGE_ATTACHED,
                    "attached to while it ran: what it did before is not known");
    if (!config.patched && site_redirect_is_go())
        coverage_record(SOCKATLAS_CALL_attach, SOCKATLAS_COVERAGE_UNTRACED_CHILD,
                        "a Go program that was attached to: of it only what goes through the C library is seen");
    loader_watch();
    got_redirect();
    return (int)snapshot_begin();
}

/* Ends it. 0; -1: it is not recorded, and `why` says so. Wrappers that other threads are in return as ever. */
HOOK int sockatlas_detach(char *why, size_t size)
{
    load_ready();
    if (!config.on)
        return refuse("it is not traced", why, size);
    got_restore();
    snapshot_end();
    coverage_record(SOCKATLAS_CALL_detach, SOCKATLAS_COVERAGE_DETACHED,
                    "detached from: what it did afterwards is not known");
    __atomic_store_n(&config.on, false, __ATOMIC_RELEASE);
    snapshot_forget();
    return 0;
}
