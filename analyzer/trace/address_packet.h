/* SPDX-License-Identifier: MIT
 *
 * AF_PACKET addresses (packet(7)), for address.c alone: what of them tells two apart, and their text.
 */
#ifndef ANALYZER_TRACE_ADDRESS_PACKET_H
#define ANALYZER_TRACE_ADDRESS_PACKET_H

#include "analyzer/trace/address.h"

/* Leaves protocol, interface and hardware address; the rest the kernel tells of a packet, or nobody set. False: not as
 * long as it says. */
bool packet_normalise(struct address *address);
/* "PROTOCOL:INTERFACE", and the hardware address behind it where there is one. False: not normal. */
bool packet_text(const struct address *address, char *out);
/* The inverse. */
bool packet_parse(struct address *out, const char *text);

#endif
