/* SPDX-License-Identifier: MIT
 *
 * One event as one line of text, see events.h. Walks the field table; only what stands before and behind the arguments
 * depends on the kind.
 */
#include "analyzer/trace/fields.h"
#include "analyzer/trace/json.h"
#include "analyzer/trace/jsonl.h"
#include "analyzer/view/events.h"
#include "analyzer/view/table.h"
#include "analyzer/view/words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

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

/* A socket that was still open at the end of its process, where the call is no close. */
static bool at_exit(const struct event *event)
{
    return event->kind == SOCKATLAS_CLOSE && event->call >= SOCKATLAS_CALL_exit && event->call <= SOCKATLAS_CALL_abort;
}

/* Where the descriptor is the result, not the first argument. */
static bool makes_descriptor(unsigned kind)
{
    return kind == SOCKATLAS_SOCKET || kind == SOCKATLAS_ACCEPT || kind == SOCKATLAS_DUP;
}

/* One of the event's two addresses as people read it; false when unknown or unnamed. */
static bool address_at(const struct event *event, bool second, char out[ADDRESS_TEXT_MAX])
{
    struct address address;
    event_addresses(event, second ? NULL : &address, second ? &address : NULL);
    if (!address_known(&address) || (address.family == AF_UNIX && !address.size))
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
            fprintf(out, "%s%#x", *between, (unsigned)strtoul(item->valuestring, NULL, 10));
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

static bool is_one_of(const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(word, words[i]) == 0)
            return true;
    return false;
}
#define IS_ONE_OF(word, words) is_one_of(word, words, sizeof(words) / sizeof *(words))

/* The values of a nested object that are not 0; in brief those that are looked for first. */
static void print_object(FILE *out, const char **between, const char *key, const cJSON *object, bool brief)
{
    static const char *const first[] = {"state", "rtt_us", "retransmits", "lost", "unacked"};
    const cJSON *item = NULL;
    const char *comma = "";
    fprintf(out, "%s%s={", *between, key);
    cJSON_ArrayForEach(item, object)
    {
        bool shown = (cJSON_IsRaw(item) && strcmp(item->valuestring, "0") != 0) || cJSON_IsString(item);
        if (!shown || (brief && !IS_ONE_OF(item->string, first)))
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

static void print_value(FILE *out, const char **between, const struct field *field, const cJSON *item, bool brief)
{
    bool text = field->form == FIELD_TEXT || field->form == FIELD_TAIL_TEXT;
    if (item == NULL || cJSON_IsNull(item) || cJSON_IsFalse(item) || (text && item->valuestring[0] == 0))
        return;
    if (cJSON_IsArray(item) && field->form == FIELD_FLAGS)
        print_flags(out, between, item);
    else if (cJSON_IsArray(item))
        print_list(out, between, field->key, item);
    else if (cJSON_IsObject(item))
        print_object(out, between, field->key, item, brief);
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

/* Fields that stand elsewhere in the line, that the others imply, or that count nothing. */
static bool is_left_out(const struct event *event, const struct field *field, const cJSON *item)
{
    static const char *const implied[] = {"address_family", "netns_cookie", "requested_size", "listener_cookie",
                                          "passed_cookie",  "cookie2",      "fork_slot",      "duration_ns"};
    static const char *const counts[] = {"bytes_sent", "bytes_received", "messages_sent", "messages_received"};
    if (IS_ONE_OF(field->key, implied))
        return event->kind != SOCKATLAS_NETNS;
    if (IS_ONE_OF(field->key, counts) && cJSON_IsRaw(item) && strcmp(item->valuestring, "0") == 0)
        return true;
    if (event->kind == SOCKATLAS_IO)
        return strcmp(field->key, "requested") != 0;
    return (event->kind == SOCKATLAS_FORK || event->kind == SOCKATLAS_SPAWN) && strcmp(field->key, "child_pid") == 0;
}

static void print_arguments(FILE *out, const struct event *event, const struct layout *layout, const cJSON *object,
                            bool brief)
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
                            strcmp(field->key, "backlog") == 0 || event->kind == SOCKATLAS_IO;
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, field->key);
        if (is_left_out(event, field, item))
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
            print_value(out, &between, field, item, brief);
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
    else if (event->kind == SOCKATLAS_IO)
        fprintf(out, " = %" PRId64, ((const struct sockatlas_body_io *)event_body(event))->result);
    else if (event->kind == SOCKATLAS_FORK)
        fprintf(out, " = %" PRIu32, ((const struct sockatlas_body_fork *)event_body(event))->child_pid);
    else if (event->kind == SOCKATLAS_SPAWN)
        fprintf(out, " = %" PRIu32, ((const struct sockatlas_body_spawn *)event_body(event))->child_pid);
    else if (event->kind == SOCKATLAS_EXEC || event->kind == SOCKATLAS_EXIT)
        fputs(" = ?", out);
    else if (is_call(event->kind) || event->kind == SOCKATLAS_CONNECTED)
        fputs(" = 0", out);
}

/* As strace -T has it. */
static void print_duration(FILE *out, const cJSON *object)
{
    char text[WORD_MAX];
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, "duration_ns");
    if (cJSON_IsRaw(item))
        fprintf(out, " <%s>", word_duration(strtoull(item->valuestring, NULL, 10), text));
}

void events_text_call(FILE *out, const struct event *event, bool brief)
{
    const struct layout *layout = fields_layout(event->kind);
    const char *call = names_call(event->call);
    bool own = call != NULL && is_call(event->kind) && !at_exit(event);
    cJSON *object = jsonl_event(event);
    fprintf(out, "%s(", own ? call : layout->word);
    print_arguments(out, event, layout, object, brief);
    fputs(")", out);
    print_result(out, event);
    print_duration(out, object);
    if (!own && call != NULL)
        fprintf(out, " (%s)", call);
    cJSON_Delete(object);
}

void events_text_join_result(char *call)
{
    char *result = NULL;
    for (char *at = call; (at = strstr(at, ") = ")); at++)
        result = at + 2;
    for (; result && (result = strchr(result, ' ')); result++)
        *result = VIEW_HARD_SPACE;
}

void events_text(FILE *out, const struct event *event, const char *comm, uint64_t origin_ns,
                 const struct events_look *look)
{
    uint64_t time = event->time_ns + (uint64_t)event->image->offset_ns;
    int64_t since = (int64_t)(time - origin_ns);
    char *call = NULL, who[96];
    size_t size;
    FILE *memory = open_memstream(&call, &size);
    if (!memory)
        abort();
    events_text_call(memory, event, look->width != 0);
    fclose(memory);
    const char *colour = look->colour && event_failed(event) ? "\033[31m" : "";
    snprintf(who, sizeof who, "%11.6f %6" PRIu32 " %-12.16s ", (double)since / 1e9, event->pid, comm);
    fputs(colour, out);
    events_text_join_result(call);
    view_wrap(who, call, view_columns(who), look->width, out);
    fputs(*colour ? "\033[0m" : "", out);
    free(call);
}
