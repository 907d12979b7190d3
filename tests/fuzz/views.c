/* SPDX-License-Identifier: MIT
 *
 * All that the commands print, see views.h.
 */
#include "tests/fuzz/views.h"

#include "analyzer/view/doctor.h"
#include "analyzer/view/events.h"
#include "analyzer/view/export.h"
#include "analyzer/view/list_text.h"
#include "analyzer/view/map.h"
#include "analyzer/view/show.h"
#include "analyzer/view/socket_json.h"
#include "analyzer/view/tuned.h"
#include "tests/fuzz/oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* name, demand */
#define VIEWS(X)                                                                                                       \
    X(list_text, DEMAND_TEXT)                                                                                          \
    X(list_json, DEMAND_LINES)                                                                                         \
    X(events_text, DEMAND_TEXT)                                                                                        \
    X(events_wrapped, DEMAND_TEXT)                                                                                     \
    X(csv, DEMAND_CSV)                                                                                                 \
    X(chrome, DEMAND_JSON)                                                                                             \
    X(zeek, DEMAND_FIELDS)                                                                                             \
    X(map_text, DEMAND_TEXT)                                                                                           \
    X(map_wide, DEMAND_TEXT)                                                                                           \
    X(map_json, DEMAND_JSON)                                                                                           \
    X(map_dot, DEMAND_QUOTED)                                                                                          \
    X(map_mermaid, DEMAND_QUOTED)                                                                                      \
    X(map_html, DEMAND_PAGE)                                                                                           \
    X(doctor_text, DEMAND_TEXT)                                                                                        \
    X(doctor_json, DEMAND_LINES)                                                                                       \
    X(doctor_sarif, DEMAND_JSON)                                                                                       \
    X(tuned_text, DEMAND_TEXT)                                                                                         \
    X(tuned_json, DEMAND_LINES)                                                                                        \
    X(show_text, DEMAND_TEXT)                                                                                          \
    X(show_json, DEMAND_JSON)

enum view {
#define X(name, demand) VIEW_##name,
    VIEWS(X)
#undef X
        VIEW_COUNT
};

static const struct {
    const char *name;
    enum demand demand;
} kinds[] = {
#define X(name, demand) {#name, demand},
    VIEWS(X)
#undef X
};

/* The export formats among the views, in one order. */
enum { EXPORTS = 3, WIDTH = 80, SHOWN = 1 };
static const struct export_format *const formats[EXPORTS] = {&export_csv, &export_chrome, &export_zeek};
static const enum view format_views[EXPORTS] = {VIEW_csv, VIEW_chrome, VIEW_zeek};

struct views {
    const struct model *model;
    struct output {
        FILE *out;
        char *text;
        size_t size;
    } outputs[VIEW_COUNT];
    struct export exports[EXPORTS];
    struct list_text *list;
    struct members line;
    struct events_known *known;
    uint64_t origin_ns;
    struct tuned *tuned;
    struct map_html *html;
    struct show *shows[2];
    struct model_callbacks show_callbacks[2];
    bool shown; /* the socket was there */
};

struct views *views_new(void)
{
    struct views *views = calloc(1, sizeof *views);
    for (unsigned i = 0; i < VIEW_COUNT; i++)
        if (!views || !(views->outputs[i].out = open_memstream(&views->outputs[i].text, &views->outputs[i].size)))
            abort();
    views->known = events_known_new(true);
    views->tuned = tuned_new();
    views->html = map_html_new();
    for (unsigned i = 0; i < 2; i++) {
        views->shows[i] = show_new(SHOWN, 0, i ? SHOW_JSON : SHOW_WHOLE);
        show_callbacks(views->shows[i], &views->show_callbacks[i]);
    }
    return views;
}

static FILE *out_of(const struct views *views, enum view view)
{
    return views->outputs[view].out;
}

void views_attach(struct views *views, const struct model *model)
{
    views->model = model;
    views->list = list_text_new(model, MAP_BY_PROCESS, WIDTH, false, out_of(views, VIEW_list_text));
    map_html_attach(views->html, model);
    for (unsigned i = 0; i < 2; i++)
        show_attach(views->shows[i], model);
    for (unsigned i = 0; i < EXPORTS; i++) {
        views->exports[i] = (struct export){.out = out_of(views, format_views[i]), .model = model};
        formats[i]->begin(&views->exports[i]);
    }
}

