/* SPDX-License-Identifier: MIT
 *
 * Rows of halves: the schema of the database has the columns that are written, in their order and of their types; what
 * a cgroup says.
 */
#include "analyzer/view/halves.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "re");
    cr_assert_not_null(file, "%s", path);
    char *text = calloc(1, 1 << 20);
    cr_assert_gt(fread(text, 1, (1 << 20) - 1, file), 0);
    fclose(file);
    return text;
}

/* Each table of whole rows begins with exactly these columns. */
Test(halves, schema)
{
    static const char *const tables[] = {"halves_local", "halves"};
    char *schema = read_file("analyzer/clickhouse/schema.sql"), *columns = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&columns, &size);
    halves_put_schema(out);
    fclose(out);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        char begin[64];
        snprintf(begin, sizeof begin, "CREATE TABLE IF NOT EXISTS %s (\n", tables[i]);
        const char *at = strstr(schema, begin);
        cr_assert_not_null(at, "%s", tables[i]);
        at += strlen(begin);
        cr_assert(strncmp(at, columns, size - 1) == 0, "%s has:\n%.3000s\nnot:\n%s", tables[i], at, columns);
        const char *next = strcmp(tables[i], "halves") == 0 ? "\n) ENGINE" : ",\n    received DateTime";
        cr_assert(strncmp(at + size - 1, next, strlen(next)) == 0);
    }
    free(columns);
    free(schema);
}

Test(halves, schema_version)
{
    char *schema = read_file("analyzer/clickhouse/schema.sql"), expected[64];
    snprintf(expected, sizeof expected, "INSERT INTO schema_local (version) VALUES (%d);", HALVES_SCHEMA);
    cr_assert_not_null(strstr(schema, expected));
    free(schema);
}
