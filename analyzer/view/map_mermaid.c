/* SPDX-License-Identifier: MIT
 *
 * The map as a Mermaid flowchart, as documents and code hosts draw it.
 */
#include "analyzer/trace/escape.h"
#include "analyzer/view/map.h"
#include "analyzer/view/map_graph.h"
#include "analyzer/view/words.h"

/* Mermaid draws no more edges than this unless its own configuration says so; a diagram cannot. */
#define EDGES_DRAWN 500u

static void put_text(FILE *out, const char *text)
{
    escape_put(ESCAPE_MERMAID, text, out);
}

static void put_line(FILE *out, const char *text)
{
    if (!*text)
        return;
    fputs("<br/>", out);
    put_text(out, text);
}

static void put_box(FILE *out, const struct map_graph *graph, const struct map_box *box)
{
    char text[GROUP_TEXT_MAX], more[64] = "";
    bool external = box->process->kind == PROCESS_EXTERNAL;
    fprintf(out, "    n%u%s\"", box->group, external ? "([" : "[");
    put_text(out, map_group_text(graph->groups, box->group, text));
    for (unsigned i = 0; i < box->served_count; i++) {
        fputs("<br/>listens on ", out);
        put_text(out, box->served[i]);
    }
    if (box->more_served)
        snprintf(more, sizeof more, "and on %llu more", (unsigned long long)box->more_served);
    put_line(out, more);
    fprintf(out, "\"%s\n", external ? "])" : "]");
    if (box->process->kind != PROCESS_TRACED)
        fprintf(out, "    class n%u outside\n", box->group);
}

static void put_edge(FILE *out, unsigned index, const struct map_line *line)
{
    char over[MAP_LINE_OVER_MAX], counts[MAP_LINE_NOTES_MAX], bytes[MAP_GRAPH_BYTES_MAX];
    const char *arrow = line->edge->match == MATCH_PAIR ? "<-->" : line->failed && !line->connections ? "-.->" : "-->";
    fprintf(out, "    n%u %s|\"", line->from, arrow);
    put_text(out, map_line_over(line, over));
    put_line(out, map_graph_counts(line, counts));
    put_line(out, map_graph_bytes(line, bytes));
    fprintf(out, "\"| n%u\n", line->to);
    if (line->failed)
        fprintf(out, "    linkStyle %u stroke:#c62828,color:#c62828\n", index);
}

static void put_host(FILE *out, unsigned host, const char *name)
{
    fprintf(out, "    subgraph host%u [\"", host);
    put_text(out, name);
    fputs("\"]\n", out);
}

static const struct map_graph_language language = {
    .host = put_host, .host_end = "    end\n", .box = put_box, .line = put_edge};

bool map_mermaid(const struct model *model, const struct map_options *options, FILE *out)
{
    struct map_graph *graph = map_graph_new(model, options->by);
    fputs("flowchart LR\n", out);
    if (graph->lines.count > EDGES_DRAWN)
        fprintf(out, "    %%%% %u edges: Mermaid draws %u unless its maxEdges is raised\n", graph->lines.count,
                EDGES_DRAWN);
    map_graph_write(graph, model, &language, out);
    if (graph->boxes_count)
        fputs("    classDef outside stroke-dasharray:4\n", out);
    else
        fputs("    nothing[\"no process talked to another\"]\n", out);
    map_graph_free(graph);
    return !ferror(out);
}
