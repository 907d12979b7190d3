/* SPDX-License-Identifier: MIT
 *
 * Where a subcommand writes, see output.h.
 */
#include "analyzer/cmd/output.h"

#include <errno.h>
#include <string.h>

FILE *output_open(const char *path)
{
    FILE *out = path ? fopen(path, "we") : stdout;
    if (!out)
        fprintf(stderr, "sockatlas: %s: %s\n", path, strerror(errno));
    return out;
}

bool output_close(FILE *out, const char *path)
{
    if (!path)
        return !ferror(out);
    bool good = !ferror(out);
    if (fclose(out) == 0 && good)
        return true;
    fprintf(stderr, "sockatlas: %s: %s\n", path, strerror(errno));
    return false;
}
