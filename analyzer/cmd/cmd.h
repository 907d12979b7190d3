/* SPDX-License-Identifier: MIT
 *
 * What main.c knows of a subcommand, and what all subcommands share: exit statuses, TRACE arguments, filters.
 */
#ifndef ANALYZER_CMD_CMD_H
#define ANALYZER_CMD_CMD_H

enum cmd_status { CMD_DONE = 0, CMD_UNREADABLE = 1, CMD_USAGE = 2, CMD_FOUND = 3 };

/* What a subcommand's --help says of its TRACE arguments. */
#define CMD_TRACE_WHAT                                                                                                 \
    "TRACE is a folder, a log file, a segment that `collect` made of one, or an exported .jsonl (also .gz, .zst)"
#define CMD_TRACE_DOC CMD_TRACE_WHAT " (- is standard input); none means ./sockatlas.data."

/* name, summary for `sockatlas --help`. One file per subcommand: analyzer/cmd/NAME.c defines cmd_NAME(argc, argv),
 * argv[0] being "sockatlas NAME"; it parses with argp (exit status 2 on usage errors) and returns the exit status. */
#define CMD_TABLE(X)                                                                                                   \
    X(run, "trace a command and all its children")                                                                     \
    X(attach, "trace processes that run already")                                                                      \
    X(detach, "stop tracing processes")                                                                                \
    X(collect, "keep what preloaded programs record, compressed")                                                      \
    X(map, "draw which process talked to which")                                                                       \
    X(summary, "figures of who talked to whom: how often, how well, how fast")                                         \
    X(list, "one line per socket")                                                                                     \
    X(show, "one socket's life, event by event")                                                                       \
    X(tuned, "the parameters that were set, and what became of them")                                                  \
    X(doctor, "what is wrong, with its evidence and its remedy")                                                       \
    X(diff, "what the second run does that the first did not")                                                         \
    X(events, "the decoded log")                                                                                       \
    X(export, "the whole trace in another format")                                                                     \
    X(top, "the sockets as they come and go, on the terminal")

#define X(name, summary) int cmd_##name(int argc, char **argv);
CMD_TABLE(X)
#undef X

#endif
