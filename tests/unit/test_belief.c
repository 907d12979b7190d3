/* SPDX-License-Identifier: MIT
 *
 * Which records of a log are believed: those of its own process and of what was forked in it, however; and none that
 * claims to be of a process which has a log of its own.
 */
#include "analyzer/cmd/model_trace.h"
#include "tests/unit/trace.h"

#include "shim/trace_format.h"

#define SECOND 1000000000ull

/* A log as it is written. */
struct script {
    struct writer *writer;
};

static struct script begin(const char *folder, const char *name, uint32_t pid, uint64_t time_ns)
{
    struct sockatlas_header header = sample_header();
    header.pid = pid;
    header.pidns_inode = 4026531836u;
    header.boottime_ns = time_ns;
    header.lost = 0;
    struct script script = {.writer = writer_create(folder, name, &header)};
    cr_assert_not_null(script.writer);
    return script;
}

static void put(const struct script *script, uint8_t kind, uint32_t pid, uint64_t time_ns, const void *body,
                size_t size)
{
    struct sockatlas_common common = {
        .kind = kind, .pid = pid & 0xffffff, .tid = pid & 0xffffff, .fd = 3, .time_ns = time_ns};
    cr_assert(writer_append(script->writer, &common, body, size, NULL, 0));
}

static void put_socket(const struct script *script, uint32_t pid, uint64_t time_ns)
{
    struct sockatlas_body_socket body = {.family = AF_INET, .type = SOCK_STREAM};
    put(script, SOCKATLAS_SOCKET, pid, time_ns, &body, sizeof body);
}

static void put_fork(const struct script *script, uint32_t pid, uint32_t child, uint64_t time_ns)
{
    put(script, SOCKATLAS_FORK, pid, time_ns, &(struct sockatlas_body_fork){child}, sizeof(struct sockatlas_body_fork));
}

static void put_start(const struct script *script, uint32_t pid, uint64_t fork_slot, bool vforked, uint64_t time_ns)
{
    struct sockatlas_body_start body = {.fork_slot = fork_slot, .vforked = vforked};
    put(script, SOCKATLAS_START, pid, time_ns, &body, sizeof body);
}

/* Reads the folder: how many SOCKET records of `pid` there are. */
static unsigned sockets_of(char *folder, uint32_t pid, struct heard *heard)
{
    unsigned count = 0;
    *heard = (struct heard){.count = 0};
    struct stream *stream = stream_open(&folder, 1, hear, heard);
    for (struct event event; stream_next(stream, &event);)
        count += event.kind == SOCKATLAS_SOCKET && event.pid == pid;
    stream_close(stream);
    return count;
}

Test(belief, takes_a_process_and_its_forks)
{
    char *folder = make_folder();
    struct heard heard;
    struct script log = begin(folder, "a", 42, SECOND);
    put_socket(&log, 42, 2 * SECOND);
    put_fork(&log, 42, 43, 3 * SECOND); /* slot 1; its child tells nothing of itself */
    put_socket(&log, 43, 4 * SECOND);
    put_start(&log, 44, UINT64_MAX, false, 5 * SECOND); /* made by a system call of its own */
    put_socket(&log, 44, 6 * SECOND);
    put_fork(&log, 42, 0, 7 * SECOND); /* vfork */
    put_start(&log, 45, 5, true, 7 * SECOND);
    put_socket(&log, 45, 8 * SECOND);
    cr_assert(writer_close(log.writer));
    for (uint32_t pid = 42; pid <= 45; pid++)
        cr_expect_eq(sockets_of(folder, pid, &heard), 1, "%u", pid);
    cr_expect_eq(heard.count, 0, "%s", heard.last);
    remove_folder(folder);
}

Test(belief, takes_a_child_in_a_namespace_of_pids)
{
    char *folder = make_folder();
    struct heard heard;
    struct script log = begin(folder, "a", 42, SECOND), first = begin(folder, "b", 1, SECOND);
    put_socket(&log, 42, 2 * SECOND);
    put_fork(&log, 42, 43, 5 * SECOND);
    put_start(&log, 1, 1, false, 5 * SECOND);
    put_socket(&log, 1, 6 * SECOND);
    put_socket(&first, 1, 9 * SECOND); /* another process, which has that number outside */
    cr_assert(writer_close(log.writer) && writer_close(first.writer));
    cr_expect_eq(sockets_of(folder, 1, &heard), 2);
    cr_expect_eq(heard.count, 0, "%s", heard.last);
    remove_folder(folder);
}

