/* SPDX-License-Identifier: MIT
 *
 * Community ID version 1: the flow hash that Zeek, Suricata and Wireshark print, so that a socket can be found in
 * theirs.
 */
#ifndef ANALYZER_MODEL_COMMUNITY_ID_H
#define ANALYZER_MODEL_COMMUNITY_ID_H

#include "analyzer/trace/address.h"

#define COMMUNITY_ID_MAX 40
/* "1:" and 28 characters of base64 in `out`, seed 0. `protocol` is the IP protocol (MPTCP counts as TCP). NULL when the
 * addresses are not of one internet family or a side is unknown. */
char *community_id(const struct address *a, const struct address *b, int protocol, char out[COMMUNITY_ID_MAX]);

#endif
