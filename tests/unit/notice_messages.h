/* SPDX-License-Identifier: MIT
 *
 * The kernel's notices (Linux 6.18, x86-64, each one datagram as it came) of sockets that ended: of a client that sent
 * 1,000 bytes, received 500 and closed first; of its server, which closed when the client had; of an IPv6 server that
 * closed with 3 bytes unread; of a UDP socket that was connected; of a client that closed with SO_LINGER and no time.
 */
#ifndef TESTS_UNIT_NOTICE_MESSAGES_H
#define TESTS_UNIT_NOTICE_MESSAGES_H

#include <stdint.h>

/* clang-format off */
static const uint32_t notice_client[] = {
    0x17c, 0x14, 0, 0, 0x702, 0xcbc090a9, 0x100007f, 0, 0, 0, 0x100007f, 0, 0, 0, 0, 0x480a646, 0, 0, 0, 0, 0, 0,
    0xa0005, 6, 0x2011c, 7, 0xaa0700, 0x32c80, 0x9c40, 0x8a00, 0x218, 0, 0, 0, 0, 0, 0x2c, 0, 0x2c, 0, 0xffff,
    0xffd7, 0x13c0, 0x2753, 0x7fffffff, 0xc, 0xffcb, 3, 0, 0xffd7, 0, 0x713fb0e, 7, 0xffffffff, 0xffffffff, 0x3ea,
    0, 0x1f4, 0, 5, 4, 0, 9, 1, 1, 0xd6466, 0, 0xabe0, 0, 0, 0, 0, 0, 3, 0, 0x3e8, 0, 0, 0, 0, 0, 0, 0x11400,
    0x10000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
static const uint32_t notice_server[] = {
    0x17c, 0x14, 0, 0, 0x702, 0x90a9cbc0, 0x100007f, 0, 0, 0, 0x100007f, 0, 0, 0, 0, 0x480a649, 0, 0, 1, 0, 0, 0,
    0xa0005, 6, 0x2011c, 7, 0xaa0700, 0x31ce0, 0x9c40, 0x8000, 0x3e8, 0, 0, 0, 0, 0, 0x38, 0, 0x38, 0, 0xffff,
    0x1121d, 0x15, 0xb, 0x7fffffff, 0xc, 0xffcb, 3, 0, 0xffcb, 0, 0x7ad8040e, 9, 0xffffffff, 0xffffffff, 0x1f5, 0,
    0x3e9, 0, 4, 6, 0, 4, 1, 1, 0x411aaaaa, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0x1f4, 0, 0, 0, 0, 0, 0, 0x10000, 0x11400, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
static const uint32_t notice_unread6[] = {
    0x17c, 0x14, 0, 0, 0x70a, 0xe6b7ef83, 0, 0, 0, 0x1000000, 0, 0, 0, 0x1000000, 0, 0x480a65a, 0, 0, 3, 0, 0, 0,
    0xa0005, 6, 0x2011c, 7, 0x1aa0700, 0x31ce0, 0x9c40, 0x8000, 0x218, 0, 0, 0, 0, 0, 0x3c, 0, 0x3c, 0x3c, 0x10000,
    0xffb8, 0x12, 9, 0x7fffffff, 0xa, 0xffb8, 3, 0, 0xffb8, 0, 0x1cf79be3, 0xc, 0xffffffff, 0xffffffff, 0, 0, 3, 0,
    2, 3, 0, 0x12, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x10000, 0x10000, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0};
static const uint32_t notice_udp[] = {
    0x60, 0x14, 0, 0, 0x102, 0x80b59781, 0x100007f, 0, 0, 0, 0x100007f, 0, 0, 0, 0, 0x480a663, 0, 0, 0, 0xffffffff,
    0, 0, 0xa0005, 0x11};
static const uint32_t notice_aborted[] = {
    0x17c, 0x14, 0, 0, 0x702, 0xa0a9, 0, 0, 0, 0, 0x100007f, 0, 0, 0, 0, 0x480a664, 0, 0, 0, 0xffcd, 0, 0, 0xa0005,
    6, 0x2011c, 7, 0x1000000, 0xf4240, 0, 0x7fe5, 0x58, 0, 0, 0, 0, 0, 0, 0, 0x19822fc, 0, 0xffff, 0xffd7, 0,
    0x3d090, 0x7fffffff, 0xa, 0xffcb, 3, 0, 0xffd7, 0, 0x1a697fa8, 0xc, 0xffffffff, 0xffffffff, 0, 0, 0, 0, 0, 0,
    0xffcd, 0x12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xffcb, 0x10000, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0};
/* clang-format on */

#endif
