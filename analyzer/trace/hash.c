/* SPDX-License-Identifier: MIT
 *
 * The key of all hashes, see hash.h.
 */
#include "analyzer/trace/hash.h"

#include <sodium.h>

struct hash_key hash_key;

_Static_assert(sizeof hash_key.bytes == crypto_shorthash_KEYBYTES, "the key of SipHash");
_Static_assert(crypto_shorthash_BYTES == sizeof(uint64_t), "the hash of SipHash");

__attribute__((constructor)) static void draw_key(void)
{
    randombytes_buf(&hash_key, sizeof hash_key);
}

uint64_t hash_bytes(const void *bytes, size_t size)
{
    uint64_t hash;
    crypto_shorthash((unsigned char *)&hash, bytes, size, hash_key.bytes);
    return hash;
}
