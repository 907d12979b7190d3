/* SPDX-License-Identifier: MIT
 *
 * Each libc entry point alone: what the wrapper adds to it, in nanoseconds and in system calls.
 */
#include "tests/bench/bench.h"
#include "tests/bench/syscalls.h"
#include "tests/bench/table.h"

#include <stdio.h>

enum { SLICE_NS = 1000000 }; /* short: making what a call needs takes far longer than the call */

/* load_call.c's names, and what they are. */
static const struct {
    const char *name, *title;
} calls[] = {
    {"socket", "socket"},
    {"setsockopt", "setsockopt TCP_NODELAY"},
    {"setsockopt_buffer", "setsockopt SO_RCVBUF"},
    {"getsockopt_error", "getsockopt SO_ERROR"},
    {"bind", "bind, port 0"},
    {"listen", "listen, port 0"},
    {"connect", "connect, TCP"},
    {"accept", "accept, no address"},
    {"accept_address", "accept, address"},
    {"send", "send, TCP"},
    {"recv", "recv, TCP"},
    {"sendto_datagram", "sendto, UDP, first"},
    {"sendto_again", "sendto, UDP, more"},
    {"read_no_socket", "read, no socket"},
    {"write_no_socket", "write, no socket"},
    {"poll", "poll, one socket"},
    {"epoll_wait", "epoll_wait, nothing"},
    {"fcntl_setfl", "fcntl F_SETFL"},
    {"dup", "dup"},
    {"shutdown", "shutdown, TCP"},
    {"close_unconnected", "close, unconnected"},
    {"close_connected", "close, connected TCP"},
    {"close_no_socket", "close, no socket"},
};

static void describe_added(const struct bench *bench, const char *name, char *out, size_t size)
{
    const char *const command[] = {bench->load, "call", name, NULL};
    struct spawn spawn = {.command = command, .trace = bench->memory.path, .cpu = bench->cpu};
    struct syscalls without, with;
    bool good = syscalls_count(&without, &spawn);
    spawn.preload = bench->shim;
    good = good && syscalls_count(&with, &spawn);
    if (good)
        syscalls_added(out, size, &without, &with);
    else
        snprintf(out, size, "cannot be counted: no ptrace");
    folder_clear(&bench->memory);
}

void bench_call(const struct bench *bench)
{
    static struct series series;
    table_calls("one call, ns of CPU");
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        struct bench_load load = {.name = "call", .argument = calls[i].name, .pinned = true, .slice_ns = SLICE_NS};
        char added[160];
        if (!bench_wanted(bench, calls[i].title))
            continue;
        if (!bench_pair(bench, &load, &bench->memory, &series, NULL, NULL)) {
            table_note(calls[i].title, "cannot run: the load ended early");
            continue;
        }
        describe_added(bench, calls[i].name, added, sizeof(added));
        struct summary summary = pair_summary(series.cpu[0], series.cpu[1], series.size);
        table_call(calls[i].title, &summary, added);
    }
}
