/* SPDX-License-Identifier: MIT
 *
 * How fields look, see events_look.h.
 */
#include "analyzer/view/events_look.h"

#include <string.h>

static const struct {
    const char *key;
    unsigned look;
} looks[] = {
    {"address_family", LOOK_IMPLIED},
    {"netns_cookie", LOOK_IMPLIED},
    {"requested_size", LOOK_IMPLIED},
    {"listener_cookie", LOOK_IMPLIED},
    {"passed_cookie", LOOK_IMPLIED},
    {"cookie2", LOOK_IMPLIED},
    {"origin_cookie", LOOK_IMPLIED},
    {"fork_slot", LOOK_IMPLIED},
    {"duration_ns", LOOK_IMPLIED | LOOK_BEHIND},
    {"bytes_sent", LOOK_COUNT},
    {"bytes_received", LOOK_COUNT},
    {"messages_sent", LOOK_COUNT},
    {"messages_received", LOOK_COUNT},
    {"listener_fd", LOOK_PLAIN},
    {"old_fd", LOOK_PLAIN},
    {"backlog", LOOK_PLAIN},
    {"requested", LOOK_WANTED},
    {"child_pid", LOOK_CHILD},
    {"state", LOOK_FIRST},
    {"rtt_us", LOOK_FIRST},
    {"retransmits", LOOK_FIRST},
    {"lost", LOOK_FIRST},
    {"unacked", LOOK_FIRST},
};

static unsigned find_look(const char *key)
{
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++)
        if (strcmp(looks[i].key, key) == 0)
            return looks[i].look;
    return 0;
}

const uint8_t *looks_of(struct looked *looked, const struct field *fields, unsigned count)
{
    for (unsigned i = 0; !looked->found && i < count && i < FIELDS_MAX; i++)
        looked->looks[i] = (uint8_t)find_look(fields[i].key);
    looked->found = true;
    return looked->looks;
}

bool look_leaves_out(unsigned kind, unsigned look, uint64_t value)
{
    if (look & LOOK_IMPLIED)
        return kind != SOCKATLAS_NETNS;
    if ((look & LOOK_COUNT) && value == 0)
        return true;
    if (kind == SOCKATLAS_IO)
        return !(look & LOOK_WANTED);
    return (look & LOOK_CHILD) && (kind == SOCKATLAS_FORK || kind == SOCKATLAS_SPAWN);
}
