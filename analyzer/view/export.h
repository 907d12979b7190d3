/* SPDX-License-Identifier: MIT
 *
 * Reports in other programs' formats, written while the trace is read: nothing is kept of what was written.
 */
#ifndef ANALYZER_VIEW_EXPORT_H
#define ANALYZER_VIEW_EXPORT_H

#include "analyzer/model/model.h"

#include <stdio.h>

/* One report being written. */
struct export
{
    FILE *out;
    const struct model *model;
    uint64_t written; /* elements so far: the format's own */
    bool failed;      /* after finish(): something is missing, for another reason than write errors; it was said */
    void *state;      /* the format's own; gone after finish() */
};

/* How a format is written: begin(), then event(), socket() and half() as the model's callbacks event_seen, socket_done
 * and half_done come, then finish(), the model being finished. Write errors show in ferror(out), others
 * in `failed`. */
struct export_format {
    void (*begin)(struct export *report);
    void (*event)(struct export *report, const struct event *event, const struct process *process,
                  const struct socket *socket);                                            /* NULL: sees no events */
    void (*socket)(struct export *report, const struct socket *socket);                    /* NULL: no sockets */
    void (*half)(struct export *report, const struct half *half, const struct half *mate); /* NULL: no halves */
    void (*finish)(struct export *report);
};

/* name, what `export --help` says of it. */
#define EXPORT_FORMATS(X)                                                                                              \
    X(csv, "one line per socket (RFC 4180), columns named as in list --json")                                          \
    X(chrome, "trace events for Perfetto: tracks processes, slices connections, arrows who accepted them")             \
    X(zeek, "Zeek's conn.log, one line per connection")                                                                \
    X(clickhouse, "RowBinary, one row per end of a conversation, for the table halves")                                \
    X(tsv, "the same rows as text, with a line of names: ClickHouse's TabSeparatedWithNames")

#define X(name, summary) extern const struct export_format export_##name;
EXPORT_FORMATS(X)
#undef X

#endif
