/* SPDX-License-Identifier: MIT
 *
 * Counts a trace's records and compares them with a ledger.
 */
#include "tests/fault/tally.h"

#include "analyzer/trace/stream.h"

#include <errno.h>
#include <string.h>

static const char *const words[64] = {
#define X(value, name, word, body) [value] = #word,
    SOCKATLAS_KINDS(X)
#undef X
};

void tally_read(struct tally *tally, char *const *traces, int count)
{
    struct stream *stream = stream_open(traces, count, NULL, NULL);
    struct event event;
    memset(tally, 0, sizeof(*tally));
    while (stream_next(stream, &event)) {
        bool told_again = event.kind == SOCKATLAS_OPTION && event.call == SOCKATLAS_CALL_NONE;
        if (event.kind < 64 && !told_again &&
            !(event.call >= SOCKATLAS_CALL_exit && event.call <= SOCKATLAS_CALL_abort))
            tally->records[event.kind]++;
        tally->connections += (event.kind == SOCKATLAS_ACCEPT && event.error == 0) ||
                              (event.kind == SOCKATLAS_CONNECT && (event.error == 0 || event.error == EINPROGRESS));
    }
    tally->images = stream_image_count(stream);
    for (unsigned i = 0; i < tally->images; i++) {
        const struct sockatlas_header *header = &stream_image(stream, i)->header;
        tally->lost += header->lost;
        tally->overwritten += header->overwritten;
        tally->overwritten_connections += header->overwritten_connections;
    }
    tally->complaints = stream_errors(stream);
    stream_close(stream);
}

/* All connections of the ledger's programs succeed. */
static bool connections_agree(const struct tally *tally, const struct ledger *ledger, uint64_t slack, FILE *out)
{
    uint64_t done = ledger->done[SOCKATLAS_CONNECT] + ledger->done[SOCKATLAS_ACCEPT];
    uint64_t known = tally->connections + tally->overwritten_connections;
    bool agrees = known <= done + slack && known + tally->lost >= done;
    if (!agrees)
        fprintf(out, "%llu connects and accepts, %llu in the trace, %llu overwritten, %llu records lost\n",
                (unsigned long long)done, (unsigned long long)tally->connections,
                (unsigned long long)tally->overwritten_connections, (unsigned long long)tally->lost);
    return agrees;
}

bool tally_agrees(const struct tally *tally, const struct ledger *ledger, bool exact, FILE *out)
{
    uint64_t slack = exact ? 0 : ledger->workers, done = 0, recorded = 0, unpublished = 0;
    uint64_t gone = tally->lost + tally->overwritten;
    bool agrees = tally->complaints == 0 && ledger->wrong == 0 && connections_agree(tally, ledger, slack, out);
    if (ledger->wrong)
        fprintf(out, "%llu calls went wrong\n", (unsigned long long)ledger->wrong);
    for (int kind = 1; kind < 64; kind++) {
        uint64_t counted = ledger->done[kind], found = tally->records[kind];
        done += counted;
        recorded += counted || found < 1 ? found : 0;
        unpublished += found < counted ? counted - found : 0;
        bool surplus = counted && found > counted + slack, missing = found < counted && gone == 0;
        if (surplus || missing)
            fprintf(out, "%s: %llu due, %llu records\n", words[kind], (unsigned long long)counted,
                    (unsigned long long)found);
        agrees = agrees && !surplus && !missing;
    }
    /* Killed between a record that was lost and its call's return: a loss too many for each worker. */
    if (unpublished > gone || (exact && tally->overwritten == 0 && recorded + tally->lost != done)) {
        fprintf(out, "%llu records due, %llu of them are in the trace, %llu counted as lost\n",
                (unsigned long long)done, (unsigned long long)recorded, (unsigned long long)tally->lost);
        agrees = false;
    }
    return agrees;
}
