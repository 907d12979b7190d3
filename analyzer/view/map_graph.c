/* SPDX-License-Identifier: MIT
 *
 * What a drawn graph of the map shows, see map_graph.h.
 */
#include "analyzer/view/map_graph.h"

#include "analyzer/trace/escape.h"
#include "analyzer/view/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A box names so many addresses it listens on, and counts the others. */
enum { SERVED_MOST = 6 };

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

static void add_served(struct map_box *box, const char *text)
{
    for (unsigned i = 0; i < box->served_count; i++)
        if (strcmp(box->served[i], text) == 0)
            return;
    if (box->served_count == SERVED_MOST) {
        box->more_served++;
        return;
    }
    box->served = must(realloc(box->served, (box->served_count + 1) * sizeof *box->served));
    box->served[box->served_count++] = must(strdup(text));
}

struct map_graph *map_graph_new(const struct model *model, enum map_grouping by)
{
    struct map_graph *graph = must(calloc(1, sizeof *graph));
    unsigned count = model_process_count(model);
    by = map_lines_grouping(model, by, false);
    bool *drawn = must(calloc(count + 1, sizeof *drawn));
    struct map_box **box_of = must(calloc(count + 1, sizeof *box_of));
    graph->groups = map_groups_new(model, by);
    graph->boxes = must(calloc(count + 1, sizeof *graph->boxes));
    graph->hosts_count = model_host_count(model);
    map_lines_collect(&graph->lines, model, graph->groups);
    if (by >= MAP_BY_PROGRAM)
        map_lines_fold(&graph->lines, MAP_ADDRESSES_MANY);
    for (unsigned i = 0; i < graph->lines.count; i++)
        drawn[graph->lines.line[i].from] = drawn[graph->lines.line[i].to] = true;
    for (unsigned i = 0; i < model_listener_count(model); i++)
        drawn[map_group(graph->groups, model_listener(model, i)->process)] = true;
    for (unsigned group = 0; group < count; group++)
        if (drawn[group]) {
            box_of[group] = &graph->boxes[graph->boxes_count++];
            *box_of[group] = (struct map_box){.group = group, .process = model_process(model, group)};
        }
    for (unsigned i = 0; i < model_listener_count(model); i++) {
        char address[ADDRESS_TEXT_MAX], text[MAP_LINE_OVER_MAX];
        const struct listener *listener = model_listener(model, i);
        snprintf(text, sizeof text, "%s %s", word_transport(listener->family, listener->type, listener->protocol),
                 address_text_port(&listener->address, address));
        add_served(box_of[map_group(graph->groups, listener->process)], text);
    }
    free(drawn);
    free(box_of);
    return graph;
}

void map_graph_free(struct map_graph *graph)
{
    for (unsigned i = 0; i < graph->boxes_count; i++) {
        for (unsigned j = 0; j < graph->boxes[i].served_count; j++)
            free(graph->boxes[i].served[j]);
        free(graph->boxes[i].served);
    }
    free(graph->boxes);
    map_lines_free(&graph->lines);
    map_groups_free(graph->groups);
    free(graph);
}

static void write_host(const struct map_graph *graph, const struct model *model, unsigned host,
                       const struct map_graph_language *language, FILE *out)
{
    const struct sockatlas_header *header = &model_host(model, host)->header;
    char name[ESCAPED_MAX(sizeof header->host)];
    escape(ESCAPE_TEXT, header->host, strnlen(header->host, sizeof header->host), name);
    language->host(out, host, name);
    for (unsigned i = 0; i < graph->boxes_count; i++)
        if (graph->boxes[i].process->kind != PROCESS_EXTERNAL && graph->boxes[i].process->host == host)
            language->box(out, graph, &graph->boxes[i]);
    fputs(language->host_end, out);
}

void map_graph_write(const struct map_graph *graph, const struct model *model,
                     const struct map_graph_language *language, FILE *out)
{
    bool framed = graph->hosts_count > 1;
    for (unsigned host = 0; framed && host < graph->hosts_count; host++)
        if (model_host(model, host))
            write_host(graph, model, host, language, out);
    for (unsigned i = 0; i < graph->boxes_count; i++)
        if (!framed || graph->boxes[i].process->kind == PROCESS_EXTERNAL)
            language->box(out, graph, &graph->boxes[i]);
    for (unsigned i = 0; i < graph->lines.count; i++)
        language->line(out, i, &graph->lines.line[i]);
}

const char *map_graph_counts(const struct map_line *line, char out[MAP_LINE_NOTES_MAX])
{
    char notes[MAP_LINE_NOTES_MAX];
    map_line_notes(line, notes);
    if (!line->connections && notes[0])
        return memcpy(out, notes, sizeof notes);
    snprintf(out, MAP_LINE_NOTES_MAX, "%llu connection%s%s%.340s", (unsigned long long)line->connections,
             line->connections == 1 ? "" : "s", notes[0] ? ", " : "", notes);
    return out;
}

const char *map_graph_bytes(const struct map_line *line, char out[MAP_GRAPH_BYTES_MAX])
{
    char sent[WORD_MAX], received[WORD_MAX];
    out[0] = '\0';
    if (line->sent_known || line->received_known)
        snprintf(out, MAP_GRAPH_BYTES_MAX, "%s out, %s in", line->sent_known ? word_bytes(line->sent, sent) : "?",
                 line->received_known ? word_bytes(line->received, received) : "?");
    return out;
}
