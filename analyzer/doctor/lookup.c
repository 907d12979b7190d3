/* SPDX-License-Identifier: MIT
 *
 * The name that a program looked up, as rules say it.
 */
#include "analyzer/doctor/internal.h"

const char *lookup_name(const struct event *event, char out[LOOKUP_NAME_MAX])
{
    const struct sockatlas_body_name *body = event_body(event);
    size_t size = body->name_size < LOOKUP_NAME_MAX ? body->name_size : LOOKUP_NAME_MAX - 1;
    event_tail(event, sizeof *body, 0, out, size);
    out[size] = '\0';
    for (char *at = out; *at; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
    return out;
}
