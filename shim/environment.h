/* SPDX-License-Identifier: MIT
 *
 * The environment of a program about to be executed, with what keeps the tracing going put back. Callable from
 * anywhere, vfork children included: builds in memory that the caller gives and changes nothing else.
 */
#ifndef SHIM_ENVIRONMENT_H
#define SHIM_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

/* The variables that matter here. */
#define ENVIRONMENT_VARIABLES(X)                                                                                       \
    X(PRELOAD, "LD_PRELOAD=")                                                                                          \
    X(DIR, "SOCKATLAS_DIR=")                                                                                           \
    X(FOLDER, "SOCKATLAS_FOLDER=")                                                                                     \
    X(OFF, "SOCKATLAS_OFF=")                                                                                           \
    X(LIMIT, "SOCKATLAS_LIMIT=")                                                                                       \
    X(IO, "SOCKATLAS_IO=")                                                                                             \
    X(RUN, "SOCKATLAS_RUN=")                                                                                           \
    X(NO_CMDLINE, "SOCKATLAS_NO_CMDLINE=")                                                                             \
    X(ACROSS_USERS, "SOCKATLAS_ACROSS_USERS=")                                                                         \
    X(PATCH, "SOCKATLAS_PATCH=")                                                                                       \
    X(FILTERS, "SOCKATLAS_FILTERS=")                                                                                   \
    X(PATH, "PATH=")

enum environment_variable {
#define X(name, text) ENVIRONMENT_##name,
    ENVIRONMENT_VARIABLES(X)
#undef X
        ENVIRONMENT_COUNT
};

/* What a program gives as an environment. */
struct environment {
    char *const *given; /* NULL: empty */
    size_t count;
    const char *values[ENVIRONMENT_COUNT]; /* NULL: not there */
    bool known;                            /* all of it could be read; else nothing is concluded from it */
};

/* Reads it, as far as it can be read. */
void environment_read(struct environment *out, char *const *given);
/* How much memory environment_build() needs. 0: nothing to put back, what was given can be used as it is. */
size_t environment_size(const struct environment *environment);
/* The new environment, made in `memory`, aligned for pointers. The caller's strings are used in place; an LD_PRELOAD of
 * its own keeps its entries and their order and gets ours appended. */
char **environment_build(const struct environment *environment, void *memory);
/* The shim is among what it preloads, or was not preloaded by a variable in the first place. True where that is not
 * known. */
bool environment_preloads(const struct environment *environment);
/* The process is still that of the user whom the image began as, or tracing goes across users: else what a program
 * keeps from its children, as sudo does, is not put back. */
bool environment_follows(void);
/* It refuses tracing (SOCKATLAS_OFF). */
bool environment_refuses(const struct environment *environment);

#endif
