/* SPDX-License-Identifier: MIT
 *
 * A parameter set on a socket, as views tell it: what was asked, what is in force, and what became of the difference.
 */
#ifndef ANALYZER_VIEW_SETTING_H
#define ANALYZER_VIEW_SETTING_H

#include "analyzer/model/model.h"

#include <cjson/cJSON.h>

enum setting_verdict {
    SETTING_AS_ASKED,
    SETTING_DOUBLED, /* a buffer: Linux grants twice what is asked, for its own bookkeeping */
    SETTING_RAISED,  /* a buffer below the kernel's least */
    SETTING_CLAMPED, /* a buffer beyond net.core.rmem_max or wmem_max */
    SETTING_CHANGED, /* anything else that reads back otherwise */
    SETTING_REFUSED,
};

enum setting_verdict setting_verdict(const struct socket_option *option);
/* The contract's word: "as_asked", "clamped", ... */
const char *setting_verdict_word(enum setting_verdict verdict);
/* Bytes in force: as read back, else as requested, unless that was refused (size 0). */
size_t setting_effective(const struct socket_option *option, const unsigned char **bytes);
/* Adds `level`, `name`, `requested`, `effective`, `error`. */
void setting_json(cJSON *object, const struct socket_option *option);

#define SETTING_NAME_MAX 80
/* "SO_RCVBUF"; "SOL_SOCKET 9999" where it has no name. */
const char *setting_name(int level, int name, char out[SETTING_NAME_MAX]);

#endif
