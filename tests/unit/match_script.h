/* SPDX-License-Identifier: MIT
 *
 * What the tests of matching begin with: a script, and processes in it.
 */
#ifndef TESTS_UNIT_MATCH_SCRIPT_H
#define TESTS_UNIT_MATCH_SCRIPT_H

#include "tests/unit/model_script.h"

static struct script script;

static void setup(void)
{
    script_begin(&script);
}

static void teardown(void)
{
    model_free(script.model);
}

TestSuite(match, .init = setup, .fini = teardown);

static inline struct who process_in(uint32_t pid, const char *comm, unsigned host, uint64_t netns)
{
    return (struct who){script_image(&script, pid, comm, host, netns), pid};
}

static inline struct who process(uint32_t pid, const char *comm)
{
    return process_in(pid, comm, 0, 1);
}

#endif
