/* SPDX-License-Identifier: MIT
 *
 * `sockatlas map`: the whole picture, drawn once everything is read.
 */
#include "analyzer/view/map.h"
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/examine.h"
#include "analyzer/cmd/filter_match.h"
#include "analyzer/cmd/grouping.h"
#include "analyzer/cmd/map_cluster.h"
#include "analyzer/cmd/model_trace.h"
#include "analyzer/cmd/shape.h"
#include "analyzer/cmd/usage.h"
#include "analyzer/view/table.h"

#include <argp.h>
#include <stdlib.h>

enum { OPTION_BY = 256, OPTION_COLUMNS, OPTION_FROM, OPTION_PASSWORD, OPTION_CA };

/* FORMAT(name, more of it for --help, says on stderr what is missing to draw it): map_NAME() draws it. */
#define FORMATS(FORMAT)                                                                                                \
    FORMAT(text, NULL, NULL)                                                                                           \
    FORMAT(json, NULL, NULL)                                                                                           \
    FORMAT(dot, NULL, NULL)                                                                                            \
    FORMAT(mermaid, NULL, NULL)                                                                                        \
    FORMAT(svg, "laid out by Graphviz", map_svg_ready)                                                                 \
    FORMAT(html, "a page to explore, in one file", map_html_ready)

static const struct shape_format formats[] = {
#define FORMAT(name, what, ready) {#name, what},
    FORMATS(FORMAT)
#undef FORMAT
        {0}};

static const struct drawing {
    bool (*draw)(const struct model *model, const struct map_options *options, FILE *out);
    bool (*ready)(void); /* NULL: nothing can be missing */
} drawings[] = {
#define FORMAT(name, what, ready) {map_##name, ready},
    FORMATS(FORMAT)
#undef FORMAT
};

struct request {
    struct shape shape;
    struct filter filter;
    enum map_grouping by;
    struct line_choice choice;
    struct cluster_options cluster; /* .url NULL: of traces */
};

static const struct drawing *drawing_of(const struct request *request)
{
    return &drawings[request->shape.format];
}

/* A cluster has no first event. */
static void check_cluster(const struct request *request, struct argp_state *state)
{
    const struct filter *filter = &request->filter;
    if (!request->cluster.url) {
        if (request->cluster.password_file || request->cluster.ca_file)
            usage_error(state, "--password-file and --ca-file are for --from URL");
        return;
    }
    if (request->shape.count)
        usage_error(state, "--from: a cluster or TRACE, not both");
    if (filter->since.relative || filter->until.relative)
        usage_error(state, "--from: want --since and --until as dates or @EPOCH");
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct request *request = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &request->shape;
        state->child_inputs[1] = &request->filter;
        return 0;
    case OPTION_BY:
        request->by = grouping_by(state, text);
        return 0;
    case OPTION_COLUMNS:
        grouping_columns(state, text, &request->choice);
        return 0;
    case OPTION_FROM:
        request->cluster.url = text;
        return 0;
    case OPTION_PASSWORD:
        request->cluster.password_file = text;
        return 0;
    case OPTION_CA:
        request->cluster.ca_file = text;
        return 0;
    case ARGP_KEY_END:
        check_cluster(request, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"by", OPTION_BY, "WHAT", 0,
     "who is drawn as one: " GROUPING_BY_HELP
     "; default: workers of one parent that do the same, or programs where there are many",
     0},
    {"columns", OPTION_COLUMNS, "LIST", 0,
     "of text: these figures of each edge (see `sockatlas summary --help`) instead of connections and bytes", 0},
    {"from", OPTION_FROM, "URL", 0,
     "draw what `collect --to` brought to a cluster, http[s]://[USER@]HOST[:PORT]/DATABASE, instead of a TRACE", 0},
    {"password-file", OPTION_PASSWORD, "FILE", 0, "with --from: the password is FILE's first line", 0},
    {"ca-file", OPTION_CA, "FILE", 0, "with --from https: trust the certificates in FILE", 0},
    {0}};

static const struct argp_child children[] = {SHAPE_CHILD, FILTER_CHILD, {0}};

static const struct argp argp = {
    .children = children,
    .options = options,
    .parser = parse,
    .args_doc = "[TRACE...]",
    .doc =
        "Draws which process talked to which. " CMD_TRACE_DOC "\v"
        "Examples:\n  sockatlas map\n  sockatlas map --by program --wide\n  sockatlas map --format html -o map.html\n"};

static bool draw(const struct model *model, const struct request *request, struct map_html *html,
                 const struct doctor *doctor, FILE *out)
{
    struct map_options view = {.by = request->by,
                               .choice = &request->choice,
                               .internal = request->filter.internal,
                               .html = html,
                               .doctor = doctor,
                               .width = shape_width(&request->shape, out),
                               .colour = view_colour(out)};
    return drawing_of(request)->draw(model, &view, out);
}

static int map_from(const struct request *request, const char *title)
{
    struct made *made = map_cluster(&request->cluster, &request->filter, title);
    if (!made)
        return CMD_UNREADABLE;
    struct map_html *html = drawing_of(request)->draw == map_html ? map_html_new() : NULL;
    if (html)
        map_html_attach(html, made_model(made));
    FILE *out = output_open(request->shape.output);
    int status = out && draw(made_model(made), request, html, NULL, out) ? CMD_DONE : CMD_UNREADABLE;
    if (out && !output_close(out, request->shape.output))
        status = CMD_UNREADABLE;
    map_html_free(html);
    made_free(made);
    return status;
}

int cmd_map(int argc, char **argv)
{
    const char *title = argv[0];
    struct request request = {.shape = {.formats = formats}};
    usage_parse(&argp, argc, argv, 0, &request);
    if (output_is_input(request.shape.output, request.shape.traces, request.shape.count))
        return CMD_USAGE;
    const struct drawing *drawing = drawing_of(&request);
    if (drawing->ready && !drawing->ready())
        return CMD_UNREADABLE;
    if (request.cluster.url) {
        int status = map_from(&request, title);
        filter_free(&request.filter);
        return status;
    }
    struct model_callbacks callbacks = {.alive = model_trace_alive};
    struct map_html *html = drawing->draw == map_html ? map_html_new() : NULL;
    if (html) {
        callbacks.context = html;
        callbacks.socket_done = map_html_socket;
        callbacks.event_seen = map_html_event;
    }
    struct filter_sieve sieve = {.filter = &request.filter};
    struct filter_of_model of = {.filter = &request.filter};
    filter_sieve(&sieve, &callbacks);
    filter_callbacks(&of, &callbacks);
    struct examine examine = {.filter = &request.filter};
    if (html)
        examine_begin(&examine, &callbacks);
    struct model *model = model_new(&callbacks);
    sieve.model = of.model = model;
    if (html) {
        examine_attach(&examine, model);
        map_html_attach(html, model);
    }
    struct stream *stream;
    int status = model_trace_read(model, request.shape.traces, request.shape.count, &stream);
    if (html)
        examine_finish(&examine);
    bool nothing = model_trace_nothing(stream);
    FILE *out = nothing ? NULL : output_open(request.shape.output);
    if (!nothing && (!out || !draw(model, &request, html, examine.doctor, out)))
        status = CMD_UNREADABLE;
    if (out && !output_close(out, request.shape.output))
        status = CMD_UNREADABLE;
    map_html_free(html);
    if (html)
        examine_free(&examine);
    filter_free(&request.filter);
    model_free(model);
    stream_close(stream);
    return status;
}
