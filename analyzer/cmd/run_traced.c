/* SPDX-License-Identifier: MIT
 *
 * Whether a process that is there belongs to this run, by what the kernel says of it and not by its records, which may
 * come later than a look at it: a forked child is there before anything of it can be recorded. Called by the thread
 * that looks for untraced peers. Changes nothing.
 */
#include "analyzer/cmd/run.h"

#include "shim/target.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static FILE *open_process(pid_t pid, const char *what)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, what);
    return fopen(path, "re");
}

/* The file name of a mapping, "" for one without a file. Its path is all that follows the inode. */
static const char *mapped_name(char *line)
{
    static const char deleted[] = " (deleted)";
    char *path = strchr(line, '/');
    if (!path)
        return "";
    path[strcspn(path, "\n")] = '\0';
    size_t size = strlen(path);
    if (size > sizeof deleted - 1 && strcmp(path + size - (sizeof deleted - 1), deleted) == 0)
        path[size - (sizeof deleted - 1)] = '\0';
    return strrchr(path, '/') + 1;
}

/* By its name, which no two logs share: the path is the process's own, in its own mount namespace. */
static bool is_log_of(const struct run_folder *folder, const char *name)
{
    struct stat status;
    if (!run_content_log(name) || strcmp(name, SOCKATLAS_RUN_NAME SOCKATLAS_SUFFIX) == 0)
        return false; /* `run`'s own is mapped by programs that have none */
    if (strncmp(name, SOCKATLAS_MEMORY_PREFIX, strlen(SOCKATLAS_MEMORY_PREFIX)) == 0)
        name += strlen(SOCKATLAS_MEMORY_PREFIX);
    return fstatat(folder->fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Whether its environment, as it was when its program began, makes that program record for this run; `off`: or would
 * but for SOCKATLAS_OFF. */
static bool is_told(pid_t pid, const struct run_preload *preload, bool off)
{
    char wanted[64], *entry = NULL;
    size_t capacity = 0;
    bool ours = false, switched_off = false;
    FILE *environment = open_process(pid, "environ");
    if (!environment)
        return false;
    snprintf(wanted, sizeof wanted, "SOCKATLAS_RUN=%016" PRIx64 "%016" PRIx64, preload->id[0], preload->id[1]);
    while (getdelim(&entry, &capacity, '\0', environment) > 0) {
        ours = ours || strcmp(entry, wanted) == 0;
        switched_off = switched_off || strcmp(entry, "SOCKATLAS_OFF=1") == 0;
    }
    free(entry);
    fclose(environment);
    return ours && (off || !switched_off);
}

bool run_traced_told(pid_t pid, const struct run_preload *preload)
{
    return is_told(pid, preload, true);
}

/* Whether its program makes system calls that the shim does not see, though the shim is loaded. */
static bool calls_unseen(pid_t pid, const struct run_preload *preload)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    return !preload->patcher && target_untraced(AT_FDCWD, path, preload->shim) == SOCKATLAS_UNTRACED_GO;
}

enum run_traced run_traced(pid_t pid, const struct run_preload *preload)
{
    const char *shim = strrchr(preload->shim, '/');
    shim = shim ? shim + 1 : preload->shim;
    char *line = NULL;
    size_t capacity = 0;
    bool any = false, log = false, loaded = false;
    FILE *maps = open_process(pid, "maps");
    if (!maps)
        return RUN_TRACED_UNKNOWN;
    while (!log && getline(&line, &capacity, maps) > 0) {
        const char *name = mapped_name(line);
        any = true;
        loaded = loaded || strcmp(name, shim) == 0;
        log = is_log_of(preload->folder, name);
    }
    free(line);
    fclose(maps);
    if (!any) /* it has ended, or is between two programs */
        return RUN_TRACED_UNKNOWN;
    if (log)
        return RUN_TRACED;
    return loaded && is_told(pid, preload, false) && !calls_unseen(pid, preload) ? RUN_TRACED_NO_LOG : RUN_TRACED_NOT;
}

unsigned run_traced_count(const struct run_preload *preload)
{
    unsigned count = 0;
    DIR *processes = opendir("/proc");
    for (const struct dirent *entry; processes && (entry = readdir(processes));)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
            count += (pid_t)strtol(entry->d_name, NULL, 10) != getpid() &&
                     run_traced((pid_t)strtol(entry->d_name, NULL, 10), preload) == RUN_TRACED;
    if (processes)
        closedir(processes);
    return count;
}
