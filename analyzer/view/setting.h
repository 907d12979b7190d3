/* SPDX-License-Identifier: MIT
 *
 * A parameter set on a socket, as views tell it: what was asked, what is in force, and what became of the difference.
 */
#ifndef ANALYZER_VIEW_SETTING_H
#define ANALYZER_VIEW_SETTING_H

#include "analyzer/model/setting.h"
#include "analyzer/trace/members.h"

#include <cjson/cJSON.h>

/* The contract's word: "as_asked", "clamped", ... */
const char *setting_verdict_word(enum setting_verdict verdict);
/* Adds `level`, `name`, `requested`, `effective`, `error`. */
void setting_members(struct members *to, const struct socket_option *option);
void setting_json(cJSON *object, const struct socket_option *option);

#define SETTING_NAME_MAX 80
/* "SO_RCVBUF"; "SOL_SOCKET 9999" where it has no name. */
const char *setting_name(int level, int name, char out[SETTING_NAME_MAX]);

#endif
