/* SPDX-License-Identifier: MIT
 *
 * Sockets as CSV (RFC 4180): the members of `list --json` as columns, those of an object in it as OBJECT_MEMBER, arrays
 * as JSON. Unknown is an empty field; text that is empty is "".
 */
#include "analyzer/view/export.h"
#include "analyzer/view/socket_json.h"

#include <string.h>

static void write_quoted(FILE *out, const char *text)
{
    putc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            putc('"', out);
        putc(*text, out);
    }
    putc('"', out);
}

static void write_text(FILE *out, const char *text)
{
    if (*text == '\0' || strpbrk(text, "\",\r\n"))
        write_quoted(out, text);
    else
        fputs(text, out);
}

static void write_value(FILE *out, const cJSON *value)
{
    if (!value || cJSON_IsNull(value))
        return;
    if (cJSON_IsString(value)) {
        write_text(out, value->valuestring);
        return;
    }
    char *text = cJSON_PrintUnformatted(value);
    if (text)
        write_text(out, text);
    cJSON_free(text);
}

/* One column: its name, or where `row` is given that one's value. An object's members are a column each. */
static void write_column(FILE *out, const cJSON *column, const cJSON *row)
{
    const cJSON *value = row ? cJSON_GetObjectItemCaseSensitive(row, column->string) : NULL;
    if (!cJSON_IsObject(column)) {
        if (row)
            write_value(out, value);
        else
            fputs(column->string, out);
        return;
    }
    for (const cJSON *member = column->child; member; member = member->next) {
        if (member != column->child)
            putc(',', out);
        if (row)
            write_value(out, cJSON_GetObjectItemCaseSensitive(value, member->string));
        else
            fprintf(out, "%s_%s", column->string, member->string);
    }
}

static void write_line(const struct export *report, const cJSON *row)
{
    const cJSON *columns = report->state;
    for (const cJSON *column = columns->child; column; column = column->next) {
        if (column != columns->child)
            putc(',', report->out);
        write_column(report->out, column, row);
    }
    fputs("\r\n", report->out);
}

/* The columns are those of a socket of which everything is known that could be. */
static void csv_begin(struct export *report)
{
    report->state = socket_json(report->model, &(struct socket){.tcp_known = true, .fd = -1});
    write_line(report, NULL);
}

static void csv_socket(struct export *report, const struct socket *socket)
{
    cJSON *row = socket_json(report->model, socket);
    write_line(report, row);
    cJSON_Delete(row);
}

static void csv_finish(struct export *report)
{
    cJSON_Delete(report->state);
}

const struct export_format export_csv = {.begin = csv_begin, .socket = csv_socket, .finish = csv_finish};
