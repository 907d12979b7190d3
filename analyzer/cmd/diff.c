/* SPDX-License-Identifier: MIT
 *
 * `sockatlas diff`: what the second run does that the first did not, and the other way round.
 */
#include "analyzer/view/diff.h"
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/filter_match.h"
#include "analyzer/cmd/model_trace.h"
#include "analyzer/cmd/shape.h"
#include "analyzer/cmd/usage.h"
#include "analyzer/view/table.h"

#include <argp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum diff_format { DIFF_TEXT, DIFF_JSON };
static const struct shape_format formats[] = {
    [DIFF_TEXT] = {"text", NULL}, [DIFF_JSON] = {"json", "JSON Lines, one object a difference"}, {0}};

/* As diff(1). */
enum diff_status { DIFF_SAME = 0, DIFF_DIFFERENT = 1, DIFF_TROUBLE = 2 };

struct request {
    struct shape shape;
    struct filter filter;
    char *traces[2];
    unsigned count;
};

static bool look_at(const char *trace, struct stat *status)
{
    return (strcmp(trace, "-") == 0 ? fstat(STDIN_FILENO, status) : stat(trace, status)) == 0;
}

/* Both are standard input, or one pipe. */
static bool is_one_pipe(char *const traces[2])
{
    struct stat first, second;
    bool both_stdin = strcmp(traces[0], "-") == 0 && strcmp(traces[1], "-") == 0;
    return both_stdin || (look_at(traces[0], &first) && look_at(traces[1], &second) && S_ISFIFO(first.st_mode) &&
                          first.st_dev == second.st_dev && first.st_ino == second.st_ino);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct request *request = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &request->shape;
        state->child_inputs[1] = &request->filter;
        return 0;
    case ARGP_KEY_ARG:
        if (request->count == 2)
            usage_error(state, "%s: two traces are compared, not more", text);
        request->traces[request->count++] = text;
        return 0;
    case ARGP_KEY_END:
        if (request->count < 2)
            usage_error(state, "two traces are compared");
        if (is_one_pipe(request->traces))
            usage_error(state, "%s: can be read only once, so it cannot be both traces", request->traces[1]);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {SHAPE_CHILD, FILTER_CHILD, {0}};

static const struct argp argp = {
    .children = children,
    .parser = parse,
    .args_doc = "TRACE TRACE",
    .doc =
        "Compares two runs by what is stable: program, direction, address and port served, settings; not by pids and "
        "ephemeral ports. - gone, + new, ~ changed. Times (connect, round trip) count as changed only beyond noise: at "
        "least 5 on both sides, quartiles that do not overlap, and medians that differ by a factor of 2 and 100 us; "
        "the connections of an edge where they became ten times as many or few, and 20 more or less. Exit "
        "status 0: the same, 1: different, 2: trouble. " CMD_TRACE_WHAT ".\v"
        "Examples:\n  sockatlas diff yesterday.data sockatlas.data\n"
        "  sockatlas diff --json a.data b.data | jq 'select(.kind == \"failure\")'\n"};

/* `nothing`: there is nothing to compare. */
static bool read_run(struct diff_run *run, const struct filter *filter, char *trace, bool *nothing)
{
    struct model_callbacks callbacks = {.alive = NULL};
    struct filter_sieve sieve = {.filter = filter};
    diff_run_callbacks(run, &callbacks);
    filter_sieve(&sieve, &callbacks);
    callbacks.alive = model_trace_alive; /* asks for no context */
    struct model *model = model_new(&callbacks);
    sieve.model = model;
    struct stream *stream;
    int status = model_trace_read(model, &trace, 1, &stream);
    *nothing = *nothing || model_trace_nothing(stream);
    model_free(model);
    stream_close(stream);
    return status == CMD_DONE;
}

/* False when not all of it arrived. */
static bool write_differences(const struct request *request, struct diff_run *first, struct diff_run *second,
                              unsigned *differences)
{
    FILE *out = output_open(request->shape.output);
    if (!out)
        return false;
    bool written = diff_write(first, second, request->shape.format == DIFF_JSON, shape_width(&request->shape, out),
                              view_colour(out), out, differences);
    written = fflush(out) == 0 && written;
    return output_close(out, request->shape.output) && written;
}

int cmd_diff(int argc, char **argv)
{
    struct request request = {.shape = {.formats = formats}};
    unsigned differences = 0;
    usage_parse(&argp, argc, argv, 0, &request);
    if (output_is_input(request.shape.output, request.traces, 2))
        return DIFF_TROUBLE;
    struct diff_run *first = diff_run_new(), *second = diff_run_new();
    bool nothing = false, read = read_run(first, &request.filter, request.traces[0], &nothing);
    read = read_run(second, &request.filter, request.traces[1], &nothing) && read;
    bool written = !nothing && write_differences(&request, first, second, &differences);
    diff_run_free(first);
    diff_run_free(second);
    filter_free(&request.filter);
    return !read || !written ? DIFF_TROUBLE : differences ? DIFF_DIFFERENT : DIFF_SAME;
}
