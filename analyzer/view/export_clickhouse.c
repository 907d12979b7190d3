/* SPDX-License-Identifier: MIT
 *
 * Halves of conversations for ClickHouse, as RowBinary and as text.
 */
#include "analyzer/view/export.h"
#include "analyzer/view/halves.h"

static struct halves_row row_of(const struct export *report, const struct half *half, const struct half *mate)
{
    /* An attempt that failed is over, whatever becomes of its socket. What is open when the trace ends may go on in
     * another one. */
    return (struct halves_row){
        .model = report->model, .half = half, .mate = mate, .final = !half->open || half->outcome == OUTCOME_FAILED};
}

static void nothing(struct export *report)
{
    (void)report;
}

static void binary_half(struct export *report, const struct half *half, const struct half *mate)
{
    struct halves_row row = row_of(report, half, mate);
    halves_put_binary(&row, report->out);
}

static void tsv_begin(struct export *report)
{
    halves_put_tsv_names(report->out);
}

static void tsv_half(struct export *report, const struct half *half, const struct half *mate)
{
    struct halves_row row = row_of(report, half, mate);
    halves_put_tsv(&row, report->out);
}

const struct export_format export_clickhouse = {.begin = nothing, .half = binary_half, .finish = nothing};
const struct export_format export_tsv = {.begin = tsv_begin, .half = tsv_half, .finish = nothing};
