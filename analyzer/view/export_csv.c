/* SPDX-License-Identifier: MIT
 *
 * Sockets as CSV (RFC 4180): the members of `list --json` as columns, those of an object in it as OBJECT_MEMBER, arrays
 * as JSON. Unknown is an empty field; text that is empty is "".
 */
#include "analyzer/view/export.h"
#include "analyzer/view/socket_json.h"

#include <stdlib.h>

/* The columns are those of a socket of which everything is known that could be. */
static void csv_begin(struct export *report)
{
    cJSON *columns = socket_json(report->model, &(struct socket){.tcp_known = true, .fd = -1});
    for (const cJSON *column = columns->child; column; column = column->next) {
        const char *end = column->next ? "," : "\r\n";
        if (!cJSON_IsObject(column))
            fprintf(report->out, "%s%s", column->string, end);
        else
            for (const cJSON *member = column->child; member; member = member->next)
                fprintf(report->out, "%s_%s%s", column->string, member->string, member->next ? "," : end);
    }
    cJSON_Delete(columns);
    report->state = calloc(1, sizeof(struct members));
    if (!report->state)
        abort();
}

static void csv_socket(struct export *report, const struct socket *socket)
{
    socket_print_row(report->state, report->model, socket, report->out);
}

static void csv_finish(struct export *report)
{
    members_free(report->state);
    free(report->state);
}

const struct export_format export_csv = {.begin = csv_begin, .socket = csv_socket, .finish = csv_finish};
