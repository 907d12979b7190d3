/* SPDX-License-Identifier: MIT
 *
 * Choosing steps, and how a scenario begins and ends.
 */
#include "tests/ground/step.h"

#include "tests/ground/play.h"

#include <stddef.h>
#include <string.h>

static uint64_t state;
static int preferred = -1;

void step_seed(unsigned long seed)
{
    state = seed * 0xd1342543de82ef95u + 1;
    state ^= state >> 29;
    state *= 0xff51afd7ed558ccdu; /* neighbours must not run through one sequence */
}

/* splitmix64 */
unsigned step_random(unsigned below)
{
    uint64_t value = state += 0x9e3779b97f4a7c15u;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return below ? (unsigned)((value ^ value >> 31) % below) : 0;
}

bool step_raw(void)
{
    return step_random(100) < 8;
}

static const struct {
    void (*step)(void);
    const char *name;
    unsigned weight;
} steps[] = {
#define X(name, weight) {step_##name, #name, weight},
    STEPS(X)
#undef X
};

void step_prefer(const char *name)
{
    for (size_t i = 0; name && *name && i < sizeof steps / sizeof steps[0]; i++)
        if (strcmp(steps[i].name, name) == 0)
            preferred = (int)i;
    if (name && *name && preferred < 0)
        cast_fail("there is no step %s", name);
}

static void take(size_t which)
{
    cast_tell(steps[which].name);
    steps[which].step();
}

void step_any(void)
{
    if (preferred >= 0 && play_chance(30)) {
        take((size_t)preferred);
        return;
    }
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        sum += steps[i].weight;
    unsigned chosen = step_random(sum);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (chosen < steps[i].weight) {
            take(i);
            return;
        }
        chosen -= steps[i].weight;
    }
}

void step_begin(unsigned processes, const char *folder)
{
    play_open(folder);
    while (processes--)
        step_start();
}

void step_end(void)
{
    for (int i = 0; i < world.processes_count; i++) {
        if (!world.processes[i].alive)
            continue;
        bool user = false;
        for (unsigned j = 0; j < world.sockets_count; j++)
            user = user || (strcmp(world.sockets[j]->role, "pair") == 0 && world.sockets[j]->user == i);
        if (!user && !world.processes[i].inner && play_chance(15)) {
            cast_kill(i);
            world_end(i, false);
        } else {
            cast_send(i, &(struct order){.kind = ORDER_EXIT, .a = play_chance(50)});
            cast_gone(i);
            world_end(i, true);
        }
    }
}
