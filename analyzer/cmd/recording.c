/* SPDX-License-Identifier: MIT
 *
 * What the commands that record take alike, see recording.h.
 */
#include "analyzer/cmd/recording.h"

#include "analyzer/cmd/notice_log.h"
#include "analyzer/cmd/run.h"
#include "analyzer/cmd/usage.h"

enum { OPTION_ACROSS_USERS = 0x3000, OPTION_NO_CMDLINE, OPTION_KERNEL };

static const struct argp_option options[] = {
    {"dir", 'd', "DIR", 0, "write the trace to DIR (./" RECORDING_DIR ")", 0},
    {"across-users", OPTION_ACROSS_USERS, NULL, 0,
     "let other users' processes add files to DIR, and follow programs that are executed as other users, as by sudo",
     0},
    {"no-cmdline", OPTION_NO_CMDLINE, NULL, 0, "do not record command lines, which may bear passwords", 0},
    {0}};

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct recording *recording = state->input;
    switch (key) {
    case 'd':
        recording->dir = value;
        recording->dir_given = true;
        return 0;
    case OPTION_ACROSS_USERS:
        recording->across_users = true;
        return 0;
    case OPTION_NO_CMDLINE:
        recording->no_cmdline = true;
        return 0;
    case ARGP_KEY_SUCCESS:
        recording->across_users |= run_shim_is_set("SOCKATLAS_ACROSS_USERS");
        recording->no_cmdline |= run_shim_is_set("SOCKATLAS_NO_CMDLINE");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp recording_argp = {.options = options, .parser = parse};

static const struct argp_option kernel_options[] = {
    {"kernel", OPTION_KERNEL, "SIZE", OPTION_ARG_OPTIONAL,
     "record what the kernel tells of each TCP and UDP socket that ends in this network, of programs that are not "
     "traced too (`collect`: in the first DIR); SIZE: how much it keeps until that is read (8M; K, M)",
     0},
    {0}};

static error_t parse_kernel(int key, char *value, struct argp_state *state)
{
    struct recording_kernel *kernel = state->input;
    if (key != OPTION_KERNEL)
        return ARGP_ERR_UNKNOWN;
    kernel->wanted = true;
    kernel->buffer = value ? notice_log_buffer(value) : 0;
    if (value && !kernel->buffer)
        usage_error(state, "--kernel=%s: want a size, as 8M", value);
    return 0;
}

const struct argp recording_kernel_argp = {.options = kernel_options, .parser = parse_kernel};
