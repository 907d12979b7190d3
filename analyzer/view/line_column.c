/* SPDX-License-Identifier: MIT
 *
 * Columns of the map's lines, see line_column.h.
 */
#include "analyzer/view/line_column.h"

#include "analyzer/trace/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Values ---- */

#define COUNT(name, expression)                                                                                        \
    static bool name(const struct map_line *line, double *value)                                                       \
    {                                                                                                                  \
        *value = (double)(expression);                                                                                 \
        return true;                                                                                                   \
    }
#define KNOWN(name, known, expression)                                                                                 \
    static bool name(const struct map_line *line, double *value)                                                       \
    {                                                                                                                  \
        *value = (double)(expression);                                                                                 \
        return known;                                                                                                  \
    }
#define PERCENTILE(spread, percent)                                                                                    \
    KNOWN(spread##_p##percent, line->spread##_us.total > 0, spread_percentile(&line->spread##_us, percent))

COUNT(connections, line->connections)
COUNT(open, line->open)
COUNT(failed, line->failed)
COUNT(unanswered, line->unanswered)
COUNT(reset, line->reset)
/* What TCP told a round trip of, it told retransmissions of. */
KNOWN(retransmits, line->rtt_us.total > 0 || line->retransmits > 0, line->retransmits)
KNOWN(sent, line->sent_known, line->sent)
KNOWN(received, line->received_known, line->received)
KNOWN(bytes, line->sent_known || line->received_known, line->sent + line->received)

/* Over the time from the first to the last that is known of the line, a second at least: two at once are no storm. */
static double seconds(const struct map_line *line)
{
    double span = line->last_ns > line->first_ns ? (double)(line->last_ns - line->first_ns) / 1e9 : 0;
    return span < 1 ? 1 : span;
}

KNOWN(connection_rate, line->first_ns > 0, (double)(line->connections + line->failed) / seconds(line))
KNOWN(byte_rate, line->first_ns > 0 && (line->sent_known || line->received_known),
      (double)(line->sent + line->received) / seconds(line))
PERCENTILE(connect, 50)
PERCENTILE(connect, 90)
PERCENTILE(connect, 99)
PERCENTILE(rtt, 50)
PERCENTILE(rtt, 90)
PERCENTILE(rtt, 99)
PERCENTILE(lifetime, 50)
PERCENTILE(lifetime, 90)
PERCENTILE(lifetime, 99)

const struct line_column line_columns[] = {{"connections", "conn", LINE_COUNT, connections},
                                           {"failed", "failed", LINE_COUNT, failed},
                                           {"unanswered", "unanswered", LINE_COUNT, unanswered},
                                           {"open", "open", LINE_COUNT, open},
                                           {"reset", "reset", LINE_COUNT, reset},
                                           {"connections_per_s", "conn/s", LINE_RATE, connection_rate},
                                           {"bytes_sent", "out", LINE_BYTES, sent},
                                           {"bytes_received", "in", LINE_BYTES, received},
                                           {"bytes", "bytes", LINE_BYTES, bytes},
                                           {"bytes_per_s", "bytes/s", LINE_BYTES, byte_rate},
                                           {"connect_p50_us", "connect p50", LINE_US, connect_p50},
                                           {"connect_p90_us", "p90", LINE_US, connect_p90},
                                           {"connect_p99_us", "p99", LINE_US, connect_p99},
                                           {"rtt_p50_us", "rtt p50", LINE_US, rtt_p50},
                                           {"rtt_p90_us", "p90", LINE_US, rtt_p90},
                                           {"rtt_p99_us", "p99", LINE_US, rtt_p99},
                                           {"retransmits", "retrans", LINE_COUNT, retransmits},
                                           {"lifetime_p50_us", "life p50", LINE_US, lifetime_p50},
                                           {"lifetime_p90_us", "p90", LINE_US, lifetime_p90},
                                           {"lifetime_p99_us", "p99", LINE_US, lifetime_p99},
                                           {0}};

/* ---- By name ---- */

static size_t short_size(const char *name)
{
    size_t size = strlen(name);
    return size > 3 && strcmp(name + size - 3, "_us") == 0 ? size - 3 : size;
}

const struct line_column *line_column_find(const char *name)
{
    size_t size = short_size(name);
    for (const struct line_column *at = line_columns; at->name; at++)
        if (short_size(at->name) == size && strncmp(at->name, name, size) == 0)
            return at;
    return NULL;
}

const char *line_column_word(unsigned index)
{
    enum { COUNT = sizeof line_columns / sizeof *line_columns - 1 };
    static char words[COUNT][WORD_MAX];
    if (index >= COUNT)
        return NULL;
    snprintf(words[index], sizeof words[index], "%.*s", (int)short_size(line_columns[index].name),
             line_columns[index].name);
    return words[index];
}

/* ---- For people ---- */

const char *line_column_text(const struct line_column *column, const struct map_line *line, char out[WORD_MAX])
{
    double value;
    if (!column->value(line, &value))
        return text_copy(out, WORD_MAX, "-");
    switch (column->unit) {
    case LINE_BYTES:
        return word_bytes((uint64_t)value, out);
    case LINE_US:
        return word_duration((uint64_t)value * 1000, out);
    case LINE_RATE:
        snprintf(out, WORD_MAX, value < 9.95 ? "%.1f" : "%.0f", value);
        return out;
    case LINE_COUNT:
        break;
    }
    *text_unsigned((uint64_t)value, out) = '\0';
    return out;
}

/* ---- In order ---- */

struct ranked {
    struct map_line line;
    unsigned index;
    double value;
};

static int by_value(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->value != y->value)
        return x->value > y->value ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

void line_sort(struct map_lines *lines, const struct line_column *column)
{
    struct ranked *ranked = calloc(lines->count + 1, sizeof *ranked);
    if (!ranked)
        abort();
    for (unsigned i = 0; i < lines->count; i++) {
        ranked[i] = (struct ranked){.line = lines->line[i], .index = i, .value = -1};
        if (!column->value(&lines->line[i], &ranked[i].value))
            ranked[i].value = -1;
    }
    qsort(ranked, lines->count, sizeof *ranked, by_value);
    for (unsigned i = 0; i < lines->count; i++)
        lines->line[i] = ranked[i].line;
    free(ranked);
}
