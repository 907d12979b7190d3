/* SPDX-License-Identifier: MIT
 *
 * The doctor's findings for people: what was seen and when, why it matters, what to do.
 */
#include "analyzer/view/doctor.h"
#include "analyzer/view/table.h"
#include "analyzer/view/words.h"

#include <string.h>

#define INDENT      9
#define WIDTH_FULL  100
#define WIDTH_LEAST 40

const char *doctor_severity(enum severity severity)
{
    static const char *const words[] = {
        [SEVERITY_NOTE] = "note", [SEVERITY_WARNING] = "warning", [SEVERITY_ERROR] = "error"};
    return words[severity];
}

static const char *colour_of(enum severity severity)
{
    static const char *const codes[] = {
        [SEVERITY_NOTE] = "\033[36m", [SEVERITY_WARNING] = "\033[33m", [SEVERITY_ERROR] = "\033[31m"};
    return codes[severity];
}

static void put_evidence(const struct finding *finding, int64_t origin_us, unsigned width, FILE *out)
{
    for (unsigned i = 0; i < finding->evidence_count; i++) {
        const struct evidence *evidence = &finding->evidence[i];
        char time[32] = "", label[64], text[2048];
        if (evidence->time_us)
            snprintf(time, sizeof time, "%.6f", (double)(evidence->time_us - origin_us) / 1e6);
        snprintf(label, sizeof label, "%*s%12s  ", INDENT - 4, "", time);
        if (evidence->socket)
            snprintf(text, sizeof text, "%s [socket %llu]", evidence->text, (unsigned long long)evidence->socket);
        else
            snprintf(text, sizeof text, "%s", evidence->text);
        view_wrap(label, text, (unsigned)strlen(label), width, out);
    }
    if (finding->times > finding->evidence_count)
        fprintf(out, "%*s%llu times in all\n", INDENT + 10, "", (unsigned long long)finding->times);
}

static void put_finding(const struct finding *finding, bool explain, int64_t origin_us, unsigned width, bool colour,
                        FILE *out)
{
    char process[WORD_PROCESS_MAX];
    const char *on = colour ? colour_of(finding->severity) : "", *off = colour ? "\033[0m" : "";
    fprintf(out, "%s%-*s%s%s  %s\n", on, INDENT, doctor_severity(finding->severity), finding->rule->name, off,
            word_process(finding->process, process));
    view_wrap("", finding->message ? finding->message : finding->rule->title, INDENT, width, out);
    put_evidence(finding, origin_us, width, out);
    if (explain)
        view_wrap("   why   ", finding->rule->why, INDENT, width, out);
    if (explain || finding->remedy != finding->rule->remedy)
        view_wrap("   do    ", finding->remedy, INDENT, width, out);
    fputc('\n', out);
}

static bool explained(const struct doctor *doctor, unsigned before)
{
    for (unsigned i = 0; i < before; i++)
        if (doctor_finding(doctor, i)->rule == doctor_finding(doctor, before)->rule)
            return true;
    return false;
}

bool doctor_text(const struct doctor *doctor, const struct model *model, unsigned width, bool colour, FILE *out)
{
    unsigned count = doctor_finding_count(doctor), by_severity[SEVERITY_ERROR + 1] = {0};
    width = !width ? WIDTH_FULL : width < WIDTH_LEAST ? WIDTH_LEAST : width;
    for (unsigned i = 0; i < count; i++) {
        const struct finding *finding = doctor_finding(doctor, i);
        by_severity[finding->severity]++;
        put_finding(finding, !explained(doctor, i), model_origin_us(model), width, colour, out);
    }
    if (count)
        fprintf(out, "%u error%s, %u warning%s, %u note%s", by_severity[SEVERITY_ERROR],
                by_severity[SEVERITY_ERROR] == 1 ? "" : "s", by_severity[SEVERITY_WARNING],
                by_severity[SEVERITY_WARNING] == 1 ? "" : "s", by_severity[SEVERITY_NOTE],
                by_severity[SEVERITY_NOTE] == 1 ? "" : "s");
    else
        fputs("nothing found", out);
    fprintf(out, " in %llu sockets, %u rules checked\n", (unsigned long long)doctor_sockets_seen(doctor),
            doctor_rule_count());
    if (model_coverage_count(model))
        fprintf(out, "%u blind spot%s of the trace: see the coverage of `sockatlas map`\n", model_coverage_count(model),
                model_coverage_count(model) == 1 ? "" : "s");
    return !ferror(out);
}
