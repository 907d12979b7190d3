/* SPDX-License-Identifier: MIT
 *
 * Fuzz target: an exported .jsonl, as standard input.
 */
#include "analyzer/trace/jsonl.h"
#include "tests/fuzz/fuzz.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* A line that is read straight gives what its parsed form gives. */
static void read_alike(struct jsonl_scan *scan, const char *line, size_t size)
{
    static _Alignas(64) unsigned char straight[SOCKATLAS_RECORD_SLOTS_MAX * SOCKATLAS_SLOT_SIZE];
    static _Alignas(64) unsigned char parsed[SOCKATLAS_RECORD_SLOTS_MAX * SOCKATLAS_SLOT_SIZE];
    struct jsonl_scanned scanned;
    unsigned count = 0;
    if (!jsonl_scan_event(scan, line, size, straight, &scanned))
        return;
    cJSON *object = cJSON_ParseWithLength(line, size);
    if (!object || jsonl_parse_event(line, object, SOCKATLAS_VERSION, parsed, &count) != NULL ||
        count != scanned.slots || memcmp(straight, parsed, (size_t)count * SOCKATLAS_SLOT_SIZE) != 0) {
        fprintf(stderr, "read otherwise: %.*s\n", (int)size, line);
        abort();
    }
    cJSON_Delete(object);
}

static void each_line_alike(const char *bytes, size_t size)
{
    struct jsonl_scan *scan = jsonl_scan_new();
    const char *newline;
    char *copy = malloc(size + 1); /* what is parsed has an end */
    if (!copy)
        abort();
    memcpy(copy, bytes, size);
    copy[size] = '\0';
    for (char *at = copy; (newline = memchr(at, '\n', (size_t)(copy + size - at))) != NULL; at = (char *)newline + 1)
        read_alike(scan, at, (size_t)(newline + 1 - at));
    free(copy);
    jsonl_scan_free(scan);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    each_line_alike((const char *)bytes, size);
    FILE *former = stdin;
    stdin = fmemopen((void *)bytes, size, "r");
    if (stdin == NULL)
        abort();
    char name[] = "-";
    fuzz_read((char *[]){name}, 1, false);
    fclose(stdin);
    stdin = former;
    return 0;
}
