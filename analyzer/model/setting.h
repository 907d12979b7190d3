/* SPDX-License-Identifier: MIT
 *
 * What became of a parameter that a program set: judged from what it asked for and what read back.
 */
#ifndef ANALYZER_MODEL_SETTING_H
#define ANALYZER_MODEL_SETTING_H

#include "analyzer/model/model.h"

enum setting_verdict {
    SETTING_AS_ASKED,
    SETTING_DOUBLED, /* a buffer: Linux grants twice what is asked, for its own bookkeeping */
    SETTING_RAISED,  /* a buffer below the kernel's least */
    SETTING_CLAMPED, /* a buffer beyond net.core.rmem_max or wmem_max */
    SETTING_CHANGED, /* anything else that reads back otherwise */
    SETTING_REFUSED,
    SETTING_UNKNOWN, /* what is in force is known, but not what was asked for */
    SETTING_FOUND,   /* in force when its process was attached to; what was asked for is not known */
};

/* Whether the bytes that were asked for are not known, though there were some. */
bool setting_request_unknown(const struct socket_option *option);
enum setting_verdict setting_verdict(const struct socket_option *option);
/* Bytes in force: as read back, else as requested, unless that was refused (size 0). */
size_t setting_effective(const struct socket_option *option, const unsigned char **bytes);

#endif
