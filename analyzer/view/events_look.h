/* SPDX-License-Identifier: MIT
 *
 * How the fields of a record look in a line of `events`, by their keys.
 */
#ifndef ANALYZER_VIEW_EVENTS_LOOK_H
#define ANALYZER_VIEW_EVENTS_LOOK_H

#include "analyzer/trace/fields.h"

enum look {
    LOOK_IMPLIED = 1, /* by others, or it stands elsewhere in the line; but in a NETNS */
    LOOK_COUNT = 2,   /* says nothing when it is 0 */
    LOOK_PLAIN = 4,   /* a number without its key */
    LOOK_CHILD = 8,   /* is the result where there is one */
    LOOK_WANTED = 16, /* all that is shown of an IO */
    LOOK_FIRST = 32,  /* of TCP's summary: what is looked for first */
    LOOK_BEHIND = 64, /* how long the call took: stands behind its result */
};

/* The looks of a table's fields, found once: asked for at every line. */
struct looked {
    bool found;
    uint8_t looks[FIELDS_MAX];
};

const uint8_t *looks_of(struct looked *looked, const struct field *fields, unsigned count);
/* Whether a field of that look is not said, with this value, in an event of the kind. */
bool look_leaves_out(unsigned kind, unsigned look, uint64_t value);

#endif
