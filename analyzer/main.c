/* SPDX-License-Identifier: MIT
 *
 * The command line's main(): finds the subcommand in CMD_TABLE and calls it. Knows nothing of what any of them
 * does.
 */
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/nearest.h"
#include "analyzer/trace/complaint.h"
#include "analyzer/trace/text.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct command {
    const char *name;
    const char *summary;
    int (*call)(int argc, char **argv);
    char title[32]; /* argv[0] of the subcommand: what its messages begin with */
};

static struct command commands[] = {
#define X(name, summary) {#name, summary, cmd_##name, "sockatlas " #name},
    CMD_TABLE(X)
#undef X
};

#define COMMANDS (sizeof commands / sizeof commands[0])

static const char *command_name(unsigned index)
{
    return index < COMMANDS ? commands[index].name : NULL;
}

static void help(void)
{
    puts("Usage: sockatlas COMMAND [ARG...]\n"
         "Traces the sockets of unmodified programs and draws which process talked to which.\n");
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  %-8s %s\n", commands[i].name, commands[i].summary);
    puts("\n  sockatlas COMMAND --help   what COMMAND takes\n"
         "  sockatlas --version        the release\n"
         "\nExamples:\n"
         "  sockatlas run -- curl -s http://example.org/\n"
         "  sockatlas map");
}

/* What was printed must have arrived: a full disk behind stdout is an error like any other. */
static int finish(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    complain_line("sockatlas: standard output: %s", strerror(errno));
    return status == CMD_DONE ? CMD_UNREADABLE : status;
}

/* A caller may have closed standard descriptors; a file of ours must not get such a number, and be written to as
 * stderr. What fills the gap closes on exec, so that a command that `run` starts finds them closed as they were. */
static void fill_standard_descriptors(void)
{
    int fd;
    while ((fd = open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0 && fd <= STDERR_FILENO)
        continue;
    if (fd > STDERR_FILENO)
        close(fd);
}

/* argp's footnote on long options says what its list shows. Only where help is all there will be: a command that `run`
 * starts gets the environment as it was. */
static void shorten_help(int argc, char **argv)
{
    if (argc > 2 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-?") == 0 || strcmp(argv[2], "-h") == 0))
        setenv("ARGP_HELP_FMT", "no-dup-args-note", 0);
}

/* `help COMMAND` is `COMMAND --help`. */
static int turn_help(int argc, char **argv)
{
    static char option[] = "--help";
    if (argc < 3 || strcmp(argv[1], "help") != 0)
        return argc;
    argv[1] = argv[2];
    argv[2] = option;
    argv[3] = NULL;
    return 3;
}

int main(int argc, char **argv)
{
    fill_standard_descriptors();
    argc = turn_help(argc, argv);
    shorten_help(argc, argv);
    argp_err_exit_status = CMD_USAGE;
    if (argc < 2) {
        fputs("sockatlas: which command? `sockatlas --help` lists them\n", stderr);
        return CMD_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        help();
        return finish(CMD_DONE);
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        puts("sockatlas " SOCKATLAS_RELEASE);
        return finish(CMD_DONE);
    }
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name) != 0)
            continue;
        argv[1] = commands[i].title;
        return finish(commands[i].call(argc - 1, argv + 1));
    }
    const char *meant = nearest_word(argv[1], command_name);
    complain_line("sockatlas: %s: no such command; %s%s%s", text_name(argv[1]), meant ? "did you mean " : "",
                  meant ? meant : "`sockatlas --help` lists them", meant ? "?" : "");
    return CMD_USAGE;
}
