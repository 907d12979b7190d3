/* SPDX-License-Identifier: MIT
 *
 * One event as one line of text, see events.h. Walks the field table; only what stands before and behind the arguments
 * depends on the kind.
 */
#include "analyzer/trace/fields.h"
#include "analyzer/trace/json.h"
#include "analyzer/trace/jsonl.h"
#include "analyzer/view/events.h"

#include <inttypes.h>
#include <string.h>

/* Kinds whose line begins with the call they were made in; the others say what they are, and the call at the end. */
static bool is_call(unsigned kind)
{
    switch (kind) {
    case SOCKATLAS_SEEN:
    case SOCKATLAS_CONNECTED:
    case SOCKATLAS_START:
    case SOCKATLAS_EXEC_FAILED:
    case SOCKATLAS_PASS:
    case SOCKATLAS_PEER:
    case SOCKATLAS_PEER_TOTAL:
    case SOCKATLAS_ERROR:
    case SOCKATLAS_COVERAGE:
    case SOCKATLAS_NETNS:
    case SOCKATLAS_RUN:
    case SOCKATLAS_GONE:
    case SOCKATLAS_UNTRACED:
        return false;
    default:
        return true;
    }
}

/* Where the descriptor is the result, not the first argument. */
static bool makes_descriptor(unsigned kind)
{
    return kind == SOCKATLAS_SOCKET || kind == SOCKATLAS_ACCEPT || kind == SOCKATLAS_DUP;
}

/* One of the event's two addresses as people read it; false when unknown. */
static bool address_at(const struct event *event, bool second, char out[ADDRESS_TEXT_MAX])
{
    struct address address;
    event_addresses(event, second ? NULL : &address, second ? &address : NULL);
    if (!address_known(&address))
        return false;
    address_text_port(&address, out);
    return true;
}

static void print_flags(FILE *out, const char **between, const cJSON *array)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, array)
    {
        if (cJSON_IsString(item))
            fprintf(out, "%s%s", *between, item->valuestring);
        else
            fprintf(out, "%s%#x", *between, (unsigned)item->valuedouble);
        *between = "|";
    }
    if (cJSON_GetArraySize(array) > 0)
        *between = ", ";
}

static void print_list(FILE *out, const char **between, const char *key, const cJSON *array)
{
    const cJSON *item = NULL;
    const char *comma = "";
    fprintf(out, "%s%s=[", *between, key);
    cJSON_ArrayForEach(item, array)
    {
        fprintf(out, "%s%s", comma, cJSON_GetStringValue(item));
        comma = ", ";
    }
    fputs("]", out);
    *between = ", ";
}

/* The values of a nested object that are not 0. */
static void print_object(FILE *out, const char **between, const char *key, const cJSON *object)
{
    const cJSON *item = NULL;
    const char *comma = "";
    fprintf(out, "%s%s={", *between, key);
    cJSON_ArrayForEach(item, object)
    {
        bool shown = (cJSON_IsRaw(item) && strcmp(item->valuestring, "0") != 0) || cJSON_IsString(item);
        if (!shown)
            continue;
        fprintf(out, "%s%s=%s", comma, item->string, item->valuestring);
        comma = ", ";
    }
    fputs("}", out);
    *between = ", ";
}

static void print_option(FILE *out, const char **between, const struct event *event, bool effective)
{
    const struct sockatlas_body_option *body = event_body(event);
    unsigned char bytes[SOCKATLAS_RECORD_SLOTS_MAX * SOCKATLAS_SLOT_SIZE];
    char text[OPTION_TEXT_MAX];
    size_t size = effective ? body->effective_size : body->kept_size;
    if (size > sizeof bytes || !event_tail(event, sizeof *body, effective ? body->kept_size : 0, bytes, size))
        return;
    if (effective && size == 0)
        return;
    fprintf(out, "%s%s%s", *between, effective ? "effective=" : "",
            option_text(body->level, body->name, bytes, size, text));
    *between = ", ";
}

