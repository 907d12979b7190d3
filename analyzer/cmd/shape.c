/* SPDX-License-Identifier: MIT
 *
 * What all commands that print once and end take alike, see shape.h.
 */
#include "analyzer/cmd/shape.h"

#include "analyzer/view/table.h"

enum { OPTION_OUTPUT = 'o', OPTION_WIDE = 0x2000 };

static const struct argp_option options[] = {
    {"output", OPTION_OUTPUT, "FILE", 0, "write to FILE instead of standard output", 0},
    {"wide", OPTION_WIDE, NULL, 0, "cut nothing to the terminal's width", 0},
    {0}};

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct shape *shape = state->input;
    switch (key) {
    case OPTION_OUTPUT:
        shape->output = text;
        return 0;
    case OPTION_WIDE:
        shape->wide = true;
        return 0;
    case ARGP_KEY_ARGS:
        shape->traces = state->argv + state->next;
        shape->count = state->argc - state->next;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp shape_argp = {.options = options, .parser = parse};

unsigned shape_width(const struct shape *shape, FILE *out)
{
    return shape->wide ? 0 : view_width(out);
}
