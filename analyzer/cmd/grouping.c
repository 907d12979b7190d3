/* SPDX-License-Identifier: MIT
 *
 * Reading --by and --columns, see grouping.h.
 */
#include "analyzer/cmd/grouping.h"

#include "analyzer/cmd/nearest.h"
#include "analyzer/cmd/usage.h"
#include "analyzer/trace/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum map_grouping grouping_by(const struct argp_state *state, const char *word)
{
    enum map_grouping by = MAP_BY_PROCESS;
    if (!map_grouping_of(word, &by)) {
        const char *meant = nearest_word(word, map_grouping_word);
        usage_error(state, "--by %s: process, program, unit, container or host%s%s%s", text_name(word),
                    meant ? "; did you mean " : "", meant ? meant : "", meant ? "?" : "");
    }
    return by;
}

const struct line_column *grouping_column(const struct argp_state *state, const char *option, const char *word)
{
    const struct line_column *column = line_column_find(word);
    if (column)
        return column;
    char known[1024] = "";
    size_t used = 0;
    const char *meant = nearest_word(word, line_column_word), *at;
    for (unsigned i = 0; (at = line_column_word(i)) && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", at);
    usage_error(state, "%s %s: no such column (%s)%s%s%s", option, text_name(word), known,
                meant ? "; did you mean " : "", meant ? meant : "", meant ? "?" : "");
    return NULL;
}

void grouping_columns(const struct argp_state *state, const char *words, struct line_choice *choice)
{
    char *copy = strdup(words), *rest = NULL;
    if (!copy)
        abort();
    choice->count = 0;
    for (char *word = strtok_r(copy, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        if (choice->count == LINE_COLUMNS_MAX)
            usage_error(state, "--columns: %d at most", LINE_COLUMNS_MAX);
        choice->columns[choice->count++] = grouping_column(state, "--columns", word);
    }
    if (!choice->count)
        usage_error(state, "--columns: a value is missing");
    free(copy);
}
