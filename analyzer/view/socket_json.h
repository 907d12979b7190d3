/* SPDX-License-Identifier: MIT
 *
 * One socket as the object that `list --json` writes.
 */
#ifndef ANALYZER_VIEW_SOCKET_JSON_H
#define ANALYZER_VIEW_SOCKET_JSON_H

#include "analyzer/model/model.h"
#include "analyzer/trace/members.h"

#include <cjson/cJSON.h>

/* A zeroed socket is fine too: all members are there, whatever is known. */
cJSON *socket_json(const struct model *model, const struct socket *socket);

/* Its members into an open object. */
void socket_members(struct members *to, const struct model *model, const struct socket *socket);
/* The same as a line of text; `line` is the caller's, zeroed before the first and freed after the last. False with
 * errno when writing failed. */
bool socket_print(struct members *line, const struct model *model, const struct socket *socket, FILE *out);
/* The same as a row of CSV: a cell for each member, an object's own instead of it. */
bool socket_print_row(struct members *row, const struct model *model, const struct socket *socket, FILE *out);

#endif
