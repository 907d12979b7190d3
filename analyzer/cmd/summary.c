/* SPDX-License-Identifier: MIT
 *
 * `sockatlas summary`: the figures of each service pair.
 */
#include "analyzer/view/summary.h"
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/filter_match.h"
#include "analyzer/cmd/grouping.h"
#include "analyzer/cmd/model_trace.h"
#include "analyzer/cmd/shape.h"
#include "analyzer/cmd/usage.h"
#include "analyzer/trace/text.h"
#include "analyzer/view/table.h"

#include <argp.h>
#include <limits.h>
#include <stdlib.h>

enum { OPTION_BY = 256, OPTION_TOP, OPTION_SORT, OPTION_COLUMNS, TOP_PRESET = 20 };

enum summary_format { SUMMARY_TEXT, SUMMARY_JSON, SUMMARY_CSV };
static const struct shape_format formats[] = {[SUMMARY_TEXT] = {"text", NULL},
                                              [SUMMARY_JSON] = {"json", "JSON Lines, one object a pair"},
                                              [SUMMARY_CSV] = {"csv", "RFC 4180, the same words"},
                                              {0}};

/* In their order. */
static bool (*const writers[])(const struct model *model, const struct summary_options *options,
                               FILE *out) = {summary_text, summary_json, summary_csv};

struct request {
    struct shape shape;
    struct filter filter;
    struct line_choice choice;
    enum map_grouping by;
    const struct line_column *sort;
    long top; /* -1: not given */
};

static unsigned read_top(const struct argp_state *state, const char *text)
{
    char *end;
    unsigned long top = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || top > INT_MAX)
        usage_error(state, "--top %s: not a number", text_name(text));
    return (unsigned)top;
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
    case OPTION_TOP:
        request->top = read_top(state, text);
        return 0;
    case OPTION_SORT:
        request->sort = grouping_column(state, "--sort", text);
        return 0;
    case OPTION_COLUMNS:
        grouping_columns(state, text, &request->choice);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"by", OPTION_BY, "WHAT", 0, "who is one: " GROUPING_BY_HELP "; default: program", 0},
    {"top", OPTION_TOP, "N", 0, "so many pairs, 0 all; default: 20 as text, else all", 0},
    {"sort", OPTION_SORT, "COLUMN", 0, "the largest first; default: connections", 0},
    {"columns", OPTION_COLUMNS, "LIST", 0, "of text: these, and no others", 0},
    {0}};

static const struct argp_child children[] = {SHAPE_CHILD, FILTER_CHILD, {0}};

static const struct argp argp = {
    .children = children,
    .options = options,
    .parser = parse,
    .args_doc = "[TRACE...]",
    .doc = "Sums up each service pair: connections, failures, rates, bytes, and how long connecting, a round trip and "
           "the connections took, as percentiles (within 0.8 %). " CMD_TRACE_DOC "\v"
           "Columns: connections, failed, unanswered, open, reset, connections_per_s, bytes_sent, bytes_received, "
           "bytes, bytes_per_s, connect_p50 (p90, p99), rtt_p50 (p90, p99), lifetime_p50 (p90, p99), retransmits. "
           "Rates are over the time from a pair's first connection to what is last known of it, 1 s at least.\n\n"
           "Examples:\n  sockatlas summary\n  sockatlas summary --by unit --sort failed --top 5\n"
           "  sockatlas summary --json | jq 'select(.connect_p99_us > 100000)'\n"};

static bool write_summary(const struct model *model, const struct request *request, FILE *out)
{
    bool text = request->shape.format == SUMMARY_TEXT;
    struct summary_options view = {.by = request->by,
                                   .sort = request->sort,
                                   .top = request->top >= 0 ? (unsigned)request->top
                                          : text            ? TOP_PRESET
                                                            : 0,
                                   .choice = &request->choice,
                                   .internal = request->filter.internal,
                                   .width = shape_width(&request->shape, out),
                                   .colour = view_colour(out)};
    return writers[request->shape.format](model, &view, out);
}

int cmd_summary(int argc, char **argv)
{
    struct request request = {
        .shape = {.formats = formats}, .by = MAP_BY_PROGRAM, .sort = line_column_find("connections"), .top = -1};
    usage_parse(&argp, argc, argv, 0, &request);
    if (output_is_input(request.shape.output, request.shape.traces, request.shape.count))
        return CMD_USAGE;
    struct filter_of_model of = {.filter = &request.filter};
    struct model_callbacks callbacks = {.alive = model_trace_alive};
    filter_callbacks(&of, &callbacks);
    struct model *model = model_new(&callbacks);
    of.model = model;
    struct stream *stream;
    int status = model_trace_read(model, request.shape.traces, request.shape.count, &stream);
    FILE *out = model_trace_nothing(stream) ? NULL : output_open(request.shape.output);
    bool written = out && write_summary(model, &request, out);
    if (out && !output_close(out, request.shape.output))
        written = false;
    model_free(model);
    stream_close(stream);
    filter_free(&request.filter);
    return written ? status : CMD_UNREADABLE;
}
