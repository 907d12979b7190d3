/* SPDX-License-Identifier: MIT
 *
 * Records blind spots. Callable from anywhere.
 */
#include "shim/coverage.h"

#include "shim/config.h"
#include "shim/record.h"

#include <string.h>

void coverage_record(enum sockatlas_call call, enum sockatlas_coverage what, const char *detail)
{
    enum { DETAIL_MAX = 200 };
    if (!config.on)
        return;
    struct sockatlas_body_coverage body = {.what = (uint16_t)what,
                                           .detail_size = (uint16_t)strnlen(detail, DETAIL_MAX)};
    struct record record = {.kind = SOCKATLAS_COVERAGE, .call = call, .fd = -1};
    record_write(&record, &body, sizeof(body), detail, body.detail_size);
}
