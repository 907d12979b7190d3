/* SPDX-License-Identifier: MIT
 *
 * What the tests of the doctor's rules start with: a script, a doctor that reads it, what the script lacks for them,
 * and looking at what was found.
 */
#ifndef TESTS_UNIT_DOCTOR_SCRIPT_H
#define TESTS_UNIT_DOCTOR_SCRIPT_H

#include "analyzer/doctor/doctor.h"
#include "tests/unit/model_script.h"

#include <netinet/tcp.h>
#include <stdio.h>

#define SECOND 1000000000ull

static struct script script;
static struct doctor *doctor;

static inline void setup(void)
{
    script = (struct script){.now = 1000 * SECOND};
    struct model_callbacks callbacks = {.context = NULL};
    doctor = doctor_new();
    doctor_callbacks(doctor, &callbacks);
    script.model = model_new(&callbacks);
    doctor_attach(doctor, script.model);
}

static inline void teardown(void)
{
    doctor_free(doctor);
    model_free(script.model);
}

TestSuite(doctor, .init = setup, .fini = teardown);

static inline struct who process(uint32_t pid, const char *comm)
{
    struct who who = {script_image(&script, pid, comm, 0, 1), pid};
    script.images[who.image].header.somaxconn = 4096;
    script.images[who.image].header.port_low = 32768; /* a hundred ports */
    script.images[who.image].header.port_high = 32867;
    return who;
}

/* ---- What the script lacks ---- */

static inline void option_bytes(struct who who, int fd, uint64_t cookie, int level, int name, const void *value,
                                size_t size, const void *effective, size_t effective_size, int error)
{
    unsigned char tail[64];
    struct sockatlas_body_option body = {.level = level,
                                         .name = name,
                                         .requested_size = (uint32_t)size,
                                         .kept_size = (uint16_t)size,
                                         .effective_size = (uint16_t)effective_size};
    memcpy(tail, value, size);
    if (effective_size)
        memcpy(tail + size, effective, effective_size);
    script_record(&script, who,
                  (struct sockatlas_common){.kind = SOCKATLAS_OPTION,
                                            .call = SOCKATLAS_CALL_setsockopt,
                                            .fd = fd,
                                            .cookie = cookie,
                                            .error = (uint16_t)error},
                  &body, sizeof body, tail, size + effective_size);
}

static inline void option(struct who who, int fd, uint64_t cookie, int level, int name, int value, int error)
{
    option_bytes(who, fd, cookie, level, name, &value, sizeof value, NULL, 0, error);
}

static inline void buffer(struct who who, int fd, uint64_t cookie, int name, int value, int effective)
{
    option_bytes(who, fd, cookie, SOL_SOCKET, name, &value, sizeof value, &effective, sizeof effective, 0);
}

static inline void close_in(struct who who, int fd, uint64_t cookie, int call, struct sockatlas_tcp tcp)
{
    struct sockatlas_body_close body = {.bytes_sent = 10, .bytes_received = 10};
    script_record(&script, who,
                  (struct sockatlas_common){.kind = SOCKATLAS_CLOSE, .call = (uint8_t)call, .fd = fd, .cookie = cookie},
                  &body, sizeof body, &tcp, sizeof tcp);
}

static inline void listen_with(struct who who, int fd, uint64_t cookie, const char *local, int backlog)
{
    unsigned char tail[64];
    struct sockatlas_body_listen body = {.backlog = backlog};
    t_socket(&script, who, fd, cookie, AF_INET, SOCK_STREAM, 0);
    t_bind(&script, who, fd, cookie, local);
    size_t size = script_tail(&body.addresses, tail, local, NULL);
    script_record(&script, who, (struct sockatlas_common){.kind = SOCKATLAS_LISTEN, .fd = fd, .cookie = cookie}, &body,
                  sizeof body, tail, size);
}

static inline void bind_fails(struct who who, int fd, uint64_t cookie, const char *local)
{
    unsigned char tail[64];
    struct sockatlas_body_bind body = {.addresses = {.family = 0}};
    size_t size = script_tail(&body.addresses, tail, local, NULL);
    script_record(&script, who,
                  (struct sockatlas_common){.kind = SOCKATLAS_BIND, .fd = fd, .cookie = cookie, .error = EADDRINUSE},
                  &body, sizeof body, tail, size);
}

static inline void accept_fails(struct who who, int listener_fd, uint64_t listener, int error)
{
    struct sockatlas_body_accept body = {
        .listener_fd = listener_fd,
        .listener_cookie = listener,
        .addresses = {.first_size = SOCKATLAS_ABSENT, .second_size = SOCKATLAS_ABSENT}};
    script_record(&script, who, (struct sockatlas_common){.kind = SOCKATLAS_ACCEPT, .fd = -1, .error = (uint16_t)error},
                  &body, sizeof body, NULL, 0);
}

static inline void name_looked_up(struct who who, const char *name, uint64_t duration_ns)
{
    struct sockatlas_body_name body = {.duration_ns = duration_ns, .name_size = (uint16_t)strlen(name)};
    script_record(&script, who,
                  (struct sockatlas_common){.kind = SOCKATLAS_NAME, .call = SOCKATLAS_CALL_getaddrinfo, .fd = -1},
                  &body, sizeof body, name, strlen(name));
}

static inline void transfer(struct who who, int fd, uint64_t cookie, bool sent, int64_t bytes)
{
    struct sockatlas_body_io body = {.result = bytes, .requested = 4096, .sent = sent};
    script_record(&script, who, (struct sockatlas_common){.kind = SOCKATLAS_IO, .fd = fd, .cookie = cookie}, &body,
                  sizeof body, NULL, 0);
}

static inline void later(uint64_t ns)
{
    script.now += ns;
}

static inline const char *text_of(const char *format, unsigned number)
{
    static char text[64];
    snprintf(text, sizeof text, format, number);
    return text;
}

/* ---- Looking ---- */

/* Ends the trace; the finding of `rule`, NULL when there is none. */
static inline const struct finding *found(const char *rule)
{
    const struct finding *found = NULL;
    model_finish(script.model);
    doctor_finish(doctor);
    for (unsigned i = 0; i < doctor_finding_count(doctor); i++) {
        const struct finding *finding = doctor_finding(doctor, i);
        cr_expect_gt(finding->evidence_count, 0, "%s: a finding without evidence", finding->rule->name);
        cr_expect_not_null(finding->message, "%s", finding->rule->name);
        if (strcmp(finding->rule->name, rule) == 0)
            found = finding;
    }
    return found;
}

static inline void expect(const char *rule, const char *words)
{
    const struct finding *finding = found(rule);
    cr_assert_not_null(finding, "no %s", rule);
    cr_expect_not_null(strstr(finding->message, words), "%s", finding->message);
}

static inline void expect_none(const char *rule)
{
    const struct finding *finding = found(rule);
    cr_expect_null(finding, "%s", finding ? finding->message : "");
}

#endif
