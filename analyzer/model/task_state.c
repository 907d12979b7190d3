/* SPDX-License-Identifier: MIT
 *
 * The states of a process, and what its descriptors count for in each: in an image that has logged nothing they are
 * weak, it may have closed them. Called by task_exec.c and task_life.c, which know what happened.
 */
#include "analyzer/model/task.h"

/* What is not here changes nothing; nobody becomes TASK_TOLD again. */
static const enum task_state states[TASK_STATES][TASK_CHANGES] = {
    [TASK_TOLD] = {[TASK_LOGS] = TASK_RUNS,
                   [TASK_OPENS_LOG] = TASK_RUNS,
                   [TASK_IS_SPAWNED] = TASK_SPAWNED,
                   [TASK_BEGINS_EXEC] = TASK_EXECUTES,
                   [TASK_ENDS] = TASK_ENDED,
                   [TASK_VANISHES] = TASK_VANISHED,
                   [TASK_IS_REPLACED] = TASK_REPLACED},
    [TASK_SPAWNED] = {[TASK_LOGS] = TASK_SILENT,
                      [TASK_OPENS_LOG] = TASK_RUNS,
                      [TASK_BEGINS_EXEC] = TASK_EXECUTES,
                      [TASK_ENDS] = TASK_ENDED,
                      [TASK_VANISHES] = TASK_VANISHED,
                      [TASK_IS_REPLACED] = TASK_REPLACED},
    [TASK_RUNS] = {[TASK_BEGINS_EXEC] = TASK_EXECUTES,
                   [TASK_ENDS] = TASK_ENDED,
                   [TASK_VANISHES] = TASK_VANISHED,
                   [TASK_IS_REPLACED] = TASK_REPLACED},
    [TASK_EXECUTES] = {[TASK_FAILS_EXEC] = TASK_RUNS,
                       [TASK_HAS_EXECUTED] = TASK_SILENT,
                       [TASK_ENDS] = TASK_ENDED,
                       [TASK_VANISHES] = TASK_VANISHED,
                       [TASK_IS_REPLACED] = TASK_REPLACED},
    /* What begins another exec was taken for executed too early. */
    [TASK_SILENT] = {[TASK_OPENS_LOG] = TASK_RUNS,
                     [TASK_BEGINS_EXEC] = TASK_EXECUTES,
                     [TASK_ENDS] = TASK_ENDED,
                     [TASK_VANISHES] = TASK_VANISHED,
                     [TASK_IS_REPLACED] = TASK_REPLACED},
    /* Its other threads may log until the kernel stops them. */
    [TASK_ENDED] = {[TASK_IS_REPLACED] = TASK_REPLACED},
    [TASK_VANISHED] = {[TASK_IS_REPLACED] = TASK_REPLACED},
};

bool task_change(struct model *model, struct task *task, enum task_change change)
{
    enum task_state state = states[task->state][change];
    if (state == TASK_TOLD)
        return false;
    bool was_weak = task_is_weak(task);
    task->state = state;
    if (was_weak && !task_is_weak(task))
        descriptor_strengthen(model, task);
    if (!was_weak && task_is_weak(task))
        descriptor_weaken(model, task);
    return true;
}
