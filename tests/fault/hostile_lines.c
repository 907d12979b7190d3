/* SPDX-License-Identifier: MIT
 *
 * Families of hostile.c: JSON Lines.
 */
#include "tests/fault/hostile.h"

static FILE *lines_begin(void)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/lines.jsonl", hostile.folder);
    FILE *out = fopen(path, "wxe");
    if (!out)
        hostile_die(path);
    return out;
}

static void lines_end(FILE *out)
{
    if (fclose(out) != 0)
        hostile_die("write");
}

void family_line_long(unsigned n)
{
    FILE *out = lines_begin();
    fputs("{\"event\":\"", out);
    for (unsigned i = 0; i < n * 100; i++)
        fputc('a', out);
    fputs("\"}\n", out);
    lines_end(out);
}

void family_line_nested(unsigned n)
{
    FILE *out = lines_begin();
    fputs("{\"event\":", out);
    for (unsigned i = 0; i < n * 100; i++)
        fputc('[', out);
    lines_end(out);
}

void family_line_number(unsigned n)
{
    FILE *out = lines_begin();
    fputs("{\"event\":\"socket\",\"image\":", out);
    for (unsigned i = 0; i < n * 100; i++)
        fputc('9', out);
    fputs("}\n", out);
    lines_end(out);
}

void family_line_members(unsigned n)
{
    FILE *out = lines_begin();
    fputs("{\"event\":\"socket\"", out);
    for (unsigned i = 0; i < n; i++)
        fprintf(out, ",\"image\":%u", i);
    fputs("}\n", out);
    lines_end(out);
}

void family_lines_empty(unsigned n)
{
    FILE *out = lines_begin();
    fputs("{}", out);
    for (unsigned i = 0; i < n * 10; i++)
        fputc('\n', out);
    lines_end(out);
}

void family_lines_bad(unsigned n)
{
    FILE *out = lines_begin();
    for (unsigned i = 0; i < n; i++)
        fprintf(out, "{\"event\":\"socket\",\"image\":%u,\"slot\":1}\n", i);
    lines_end(out);
}

void family_lines_hole(unsigned n)
{
    FILE *out = lines_begin();
    (void)n;
    fputs("{\"event\":\"", out);
    if (fflush(out) != 0 || ftruncate(fileno(out), (off_t)1 << 40) != 0)
        hostile_die("lines.jsonl");
    lines_end(out);
}
