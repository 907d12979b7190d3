/* SPDX-License-Identifier: MIT
 *
 * Fuzz target: the kernel's notices of ended sockets. An input is one datagram.
 */
#include "analyzer/cmd/notice.h"
#include "tests/fuzz/oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* An address goes into a log as it is encoded, and onto the terminal as text. */
static void check_address(const struct address *address)
{
    unsigned char encoded[sizeof *address];
    char text[ADDRESS_TEXT_MAX];
    struct address again;
    size_t size = address_encode(address, encoded);
    if (size > sizeof encoded || !address_decode(&again, address->family, encoded, size) ||
        !address_equal(&again, address)) {
        fprintf(stderr, "an address of family %u does not come back\n", address->family);
        abort();
    }
    if (address_text(address, text))
        oracle_check("an address", DEMAND_TEXT, text, strlen(text));
}

static void found(void *context, const struct notice *notice)
{
    (void)context;
    check_address(&notice->local);
    if (address_known(&notice->peer))
        check_address(&notice->peer);
    if (notice->tcp_known && (!address_known(&notice->peer) || notice->bytes_received == SOCKATLAS_BYTES_UNKNOWN)) {
        fputs("figures without a peer or counts\n", stderr);
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    /* A copy of its own, at its end's boundary: what lies behind it is not to be read. */
    uint8_t *datagram = malloc(size ? size : 1);
    if (!datagram)
        abort();
    if (size)
        memcpy(datagram, bytes, size);
    notice_answer(datagram, size, found, NULL);
    free(datagram);
    return 0;
}
