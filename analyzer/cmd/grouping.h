/* SPDX-License-Identifier: MIT
 *
 * What `map`, `summary` and `list` take alike: --by, and --columns of figures.
 */
#ifndef ANALYZER_CMD_GROUPING_H
#define ANALYZER_CMD_GROUPING_H

#include "analyzer/view/line_column.h"

#include <argp.h>

/* From a command's parser: the values of --by and of a list of columns; both end the program where they are wrong. */
enum map_grouping grouping_by(const struct argp_state *state, const char *word);
void grouping_columns(const struct argp_state *state, const char *words, struct line_choice *choice);
const struct line_column *grouping_column(const struct argp_state *state, const char *option, const char *word);

#define GROUPING_BY_HELP "process, program, unit (systemd), container or host"

#endif
