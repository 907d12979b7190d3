/* SPDX-License-Identifier: MIT
 *
 * The map as one page that opens from disk: the page made at build time (html/) with the data as JSON in it. Sockets
 * and events are written down as they come, compactly and up to a bound; the page says what was left out.
 */
#include "analyzer/model/setting.h"
#include "analyzer/trace/escape.h"
#include "analyzer/trace/hash.h"
#include "analyzer/trace/value.h"
#include "analyzer/view/doctor.h"
#include "analyzer/view/events.h"
#include "analyzer/view/html_page.h"
#include "analyzer/view/map.h"
#include "analyzer/view/setting.h"
#include "analyzer/view/socket_json.h"
#include "analyzer/view/summary.h"

#include <stdlib.h>
#include <string.h>

/* What a browser still scrolls through. Of the last part of each bound only failures take space. */
enum { SOCKETS_MOST = 50000, SOCKETS_ANY = 45000, EVENTS_MOST = 200000, EVENTS_ANY = 180000, EVENTS_EACH = 200 };
enum { FINDINGS_MOST = 1000, PAIRS_MOST = 1000 };

/* A JSON value that many sockets share, written once. */
struct word {
    UT_hash_handle hh;
    unsigned id;
    char text[];
};

/* A list of JSON values being written into memory. */
struct list {
    FILE *out;
    char *text;
    size_t size;
    uint64_t count, left_out;
};

struct told {
    UT_hash_handle hh;
    uint64_t socket;
    unsigned events;
    char *attempt; /* the row of a connect() that has not returned; NULL none */
};

struct map_html {
    const struct model *model;
    cJSON *columns; /* a socket's members that a row holds */
    struct word *words;
    struct told *told; /* events written, by socket */
    struct list sockets, events;
};

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

/* ---- Collecting ---- */

static void list_open(struct list *list)
{
    list->out = must(open_memstream(&list->text, &list->size));
}

static unsigned word_id(struct map_html *html, const char *text)
{
    struct word *word = NULL;
    size_t size = strlen(text);
    HASH_FIND(hh, html->words, text, size, word);
    if (word)
        return word->id;
    word = must(malloc(sizeof *word + size + 1));
    memcpy(word->text, text, size + 1);
    word->id = HASH_COUNT(html->words);
    HASH_ADD_KEYPTR(hh, html->words, word->text, size, word);
    return word->id;
}

struct map_html *map_html_new(void)
{
    struct map_html *html = must(calloc(1, sizeof *html));
    list_open(&html->sockets);
    list_open(&html->events);
    return html;
}

void map_html_attach(struct map_html *html, const struct model *model)
{
    html->model = model;
}

/* The columns are those of a socket of which everything is known that could be; what its process tells is left out. */
static void make_columns(struct map_html *html)
{
    static const char *const told_elsewhere[] = {"host", "pid", "comm"};
    if (html->columns)
        return;
    html->columns = socket_json(html->model, &(struct socket){.tcp_known = true, .fd = -1});
    for (size_t i = 0; i < sizeof told_elsewhere / sizeof *told_elsewhere; i++)
        cJSON_DeleteItemFromObjectCaseSensitive(html->columns, told_elsewhere[i]);
}

/* Few sockets share these. */
static bool is_own(const char *column)
{
    return strcmp(column, "cookie") == 0 || strcmp(column, "community_id") == 0;
}

/* Numbers and what is unknown as they are, all else as -1 - the number of its word: no number of a socket is negative.
 */
static void put_value(struct map_html *html, const cJSON *value)
{
    FILE *out = html->sockets.out;
    if (!value || cJSON_IsNull(value)) {
        fputs("null", out);
        return;
    }
    char *text = must(cJSON_PrintUnformatted(value));
    if (cJSON_IsNumber(value) || cJSON_IsRaw(value) || is_own(value->string))
        fputs(text, out);
    else
        fprintf(out, "-%u", word_id(html, text) + 1);
    cJSON_free(text);
}

/* What became of each setting: judged once, for all views. */
static void add_verdicts(cJSON *row, const struct socket *socket)
{
    cJSON *object = cJSON_GetObjectItemCaseSensitive(row, "options")->child;
    for (const struct socket_option *option = socket->options; option && object; option = option->next) {
        value_text(object, "verdict", setting_verdict_word(setting_verdict(option)));
        object = object->next;
    }
}

