/* SPDX-License-Identifier: MIT
 *
 * ground SEED FOLDER SOCKATLAS SHIM ACTOR COMPARE  plays the scenario of that seed under the shim and compares what
 * SOCKATLAS makes of the trace with what happened: once while all processes still live, once after they are gone.
 * Silent when both agree; else prints the differences and keeps FOLDER, where live/ and done/ have the true and our
 * map and `told` has what was done, call by call. SOCKATLAS_GROUND_KIND names a step to take more often.
 */
#include "tests/ground/network.h"
#include "tests/ground/step.h"
#include "tests/ground/world.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void make_folder(const char *format, const char *folder, const char *name, char *out)
{
    snprintf(out, PATH_MAX, format, folder, name);
    if (mkdir(out, 0700) < 0 && errno != EEXIST)
        cast_fail("%s: %s", out, strerror(errno));
}

static void analyse(const char *sockatlas, const char *folder, const char *trace)
{
    char line[4 * PATH_MAX];
    snprintf(line, sizeof line, "'%s' map --format json '%s' >'%s/map.json' && '%s' list --json '%s' >'%s/list.jsonl'",
             sockatlas, trace, folder, sockatlas, trace, folder);
    if (system(line) != 0)
        cast_fail("sockatlas failed");
}

static int compare(const char *program, const char *option, const char *truth, const char *ours)
{
    char line[4 * PATH_MAX];
    snprintf(line, sizeof line, "'%s' %s '%s' '%s'", program, option, truth, ours);
    return system(line);
}

static int judge(const char *when, const char *folder, const char *sockatlas, const char *trace, const char *comparer,
                 const char *option)
{
    char truth[PATH_MAX], ours[PATH_MAX];
    make_folder("%s/%s", folder, when, truth);
    make_folder("%s/ours", truth, "", ours);
    if (!world.sockets_count)
        return 0; /* and no trace */
    truth_write(truth);
    analyse(sockatlas, ours, trace);
    int status = compare(comparer, option, truth, ours);
    if (status != 0)
        printf("(%s)\n", when);
    return status != 0;
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fputs("usage: ground SEED FOLDER SOCKATLAS SHIM ACTOR COMPARE\n", stderr);
        return 2;
    }
    unsigned long seed = strtoul(argv[1], NULL, 10);
    char trace[PATH_MAX], told[PATH_MAX];
    setvbuf(stdout, NULL, _IOLBF, 0);
    step_seed(seed);
    make_folder("%s/%s", argv[2], "trace", trace);
    snprintf(told, sizeof told, "%s/told", argv[2]);
    cast_open(&(struct cast_stage){.actor = argv[5], .shim = argv[4], .trace = trace, .told = told, .raw = step_raw});
    if (step_random(3))
        network_own();
    step_prefer(getenv("SOCKATLAS_GROUND_KIND"));
    step_begin(2 + step_random(4), argv[2]);
    for (unsigned steps = 10 + step_random(80); steps > 0; steps--)
        step_any();
    int differ = judge("live", argv[2], argv[3], trace, argv[6], "-p");
    step_end();
    differ |= judge("done", argv[2], argv[3], trace, argv[6], "");
    cast_kill_all();
    return differ;
}
