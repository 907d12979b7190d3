/* SPDX-License-Identifier: MIT
 *
 * Sockets as lines of text. They settle long before the last is known, in the order they end in: a block of them at a
 * time is put in order of appearance and printed, in columns that only grow.
 */
#include "analyzer/view/list_text.h"

#include "analyzer/names/names.h"
#include "analyzer/trace/text.h"
#include "analyzer/view/setting.h"
#include "analyzer/view/table.h"
#include "analyzer/view/words.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* What has room: */
enum { NARROW = 1, MEDIUM = 2, WIDE = 4, ALWAYS = NARROW | MEDIUM | WIDE };
#define MEDIUM_LEAST 100u
#define WIDE_LEAST   160u
#define NAME_SHOWN   60 /* bytes of a name */

/* The cells of one socket. The columns, in order: cell, title, alignment, least width, where there
 * is room. */
#define LIST_COLUMNS(X)                                                                                                \
    X(id, "id", GRID_RIGHT, 0, ALWAYS)                                                                                 \
    X(at, "at", GRID_RIGHT, 0, MEDIUM | WIDE)                                                                          \
    X(process, "process", GRID_LEFT, 15, ALWAYS)                                                                       \
    X(fd, "fd", GRID_RIGHT, 0, MEDIUM | WIDE)                                                                          \
    X(over, "over", GRID_LEFT, 0, ALWAYS)                                                                              \
    X(role, "role", GRID_LEFT, 0, ALWAYS)                                                                              \
    X(state, "state", GRID_LEFT, 0, ALWAYS)                                                                            \
    X(address, "address", GRID_LEFT, 14, NARROW | MEDIUM)                                                              \
    X(local, "local", GRID_LEFT, 15, WIDE)                                                                             \
    X(peer, "peer", GRID_LEFT, 15, WIDE)                                                                               \
    X(with, "with", GRID_LEFT, 15, MEDIUM | WIDE)                                                                      \
    X(sent, "out", GRID_RIGHT, 0, ALWAYS)                                                                              \
    X(received, "in", GRID_RIGHT, 0, ALWAYS)                                                                           \
    X(note, "", GRID_NOTE, 12, MEDIUM | WIDE)

enum {
#define X(cell, title, align, least, room) COLUMN_##cell,
    LIST_COLUMNS(X)
#undef X
        COLUMNS_ALL
};

struct line {
    uint64_t socket;
    const char *colour;
    char *cells[COLUMNS_ALL];
};

struct list_text {
    const struct model *model;
    FILE *out;
    unsigned width, room;
    bool colour;
    struct grid *grid;
    unsigned count;
    struct line lines[LIST_TEXT_BLOCK];
};

static const struct {
    struct grid_column column;
    unsigned room;
} columns[] = {
#define X(cell, title, align, least, room) {{title, align, least}, room},
    LIST_COLUMNS(X)
#undef X
};

struct list_text *list_text_new(const struct model *model, unsigned width, bool colour, FILE *out)
{
    struct grid_column shown[COLUMNS_ALL];
    unsigned count = 0;
    struct list_text *list = calloc(1, sizeof *list);
    if (!list)
        abort();
    list->model = model;
    list->out = out;
    list->width = width;
    list->colour = colour;
    list->room = !width || width >= WIDE_LEAST ? WIDE : width >= MEDIUM_LEAST ? MEDIUM : NARROW;
    for (unsigned i = 0; i < COLUMNS_ALL; i++)
        if (columns[i].room & list->room)
            shown[count++] = columns[i].column;
    list->grid = grid_new(shown, count);
    return list;
}

/* ---- Cells ---- */

static char *copy(const char *text)
{
    char *cell = strdup(text);
    if (!cell)
        abort();
    return cell;
}

static bool named(const struct address *address)
{
    return address_known(address) && (address->family != AF_UNIX || address->size);
}

static char *address_cell(const struct address *address)
{
    char text[ADDRESS_TEXT_MAX];
    return copy(named(address) ? address_text_port(address, text) : "-");
}

static char *process_cell(const struct process *process)
{
    char text[WORD_PROCESS_MAX];
    return copy(process && process->kind != PROCESS_EXTERNAL ? word_process(process, text) : "-");
}

/* The one address there is room for: the other end's, or who that is (a client's port says little), or its own. */
static char *one_address(const struct list_text *list, const struct socket *socket)
{
    const struct process *peer = list->room == NARROW ? socket->peer_process : NULL;
    if (peer && peer->kind != PROCESS_EXTERNAL && (socket->role == ROLE_SERVER || !named(&socket->peer)))
        return process_cell(peer);
    if (socket->role != ROLE_LISTENER && named(&socket->peer))
        return address_cell(&socket->peer);
    return address_cell(&socket->local);
}

