/* SPDX-License-Identifier: MIT
 *
 * Event to slots. A record function lays out one event and publishes it. Callable from anywhere.
 */
#ifndef SHIM_RECORD_H
#define SHIM_RECORD_H

#include "shim/descriptor.h"
#include "shim/endpoint.h"
#include "shim/log.h"
#include "shim/process.h"
#include "shim/trace_format.h"

#include <stddef.h>
#include <string.h>

/* What every record says: the rest of struct sockatlas_common is filled in when it is written. */
struct record {
    enum sockatlas_kind kind; /* for record_write() and record_complete(); record_commit() is told it */
    enum sockatlas_call call;
    int error;
    int fd;
    uint64_t cookie;
    uint64_t time_ns; /* 0: now; record_begin() fills it in */
    /* A socket that is taken to be known, and its number: where the section does not tell of it yet, it is told first.
     */
    struct descriptor *about;
    int about_fd;
    uint16_t brings;  /* flags of its entry that are news: where it is told first, then as without them */
    uint32_t section; /* filled in by record_begin(): what the `told` of a descriptor is that this record tells of */
};

/* Writes a record: body, then tail. A child's first one has its START record before it, and each process's first one in
 * a section of the ring a PROCESS record. */
void record_write(struct record *record, const void *body, size_t body_size, const void *tail, size_t tail_size);

/* The same in three steps, for the records that are many: the body is filled in where it stays. record_begin() takes
 * space for a body and a tail of these sizes and returns where the body goes, all zeros as yet; NULL: lost, and
 * counted. Nothing of it is seen before record_commit(). */
void *record_begin(struct record *record, size_t body_size, size_t tail_size);
/* The same for a record that is about no socket, or the first about one: `about` is NULL. */
void *record_begin_first(struct record *record, size_t body_size, size_t tail_size);
static inline void record_commit(void *body, enum sockatlas_kind kind)
{
    struct sockatlas_common *slot = (struct sockatlas_common *)body - 1;
    __atomic_store_n(&slot->kind, (uint8_t)kind, __ATOMIC_RELEASE);
}

/* record_begin() for what the program did not ask for: nothing is told before it, and no loss is counted. `time_ns` is
 * filled in. For tell.c. */
void *record_place(struct record *record, struct identity who, size_t body_size, size_t tail_size);

/* At most 64 bytes, by a few moves that may overlap: libc's memcpy() costs a call through two tables. */
static inline void record_copy(unsigned char *to, const unsigned char *from, size_t size)
{
    if (size >= 16) {
        memcpy(to, from, 16);
        if (size > 32) {
            memcpy(to + 16, from + 16, 16);
            memcpy(to + size - 32, from + size - 32, 16);
        }
        memcpy(to + size - 16, from + size - 16, 16);
    } else if (size >= 8) {
        memcpy(to, from, 8);
        memcpy(to + size - 8, from + size - 8, 8);
    } else if (size >= 4) {
        memcpy(to, from, 4);
        memcpy(to + size - 4, from + size - 4, 4);
    } else {
        for (size_t i = 0; i < size; i++)
            to[i] = from[i];
    }
}

/* Puts the tail behind a body of `body_size` bytes. */
void record_tail_beyond(void *body, size_t body_size, const void *tail, size_t size);
static inline void record_tail(void *body, size_t body_size, const void *tail, size_t size)
{
    enum { SPACE = SOCKATLAS_SLOT_SIZE - sizeof(struct sockatlas_common) };
    if (__builtin_expect(size <= SPACE - body_size, 1))
        record_copy((unsigned char *)body + body_size, tail, size);
    else
        record_tail_beyond(body, body_size, tail, size);
}

/* A record whose slot is taken now (with this moment's time and order) and published by record_complete(). At most one
 * slot. */
struct reserved {
    struct log_slots slots;
    uint64_t index; /* its position, UINT64_MAX none */
    uint64_t time_ns;
};
struct reserved record_reserve(void);
void record_complete(const struct reserved *reserved, const struct record *record, const void *body, size_t body_size);

/* Writes the caller's START record now if it has one to write, while it can ask who its parent is. */
void record_self(void);

/* In the child of a fork: writes its START record, if there is a log. */
void record_birth(void);

/* The process may be called otherwise now, or have another user: writes a PROCESS record, if it has recorded anything.
 */
void record_process(void);
/* The same where its name is known to have changed: not every way to change it is seen. For the end of a process. */
void record_renamed(void);

/* How many bytes a record's tail of two addresses has. NULL: none. */
static inline size_t record_addresses_size(const struct endpoint *first_end, const struct endpoint *second_end)
{
    return (first_end && endpoint_known(first_end) ? first_end->size : 0u) +
           (second_end && endpoint_known(second_end) ? second_end->size : 0u);
}

/* Fills in the tail behind a body of `body_size` bytes, and its description `out` in that body. */
void record_addresses(void *body, size_t body_size, struct sockatlas_addresses *out, const struct endpoint *first_end,
                      const struct endpoint *second_end, uint32_t flags);
/* The same with a cookie behind the addresses; 0: none, and no bytes. */
void record_addresses_and(void *body, size_t body_size, struct sockatlas_addresses *out,
                          const struct endpoint *first_end, const struct endpoint *second_end, uint64_t cookie);

#endif
