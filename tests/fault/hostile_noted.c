/* SPDX-License-Identifier: MIT
 *
 * Families of hostile.c: what is noted of one thing.
 */
#include "tests/fault/hostile.h"

void family_options(unsigned n)
{
    struct end end = hostile_process(100);
    uint64_t cookie = hostile_made(&end, 3, AF_INET, SOCK_STREAM);
    const int values[2] = {1, 1};
    for (unsigned i = 0; i < n; i++) {
        struct sockatlas_body_option body = {
            .level = (int)i, .name = (int)i, .requested_size = 4, .kept_size = 4, .effective_size = 4};
        hostile_put(&end, SOCKATLAS_OPTION, 3, cookie, &body, sizeof body, values, sizeof values);
    }
    hostile_done(&end);
}

void family_names(unsigned n)
{
    struct end end = hostile_process(100);
    for (unsigned i = 0; i < n; i++) {
        unsigned char tail[64];
        int size = snprintf((char *)tail, sizeof tail, "name%u", i);
        struct sockatlas_body_name body = {.name_size = (uint16_t)size, .addresses_count = 1};
        tail[size] = AF_INET;
        tail[size + 1] = 10;
        tail[size + 2] = (unsigned char)(i >> 16);
        tail[size + 3] = (unsigned char)(i >> 8);
        tail[size + 4] = (unsigned char)i;
        struct end child = {.writer = end.writer, .pid = 101 + i, .tid = 101 + i};
        hostile_forks(&end, child.pid);
        hostile_put(&child, SOCKATLAS_NAME, -1, 0, &body, sizeof body, tail, (size_t)size + 5);
    }
    hostile_done(&end);
}

void family_blind_spots(unsigned n)
{
    struct end end = hostile_process(100);
    for (unsigned i = 0; i < n; i++) {
        char detail[64];
        int size = snprintf(detail, sizeof detail, "detail %u", i);
        struct sockatlas_body_coverage body = {.what = SOCKATLAS_COVERAGE_NO_LOG, .detail_size = (uint16_t)size};
        hostile_put(&end, SOCKATLAS_COVERAGE, -1, 0, &body, sizeof body, detail, (size_t)size);
    }
    hostile_done(&end);
}

/* What `run` says of untraced processes: all serve one address, and as many connect to it. */
void family_untraced(unsigned n)
{
    struct end run = hostile_log_of(99, 1, 1, SOCKATLAS_WRITER_RUN), client = hostile_process(100);
    for (unsigned i = 0; i < n; i++) {
        unsigned char tail[64];
        size_t size = hostile_address(tail, true, 1, 80);
        struct sockatlas_body_untraced body = {
            .peer_pid = 1000 + i,
            .comm_size = 4,
            .listening = 1,
            .type = SOCK_STREAM,
            .addresses = {.family = AF_INET, .first_size = 6, .second_size = SOCKATLAS_ABSENT}};
        memset(tail + size, 's', 4);
        hostile_put(&run, SOCKATLAS_UNTRACED, -1, 0, &body, sizeof body, tail, size + 4);
        uint64_t cookie = hostile_made(&client, 3, AF_INET, SOCK_STREAM);
        hostile_connects(&client, 3, cookie, true, 1, 80, 2, 20000 + i % 40000);
        hostile_closed(&client, 3, cookie);
    }
    hostile_done(&run);
    hostile_done(&client);
}

void family_failures(unsigned n)
{
    struct end end = hostile_process(100);
    for (unsigned i = 0; i < n; i++) {
        unsigned char tail[6];
        struct sockatlas_body_connect body = {
            .duration_ns = 400, .addresses = {.family = AF_INET, .first_size = 6, .second_size = SOCKATLAS_ABSENT}};
        uint64_t cookie = hostile_made(&end, 3, AF_INET, SOCK_STREAM);
        struct sockatlas_common common = {.kind = SOCKATLAS_CONNECT,
                                          .error = ECONNREFUSED,
                                          .pid = 100,
                                          .tid = 100,
                                          .fd = 3,
                                          .time_ns = hostile.now += 1000,
                                          .cookie = cookie};
        hostile_address(tail, false, i, 1 + i % 60000);
        if (!writer_append(end.writer, &common, &body, sizeof body, tail, sizeof tail))
            hostile_die("write");
        hostile_closed(&end, 3, cookie);
    }
    hostile_done(&end);
}

/* Cookies whose hash was one and the same in its lower half, as it was before it had a key. */
void family_colliding(unsigned n)
{
    struct end end = hostile_process(100);
    uint64_t inverse = 1; /* of the factor */
    for (int i = 0; i < 6; i++)
        inverse *= 2 - 0x9e3779b97f4a7c15u * inverse;
    for (unsigned i = 0; i < n; i++) {
        uint64_t hash = (uint64_t)(i + 1) << 32, value = hash ^ hash >> 29 ^ hash >> 58;
        value *= inverse;
        value ^= value >> 32;
        struct sockatlas_body_socket body = {.family = AF_INET, .type = SOCK_STREAM};
        hostile_put(&end, SOCKATLAS_SOCKET, (int)(3 + i), value, &body, sizeof body, NULL, 0);
    }
    for (unsigned i = 0; i < n; i++)
        hostile_closed(&end, (int)(3 + i), 0);
    hostile_done(&end);
}

void family_logs(unsigned n)
{
    for (unsigned i = 0; i < n / 10 + 1; i++) {
        hostile.now -= 2000000; /* each is older than the one before */
        struct end end = hostile_log_of(100 + i, 1, 1, SOCKATLAS_WRITER_SHIM);
        hostile_closed(&end, 3, hostile_made(&end, 3, AF_INET, SOCK_STREAM));
        hostile_done(&end);
    }
}

void family_hosts(unsigned n)
{
    for (unsigned i = 0; i < n / 10 + 1; i++) {
        struct end end = hostile_log_of(100, i, 1, SOCKATLAS_WRITER_SHIM);
        uint64_t cookie = hostile_made(&end, 3, AF_INET, SOCK_STREAM);
        hostile_connects(&end, 3, cookie, false, 1, 80, 2, 40000);
        hostile_closed(&end, 3, cookie);
        hostile_done(&end);
    }
}

/* A log with a hole of 1 TiB in its middle, whatever N. */
void family_hole(unsigned n)
{
    struct end end = hostile_process(100);
    for (unsigned i = 0; i < n; i++)
        hostile_closed(&end, 3, hostile_made(&end, 3, AF_INET, SOCK_STREAM));
    hostile_done(&end);
    char path[4200];
    uint64_t cursor = UINT64_C(1) << 34;
    snprintf(path, sizeof path, "%s/log1_100.atlas", hostile.folder);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)(SOCKATLAS_HEADER_SIZE + cursor * SOCKATLAS_SLOT_SIZE)) != 0 ||
        pwrite(fd, &cursor, sizeof cursor, offsetof(struct sockatlas_header, cursor)) != (ssize_t)sizeof cursor)
        hostile_die(path);
    close(fd);
}

void family_pipes(unsigned n)
{
    struct end end = hostile_process(100);
    hostile_closed(&end, 3, hostile_made(&end, 3, AF_INET, SOCK_STREAM));
    hostile_done(&end);
    for (unsigned i = 0; i < n / 10 + 1; i++) {
        char path[4200];
        snprintf(path, sizeof path, "%s/pipe%u.atlas", hostile.folder, i);
        if (mkfifo(path, 0600) != 0)
            hostile_die(path);
    }
}
