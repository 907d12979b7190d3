/* SPDX-License-Identifier: MIT
 *
 * Which processes the map draws as one.
 */
#include "analyzer/view/map_group.h"

#include "tests/unit/model_script.h"

static struct script script;
static struct who parent;

static void setup(void)
{
    script_begin(&script);
    parent = (struct who){script_image(&script, 100, "work", 0, 1), 100};
}

static void teardown(void)
{
    model_free(script.model);
}

TestSuite(map_group, .init = setup, .fini = teardown);

static const struct process *node(uint32_t pid)
{
    for (unsigned i = 0; i < model_process_count(script.model); i++)
        if (model_process(script.model, i)->pid == pid)
            return model_process(script.model, i);
    cr_assert_fail("no process %u", pid);
    return NULL;
}

static unsigned group(enum map_grouping by, uint32_t pid)
{
    struct map_groups *groups = map_groups_new(script.model, by);
    unsigned found = map_group(groups, node(pid));
    map_groups_free(groups);
    return found;
}

/* A connection of `client` with `server`, both forked by the parent, at port 80 + `at`. */
static void talk(struct who client, struct who server, unsigned at)
{
    char served[32], local[32];
    snprintf(served, sizeof served, "127.0.0.1:%u", 80 + at);
    snprintf(local, sizeof local, "127.0.0.1:%u", 4000 + at);
    t_server(&script, server, 10 + (int)at, 0x100 + at, served);
    t_client(&script, client, 40 + (int)at, 0x200 + at, served, local);
    t_accept(&script, server, 70 + (int)at, 0x300 + at, 10 + (int)at, 0x100 + at, local, NULL, 0);
}

Test(map_group, clients_and_servers_of_one_program_are_two_groups)
{
    struct who workers[8];
    for (unsigned i = 0; i < 8; i++)
        workers[i] = t_child(&script, parent, 101 + i);
    for (unsigned i = 0; i < 4; i++)
        talk(workers[4 + i], workers[i], i);
    script_finish(&script);
    unsigned servers = group(MAP_BY_SIBLINGS, 101), clients = group(MAP_BY_SIBLINGS, 105);
    cr_expect_neq(servers, clients);
    for (unsigned i = 0; i < 4; i++) {
        cr_expect_eq(group(MAP_BY_SIBLINGS, 101 + i), servers);
        cr_expect_eq(group(MAP_BY_SIBLINGS, 105 + i), clients);
        cr_expect_eq(group(MAP_BY_PROCESS, 101 + i), node(101 + i)->id);
        cr_expect_eq(group(MAP_BY_PROGRAM, 105 + i), group(MAP_BY_PROGRAM, 101));
    }
}

/* Each is a client and a server, and all are alike: as one they would talk to themselves. */
Test(map_group, a_ring_is_not_one)
{
    struct who workers[6];
    for (unsigned i = 0; i < 6; i++)
        workers[i] = t_child(&script, parent, 101 + i);
    for (unsigned i = 0; i < 6; i++)
        talk(workers[i], workers[(i + 1) % 6], i);
    script_finish(&script);
    for (unsigned i = 0; i < 6; i++)
        cr_expect_eq(group(MAP_BY_SIBLINGS, 101 + i), node(101 + i)->id);
}

/* Workers serve whoever comes; clients of different hosts do different things. */
Test(map_group, hosts_count_for_who_connects_to_them)
{
    struct who workers[8];
    for (unsigned i = 0; i < 8; i++)
        workers[i] = t_child(&script, parent, 101 + i);
    t_server(&script, parent, 3, 0x10, "10.0.0.1:80");
    for (unsigned i = 0; i < 8; i++) {
        char host[32], port[32];
        snprintf(host, sizeof host, "10.0.1.%u:443", i);
        snprintf(port, sizeof port, "10.0.0.1:%u", 4000 + i);
        if (i < 4)
            t_accept(&script, workers[i], 5, 0x20 + i, 3, 0x10, host, NULL, 0);
        else
            t_client(&script, workers[i], 5, 0x20 + i, host, port);
    }
    script_finish(&script);
    for (unsigned i = 1; i < 4; i++) {
        cr_expect_eq(group(MAP_BY_SIBLINGS, 101 + i), group(MAP_BY_SIBLINGS, 101));
        cr_expect_neq(group(MAP_BY_SIBLINGS, 105 + i), group(MAP_BY_SIBLINGS, 105));
    }
}
