/* SPDX-License-Identifier: MIT
 *
 * What the tests of the trace module share: folders of their own, traces with one record of every kind, complaints
 * collected.
 */
#ifndef TESTS_UNIT_TRACE_H
#define TESTS_UNIT_TRACE_H

#include "analyzer/trace/stream.h"
#include "analyzer/trace/writer.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A folder that remove_folder() deletes with its files. */
static inline char *make_folder(void)
{
    char *folder = strdup("/tmp/sockatlas-test-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    return folder;
}

static inline void remove_folder(char *folder)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_assert_eq(system(command), 0);
    free(folder);
}

struct heard {
    unsigned count;
    char last[512];
};

static inline void hear(void *context, const char *line)
{
    struct heard *heard = context;
    heard->count++;
    snprintf(heard->last, sizeof heard->last, "%s", line);
}

static inline struct sockatlas_header sample_header(void)
{
    struct sockatlas_header header = {.size_limit = 1 << 20,
                                      .boottime_ns = 1000000,
                                      .realtime_ns = 1795363811232941856u,
                                      .start_ticks = 77,
                                      .netns_inode = 4026531833u,
                                      .pid = 42,
                                      .ppid = 1,
                                      .uid = 1000,
                                      .writer = SOCKATLAS_WRITER_SHIM,
                                      .boot_id = "d203360e-1630-4ca1-be89-64a8cf07b6f3",
                                      .host = "box",
                                      .comm = "a\\b\x01",
                                      .congestion = "bbr",
                                      .cmdline = "prog\0--x\0\0y",
                                      .cmdline_size = 12,
                                      .exe = "/bin/prog",
                                      .lost = 3,
                                      .lost_first = 9,
                                      .lost_last = 10,
                                      .cgroup = "/system.slice/a.service",
                                      .run_id = {UINT64_MAX, 7},
                                      .lost_reason = SOCKATLAS_LOSS_LIMIT};
    return header;
}

/* One record of every kind, with a tail where the kind has one. */
struct sample {
    unsigned kind;
    size_t body_size;
    union {
        unsigned char bytes[SOCKATLAS_SLOT_SIZE];
#define X(value, name, word, body) struct sockatlas_body_##body word;
        SOCKATLAS_KINDS(X)
#undef X
    } body;
    unsigned char tail[512];
    size_t tail_size;
};

#define SAMPLES_MAX 48

static inline void sample_tail(struct sample *sample, const void *bytes, size_t size)
{
    memcpy(sample->tail + sample->tail_size, bytes, size);
    sample->tail_size += size;
}

static const unsigned char sample_v4[6] = {0x1f, 0x90, 127, 0, 0, 1};
static const unsigned char sample_v6[22] = {0, 80, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0};
static const unsigned char sample_mapped[22] = {0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1};

static inline struct sockatlas_addresses sample_addresses(struct sample *sample, int family)
{
    struct sockatlas_addresses addresses = {.family = (uint8_t)family};
    if (family == AF_INET6) {
        sample_tail(sample, sample_v6, 22);
        sample_tail(sample, sample_mapped, 22);
        addresses.first_size = addresses.second_size = 22;
    } else if (family == AF_UNIX) {
        sample_tail(sample, "\0abstract\xff", 10);
        addresses.first_size = 10;
    } else {
        sample_tail(sample, sample_v4, 6);
        addresses.first_size = 6;
        addresses.second_size = SOCKATLAS_ABSENT;
    }
    return addresses;
}

