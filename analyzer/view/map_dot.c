/* SPDX-License-Identifier: MIT
 *
 * The map as a graph in DOT, the language of Graphviz.
 */
#include "analyzer/trace/escape.h"
#include "analyzer/view/map.h"
#include "analyzer/view/map_graph.h"
#include "analyzer/view/words.h"

#include <string.h>

static void put_text(FILE *out, const char *text)
{
    escape_put(ESCAPE_DOT, text, out);
}

static void put_line(FILE *out, const char *text)
{
    if (!*text)
        return;
    fputs("\\n", out);
    put_text(out, text);
}

static const char *style(const struct process *process)
{
    switch (process->kind) {
    case PROCESS_UNTRACED:
        return "style=\"rounded,dashed\"";
    case PROCESS_EXTERNAL:
        return "shape=ellipse, style=dashed";
    default:
        return "style=\"rounded,filled\", fillcolor=\"#eef3f8\"";
    }
}

static void put_box(FILE *out, const struct map_graph *graph, const struct map_box *box)
{
    char text[GROUP_TEXT_MAX], more[64] = "";
    fprintf(out, "    n%u [label=\"", box->group);
    put_text(out, map_group_text(graph->groups, box->group, text));
    for (unsigned i = 0; i < box->served_count; i++) {
        fputs("\\nlistens on ", out);
        put_text(out, box->served[i]);
    }
    if (box->more_served)
        snprintf(more, sizeof more, "and on %llu more", (unsigned long long)box->more_served);
    put_line(out, more);
    fprintf(out, "\", %s];\n", style(box->process));
}

static void put_edge(FILE *out, unsigned index, const struct map_line *line)
{
    (void)index;
    char over[MAP_LINE_OVER_MAX], counts[MAP_LINE_NOTES_MAX], bytes[MAP_GRAPH_BYTES_MAX];
    fprintf(out, "    n%u -> n%u [label=\"", line->from, line->to);
    put_text(out, map_line_over(line, over));
    put_line(out, map_graph_counts(line, counts));
    put_line(out, map_graph_bytes(line, bytes));
    fputc('"', out);
    if (line->failed)
        fputs(", color=\"#c62828\", fontcolor=\"#c62828\"", out);
    if (line->failed && !line->connections)
        fputs(", style=dashed", out);
    if (line->edge->match == MATCH_PAIR)
        fputs(", dir=both", out);
    fputs("];\n", out);
}

static void put_host(FILE *out, unsigned host, const char *name)
{
    fprintf(out, "    subgraph cluster_host%u {\n    label=\"", host);
    put_text(out, name);
    fputs("\"; color=\"#9e9e9e\";\n", out);
}

static const struct map_graph_language language = {
    .host = put_host, .host_end = "    }\n", .box = put_box, .line = put_edge};

bool map_dot(const struct model *model, const struct map_options *options, FILE *out)
{
    struct map_graph *graph = map_graph_new(model, options->by);
    /* newrank: Graphviz's other way fails over some frames with lines in circles between them. */
    fputs("digraph sockatlas {\n"
          "    graph [rankdir=LR, newrank=true, fontname=\"sans-serif\", fontsize=11, ranksep=1.1];\n"
          "    node [shape=box, fontname=\"sans-serif\", fontsize=11, color=\"#546e7a\"];\n"
          "    edge [fontname=\"sans-serif\", fontsize=9, color=\"#546e7a\", fontcolor=\"#37474f\"];\n",
          out);
    map_graph_write(graph, model, &language, out);
    fputs("}\n", out);
    map_graph_free(graph);
    return !ferror(out);
}