void views_line(struct views *views, const struct event *event)
{
    const struct events_look whole = {.width = 0}, wrapped = {.width = WIDTH};
    if (!views->origin_ns)
        views->origin_ns = event->time_ns;
    events_known_take(views->known, event);
    const char *comm = events_known_comm(views->known);
    events_text(out_of(views, VIEW_events_text), event, comm, views->origin_ns, &whole);
    events_text(out_of(views, VIEW_events_wrapped), event, comm, views->origin_ns, &wrapped);
}

void views_socket(struct views *views, const struct socket *socket)
{
    list_text_add(views->list, socket);
    socket_print(&views->line, views->model, socket, out_of(views, VIEW_list_json));
    tuned_add(views->tuned, socket);
    map_html_socket(views->html, socket);
    views->shown |= socket->id == SHOWN;
    for (unsigned i = 0; i < 2; i++)
        views->show_callbacks[i].socket_done(views->show_callbacks[i].context, socket);
    for (unsigned i = 0; i < EXPORTS; i++)
        formats[i]->socket(&views->exports[i], socket);
}

void views_event(struct views *views, const struct event *event, const struct process *process,
                 const struct socket *socket)
{
    map_html_event(views->html, event, process, socket);
    for (unsigned i = 0; i < 2; i++)
        views->show_callbacks[i].event_seen(views->show_callbacks[i].context, event, process, socket);
    for (unsigned i = 0; i < EXPORTS; i++)
        if (formats[i]->event)
            formats[i]->event(&views->exports[i], event, process, socket);
}

void views_inherited(struct views *views, const struct process *process, const struct socket *socket, int32_t fd,
                     uint64_t time_ns)
{
    for (unsigned i = 0; i < 2; i++)
        views->show_callbacks[i].socket_inherited(views->show_callbacks[i].context, process, socket, fd, time_ns);
}

static void print(struct views *views, const struct doctor *doctor)
{
    const struct map_options narrow = {.width = WIDTH, .html = views->html, .doctor = doctor},
                             wide = {.by = MAP_BY_PROGRAM};
    list_text_end(views->list);
    for (unsigned i = 0; i < EXPORTS; i++)
        formats[i]->finish(&views->exports[i]);
    map_text(views->model, &narrow, out_of(views, VIEW_map_text));
    map_text(views->model, &wide, out_of(views, VIEW_map_wide));
    map_json(views->model, &narrow, out_of(views, VIEW_map_json));
    map_dot(views->model, &narrow, out_of(views, VIEW_map_dot));
    map_mermaid(views->model, &narrow, out_of(views, VIEW_map_mermaid));
    map_html(views->model, &narrow, out_of(views, VIEW_map_html));
    doctor_text(doctor, views->model, WIDTH, false, out_of(views, VIEW_doctor_text));
    doctor_json(doctor, out_of(views, VIEW_doctor_json));
    doctor_sarif(doctor, out_of(views, VIEW_doctor_sarif));
    tuned_text(views->tuned, views->model, WIDTH, false, out_of(views, VIEW_tuned_text));
    tuned_json(views->tuned, out_of(views, VIEW_tuned_json));
    if (views->shown) {
        show_text(views->shows[0], WIDTH, false, out_of(views, VIEW_show_text));
        show_json(views->shows[1], out_of(views, VIEW_show_json));
    }
}

void views_finish(struct views *views, const struct doctor *doctor)
{
    print(views, doctor);
    for (unsigned i = 0; i < VIEW_COUNT; i++) {
        struct output *output = &views->outputs[i];
        bool shown = views->shown || (i != VIEW_show_text && i != VIEW_show_json);
        fclose(output->out);
        if (shown)
            oracle_check(kinds[i].name, kinds[i].demand, output->text, output->size);
        free(output->text);
    }
    members_free(&views->line);
    events_known_free(views->known);
    tuned_free(views->tuned);
    map_html_free(views->html);
    show_free(views->shows[0]);
    show_free(views->shows[1]);
    free(views);
}
