/* SPDX-License-Identifier: MIT
 *
 * `sockatlas diff`: what the second run does that the first did not, and the other way round.
 */
#include "analyzer/view/diff.h"
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/model_trace.h"
#include "analyzer/cmd/usage.h"
#include "analyzer/view/table.h"

#include <argp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPTION_JSON = 256, OPTION_WIDE };
/* As diff(1). */
enum diff_status { DIFF_SAME = 0, DIFF_DIFFERENT = 1, DIFF_TROUBLE = 2 };

struct request {
    bool json, wide;
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
    case OPTION_JSON:
        request->json = true;
        return 0;
    case OPTION_WIDE:
        request->wide = true;
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

static const struct argp_option options[] = {{"json", OPTION_JSON, NULL, 0, "JSON Lines, one object a difference", 0},
                                             {"wide", OPTION_WIDE, NULL, 0, "wrap nothing to the terminal's width", 0},
                                             {0}};

static const struct argp argp = {
    .options = options,
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
static bool read_run(struct diff_run *run, char *trace, bool *nothing)
{
    struct model_callbacks callbacks = {.alive = model_trace_alive};
    diff_run_callbacks(run, &callbacks);
    struct model *model = model_new(&callbacks);
    struct stream *stream;
    int status = model_trace_read(model, &trace, 1, &stream);
    *nothing = *nothing || model_trace_nothing(stream);
    model_free(model);
    stream_close(stream);
    return status == CMD_DONE;
}

int cmd_diff(int argc, char **argv)
{
    struct request request = {.json = false};
    unsigned differences = 0;
    usage_parse(&argp, argc, argv, 0, &request);
    struct diff_run *first = diff_run_new(), *second = diff_run_new();
    bool nothing = false, read = read_run(first, request.traces[0], &nothing);
    read = read_run(second, request.traces[1], &nothing) && read;
    bool written = !nothing && diff_write(first, second, request.json, request.wide ? 0 : view_width(stdout),
                                          view_colour(stdout), stdout, &differences);
    written = written && fflush(stdout) == 0; /* what differs did not arrive */
    diff_run_free(first);
    diff_run_free(second);
    return !read || !written ? DIFF_TROUBLE : differences ? DIFF_DIFFERENT : DIFF_SAME;
}
