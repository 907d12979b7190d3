/* SPDX-License-Identifier: MIT
 *
 * What diff takes for noise: times that only jitter are the same, times that moved are not.
 */
#include "analyzer/view/diff.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static struct process client = {.kind = PROCESS_TRACED, .comm = "client", .exe = "", .cmdline = ""};

/* A run of `count` connects that took from..to us, evenly. */
static struct diff_run *run_of(unsigned count, unsigned from, unsigned to)
{
    struct diff_run *run = diff_run_new();
    struct model_callbacks callbacks = {.context = NULL};
    diff_run_callbacks(run, &callbacks);
    struct socket socket = {.owner = &client,
                            .family = AF_INET,
                            .type = SOCK_STREAM,
                            .role = ROLE_CLIENT,
                            .state = STATE_CLOSED,
                            .peer = {.family = AF_INET, .port = 80, .size = 4, .bytes = {10, 0, 0, 1}}};
    for (unsigned i = 0; i < count; i++) {
        socket.id = i + 1;
        socket.connect_ns = 1000ull * (from + (to - from) * i / (count > 1 ? count - 1 : 1));
        callbacks.socket_done(callbacks.context, &socket);
    }
    return run;
}

static unsigned differences(struct diff_run *first, struct diff_run *second, char **text)
{
    size_t size;
    unsigned count = 0;
    FILE *out = open_memstream(text, &size);
    cr_assert_not_null(out);
    cr_expect(diff_write(first, second, false, 0, false, out, &count));
    fclose(out);
    diff_run_free(first);
    diff_run_free(second);
    return count;
}

static void expect_same(struct diff_run *first, struct diff_run *second)
{
    char *text;
    cr_expect_eq(differences(first, second, &text), 0, "%s", text);
    free(text);
}

/* One difference, of which `told` is a part. */
static void expect_told(struct diff_run *first, struct diff_run *second, const char *told)
{
    char *text;
    cr_expect_eq(differences(first, second, &text), 1, "%s", text);
    cr_expect_not_null(strstr(text, told), "%s", text);
    free(text);
}

Test(diff, times_that_moved_are_told)
{
    expect_told(run_of(20, 100, 300), run_of(20, 2000, 4000), "~ connect time");
}

Test(diff, times_that_overlap_are_noise)
{
    expect_same(run_of(20, 100, 1000), run_of(20, 150, 3000));
}

Test(diff, times_less_than_twice_as_long_are_noise)
{
    expect_same(run_of(20, 1000, 1100), run_of(20, 1800, 1900));
}

Test(diff, times_of_a_few_microseconds_are_noise)
{
    expect_same(run_of(20, 10, 12), run_of(20, 90, 95));
}

Test(diff, few_connections_tell_nothing)
{
    expect_same(run_of(4, 100, 200), run_of(4, 90000, 100000));
}

Test(diff, more_connections_than_samples_are_kept)
{
    expect_told(run_of(20000, 100, 300), run_of(20000, 2000, 4000), "~ connect time");
}

Test(diff, ten_times_the_connections_are_told)
{
    expect_told(run_of(50, 100, 300), run_of(1, 100, 300), ": 50 connections -> 1 connection\n");
    expect_told(run_of(2, 100, 300), run_of(22, 100, 300), ": 2 connections -> 22 connections\n");
}

Test(diff, less_than_ten_times_the_connections_are_the_work_done)
{
    expect_same(run_of(50, 100, 300), run_of(499, 100, 300));
}

Test(diff, a_few_connections_more_are_the_work_done)
{
    expect_same(run_of(1, 100, 300), run_of(20, 100, 300));
}
