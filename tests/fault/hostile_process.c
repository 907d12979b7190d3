/* SPDX-License-Identifier: MIT
 *
 * Families of hostile.c: descriptors and processes.
 */
#include "tests/fault/hostile.h"

void family_descriptors(unsigned n)
{
    struct end end = hostile_process(100);
    for (unsigned i = 0; i < n; i++) {
        struct end child = {.writer = end.writer, .pid = 101 + i, .tid = 101 + i};
        hostile_forks(&end, child.pid);
        hostile_made(&child, 1048575, AF_INET, SOCK_STREAM);
    }
    hostile_done(&end);
}

void family_descriptors_apart(unsigned n)
{
    struct end end = hostile_process(100);
    for (unsigned i = 0; i < n; i++)
        hostile_made(&end, (int)(INT32_MAX / n * i), AF_INET, SOCK_STREAM);
    hostile_done(&end);
}

void family_duplicates(unsigned n)
{
    struct end end = hostile_process(100);
    uint64_t cookie = hostile_made(&end, 3, AF_INET, SOCK_STREAM);
    struct sockatlas_body_dup body = {.old_fd = 3};
    hostile_forks(&end, 101);
    for (unsigned i = 0; i < n; i++)
        hostile_put(&end, SOCKATLAS_DUP, (int)(4 + i), cookie, &body, sizeof body, NULL, 0);
    for (unsigned i = 0; i < n; i++)
        hostile_closed(&end, (int)(4 + i), cookie);
    hostile_done(&end);
}

/* One descriptor, which means another socket each time: no close was seen. */
void family_reused(unsigned n)
{
    struct end end = hostile_process(100);
    for (unsigned i = 0; i < n; i++)
        hostile_made(&end, 3, AF_INET, SOCK_STREAM);
    hostile_done(&end);
}

void family_workers(unsigned n)
{
    struct end end = hostile_process(100);
    uint64_t cookie = hostile_made(&end, 3, AF_INET, SOCK_STREAM);
    hostile_listens(&end, 3, cookie, true, 1, 80);
    for (unsigned i = 0; i < n; i++)
        hostile_forks(&end, 101 + i);
    for (unsigned i = 0; i < n; i++) {
        struct end worker = {.writer = end.writer, .pid = 101 + i, .tid = 101 + i};
        hostile_closed(&worker, 3, cookie);
    }
    hostile_done(&end);
}

/* As many forks as sockets: what they hand on is the product. */
void family_forks_of_many(unsigned n)
{
    struct end end = hostile_process(100);
    for (unsigned i = 0; i < n; i++)
        hostile_made(&end, (int)(3 + i), AF_INET, SOCK_STREAM);
    for (unsigned i = 0; i < n; i++)
        hostile_forks(&end, 101 + i);
    hostile_done(&end);
}

void family_forks_and_exits_of_many(unsigned n)
{
    struct end end = hostile_process(100);
    for (unsigned i = 0; i < n; i++)
        hostile_made(&end, (int)(3 + i), AF_INET, SOCK_STREAM);
    for (unsigned i = 0; i < n; i++) {
        hostile_forks(&end, 101 + i);
        hostile_exits(&end, 101 + i);
    }
    hostile_done(&end);
}

/* A process with many sockets that executes one image after the other, each with a log. */
void family_execs_of_many(unsigned n)
{
    hostile.started = hostile.now;
    struct end end = hostile_process(100);
    struct sockatlas_body_exec body = {.path_size = 5};
    for (unsigned i = 0; i < 4 * n; i++)
        hostile_made(&end, (int)(3 + i), AF_INET, SOCK_STREAM);
    for (unsigned i = 0; i < n / 4; i++) {
        char name[32];
        hostile_put(&end, SOCKATLAS_EXEC, -1, 0, &body, sizeof body, "/prog", 5);
        hostile_done(&end);
        hostile.now += 100000000;
        snprintf(name, sizeof name, "image%u", i);
        end = hostile_log_named(name, 100, 1, 1, SOCKATLAS_WRITER_SHIM);
        hostile_made(&end, 2, AF_INET, SOCK_STREAM);
    }
    hostile_done(&end);
}

/* Children whose forks are told before the children are, of as many threads. */
void family_vforks(unsigned n)
{
    struct end end = hostile_process(100);
    for (unsigned i = 0; i < n; i++) {
        end.tid = 1000 + i;
        hostile_forks(&end, 0);
    }
    for (unsigned i = 0; i < n; i++) {
        end.tid = 100;
        hostile_closed(&end, 3, hostile_made(&end, 3, AF_INET, SOCK_STREAM));
    }
    hostile_done(&end);
}

