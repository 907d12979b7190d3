/* SPDX-License-Identifier: MIT
 *
 * What all commands that print take alike, see shape.h.
 */
#include "analyzer/cmd/shape.h"

#include "analyzer/cmd/nearest.h"
#include "analyzer/cmd/usage.h"
#include "analyzer/trace/buffer.h"
#include "analyzer/trace/complaint.h"
#include "analyzer/trace/text.h"
#include "analyzer/view/table.h"

#include <stdlib.h>
#include <string.h>

enum {
    OPTION_HELP = 'h',
    OPTION_FORMAT = 'f',
    OPTION_JSON = 'j',
    OPTION_OUTPUT = 'o',
    OPTION_QUIET = 'q',
    OPTION_WIDE = 0x2000,
    OPTION_COLOR
};

static const struct argp_option options[] = {
    {"format", OPTION_FORMAT, "FORMAT", 0, "", 0}, /* help_filter() says which there are */
    {"json", OPTION_JSON, NULL, 0, "", 0},
    {"output", OPTION_OUTPUT, "FILE", 0, "write to FILE instead of standard output", 0},
    {"wide", OPTION_WIDE, NULL, 0, "cut and break nothing at the terminal's width", 0},
    {"color", OPTION_COLOR, "WHEN", 0, "always, never, or auto (on a terminal, without NO_COLOR)", 0},
    {"quiet", OPTION_QUIET, NULL, 0, "do not say what is wrong with the input; the exit status does", 0},
    {NULL, OPTION_HELP, NULL, OPTION_HIDDEN, NULL, 0},
    {0}};

static const struct shape_format *known; /* for nearest_word() */

static const char *format_name(unsigned index)
{
    return known[index].name;
}

/* "text (default), json, svg (laid out by Graphviz)"; freed by the caller. */
static char *list_formats(const struct shape *shape, bool with_words)
{
    struct buffer text = {0};
    for (const struct shape_format *at = shape->formats; at->name; at++) {
        bool preset = with_words && at == shape->formats && !shape->required;
        if (at != shape->formats)
            buffer_add(&text, ", ", 2);
        buffer_add(&text, at->name, strlen(at->name));
        if (preset)
            buffer_add(&text, " (default)", strlen(" (default)"));
        if (!with_words || !at->what)
            continue;
        buffer_add(&text, " (", 2);
        buffer_add(&text, at->what, strlen(at->what));
        buffer_add(&text, ")", 1);
    }
    buffer_add(&text, "", 1);
    return text.text;
}

static const char *json_of(const struct shape *shape)
{
    for (const struct shape_format *at = shape->formats; at->name; at++)
        if (strncmp(at->name, "json", strlen("json")) == 0)
            return at->name;
    return "json";
}

void shape_choose(struct shape *shape, const char *name, const char *option, const struct argp_state *state)
{
    unsigned index = 0;
    while (shape->formats[index].name && strcmp(shape->formats[index].name, name) != 0)
        index++;
    if (!shape->formats[index].name) {
        known = shape->formats;
        const char *meant = nearest_word(name, format_name);
        usage_error(state, "--format %s: no such format (%s)%s%s%s", text_name(name), list_formats(shape, false),
                    meant ? "; did you mean " : "", meant ? meant : "", meant ? "?" : "");
    }
    if (shape->chosen && shape->format != index)
        usage_error(state, "%s and %s: one of them", shape->chosen, option);
    shape->chosen = option;
    shape->format = index;
}

static void set_colour(const char *when, const struct argp_state *state)
{
    static const char *const words[] = {[VIEW_AUTO] = "auto", [VIEW_ALWAYS] = "always", [VIEW_NEVER] = "never"};
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], when) == 0) {
            view_set_colour((enum view_when)i);
            return;
        }
    usage_error(state, "--color %s: always, never or auto", text_name(when));
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct shape *shape = state->input;
    switch (key) {
    case OPTION_HELP:
        argp_state_help(state, state->out_stream, ARGP_HELP_STD_HELP);
        return 0;
    case OPTION_FORMAT:
        shape_choose(shape, text, "--format", state);
        return 0;
    case OPTION_JSON:
        shape_choose(shape, json_of(shape), "--json", state);
        return 0;
    case OPTION_OUTPUT:
        shape->output = text;
        return 0;
    case OPTION_WIDE:
        shape->wide = true;
        return 0;
    case OPTION_COLOR:
        set_colour(text, state);
        return 0;
    case OPTION_QUIET:
        complain_quietly();
        return 0;
    case ARGP_KEY_ARGS:
        shape->traces = state->argv + state->next;
        shape->count = state->argc - state->next;
        return 0;
    case ARGP_KEY_SUCCESS:
        if (shape->required && !shape->chosen)
            usage_error(state, "--format is missing (%s)", list_formats(shape, false));
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* The words of --format and --json, out of the command's table. */
static char *help(int key, const char *text, void *input)
{
    const struct shape *shape = input;
    char *said = NULL;
    if (shape && key == OPTION_FORMAT)
        return list_formats(shape, true);
    if (shape && key == OPTION_JSON && asprintf(&said, "the same as --format %s", json_of(shape)) < 0)
        abort();
    return said ? said : (char *)text;
}

const struct argp shape_argp = {.options = options, .parser = parse, .help_filter = help};

unsigned shape_width(const struct shape *shape, FILE *out)
{
    return shape->wide ? 0 : view_width(out);
}
