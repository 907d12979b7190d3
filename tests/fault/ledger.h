/* SPDX-License-Identifier: MIT
 *
 * What a program under a fault says it did, in a file that it maps: so it stands when the program is killed. Target
 * programs count each call's records right after it returned; tests/fault/account.c lays the counts beside the trace.
 */
#ifndef TESTS_FAULT_LEDGER_H
#define TESTS_FAULT_LEDGER_H

#include "shim/trace_format.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

struct ledger {
    uint64_t workers;  /* threads of all processes that ever ran at once: each may have one call under way */
    uint64_t done[64]; /* by enum sockatlas_kind: records that calls which returned must have made */
    uint64_t wrong;    /* calls that did not do what they do without the shim */
};

/* Maps the file, which is made if need be. NULL with errno. Leaves no descriptor open. */
static inline struct ledger *ledger_map(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 || ftruncate(fd, sizeof(struct ledger)) < 0)
        return NULL;
    void *map = mmap(NULL, sizeof(struct ledger), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return map == MAP_FAILED ? NULL : map;
}

static inline void ledger_count(struct ledger *ledger, enum sockatlas_kind kind)
{
    __atomic_fetch_add(&ledger->done[kind], 1, __ATOMIC_RELAXED);
}

#endif