static void put_row(struct map_html *html, const cJSON *row)
{
    FILE *out = html->sockets.out;
    const char *comma = "";
    fputs(html->sockets.count++ ? ",\n[" : "[", out);
    for (const cJSON *column = html->columns->child; column; column = column->next) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(row, column->string);
        fputs(comma, out);
        comma = ",";
        if (!cJSON_IsObject(value)) {
            put_value(html, value);
            continue;
        }
        fputc('[', out);
        for (const cJSON *member = value->child; member; member = member->next) {
            put_value(html, member);
            fputs(member->next ? "," : "]", out);
        }
    }
    fputc(']', out);
}

void map_html_socket(void *context, const struct socket *socket)
{
    struct map_html *html = context;
    bool failed = socket->failures != 0;
    if (html->sockets.count >= (failed ? SOCKETS_MOST : SOCKETS_ANY)) {
        html->sockets.left_out++;
        return;
    }
    make_columns(html);
    cJSON *row = socket_json(html->model, socket);
    add_verdicts(row, socket);
    put_row(html, row);
    cJSON_Delete(row);
}

static struct told *told_of(struct map_html *html, uint64_t socket)
{
    struct told *told = NULL;
    HASH_FIND(hh, html->told, &socket, sizeof socket, told);
    if (told)
        return told;
    told = must(calloc(1, sizeof *told));
    told->socket = socket;
    HASH_ADD(hh, html->told, socket, sizeof told->socket, told);
    return told;
}

static bool event_fits(struct map_html *html, const struct event *event, struct told **told, uint64_t socket)
{
    if (html->events.count >= (event->error ? EVENTS_MOST : EVENTS_ANY))
        return false;
    *told = told_of(html, socket);
    return (*told)->events < EVENTS_EACH;
}

static char *event_row(const struct event *event, const struct process *process, uint64_t socket)
{
    char *text = NULL, *row = NULL;
    size_t size = 0, row_size = 0;
    FILE *line = must(open_memstream(&text, &size)), *out = must(open_memstream(&row, &row_size));
    events_text_call(line, event, true);
    fclose(line);
    fprintf(out, "[%llu,%lld,%u,\"", (unsigned long long)socket, (long long)event_time_us(event), process->id);
    escape_put(ESCAPE_JSON, text, out);
    fputs("\"]", out);
    fclose(out);
    free(text);
    return row;
}

/* Takes `row`. */
static void put_event(struct map_html *html, struct told *told, char *row)
{
    told->events++;
    fputs(html->events.count++ ? ",\n" : "", html->events.out);
    fputs(row, html->events.out);
    free(row);
}

/* That an attempt began is for those whose connect() never returned: left out where the next event is its CONNECT. */
static void end_attempt(struct map_html *html, struct told *told, bool returned)
{
    if (!told->attempt)
        return;
    if (returned)
        free(told->attempt);
    else
        put_event(html, told, told->attempt);
    told->attempt = NULL;
}

void map_html_event(void *context, const struct event *event, const struct process *process,
                    const struct socket *socket)
{
    struct map_html *html = context;
    struct told *told = NULL;
    if (!socket || !process)
        return;
    if (!event_fits(html, event, &told, socket->id)) {
        html->events.left_out++;
        return;
    }
    end_attempt(html, told, event->kind == SOCKATLAS_CONNECT);
    char *row = event_row(event, process, socket->id);
    if (event->kind == SOCKATLAS_CONNECTING)
        told->attempt = row;
    else
        put_event(html, told, row);
}

/* ---- Writing ---- */

bool map_html_ready(void)
{
    if (html_page_begin())
        return true;
    fputs("sockatlas map: --format html is not in this build: d3 was missing when it was made (Debian's node-d3)\n",
          stderr);
    return false;
}

/* JSON has its `<` in strings only, where they can be written otherwise: nothing ends the <script> element. */
static void put_json(FILE *out, const char *text)
{
    escape_put(ESCAPE_SCRIPT, text, out);
}

static void put_list(FILE *out, const char *key, struct list *list)
{
    fclose(list->out);
    list->out = NULL;
    fprintf(out, ",\n\"%s\":[", key);
    put_json(out, list->text);
    fprintf(out, "],\n\"%s_left_out\":%llu", key, (unsigned long long)list->left_out);
}

static void put_columns(const struct map_html *html, FILE *out)
{
    const char *comma = "";
    fputs(",\n\"columns\":[", out);
    for (const cJSON *column = html->columns ? html->columns->child : NULL; column; column = column->next) {
        fprintf(out, "%s[\"%s\"", comma, column->string);
        if (cJSON_IsObject(column))
            for (const cJSON *member = column->child; member; member = member->next)
                fprintf(out, ",\"%s\"", member->string);
        fputc(']', out);
        comma = ",";
    }
    fputs("]", out);
}