void family_execs(unsigned n)
{
    struct end end = hostile_process(100);
    struct sockatlas_body_exec body = {.path_size = 5};
    for (unsigned i = 0; i < n; i++) {
        struct end child = {.writer = end.writer, .pid = 101 + i, .tid = 101 + i};
        hostile_forks(&end, child.pid);
        hostile_put(&child, SOCKATLAS_EXEC, -1, 0, &body, sizeof body, "/prog", 5);
    }
    for (unsigned i = n; i-- > 0;) {
        struct end child = {.writer = end.writer, .pid = 101 + i, .tid = 101 + i};
        hostile_put(&child, SOCKATLAS_EXEC_FAILED, -1, 0, NULL, 0, NULL, 0);
    }
    hostile_done(&end);
}

void family_threads(unsigned n)
{
    struct end end = hostile_process(100);
    for (unsigned i = 0; i < n; i++) {
        struct sockatlas_body_netns body = {.netns_inode = 1 + i % 2};
        end.tid = 1000 + i;
        hostile_put(&end, SOCKATLAS_NETNS, -1, 0, &body, sizeof body, NULL, 0);
    }
    for (unsigned i = 0; i < n; i++) {
        end.tid = 1000 + i;
        hostile_made(&end, 3, AF_INET, SOCK_STREAM);
    }
    hostile_done(&end);
}

/* As containers are: all alike but for their namespace. */
void family_namespaces(unsigned n)
{
    struct end end = hostile_process(100);
    for (unsigned i = 0; i < n; i++) {
        struct sockatlas_body_netns body = {.netns_cookie = 5000 + i, .netns_inode = 9000 + i};
        hostile_put(&end, SOCKATLAS_NETNS, -1, 0, &body, sizeof body, NULL, 0);
        uint64_t listener = hostile_made(&end, 3, AF_INET, SOCK_STREAM);
        hostile_listens(&end, 3, listener, true, 1, 80);
        uint64_t client = hostile_made(&end, 4, AF_INET, SOCK_STREAM);
        hostile_connects(&end, 4, client, true, 1, 80, 2, 40000);
        hostile_closed(&end, 5, hostile_accepts(&end, 5, 3, listener, true, 2, 40000));
        hostile_closed(&end, 4, client);
    }
    hostile_done(&end);
}

void family_passes(unsigned n)
{
    struct end end = hostile_process(100), other = hostile_process(101);
    for (unsigned i = 0; i < n; i++) {
        uint64_t cookie = hostile_made(&end, (int)(10 + i), AF_INET, SOCK_STREAM);
        struct sockatlas_body_pass pass = {.passed_fd = (int)(10 + i), .passed_cookie = cookie};
        struct sockatlas_body_seen seen = {
            .family = AF_INET,
            .type = SOCK_STREAM,
            .how = SOCKATLAS_HOW_RECEIVED,
            .addresses = {.family = AF_INET, .first_size = SOCKATLAS_ABSENT, .second_size = SOCKATLAS_ABSENT}};
        hostile_put(&end, SOCKATLAS_PASS, 3, 1, &pass, sizeof pass, NULL, 0);
        hostile_put(&other, SOCKATLAS_SEEN, (int)(10 + i), cookie, &seen, sizeof seen, NULL, 0);
        hostile_closed(&end, (int)(10 + i), cookie);
    }
    hostile_done(&end);
    hostile_done(&other);
}

void family_socket_pairs(unsigned n)
{
    struct end end = hostile_process(100);
    for (unsigned i = 0; i < n; i++) {
        struct sockatlas_body_socketpair body = {
            .family = AF_UNIX, .type = SOCK_STREAM, .fd2 = (int)(4 + 2 * i), .cookie2 = ++hostile.cookies};
        uint64_t cookie = ++hostile.cookies;
        hostile_put(&end, SOCKATLAS_SOCKETPAIR, (int)(3 + 2 * i), cookie, &body, sizeof body, NULL, 0);
    }
    for (unsigned i = 0; i < n; i++) {
        hostile_closed(&end, (int)(3 + 2 * i), 0);
        hostile_closed(&end, (int)(4 + 2 * i), 0);
    }
    hostile_done(&end);
}
