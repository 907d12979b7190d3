/* SPDX-License-Identifier: MIT
 *
 * Sockets as lines of text. They settle long before the last is known, in the order they end in: a block of them at a
 * time is put in order of appearance and printed, in columns that only grow.
 */
#include "analyzer/view/list_text.h"

#include "analyzer/names/names.h"
#include "analyzer/trace/escape.h"
#include "analyzer/trace/text.h"
#include "analyzer/view/setting.h"
#include "analyzer/view/table.h"
#include "analyzer/view/words.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* The widths of a terminal: */
enum { NARROW = 1, MEDIUM = 2, WIDE = 4, ALWAYS = NARROW | MEDIUM | WIDE };
#define MEDIUM_LEAST 100u
#define WIDE_LEAST   160u
#define NAME_SHOWN   60 /* bytes of a name */

/* The columns, in order: the cell's name, which put_NAME() writes, title, alignment, least width, in which
 * layouts. */
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

struct list_text {
    const struct model *model;
    enum map_grouping by;
    FILE *out;
    unsigned width, layout;
    bool colour;
    struct grid *grid;
    unsigned count; /* of sockets in it */
};

/* ---- Cells ---- */

static void put(struct buffer *to, const char *text)
{
    buffer_add(to, text, strlen(text));
}

static bool named(const struct address *address)
{
    return address_known(address) && (address->family != AF_UNIX || address->size);
}

static void put_end(struct buffer *to, const struct address *address)
{
    char text[ADDRESS_TEXT_MAX];
    put(to, named(address) ? address_text_port(address, text) : "-");
}

static void put_who(struct buffer *to, const struct list_text *list, const struct process *process)
{
    char text[GROUP_TEXT_MAX];
    bool known = process && process->kind != PROCESS_EXTERNAL;
    put(to, known ? map_group_name(list->model, process, list->by, text) : "-");
}

/* The one address there is space for: the other end's, or who that is (a client's port says little), or its own. */
static void put_address(struct buffer *to, const struct list_text *list, const struct socket *socket)
{
    const struct process *peer = list->layout == NARROW ? socket->peer_process : NULL;
    if (peer && peer->kind != PROCESS_EXTERNAL && (socket->role == ROLE_SERVER || !named(&socket->peer)))
        put_who(to, list, peer);
    else if (socket->role != ROLE_LISTENER && named(&socket->peer))
        put_end(to, &socket->peer);
    else
        put_end(to, &socket->local);
}

static void put_bytes(struct buffer *to, bool known, uint64_t bytes)
{
    char text[WORD_MAX];
    put(to, known ? word_bytes(bytes, text) : "-");
}

static void put_number(struct buffer *to, uint64_t number)
{
    buffer_end(to, text_unsigned(number, buffer_space(to, TEXT_INTEGER_MAX)));
}

/* Seconds, rounded to milliseconds as printf does; which way half of one goes depends on the double next to it. */
static void put_seconds(struct buffer *to, int64_t us)
{
    enum { PRINTED = 400 };
    const int64_t exact = 1000000000000000;
    if (us < 0 || us > exact || us % 1000 == 500) {
        char *at = buffer_space(to, PRINTED);
        buffer_end(to, at + snprintf(at, PRINTED, "%.3f", (double)us / 1e6));
        return;
    }
    uint64_t ms = ((uint64_t)us + 500) / 1000;
    char *at = text_unsigned(ms / 1000, buffer_space(to, TEXT_INTEGER_MAX + 4));
    *at++ = '.';
    for (uint64_t power = 100, rest = ms % 1000; power; rest %= power, power /= 10)
        *at++ = (char)('0' + rest / power);
    buffer_end(to, at);
}

static void put_at(struct buffer *to, const struct list_text *list, const struct socket *socket)
{
    uint64_t first = socket->opened_ns ? socket->opened_ns : socket->connected_ns;
    if (first)
        put_seconds(to, model_time_us(list->model, socket->host, first) - model_origin_us(list->model));
    else
        put(to, "-");
}

static void put_id(struct buffer *to, const struct list_text *list, const struct socket *socket)
{
    (void)list;
    put_number(to, socket->id);
}

static void put_process(struct buffer *to, const struct list_text *list, const struct socket *socket)
{
    put_who(to, list, socket->owner);
}

static void put_fd(struct buffer *to, const struct list_text *list, const struct socket *socket)
{
    (void)list;
    if (socket->fd < 0)
        put(to, "-");
    else
        put_number(to, (uint64_t)socket->fd);
}

static void put_over(struct buffer *to, const struct list_text *list, const struct socket *socket)
{
    (void)list;
    put(to, word_transport(socket->family, socket->type, socket->protocol));
}

static void put_role(struct buffer *to, const struct list_text *list, const struct socket *socket)
{
    (void)list;
    put(to, word_role(socket->role));
}

static void put_error(struct buffer *to, const struct socket *socket)
{
    char number[WORD_MAX];
    put(to, word_or_number(names_errno(socket->error), socket->error, number));
}

static void put_state(struct buffer *to, const struct list_text *list, const struct socket *socket)
{
    (void)list;
    char number[WORD_BECAME_MAX];
    put(to, word_became(socket, false, number));
}

static void put_local(struct buffer *to, const struct list_text *list, const struct socket *socket)
{
    (void)list;
    put_end(to, &socket->local);
}

