/* SPDX-License-Identifier: MIT
 *
 * The doctor's findings, shown. Each returns false when writing failed.
 */
#ifndef ANALYZER_VIEW_DOCTOR_H
#define ANALYZER_VIEW_DOCTOR_H

#include "analyzer/doctor/doctor.h"
#include "analyzer/trace/json.h"

#include <stdio.h>

/* `width` 0: 100 columns. Says so where nothing was found. */
bool doctor_text(const struct doctor *doctor, const struct model *model, unsigned width, bool colour, FILE *out);
/* A finding as an object. */
cJSON *doctor_finding_json(const struct finding *finding);
/* JSON Lines. */
bool doctor_json(const struct doctor *doctor, FILE *out);
/* One SARIF 2.1.0 log. */
bool doctor_sarif(const struct doctor *doctor, FILE *out);
/* "error", "warning", "note": the words of SARIF. */
const char *doctor_severity(enum severity severity);

#endif
