/* SPDX-License-Identifier: MIT
 *
 * What a process runs in: as its cgroup says, or as it was told.
 */
#include "analyzer/model/model.h"

#include <stdio.h>

static const char *place(const struct process *process, const char *told, char out[CGROUP_NAME_MAX],
                         const char *(*read)(const char *path, char out[CGROUP_NAME_MAX]))
{
    if (!told)
        return process->cgroup ? read(process->cgroup, out) : NULL;
    snprintf(out, CGROUP_NAME_MAX, "%s", told);
    return out[0] ? out : NULL;
}

const char *process_unit(const struct process *process, char out[CGROUP_NAME_MAX])
{
    return place(process, process->unit, out, cgroup_unit);
}

const char *process_container(const struct process *process, char out[CGROUP_NAME_MAX])
{
    return place(process, process->container, out, cgroup_container);
}
