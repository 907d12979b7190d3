/* SPDX-License-Identifier: MIT
 *
 * Processes by number, with their descendants. Called by attach.c and detach.c.
 */
#include "analyzer/cmd/attach.h"

#include "analyzer/cmd/usage.h"
#include "analyzer/trace/text.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has(const struct attach_pids *pids, pid_t pid)
{
    for (unsigned i = 0; i < pids->count; i++)
        if (pids->pids[i] == pid)
            return true;
    return false;
}

static void add(struct attach_pids *pids, pid_t pid)
{
    if (has(pids, pid))
        return;
    if (pids->count == pids->capacity) {
        pids->capacity = pids->capacity * 2 + 16;
        pid_t *larger = realloc(pids->pids, pids->capacity * sizeof *larger);
        if (!larger)
            abort();
        pids->pids = larger;
    }
    pids->pids[pids->count++] = pid;
}

static bool add_named(struct attach_pids *pids, const char *word)
{
    char *end;
    errno = 0;
    long pid = *word >= '0' && *word <= '9' ? strtol(word, &end, 10) : (end = (char *)word, 0);
    if (errno || *end || pid <= 0 || pid > INT_MAX)
        return false;
    add(pids, (pid_t)pid);
    return true;
}

enum { OPTION_CHILDREN = 0x4000 };

static const struct argp_option options[] = {{"children", OPTION_CHILDREN, NULL, 0, "and all their descendants", 0},
                                             {0}};

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct attach_pids *pids = state->input;
    switch (key) {
    case OPTION_CHILDREN:
        pids->children = true;
        return 0;
    case ARGP_KEY_ARG:
        if (!add_named(pids, value))
            usage_error(state, "%s: not a process's number", value);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp attach_pids_argp = {.options = options, .parser = parse};

/* 0 unknown. */
static pid_t parent_of(const char *pid)
{
    char path[300], text[512];
    snprintf(path, sizeof path, "/proc/%s/stat", pid);
    FILE *stat = fopen(path, "re");
    size_t got = stat ? fread(text, 1, sizeof text - 1, stat) : 0;
    if (stat)
        fclose(stat);
    text[got] = '\0';
    const char *at = strrchr(text, ')'); /* the end of comm, which may hold anything */
    return at && strlen(at) > 4 ? (pid_t)strtol(at + 4, NULL, 10) : 0;
}

void attach_pids_descend(struct attach_pids *pids)
{
    for (unsigned before = 0; before != pids->count;) {
        before = pids->count;
        DIR *processes = opendir("/proc");
        for (const struct dirent *entry; processes && (entry = readdir(processes));)
            if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && has(pids, parent_of(entry->d_name)))
                add(pids, (pid_t)strtol(entry->d_name, NULL, 10));
        if (processes)
            closedir(processes);
    }
}

void attach_pids_free(struct attach_pids *pids)
{
    free(pids->pids);
    *pids = (struct attach_pids){.pids = NULL};
}

const char *attach_pids_comm(pid_t pid)
{
    static char comm[32];
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    FILE *file = fopen(path, "re");
    comm[file ? fread(comm, 1, sizeof comm - 1, file) : 0] = '\0';
    if (file)
        fclose(file);
    comm[strcspn(comm, "\n")] = '\0';
    return comm[0] ? text_name(comm) : "?";
}

static sigset_t mask_was;

void attach_signals_hold(void)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGALRM, SIGTSTP, SIGTTOU, SIGTTIN};
    sigset_t held;
    sigemptyset(&held);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        sigaddset(&held, ends[i]);
    sigprocmask(SIG_BLOCK, &held, &mask_was);
}

void attach_signals_release(void)
{
    sigprocmask(SIG_SETMASK, &mask_was, NULL);
}