Test(belief, takes_a_process_id_that_was_used_before)
{
    char *folder = make_folder();
    struct heard heard;
    struct script log = begin(folder, "a", 42, SECOND), former = begin(folder, "b", 50, SECOND);
    put_socket(&former, 50, 2 * SECOND); /* killed then */
    put_socket(&log, 42, 2 * SECOND);
    put_fork(&log, 42, 50, 10 * SECOND);
    put_start(&log, 50, 1, false, 10 * SECOND);
    put_socket(&log, 50, 11 * SECOND);
    cr_assert(writer_close(log.writer) && writer_close(former.writer));
    cr_expect_eq(sockets_of(folder, 50, &heard), 2);
    cr_expect_eq(heard.count, 0, "%s", heard.last);
    remove_folder(folder);
}

Test(belief, takes_no_process_that_did_not_begin_in_it)
{
    char *folder = make_folder();
    struct heard heard;
    struct script log = begin(folder, "a", 42, SECOND);
    put_socket(&log, 42, 2 * SECOND);
    put_socket(&log, 99, 3 * SECOND);
    put_socket(&log, 99, 4 * SECOND);
    put_socket(&log, 42, 5 * SECOND);
    cr_assert(writer_close(log.writer));
    cr_expect_eq(sockets_of(folder, 99, &heard), 0);
    cr_expect_eq(heard.count, 1); /* one line for both */
    cr_expect_not_null(
        strstr(heard.last, "a.atlas: forged: a record about process 99, which this log cannot have, at slot 1"));
    cr_expect_eq(sockets_of(folder, 42, &heard), 2);
    remove_folder(folder);
}

Test(belief, takes_no_process_that_has_a_log_of_its_own)
{
    char *folder = make_folder();
    struct heard heard;
    struct script log = begin(folder, "a", 42, SECOND), own = begin(folder, "b", 50, SECOND);
    put_socket(&log, 42, 2 * SECOND);
    put_fork(&log, 42, 50, 10 * SECOND); /* it lives: it has a record to come */
    put_start(&log, 50, UINT64_MAX, false, 10 * SECOND);
    put_socket(&log, 50, 11 * SECOND);
    put_socket(&own, 50, 20 * SECOND);
    cr_assert(writer_close(log.writer) && writer_close(own.writer));
    cr_expect_eq(sockets_of(folder, 50, &heard), 1);
    cr_expect_eq(heard.count, 1);
    remove_folder(folder);
}

Test(belief, takes_nothing_of_a_process_after_its_exec)
{
    char *folder = make_folder();
    struct heard heard;
    struct script log = begin(folder, "a", 42, SECOND);
    put_fork(&log, 42, 43, 2 * SECOND);
    put_socket(&log, 43, 3 * SECOND);
    put_socket(&log, 43, 30 * SECOND); /* by its parent, which has the log mapped still */
    struct script own = begin(folder, "b", 43, 10 * SECOND);
    put_socket(&own, 43, 11 * SECOND);
    cr_assert(writer_close(log.writer) && writer_close(own.writer));
    cr_expect_eq(sockets_of(folder, 43, &heard), 2);
    cr_expect_eq(heard.count, 1);
    remove_folder(folder);
}

Test(belief, takes_no_header_that_its_name_belies)
{
    static const char good[] = "a\\b_.42.3b9aca00", forged[] = "a\\b_.41.3b9aca00";
    char *folder = make_folder();
    struct heard heard;
    struct script log = begin(folder, good, 42, SECOND), other = begin(folder, forged, 42, SECOND);
    put_socket(&log, 42, 2 * SECOND);
    put_socket(&other, 42, 2 * SECOND);
    cr_assert(writer_close(log.writer) && writer_close(other.writer));
    cr_expect_eq(sockets_of(folder, 42, &heard), 1);
    cr_expect_eq(heard.count, 1);
    cr_expect_not_null(strstr(heard.last, "forged: its header is of another process than its name; left out"));
    remove_folder(folder);
}

/* The log that this process has of its own shows it alive at the time. */
Test(belief, says_of_a_log_without_a_true_record_that_it_is_there)
{
    char *folder = make_folder();
    struct heard heard = {0};
    struct script log = begin(folder, "a", 42, SECOND), own = begin(folder, "b", 50, SECOND);
    put_start(&log, 50, UINT64_MAX, false, 10 * SECOND);
    put_socket(&own, 50, 20 * SECOND);
    cr_assert(writer_close(log.writer) && writer_close(own.writer));
    struct model *model = model_new(&(struct model_callbacks){.context = NULL});
    struct stream *stream = stream_open((char *[]){folder}, 1, hear, &heard);
    model_trace_feed(model, stream, NULL);
    cr_expect_eq(heard.count, 1);
    cr_assert_eq(model_coverage_count(model), 1);
    cr_expect_str_eq(model_coverage(model, 0)->what, "forged");
    cr_expect_str_eq(model_coverage(model, 0)->detail, "1 forged record in a.atlas left out");
    cr_expect_null(model_coverage(model, 0)->process);
    model_free(model);
    stream_close(stream);
    remove_folder(folder);
}