static void put_words(const struct map_html *html, FILE *out)
{
    fputs(",\n\"words\":[", out);
    for (const struct word *word = html->words; word; word = word->hh.next) {
        put_json(out, word->text);
        fputs(word->hh.next ? ",\n" : "", out);
    }
    fputs("]", out);
}

/* The most severe come first. */
static void put_findings(const struct doctor *doctor, FILE *out)
{
    unsigned count = doctor ? doctor_finding_count(doctor) : 0, most = count < FINDINGS_MOST ? count : FINDINGS_MOST;
    fputs(",\n\"findings\":[", out);
    for (unsigned i = 0; i < most; i++) {
        cJSON *finding = doctor_finding_json(doctor_finding(doctor, i));
        char *text = must(cJSON_PrintUnformatted(finding));
        fputs(i ? ",\n" : "", out);
        put_json(out, text);
        cJSON_free(text);
        cJSON_Delete(finding);
    }
    fprintf(out, "],\n\"findings_left_out\":%u", count - most);
}

/* Of which group each process is, by its id. */
static void put_groups(const struct model *model, enum map_grouping by, FILE *out)
{
    struct map_groups *groups = map_groups_new(model, by);
    fputs(",\n\"groups\":[", out);
    for (unsigned i = 0; i < model_process_count(model); i++)
        fprintf(out, "%s%u", i ? "," : "", map_group(groups, model_process(model, i)));
    fputs("]", out);
    map_groups_free(groups);
}

/* What `summary` shows, and how its figures are called. */
static void put_pairs(const struct model *model, const struct map_options *options, FILE *out)
{
    static const char *const units[] = {
        [LINE_COUNT] = "count", [LINE_BYTES] = "bytes", [LINE_US] = "us", [LINE_RATE] = "rate"};
    struct summary_options view = {.by = options->by == MAP_BY_SIBLINGS ? MAP_BY_PROGRAM : options->by,
                                   .sort = line_column_find("connections"),
                                   .top = PAIRS_MOST,
                                   .internal = options->internal};
    char *text = NULL;
    size_t size = 0;
    FILE *elements = must(open_memstream(&text, &size));
    fputs(",\n\"figures\":[", out);
    for (const struct line_column *column = line_columns; column->name; column++)
        fprintf(out, "%s[\"%s\",\"%s\",\"%s\"]", column == line_columns ? "" : ",", column->name, column->title,
                units[column->unit]);
    fputs("],\n\"pairs\":[", out);
    summary_elements(model, &view, elements);
    fclose(elements);
    put_json(out, text);
    free(text);
    fputs("]", out);
    put_groups(model, view.by, out);
}

static void put_data(const struct model *model, const struct map_options *options, FILE *out)
{
    fputs("{\"map\":", out);
    map_put(model, true, out);
    fprintf(out, ",\n\"by\":\"%s\",\"origin_us\":%lld", map_grouping_name(options->by),
            (long long)model_origin_us(model));
    put_columns(options->html, out);
    put_list(out, "sockets", &options->html->sockets);
    put_words(options->html, out);
    for (struct told *told = options->html->told; told; told = told->hh.next)
        end_attempt(options->html, told, false);
    put_list(out, "events", &options->html->events);
    put_findings(options->doctor, out);
    put_pairs(model, options, out);
    fputs("}", out);
}

bool map_html(const struct model *model, const struct map_options *options, FILE *out)
{
    fputs(html_page_begin(), out);
    put_data(model, options, out);
    fputs(html_page_end(), out);
    return !ferror(out);
}

void map_html_free(struct map_html *html)
{
    struct word *word = NULL, *next_word = NULL;
    struct told *told = NULL, *next_told = NULL;
    struct list *lists[2];
    if (!html)
        return;
    word = html->words;
    HASH_CLEAR(hh, html->words);
    for (; word; word = next_word) {
        next_word = word->hh.next;
        free(word);
    }
    told = html->told;
    HASH_CLEAR(hh, html->told);
    for (; told; told = next_told) {
        next_told = told->hh.next;
        free(told->attempt);
        free(told);
    }
    lists[0] = &html->sockets;
    lists[1] = &html->events;
    for (unsigned i = 0; i < 2; i++) {
        if (lists[i]->out)
            fclose(lists[i]->out);
        free(lists[i]->text);
    }
    cJSON_Delete(html->columns);
    free(html);
}