static char *bytes_cell(const struct socket *socket, uint64_t bytes)
{
    char text[WORD_MAX];
    return copy(socket->bytes_known ? word_bytes(bytes, text) : "-");
}

static char *number_cell(const char *format, double number)
{
    char text[WORD_MAX];
    snprintf(text, sizeof text, format, number);
    return copy(text);
}

static char *state_cell(const struct socket *socket)
{
    char number[WORD_MAX];
    if (socket->state == STATE_FAILED && socket->error)
        return copy(word_or_number(names_errno(socket->error), socket->error, number));
    return copy(word_state(socket->state));
}

/* What else stands out: a late error, settings not in force, the name behind the address. */
static char *note_cell(const struct socket *socket, bool *not_in_force)
{
    char *note = NULL, name[SETTING_NAME_MAX], number[WORD_MAX], address[ADDRESS_TEXT_MAX];
    const char *between = "";
    size_t size;
    FILE *out = open_memstream(&note, &size);
    if (!out)
        abort();
    if (socket->error && socket->state != STATE_FAILED) {
        fprintf(out, "%s", word_or_number(names_errno(socket->error), socket->error, number));
        between = ", ";
    }
    for (const struct socket_option *option = socket->options; option; option = option->next) {
        enum setting_verdict verdict = setting_verdict(option);
        if (verdict != SETTING_REFUSED && verdict != SETTING_CLAMPED)
            continue;
        fprintf(out, "%s%s %s", between, setting_name(option->level, option->name, name),
                verdict == SETTING_REFUSED ? "REFUSED" : "CLAMPED");
        between = ", ";
        *not_in_force = true;
    }
    if (socket->match == MATCH_NAT) {
        fprintf(out, "%snat", between);
        between = ", ";
    }
    if (socket->peer_name && address_known(&socket->peer) &&
        strcmp(socket->peer_name, address_text(&socket->peer, address)) != 0) {
        char text[TEXT_ESCAPED_MAX(NAME_SHOWN)];
        text_escape(socket->peer_name, strnlen(socket->peer_name, NAME_SHOWN), text);
        fprintf(out, "%sas %s", between, text);
    }
    fclose(out);
    return note;
}

/* ---- Printing ---- */

static int by_appearance(const void *a, const void *b)
{
    const struct line *one = a, *other = b;
    return one->socket < other->socket ? -1 : one->socket > other->socket;
}

static bool flush(struct list_text *list)
{
    qsort(list->lines, list->count, sizeof *list->lines, by_appearance);
    for (unsigned i = 0; i < list->count; i++) {
        grid_colour(list->grid, list->lines[i].colour);
        for (unsigned j = 0; j < COLUMNS_ALL; j++) {
            if (columns[j].room & list->room)
                grid_cell(list->grid, list->lines[i].cells[j]);
            free(list->lines[i].cells[j]);
        }
    }
    list->count = 0;
    return grid_flush(list->grid, 0, list->width, list->out);
}

/* ---- Collecting ---- */

void list_text_add(struct list_text *list, const struct socket *socket)
{
    struct line *line = &list->lines[list->count++];
    bool not_in_force = false;
    uint64_t first = socket->opened_ns ? socket->opened_ns : socket->connected_ns;
    int64_t since = model_time_us(list->model, socket->host, first) - model_origin_us(list->model);
    *line = (struct line){
        .socket = socket->id,
        .cells = {[COLUMN_id] = number_cell("%.0f", (double)socket->id),
                  [COLUMN_at] = first ? number_cell("%.3f", (double)since / 1e6) : copy("-"),
                  [COLUMN_process] = process_cell(socket->owner),
                  [COLUMN_fd] = socket->fd < 0 ? copy("-") : number_cell("%.0f", socket->fd),
                  [COLUMN_over] = copy(word_transport(socket->family, socket->type, socket->protocol)),
                  [COLUMN_role] = copy(word_role(socket->role)),
                  [COLUMN_state] = state_cell(socket),
                  [COLUMN_address] = one_address(list, socket),
                  [COLUMN_local] = address_cell(&socket->local),
                  [COLUMN_peer] = address_cell(&socket->peer),
                  [COLUMN_with] = process_cell(socket->peer_process),
                  [COLUMN_sent] = bytes_cell(socket, socket->bytes_sent),
                  [COLUMN_received] = bytes_cell(socket, socket->bytes_received),
                  [COLUMN_note] = note_cell(socket, &not_in_force)},
    };
    if (list->colour)
        line->colour = socket->state == STATE_FAILED || socket->error ? "\033[31m" : not_in_force ? "\033[33m" : NULL;
    if (list->count == LIST_TEXT_BLOCK)
        flush(list);
}

bool list_text_end(struct list_text *list)
{
    bool written = flush(list);
    grid_free(list->grid);
    free(list);
    return written;
}
