/* SPDX-License-Identifier: MIT
 *
 * Columns of a terminal: what is wide, what has none, where text is cut, and that tables stay straight.
 */
#include "analyzer/view/columns.h"
#include "analyzer/view/table.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HAN   "\xe6\xbc\xa2"     /* two columns */
#define ACUTE "e\xcc\x81"        /* one, with its mark */
#define SMILE "\xf0\x9f\x98\x80" /* two */

static void is(const char *text, unsigned columns)
{
    cr_assert_eq(columns_of(text, strlen(text)), columns, "%s: %u", text, columns_of(text, strlen(text)));
    cr_assert_eq(view_columns(text), columns);
}

Test(columns, of_text)
{
    is("", 0);
    is("plain ascii, longer than eight", 30);
    is(HAN HAN, 4);
    is(ACUTE, 1);
    is(SMILE "x", 3);
    is("\xc3\xa9", 1);
}

Test(columns, beginnings_and_endings)
{
    const char text[] = "a" HAN ACUTE HAN "z";
    size_t size = sizeof text - 1;
    cr_assert_eq(columns_beginning(text, size, 0), 0);
    cr_assert_eq(columns_beginning(text, size, 2), 1);
    cr_assert_eq(columns_beginning(text, size, 3), 4);
    cr_assert_eq(columns_beginning(text, size, 4), 7); /* the mark stays with its letter */
    cr_assert_eq(columns_beginning(text, size, 99), size);
    cr_assert_eq(columns_ending(text, size, 0), size);
    cr_assert_eq(columns_ending(text, size, 2), size - 1);
    cr_assert_eq(columns_ending(text, size, 3), size - 4);
    cr_assert_eq(columns_ending(text, size, 4), size - 7);
    cr_assert_eq(columns_ending(text, size, 99), 0);
}

/* What the rows of a table of two columns are, printed within `width`. */
static char *table(const char *const *names, unsigned count, unsigned width)
{
    static const struct grid_column columns[] = {{"name", GRID_LEFT, 4}, {"end", GRID_LEFT, 0}};
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct grid *grid = grid_new(columns, 2);
    for (unsigned i = 0; i < count; i++) {
        grid_cell(grid, names[i]);
        grid_cell(grid, "|");
    }
    grid_print(grid, 0, width, out);
    fclose(out);
    cr_assert_not_null(text);
    return text;
}

Test(columns, tables_stay_straight)
{
    static const char *const names[] = {"plain",        HAN HAN HAN HAN,    ACUTE ACUTE ACUTE, SMILE "smile" SMILE,
                                        "a\nb\x1b[31m", "averyverylongname"};
    for (unsigned width = 0; width < 24; width++) {
        char *text = table(names, sizeof names / sizeof *names, width);
        unsigned at = 0;
        for (char *rest = text, *line; (line = strsep(&rest, "\n")) && *line;) {
            char *bar = strchr(line, '|');
            if (!bar)
                continue; /* the titles */
            unsigned columns = columns_of(line, (size_t)(bar - line));
            cr_assert(!at || at == columns, "within %u: %u is not %u: %s", width, columns, at, line);
            cr_assert(!width || width < 8 || columns + 1 <= width, "within %u: %s", width, line);
            cr_assert_null(strchr(line, '\x1b'));
            at = columns;
        }
        free(text);
    }
}

Test(columns, wrapped_text_steers_nothing)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    view_wrap("label ", "one\ntwo\x1b[31m \xe2\x80\xaethree", 6, 80, out);
    view_fit("a\tb\x7f", 12, false, out);
    fclose(out);
    cr_assert_str_eq(text, "label one\\x0atwo\\x1b[31m \\xe2\\x80\\xaethree\na\\x09b\\x7f  ");
    free(text);
}
