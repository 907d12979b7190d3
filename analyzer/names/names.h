/* SPDX-License-Identifier: MIT
 *
 * The names of the kernel's and the trace's constants, from tables kept as data (analyzer/names/NAME.def).
 */
#ifndef ANALYZER_NAMES_NAMES_H
#define ANALYZER_NAMES_NAMES_H

#include <stdbool.h>
#include <stdint.h>

enum names_table {
    NAMES_NONE, /* no names: numbers */
    NAMES_FAMILY,
    NAMES_TYPE,
    NAMES_PROTOCOL, /* context: family */
    NAMES_ERRNO,
    NAMES_LEVEL,
    NAMES_OPTION, /* context: level */
    NAMES_SHUTDOWN,
    NAMES_TCP_STATE,
    NAMES_CALL,
    NAMES_HOW,
    NAMES_UNTRACED,
    NAMES_COVERAGE,
    NAMES_LOSS,
    NAMES_WRITER,
    NAMES_RESOLVER, /* context: the call */
};

#endif
