/* SPDX-License-Identifier: MIT
 *
 * The count of bytes that one process sent, or received, through one descriptor: a word that also says which of the
 * sockets that had the number it is of, and how many sends are under way. So what is counted after a call is counted
 * for the socket that the call was made on, whoever has closed it meanwhile and whatever has its number now. No lock.
 * Callable from anywhere.
 */
#ifndef SHIM_COUNT_H
#define SHIM_COUNT_H

#include "shim/trace_format.h"

#include <stdbool.h>
#include <stdint.h>

/* From the lowest bit: bytes, of which all bits set are more than can be counted; sends; the socket's number. */
#define COUNT_BYTES     ((1ull << 46) - 1)
#define COUNT_SEND      (1ull << 46)
#define COUNT_SENDS     (63 * COUNT_SEND)
#define COUNT_SOCKET    (1ull << 52)
#define COUNT_WHICH(at) ((at) & ~(COUNT_BYTES | COUNT_SENDS))

/* The word of the next socket, which has sent nothing. */
static inline uint64_t count_next(uint64_t word)
{
    return COUNT_WHICH(word) + COUNT_SOCKET;
}

/* SOCKATLAS_BYTES_UNKNOWN: more than can be counted. */
static inline uint64_t count_bytes(uint64_t word)
{
    return (word & COUNT_BYTES) == COUNT_BYTES ? SOCKATLAS_BYTES_UNKNOWN : word & COUNT_BYTES;
}

static inline unsigned count_sends(uint64_t word)
{
    return (unsigned)((word & COUNT_SENDS) / COUNT_SEND);
}

/* A send begins: false where as many as can be told are under way. `word`: what it was. */
static inline bool count_begin(uint64_t *at, uint64_t *word)
{
    *word = __atomic_load_n(at, __ATOMIC_RELAXED);
    do {
        if ((*word & COUNT_SENDS) == COUNT_SENDS)
            return false;
    } while (!__atomic_compare_exchange_n(at, word, *word + COUNT_SEND, true, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
    return true;
}

/* `bytes` went through, and the send that count_begin() was true for is over (`send`). False, and nothing is counted:
 * the number is another socket's than when the word was `began`. */
static inline bool count_end(uint64_t *at, uint64_t began, bool send, uint64_t bytes)
{
    uint64_t word = __atomic_load_n(at, __ATOMIC_RELAXED), now, sum;
    do {
        if (COUNT_WHICH(word) != COUNT_WHICH(began))
            return false;
        sum = (word & COUNT_BYTES) + bytes;
        now = (word & ~COUNT_BYTES) + (sum < COUNT_BYTES ? sum : COUNT_BYTES) - (send ? COUNT_SEND : 0);
    } while (!__atomic_compare_exchange_n(at, &word, now, true, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
    return true;
}

#endif
