/* SPDX-License-Identifier: MIT
 *
 * Fuzz target: answers of sock_diag(7). The first byte of an input says what was asked for, the others are one datagram
 * of the answer.
 */
#include "analyzer/cmd/diag.h"
#include "tests/fuzz/oracle.h"

#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t capacity, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t capacity);

static const struct {
    int family, protocol;
} questions[] = {
    {AF_INET, IPPROTO_TCP}, {AF_INET6, IPPROTO_TCP}, {AF_INET, IPPROTO_UDP}, {AF_INET6, IPPROTO_UDP}, {AF_UNIX, 0}};
enum { QUESTIONS = sizeof questions / sizeof *questions };

/* An address goes into `run`'s log as it is encoded, and onto the terminal as text. */
static void check_address(const struct address *address, int family)
{
    unsigned char encoded[sizeof *address];
    char text[ADDRESS_TEXT_MAX];
    struct address again;
    size_t size = address_encode(address, encoded);
    if (size > sizeof encoded || !address_decode(&again, address->family, encoded, size) ||
        !address_equal(&again, address)) {
        fprintf(stderr, "an address of family %d does not come back\n", family);
        abort();
    }
    if (address_text(address, text))
        oracle_check("an address", DEMAND_TEXT, text, strlen(text));
}

static void found(void *context, const struct diag_socket *socket)
{
    const int *family = context;
    check_address(&socket->local, *family);
    check_address(&socket->peer, *family);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 1)
        return 0;
    unsigned question = bytes[0] % QUESTIONS;
    int family = questions[question].family;
    /* A copy of its own, at its end's boundary: what lies behind it is not to be read. */
    uint8_t *answer = malloc(size);
    if (!answer)
        abort();
    memcpy(answer, bytes + 1, size - 1);
    diag_answer(answer, size - 1, family, questions[question].protocol, found, &family);
    free(answer);
    return 0;
}

/* Mutates what is in a message rather than the messages' lengths, which would end the answer there. */
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t capacity, unsigned seed)
{
    struct nlmsghdr header;
    size_t at = 1, skip = (seed >> 8) % 8;
    if (seed % 4 == 0)
        return LLVMFuzzerMutate(bytes, size, capacity);
    for (; at + sizeof header < size; at += NLMSG_ALIGN(header.nlmsg_len)) {
        memcpy(&header, bytes + at, sizeof header);
        if (header.nlmsg_len <= sizeof header || header.nlmsg_len > size - at)
            break;
        if (skip-- > 0)
            continue;
        size_t length = header.nlmsg_len - sizeof header;
        LLVMFuzzerMutate(bytes + at + sizeof header, length, length);
        return size;
    }
    return LLVMFuzzerMutate(bytes, size, capacity);
}
