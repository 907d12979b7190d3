/* SPDX-License-Identifier: MIT
 *
 * The true map's JSON, in the contract's words; a time is [earliest, latest], and left out where nobody can say.
 * truth*.c only.
 */
#ifndef TESTS_GROUND_TRUTH_H
#define TESTS_GROUND_TRUTH_H

#include "tests/ground/world.h"

#include <cjson/cJSON.h>

void truth_number(cJSON *object, const char *key, bool known, double value);
void truth_text(cJSON *object, const char *key, const char *value);
void truth_place(cJSON *object, const char *address, const char *port, const struct name *name);
/* null where span.from is 0. */
void truth_time(cJSON *object, const char *key, struct cast_span span);
void truth_error(cJSON *object, const char *key, int error);

/* Node ids: process indexes, and externals from EXTERNAL_FIRST. */
#define EXTERNAL_FIRST 1000
/* A talk's ends now. */
int truth_from(const struct talk *talk);
int truth_to(const struct talk *talk);
/* A connection, which follows its ends' owners. */
bool truth_moves(const struct talk *talk);

/* truth_edge.c */
cJSON *truth_edges(void);
/* truth_socket.c */
cJSON *truth_socket(const struct sock *sock);

#endif
