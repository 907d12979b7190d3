/* SPDX-License-Identifier: MIT
 *
 * Event to slots. A record function lays out one event and publishes it. Callable from anywhere.
 */
#ifndef SHIM_RECORD_H
#define SHIM_RECORD_H

#include "shim/endpoint.h"
#include "shim/process.h"
#include "shim/trace_format.h"

#include <stddef.h>

/* What every record says: the rest of struct sockatlas_common is filled in when it is written. */
struct record {
    enum sockatlas_kind kind;
    enum sockatlas_call call;
    int error;
    int fd;
    uint64_t cookie;
    uint64_t time_ns; /* 0: now */
};

/* Writes a record: body, then tail. A child's first one has its START record before it. */
void record_write(const struct record *record, const void *body, size_t body_size, const void *tail, size_t tail_size);

/* A record whose slot is taken now (with this moment's time and order) and published by record_publish(). At most one
 * slot. */
struct reserved {
    void *slot; /* NULL: lost */
    uint64_t index;
    uint64_t time_ns;
};
struct reserved record_reserve(void);
void record_publish(const struct reserved *reserved, const struct record *record, const void *body, size_t body_size);

/* In the child of a fork: writes its START record, if there is a log. */
void record_birth(void);

/* The tail of a record with two addresses, and its description for the body. Returns the tail's size. */
enum { RECORD_ADDRESSES_MAX = 2 * ENDPOINT_BYTES_MAX };
size_t record_addresses(struct sockatlas_addresses *out, unsigned char tail[RECORD_ADDRESSES_MAX],
                        const struct endpoint *first_end, const struct endpoint *second_end, uint32_t flags);

#endif
