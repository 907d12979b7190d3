/* SPDX-License-Identifier: MIT
 *
 * A map and its sockets as read from a folder, and what their ids mean. compare.c only.
 */
#ifndef TESTS_GROUND_REPORT_H
#define TESTS_GROUND_REPORT_H

#include <cjson/cJSON.h>

struct line {
    char *text;
    const cJSON *item; /* that it tells of */
    const char *const *times;
};

struct report {
    cJSON *map;
    cJSON *sockets; /* array */
    struct line *lines;
    unsigned count;
};

/* FOLDER/map.json and FOLDER/list.jsonl; the program ends with a line on stderr where they cannot be read. No lines. */
struct report report_read(const char *folder);
/* What an id means: a pid or an address; a cookie. "-": none. Valid for the next three calls. */
const char *report_node(const struct report *report, const cJSON *id);
const char *report_socket(const struct report *report, const cJSON *id);

#endif
