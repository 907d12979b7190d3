/* SPDX-License-Identifier: MIT
 *
 * The doctor's findings as JSON Lines and as a SARIF log.
 */
#include "analyzer/trace/buffer.h"
#include "analyzer/trace/value.h"
#include "analyzer/view/doctor.h"
#include "analyzer/view/words.h"

#include <stdlib.h>
#include <string.h>

static cJSON *evidence_json(const struct finding *finding)
{
    cJSON *array = cJSON_CreateArray();
    for (unsigned i = 0; i < finding->evidence_count; i++) {
        const struct evidence *evidence = &finding->evidence[i];
        cJSON *object = cJSON_CreateObject();
        value_integer(object, "time_us", evidence->time_us != 0, evidence->time_us);
        value_integer(object, "socket", evidence->socket != 0, (int64_t)evidence->socket);
        value_text(object, "text", evidence->text);
        cJSON_AddItemToArray(array, object);
    }
    return array;
}

static void members(cJSON *object, const struct finding *finding)
{
    const struct process *process = finding->process;
    value_integer(object, "process", process != NULL, process ? process->id : 0);
    value_integer(object, "pid", process && process->pid, process ? process->pid : 0);
    value_bytes(object, "comm", process ? process->comm : NULL);
    value_integer(object, "socket", finding->socket != 0, (int64_t)finding->socket);
    cJSON_AddBoolToObject(object, "inferred", finding->inferred);
    value_integer(object, "times", true, (int64_t)finding->times);
    cJSON_AddItemToObjectCS(object, "evidence", evidence_json(finding));
    value_text(object, "why", finding->rule->why);
    value_text(object, "remedy", finding->remedy);
}

static const char *message(const struct finding *finding)
{
    return finding->message ? finding->message : finding->rule->title;
}

cJSON *doctor_finding_json(const struct finding *finding)
{
    cJSON *object = cJSON_CreateObject();
    value_text(object, "rule", finding->rule->name);
    value_text(object, "severity", doctor_severity(finding->severity));
    value_text(object, "message", message(finding));
    members(object, finding);
    return object;
}

bool doctor_json(const struct doctor *doctor, FILE *out)
{
    for (unsigned i = 0; i < doctor_finding_count(doctor); i++)
        if (!json_print_line(out, doctor_finding_json(doctor_finding(doctor, i))))
            return false;
    return true;
}

/* ---- SARIF ---- */

static cJSON *text_object(const char *text)
{
    cJSON *object = cJSON_CreateObject();
    value_text(object, "text", text);
    return object;
}

static cJSON *rules_sarif(void)
{
    cJSON *array = cJSON_CreateArray();
    for (unsigned i = 0; i < doctor_rule_count(); i++) {
        const struct rule *rule = doctor_rule(i);
        cJSON *object = cJSON_CreateObject(), *defaults = cJSON_CreateObject();
        value_text(object, "id", rule->name);
        cJSON_AddItemToObjectCS(object, "shortDescription", text_object(rule->title));
        cJSON_AddItemToObjectCS(object, "fullDescription", text_object(rule->why));
        cJSON_AddItemToObjectCS(object, "help", text_object(rule->remedy));
        value_text(defaults, "level", doctor_severity(rule->severity));
        cJSON_AddItemToObjectCS(object, "defaultConfiguration", defaults);
        cJSON_AddItemToArray(array, object);
    }
    return array;
}

/* As a URI reference: what is no plain path character as %XX. */
static void add_uri(cJSON *object, const char *path)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
    static const char digits[] = "0123456789ABCDEF";
    struct buffer uri = {0};
    buffer_add(&uri, "file://", 7);
    for (; *path; path++) {
        const char escaped[] = {'%', digits[(unsigned char)*path >> 4], digits[*path & 15]};
        if (strchr(plain, *path))
            buffer_add(&uri, path, 1);
        else
            buffer_add(&uri, escaped, sizeof escaped);
    }
    buffer_add(&uri, "", 1);
    value_text(object, "uri", uri.text);
    buffer_free(&uri);
}

/* The program is the artifact, the process a logical location in it. */
static cJSON *location_sarif(const struct process *process)
{
    char name[WORD_PROCESS_MAX];
    cJSON *array = cJSON_CreateArray(), *location = cJSON_CreateObject(), *logical = cJSON_CreateObject(),
          *logicals = cJSON_CreateArray();
    if (process && process->exe[0] == '/') {
        cJSON *physical = cJSON_CreateObject(), *artifact = cJSON_CreateObject();
        add_uri(artifact, process->exe);
        cJSON_AddItemToObjectCS(physical, "artifactLocation", artifact);
        cJSON_AddItemToObjectCS(location, "physicalLocation", physical);
    }
    value_text(logical, "name", word_process(process, name));
    value_text(logical, "kind", "process");
    cJSON_AddItemToArray(logicals, logical);
    cJSON_AddItemToObjectCS(location, "logicalLocations", logicals);
    cJSON_AddItemToArray(array, location);
    return array;
}

static int rule_index(const struct rule *rule)
{
    for (unsigned i = 0; i < doctor_rule_count(); i++)
        if (doctor_rule(i) == rule)
            return (int)i;
    return -1;
}

static cJSON *result_sarif(const struct finding *finding)
{
    cJSON *object = cJSON_CreateObject(), *properties = cJSON_CreateObject();
    value_text(object, "ruleId", finding->rule->name);
    cJSON_AddNumberToObject(object, "ruleIndex", rule_index(finding->rule));
    value_text(object, "level", doctor_severity(finding->severity));
    cJSON_AddItemToObjectCS(object, "message", text_object(message(finding)));
    cJSON_AddItemToObjectCS(object, "locations", location_sarif(finding->process));
    value_integer(object, "occurrenceCount", true, (int64_t)finding->times);
    members(properties, finding);
    cJSON_AddItemToObjectCS(object, "properties", properties);
    return object;
}

bool doctor_sarif(const struct doctor *doctor, FILE *out)
{
    cJSON *log = cJSON_CreateObject(), *run = cJSON_CreateObject(), *tool = cJSON_CreateObject(),
          *driver = cJSON_CreateObject(), *results = cJSON_CreateArray(), *runs = cJSON_CreateArray();
    value_text(log, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
    value_text(log, "version", "2.1.0");
    value_text(driver, "name", "sockatlas doctor");
    cJSON_AddItemToObjectCS(driver, "rules", rules_sarif());
    cJSON_AddItemToObjectCS(tool, "driver", driver);
    cJSON_AddItemToObjectCS(run, "tool", tool);
    for (unsigned i = 0; i < doctor_finding_count(doctor); i++)
        cJSON_AddItemToArray(results, result_sarif(doctor_finding(doctor, i)));
    cJSON_AddItemToObjectCS(run, "results", results);
    cJSON_AddItemToArray(runs, run);
    cJSON_AddItemToObjectCS(log, "runs", runs);
    return value_print(log, out);
}