/* Fills `out`; returns how many there are: every kind once. */
static inline unsigned make_samples(struct sample out[SAMPLES_MAX])
{
    unsigned count = 0;
#define X(value, name, word, body_tag)                                                                                 \
    out[count] = (struct sample){.kind = value, .body_size = sizeof(struct sockatlas_body_##body_tag)};                \
    memset(out[count].body.bytes, 0, sizeof out[count].body.bytes);                                                    \
    count++;
    SOCKATLAS_KINDS(X)
#undef X
    for (unsigned i = 0; i < count; i++) {
        struct sample *sample = &out[i];
        struct sockatlas_tcp tcp = {.state = 1, .rtt_us = 123, .segs_in = 0xfffffffe};
        switch (sample->kind) {
        case SOCKATLAS_SOCKET:
            sample->body.socket = (struct sockatlas_body_socket){AF_INET6, SOCK_STREAM, 3, 262, 0, UINT64_MAX - 1};
            break;
        case SOCKATLAS_SOCKETPAIR:
            sample->body.socketpair = (struct sockatlas_body_socketpair){AF_UNIX, SOCK_DGRAM, 1, 0, 9, 0xdeadbeef};
            break;
        case SOCKATLAS_SEEN:
            sample->body.seen = (struct sockatlas_body_seen){
                .family = 77, .type = 99, .tcp_state = 10, .listening = 1, .role = SOCKATLAS_ROLE_SERVER};
            sample->body.seen.addresses = sample_addresses(sample, AF_INET6);
            sample->body.seen.origin = SOCKATLAS_ORIGIN_LISTENER;
            memcpy(sample->tail + sample->tail_size, &(uint64_t){0xfeedface}, sizeof(uint64_t));
            sample->tail_size += sizeof(uint64_t);
            break;
        case SOCKATLAS_BIND:
            sample->body.bind.addresses = sample_addresses(sample, AF_UNIX);
            break;
        case SOCKATLAS_LISTEN:
            sample->body.listen.backlog = -1;
            sample->body.listen.addresses = sample_addresses(sample, AF_INET);
            break;
        case SOCKATLAS_CONNECT:
            sample->body.connect.duration_ns = (1ull << 53) + 1;
            sample->body.connect.addresses = sample_addresses(sample, AF_INET6);
            break;
        case SOCKATLAS_CONNECTING:
            sample->body.connecting.addresses = sample_addresses(sample, AF_INET6);
            break;
        case SOCKATLAS_TRANSFER:
            sample->body.transfer = (struct sockatlas_body_transfer){1, 2, 3, 4, -1, 0};
            break;
        case SOCKATLAS_ACCEPT:
            sample->body.accept = (struct sockatlas_body_accept){.listener_cookie = 5, .listener_fd = 3, .peer_pid = 8};
            sample->body.accept.addresses = sample_addresses(sample, AF_INET);
            sample->body.accept.addresses.flags = 2;
            break;
        case SOCKATLAS_OPTION:
            sample->body.option = (struct sockatlas_body_option){6, 13, 900, 3, 5};
            sample_tail(sample, "bbrcubic", 8);
            break;
        case SOCKATLAS_CLOSE:
            sample->body.close = (struct sockatlas_body_close){UINT64_MAX, 1ull << 60, 1, 2, 3, 4};
            sample_tail(sample, &tcp, sizeof tcp);
            break;
        case SOCKATLAS_START:
            sample->body.start = (struct sockatlas_body_start){UINT64_MAX, 41, 0, "sixteen bytes!!"};
            break;
        case SOCKATLAS_EXEC:
            sample->body.exec.path_size = 400;
            sample->body.exec.untraced = SOCKATLAS_UNTRACED_STATIC;
            sample->tail_size = 400;
            memset(sample->tail, 'p', 400);
            sample->tail[3] = 0;
            break;
        case SOCKATLAS_SPAWN:
            sample->body.spawn.path_size = 4;
            sample_tail(sample, "a\\\n\x80", 4);
            break;
        case SOCKATLAS_PEER:
            sample->body.peer.sent = 1;
            sample->body.peer.addresses = sample_addresses(sample, AF_INET6);
            break;
        case SOCKATLAS_PEER_TOTAL:
            sample->body.peer_total.addresses = (struct sockatlas_addresses){0, 255, 255, 0};
            sample->body.peer_total.unlisted = 7;
            break;
        case SOCKATLAS_NAME:
            sample->body.name = (struct sockatlas_body_name){5, -2, 7, 4, 2};
            sample_tail(sample, "examplehttp\2\177\0\0\1\12", 17);
            sample_tail(sample, sample_v6 + 2, 16);
            break;
        case SOCKATLAS_COVERAGE:
            sample->body.coverage = (struct sockatlas_body_coverage){SOCKATLAS_COVERAGE_SECCOMP, 6};
            sample_tail(sample, "detail", 6);
            break;
        case SOCKATLAS_RUN:
            sample->body.run = (struct sockatlas_body_run){-1, 4, 5, 0};
            sample_tail(sample, "a b c", 5);
            break;
        case SOCKATLAS_IO:
            sample->body.io.result = -1;
            break;
        case SOCKATLAS_PROCESS:
            sample->body.process = (struct sockatlas_body_process){.ppid = 1, .uid = 33, .comm = "worker"};
            sample->body.process.cgroup_size = 6;
            sample_tail(sample, "/a.job", 6);
            break;
        case SOCKATLAS_ENDED:
            sample->body.ended = (struct sockatlas_body_ended){
                .bytes_sent = 5, .bytes_received = 6, .protocol = 6, .unread = 1, .acked = 2, .left = 5};
            sample->body.ended.addresses = sample_addresses(sample, AF_INET6);
            sample_tail(sample, &tcp, sizeof tcp);
            break;
        case SOCKATLAS_UNTRACED:
            sample->body.untraced = (struct sockatlas_body_untraced){.comm_size = 3, .exe_size = 5, .type = 1};
            sample->body.untraced.addresses = sample_addresses(sample, AF_INET6);
            sample_tail(sample, "foo/foo0", 8);
            break;
        default:
            break;
        }
    }
    return count;
}

static inline struct sockatlas_common sample_common(unsigned index, unsigned kind)
{
    struct sockatlas_common common = {.kind = (uint8_t)kind,
                                      .call = (uint8_t)(index % 3 == 0 ? 0 : index + 1),
                                      .error = (uint16_t)(index % 4 == 1 ? 111 : 0),
                                      .pid = 42,
                                      .tid = 43,
                                      .fd = index % 5 == 0 ? -1 : (int)index,
                                      .time_ns = (1ull << 60) + index,
                                      .cookie = index == 2 ? UINT64_MAX : index};
    return common;
}

/* Writes FOLDER/NAME.atlas with every sample. */
static inline void write_samples(const char *folder, const char *name)
{
    struct sample samples[SAMPLES_MAX];
    unsigned count = make_samples(samples);
    struct sockatlas_header header = sample_header();
    struct writer *writer = writer_create(folder, name, &header);
    cr_assert_not_null(writer);
    for (unsigned i = 0; i < count; i++) {
        struct sockatlas_common common = sample_common(i, samples[i].kind);
        cr_assert(writer_append(writer, &common, samples[i].body.bytes, samples[i].body_size, samples[i].tail,
                                samples[i].tail_size));
    }
    cr_assert(writer_close(writer));
}

#endif