static void print_value(FILE *out, const char **between, const struct field *field, const cJSON *item)
{
    bool text = field->form == FIELD_TEXT || field->form == FIELD_TAIL_TEXT;
    if (item == NULL || cJSON_IsNull(item) || cJSON_IsFalse(item) || (text && item->valuestring[0] == 0))
        return;
    if (cJSON_IsArray(item) && field->form == FIELD_FLAGS)
        print_flags(out, between, item);
    else if (cJSON_IsArray(item))
        print_list(out, between, field->key, item);
    else if (cJSON_IsObject(item))
        print_object(out, between, field->key, item);
    else if (text)
        fprintf(out, "%s\"%s\"", *between, item->valuestring);
    else if (cJSON_IsString(item) && field->names != NAMES_NONE)
        fprintf(out, "%s%s", *between, item->valuestring);
    else if (cJSON_IsBool(item))
        fprintf(out, "%s%s", *between, field->key);
    else
        fprintf(out, "%s%s=%s", *between, field->key, item->valuestring);
    if (!cJSON_IsArray(item))
        *between = ", ";
}

/* Fields that stand elsewhere in the line, or that the others imply. */
static bool is_left_out(const struct event *event, const struct field *field)
{
    static const char *const implied[] = {"address_family", "netns_cookie", "requested_size", "listener_cookie",
                                          "passed_cookie",  "cookie2",      "fork_slot"};
    for (size_t i = 0; i < sizeof implied / sizeof *implied; i++)
        if (strcmp(field->key, implied[i]) == 0)
            return event->kind != SOCKATLAS_NETNS;
    return (event->kind == SOCKATLAS_FORK || event->kind == SOCKATLAS_SPAWN) && strcmp(field->key, "child_pid") == 0;
}

static void print_arguments(FILE *out, const struct event *event, const struct layout *layout, const cJSON *object)
{
    const char *between = "";
    char text[ADDRESS_TEXT_MAX];
    bool first_address = true;
    if (event->fd != -1 && !makes_descriptor(event->kind)) {
        fprintf(out, "%d", event->fd);
        between = ", ";
    }
    for (unsigned i = 0; i < layout->fields_count; i++) {
        const struct field *field = &layout->fields[i];
        bool plain_number = strcmp(field->key, "listener_fd") == 0 || strcmp(field->key, "old_fd") == 0 ||
                            strcmp(field->key, "backlog") == 0;
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, field->key);
        if (is_left_out(event, field))
            continue;
        if (field->form == FIELD_ADDRESS) {
            if (address_at(event, !first_address, text)) {
                fprintf(out, "%s%s=%s", between, field->key, text);
                between = ", ";
            }
            first_address = false;
        } else if (field->form == FIELD_TAIL_OPTION) {
            print_option(out, &between, event, strcmp(field->key, "effective") == 0);
        } else if (plain_number && cJSON_IsRaw(item)) {
            fprintf(out, "%s%s", between, item->valuestring);
            between = ", ";
        } else {
            print_value(out, &between, field, item);
        }
    }
}

static void print_result(FILE *out, const struct event *event)
{
    const char *error = names_errno(event->error);
    if (event->error != 0 && error != NULL)
        fprintf(out, " = -1 %s", error);
    else if (event->error != 0)
        fprintf(out, " = -1 errno %u", event->error);
    else if (makes_descriptor(event->kind))
        fprintf(out, " = %d", event->fd);
    else if (event->kind == SOCKATLAS_FORK)
        fprintf(out, " = %" PRIu32, ((const struct sockatlas_body_fork *)event_body(event))->child_pid);
    else if (event->kind == SOCKATLAS_SPAWN)
        fprintf(out, " = %" PRIu32, ((const struct sockatlas_body_spawn *)event_body(event))->child_pid);
    else if (event->kind == SOCKATLAS_EXEC || event->kind == SOCKATLAS_EXIT)
        fputs(" = ?", out);
    else if (is_call(event->kind) || event->kind == SOCKATLAS_CONNECTED)
        fputs(" = 0", out);
}

void events_text_call(FILE *out, const struct event *event)
{
    const struct layout *layout = fields_layout(event->kind);
    const char *call = names_call(event->call);
    bool own = call != NULL && is_call(event->kind);
    cJSON *object = jsonl_event(event);
    fprintf(out, "%s(", own ? call : layout->word);
    print_arguments(out, event, layout, object);
    fputs(")", out);
    print_result(out, event);
    if (!own && call != NULL)
        fprintf(out, " (%s)", call);
    cJSON_Delete(object);
}

void events_text(FILE *out, const struct event *event, const char *comm, uint64_t origin_ns)
{
    uint64_t time = event->time_ns + (uint64_t)event->image->offset_ns;
    int64_t since = (int64_t)(time - origin_ns);
    fprintf(out, "%12.6f %7" PRIu32 " %-15.16s ", (double)since / 1e9, event->pid, comm);
    events_text_call(out, event);
    putc('\n', out);
}
