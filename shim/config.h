/* SPDX-License-Identifier: MIT
 *
 * What the user asked for, read from the environment once, at load, before the program can change it.
 */
#ifndef SHIM_CONFIG_H
#define SHIM_CONFIG_H

#include "shim/folder.h"

#include <stdbool.h>
#include <stdint.h>

#define CONFIG_DIR_MAX FOLDER_PATH_MAX

struct config {
    bool on;                 /* false: SOCKATLAS_OFF is set, or the variables make no sense */
    bool io;                 /* SOCKATLAS_IO=1: a record per transfer call */
    char limit_text[24];     /* SOCKATLAS_LIMIT as given, "" if not: for the environment of children */
    char run_text[33];       /* SOCKATLAS_RUN as given by `run`, "" if not: for the environment of children */
    char filters_text[8];    /* SOCKATLAS_FILTERS as given, "" if not: for the environment of children */
    uint64_t run_id[2];      /* what it says, both 0: none */
    uint64_t limit;          /* SOCKATLAS_LIMIT in bytes a file */
    bool across_users;       /* SOCKATLAS_ACROSS_USERS=1: programs are followed where they become another user's */
    bool late;               /* loaded by dlopen(3): the program's slots do not lead here by themselves */
    bool attached;           /* asked for by config_attach() */
    bool patched;            /* this is the piece (piece/), in a program without a libc to interpose on */
    bool elsewhere;          /* attached to where neither this object nor the trace folder is to be found by a path */
    int log_given;           /* attached: the descriptor of a new file to be the log, plus one; 0 none */
    bool no_cmdline;         /* SOCKATLAS_NO_CMDLINE=1: command lines are not recorded */
    uint32_t user;           /* whose process the image began as, or was when it was attached to */
    struct folder_id folder; /* SOCKATLAS_FOLDER: which folder `dir` is, as `run` made it; none: found by its path */
    struct folder_id found;  /* which folder was found at `dir` at load, by a safe way; none: it is found when needed */
    char dir[CONFIG_DIR_MAX];     /* SOCKATLAS_DIR, absolute and without links */
    char patcher[CONFIG_DIR_MAX]; /* SOCKATLAS_PATCH: the path of sockatlas-patch; "": programs without a libc to
                                     interpose on are not followed */
    char shim[CONFIG_DIR_MAX];    /* the path this object was preloaded by, made absolute if it names a folder; "" if
                                     LD_PRELOAD does not have it */
};

extern struct config config;

/* Fills `config`. Idempotent. Called by the constructor, or by the first event if that comes earlier. Says in one line
 * on stderr why tracing cannot work, if so. `late`: this object was loaded by dlopen(3), so that nothing is wanted
 * unless the environment names a folder. */
void config_read(bool late);

/* The same by what `sockatlas attach` gives in place of the environment: entries NAME=VALUE, the last one NULL. False
 * after `why`, of `size` bytes, was filled in with the reason. Callable again once `config.on` is cleared. */
bool config_attach(char *const *settings, char *why, size_t size);

/* Asks once whether the folder that `run` made can take this process's records, and clears `config.on` if not: before
 * the first thing that depends on it, since a program that has no socket need not ask. Nothing to do elsewhere: there
 * config_read() has asked. Not for a vfork child: it may be another user's than its parent, whose answer this is. */
void config_check(void);

/* Whether this process's user may make files in the trace folder, as far as one or two system calls tell. */
bool config_dir_writable(void);
/* This process has restricted itself by landlock(7), which access(2) does not know of: config_dir_writable() tries, by
 * up to two system calls more. */
void config_restricted(void);

#endif
