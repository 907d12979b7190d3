/* SPDX-License-Identifier: MIT
 *
 * Hashes of what a trace says, with a key that is drawn at random when the analyzer starts: whoever writes a trace
 * cannot choose values that fall together. What is printed must not depend on them: neither on a hash nor on the order
 * of the entries of a hash table.
 */
#ifndef ANALYZER_TRACE_HASH_H
#define ANALYZER_TRACE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Drawn before main(). */
extern struct hash_key {
    unsigned __int128 sum, factor[4];
    unsigned char bytes[16];
} hash_key;

/* SipHash-2-4. */
uint64_t hash_bytes(const void *bytes, size_t size);

/* Of up to four numbers: the upper half of a sum of products with the key (vector multiply-shift, strongly universal:
 * two different inputs fall together as rarely as random numbers), mixed once more: without that, numbers in even steps
 * would for one key in a hundred share a few buckets. For what is asked at every event, where SipHash takes several
 * times as long. */
static inline uint64_t hash_words(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    uint64_t hash = (uint64_t)((hash_key.sum + hash_key.factor[0] * a + hash_key.factor[1] * b +
                                hash_key.factor[2] * c + hash_key.factor[3] * d) >>
                               64);
    hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93u;
    return hash ^ hash >> 32;
}

static inline uint64_t hash_numbers(uint64_t a, uint64_t b)
{
    return hash_words(a, b, 0, 0);
}

/* Of a struct's bytes, as whole words where it has them: its padding counts, so it is to be cleared first. */
static inline uint64_t hash_struct(const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    if (size % sizeof(uint64_t))
        return hash_bytes(bytes, size);
    uint64_t hash = size;
    for (size_t done = 0, piece; done < size; done += piece) {
        uint64_t words[3] = {0, 0, 0};
        piece = size - done < sizeof words ? size - done : sizeof words;
        memcpy(words, at + done, piece);
        hash = hash_words(words[0], words[1], words[2], hash);
    }
    return hash;
}

/* uthash with the same key; whoever uses uthash includes this in its place. */
#define HASH_FUNCTION(key, size, hash) ((hash) = (unsigned)hash_struct(key, size))
#include <uthash.h>

#endif
