/* SPDX-License-Identifier: MIT
 *
 * Where the shim is, and whether what the user's environment says of tracing makes sense. Called by run.c and attach.c
 * before anything else is done.
 */
#include "analyzer/cmd/run.h"

#include "analyzer/trace/complaint.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The shim stands beside this program (build tree) or in ../lib/sockatlas (any prefix); SOCKATLAS_SHIM names another
 * one. */
static bool find_shim(char *path)
{
    static const char *const places[] = {"/libsockatlas.so", "/../lib/sockatlas/libsockatlas.so"};
    char self[PATH_MAX], candidate[PATH_MAX + 64];
    const char *given = getenv("SOCKATLAS_SHIM");
    if (given && *given)
        return realpath(given, path) != NULL;
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    if (size < 0)
        return false;
    self[size] = '\0';
    *strrchr(self, '/') = '\0';
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        snprintf(candidate, sizeof candidate, "%s%s", self, places[i]);
        if (realpath(candidate, path))
            return true;
    }
    return false;
}

bool run_shim_ready(char *shim, const char *title)
{
    if (!find_shim(shim)) {
        const char *given = getenv("SOCKATLAS_SHIM");
        if (given && *given)
            complain_line("%s: SOCKATLAS_SHIM: %s: %s", title, given, strerror(errno));
        else
            complain_line("%s: libsockatlas.so is neither beside this program nor in ../lib/sockatlas", title);
        return false;
    }
    if (!run_target_preloadable(shim)) {
        complain(&(struct complaints){.count = 0}, "%s: %s: %s", title, shim,
                 errno == EPERM ? "on a file system mounted noexec, from which nothing can be preloaded"
                 : errno        ? strerror(errno)
                                : "not a shared object to preload on this machine");
        return false;
    }
    if (strpbrk(shim, ": $")) {
        complain_line("%s: %s: LD_PRELOAD cannot carry a path with a colon, a space or a dollar sign", title, shim);
        return false;
    }
    return true;
}

bool run_shim_musl(const char *shim, char *path)
{
    const char *slash = strrchr(shim, '/');
    int size = snprintf(path, PATH_MAX, "%.*s/musl%s", (int)(slash - shim), shim, slash);
    return size > 0 && size < PATH_MAX && access(path, R_OK) == 0;
}

bool run_shim_patcher(const char *shim, char *path)
{
    const char *slash = strrchr(shim, '/');
    int size = snprintf(path, PATH_MAX, "%.*s/sockatlas-patch", (int)(slash - shim), shim);
    return size > 0 && size < PATH_MAX && access(path, X_OK) == 0;
}

/* The shim refuses the same values (SOCKATLAS_LIMIT in its config.c), but can only say so in each traced program. */
bool run_shim_limit_ready(const char *title)
{
    enum { LEAST = 64 << 10 };
    const char *limit = getenv("SOCKATLAS_LIMIT");
    if (!limit)
        return true;
    char *end;
    errno = 0;
    unsigned long long size = *limit >= '0' && *limit <= '9' ? strtoull(limit, &end, 10) : (end = (char *)limit, 0);
    static const char units[] = "KMG";
    const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    bool good = errno == 0 && (!*end || (unit && !end[1])) && size <= ULLONG_MAX >> shift && size << shift >= LEAST;
    if (!good)
        complain_line("%s: SOCKATLAS_LIMIT=%s: want a size of at least 64K, as 16M", title, limit);
    return good;
}

/* As the shim has it. */
bool run_shim_is_set(const char *variable)
{
    const char *value = getenv(variable);
    return value && *value && strcmp(value, "0") != 0;
}