static void put_peer(struct buffer *to, const struct list_text *list, const struct socket *socket)
{
    (void)list;
    char peers[WORD_MAX];
    if (socket->peers > 1 && !address_known(&socket->peer)) {
        snprintf(peers, sizeof peers, "%u peers", socket->peers);
        put(to, peers);
        return;
    }
    put_end(to, &socket->peer);
}

static void put_with(struct buffer *to, const struct list_text *list, const struct socket *socket)
{
    put_who(to, list, socket->peer_process);
}

static void put_sent(struct buffer *to, const struct list_text *list, const struct socket *socket)
{
    (void)list;
    put_bytes(to, socket->sent_known, socket->bytes_sent);
}

static void put_received(struct buffer *to, const struct list_text *list, const struct socket *socket)
{
    (void)list;
    put_bytes(to, socket->received_known, socket->bytes_received);
}

static bool in_force(const struct socket_option *option)
{
    enum setting_verdict verdict = setting_verdict(option);
    return verdict != SETTING_REFUSED && verdict != SETTING_CLAMPED;
}

/* What else stands out: a late error, settings not in force, the name behind the address. */
static void put_note(struct buffer *to, const struct list_text *list, const struct socket *socket)
{
    (void)list;
    char name[SETTING_NAME_MAX], address[ADDRESS_TEXT_MAX];
    const char *between = "";
    if (socket->error && socket->state != STATE_FAILED && socket->end != END_RESET) {
        put_error(to, socket);
        between = ", ";
    }
    for (const struct socket_option *option = socket->options; option; option = option->next) {
        if (in_force(option))
            continue;
        put(to, between);
        put(to, setting_name(option->level, option->name, name));
        put(to, setting_verdict(option) == SETTING_REFUSED ? " REFUSED" : " CLAMPED");
        between = ", ";
    }
    if (socket->match == MATCH_NAT) {
        put(to, between);
        put(to, "nat");
        between = ", ";
    }
    if (socket->peer_name && address_known(&socket->peer) &&
        strcmp(socket->peer_name, address_text(&socket->peer, address)) != 0) {
        char text[ESCAPED_MAX(NAME_SHOWN)];
        escape(ESCAPE_TEXT, socket->peer_name, escape_cut(socket->peer_name, NAME_SHOWN), text);
        put(to, between);
        put(to, "as ");
        put(to, text);
    }
}

/* ---- Lines ---- */

static const struct {
    struct grid_column column;
    unsigned layout;
    void (*put)(struct buffer *to, const struct list_text *list, const struct socket *socket);
} columns[] = {
#define X(cell, title, align, least, layout) {{title, align, least}, layout, put_##cell},
    LIST_COLUMNS(X)
#undef X
};

enum { COLUMNS = sizeof columns / sizeof *columns };

struct list_text *list_text_new(const struct model *model, enum map_grouping by, unsigned width, bool colour, FILE *out)
{
    static const char *const titles[] = {
        [MAP_BY_PROGRAM] = "program", [MAP_BY_UNIT] = "unit", [MAP_BY_CONTAINER] = "container", [MAP_BY_HOST] = "host"};
    struct grid_column shown[COLUMNS];
    unsigned count = 0;
    struct list_text *list = calloc(1, sizeof *list);
    if (!list)
        abort();
    list->model = model;
    list->by = by;
    list->out = out;
    list->width = width;
    list->colour = colour;
    list->layout = !width || width >= WIDE_LEAST ? WIDE : width >= MEDIUM_LEAST ? MEDIUM : NARROW;
    for (unsigned i = 0; i < COLUMNS; i++)
        if (columns[i].layout & list->layout) {
            shown[count++] = columns[i].column;
            if (columns[i].put == put_process && by >= MAP_BY_PROGRAM)
                shown[count - 1].title = titles[by];
        }
    list->grid = grid_new(shown, count);
    return list;
}

static const char *colour_of(const struct socket *socket)
{
    if (socket->state == STATE_FAILED || socket->error)
        return "\033[31m";
    for (const struct socket_option *option = socket->options; option; option = option->next)
        if (!in_force(option))
            return "\033[33m";
    return NULL;
}

/* The beginning of the name, for those that differ there; sockets of one name come in the order that they ended in. */
static uint64_t name_order(const struct list_text *list, const struct socket *socket)
{
    char text[GROUP_TEXT_MAX];
    uint64_t order = 0;
    if (!socket->owner)
        return UINT64_MAX;
    map_group_name(list->model, socket->owner, list->by, text);
    for (unsigned i = 0; i < sizeof order; i++)
        order = order << 8 | (unsigned char)(i < strlen(text) ? text[i] : 0);
    return order;
}

static bool flush(struct list_text *list)
{
    list->count = 0;
    return grid_flush(list->grid, 0, list->width, list->out);
}

void list_text_add(struct list_text *list, const struct socket *socket)
{
    grid_order(list->grid, list->by >= MAP_BY_PROGRAM ? name_order(list, socket) : socket->id);
    grid_colour(list->grid, list->colour ? colour_of(socket) : NULL);
    for (unsigned column = 0; column < COLUMNS; column++)
        if (columns[column].layout & list->layout) {
            columns[column].put(grid_text(list->grid), list, socket);
            grid_end_cell(list->grid);
        }
    if (++list->count == LIST_TEXT_BLOCK)
        flush(list);
}

bool list_text_end(struct list_text *list)
{
    bool written = flush(list);
    grid_free(list->grid);
    free(list);
    return written;
}
