/* SPDX-License-Identifier: MIT
 *
 * The parameters that programs set on their sockets, counted.
 */
#include "analyzer/view/tuned.h"

#include "analyzer/names/names.h"
#include "analyzer/trace/hash.h"
#include "analyzer/trace/json.h"
#include "analyzer/trace/value.h"
#include "analyzer/view/map_group.h"
#include "analyzer/view/setting.h"
#include "analyzer/view/table.h"
#include "analyzer/view/words.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* What makes a row; every byte counts, so it is zeroed before it is filled. The option's bytes stand behind it. */
struct tuned_key {
    uint32_t process; /* id, UINT32_MAX none; while text is made: of the group's first */
    uint32_t role;
    uint16_t family, type;
    int32_t protocol;
    int32_t level, name;
    uint16_t error, kept_size, effective_size, none;
};

struct tuned_row {
    UT_hash_handle hh;
    const struct process *process;
    struct socket_option *option;
    uint64_t first_socket, sockets;
    uint32_t end_least, end_most; /* in force when the sockets were closed; 0 unknown */
    size_t key_size;
    struct tuned_key key; /* and the option's bytes */
};

struct tuned {
    struct tuned_row *rows;
};

struct tuned *tuned_new(void)
{
    struct tuned *tuned = calloc(1, sizeof *tuned);
    if (!tuned)
        abort();
    return tuned;
}

static void add_row(struct tuned_row **rows, const struct tuned_row *like)
{
    struct tuned_row *row;
    HASH_FIND(hh, *rows, &like->key, (unsigned)like->key_size, row);
    if (row) {
        row->sockets += like->sockets;
        if (like->end_least && (!row->end_least || like->end_least < row->end_least))
            row->end_least = like->end_least;
        if (like->end_most > row->end_most)
            row->end_most = like->end_most;
        return;
    }
    row = malloc(sizeof *row + like->key_size);
    if (!row)
        abort();
    memcpy(row, like, sizeof *row + like->key_size);
    HASH_ADD_KEYPTR(hh, *rows, &row->key, (unsigned)row->key_size, row);
}

/* What the kernel said at the socket's end of what this option asks for; 0: nothing. */
static uint32_t at_end(const struct socket *socket, const struct socket_option *option)
{
    if (option->error)
        return 0;
    if (option->level == IPPROTO_TCP && option->name == TCP_MAXSEG)
        return socket->tcp_known ? socket->tcp.snd_mss : 0;
    if (option->level != SOL_SOCKET)
        return 0;
    if (option->name == SO_SNDBUF || option->name == SO_SNDBUFFORCE)
        return socket->sndbuf;
    return option->name == SO_RCVBUF || option->name == SO_RCVBUFFORCE ? socket->rcvbuf : 0;
}

static void add_option(struct tuned *tuned, const struct socket *socket, const struct socket_option *option)
{
    size_t bytes = (size_t)option->kept_size + option->effective_size;
    size_t key_size = sizeof(struct tuned_key) + bytes;
    struct tuned_row *row = calloc(1, sizeof *row + key_size);
    struct socket_option *copy = malloc(sizeof *copy + bytes);
    if (!row || !copy)
        abort();
    memcpy(copy, option, sizeof *copy + bytes);
    *row = (struct tuned_row){
        .process = socket->owner, .option = copy, .first_socket = socket->id, .sockets = 1, .key_size = key_size};
    row->end_least = row->end_most = at_end(socket, option);
    row->key.process = socket->owner ? socket->owner->id : UINT32_MAX;
    row->key.role = socket->role;
    row->key.family = socket->family;
    row->key.type = socket->type;
    row->key.protocol = socket->protocol;
    row->key.level = option->level;
    row->key.name = option->name;
    row->key.error = option->error;
    row->key.kept_size = option->kept_size;
    row->key.effective_size = option->effective_size;
    memcpy(&row->key + 1, option->bytes, bytes);
    unsigned before = HASH_COUNT(tuned->rows);
    add_row(&tuned->rows, row);
    if (HASH_COUNT(tuned->rows) == before)
        free(copy);
    free(row);
}

void tuned_add(struct tuned *tuned, const struct socket *socket)
{
    for (const struct socket_option *option = socket->options; option; option = option->next)
        add_option(tuned, socket, option);
}

/* ---- JSON ---- */

bool tuned_json(struct tuned *tuned, FILE *out)
{
    for (const struct tuned_row *row = tuned->rows; row; row = row->hh.next) {
        const struct process *process = row->process;
        cJSON *object = cJSON_CreateObject();
        value_integer(object, "process", process != NULL, process ? process->id : 0);
        value_integer(object, "pid", process && process->pid, process ? process->pid : 0);
        value_bytes(object, "comm", process ? process->comm : NULL);
        value_text(object, "transport", word_transport(row->key.family, row->key.type, row->key.protocol));
        value_text(object, "role", word_role(row->key.role));
        setting_json(object, row->option);
        value_text(object, "verdict", setting_verdict_word(setting_verdict(row->option)));
        value_integer(object, "end_least", row->end_least != 0, row->end_least);
        value_integer(object, "end_most", row->end_most != 0, row->end_most);
        value_integer(object, "sockets", true, (int64_t)row->sockets);
        value_integer(object, "first_socket", true, (int64_t)row->first_socket);
        if (!json_print_line(out, object))
            return false;
    }
    return true;
}

/* ---- Text ---- */

/* By process, kind of socket, then as they came. */
static int in_order(const void *a, const void *b)
{
    const struct tuned_row *one = *(const struct tuned_row *const *)a, *other = *(const struct tuned_row *const *)b;
    const int64_t pairs[][2] = {
        {one->key.process, other->key.process},
        {one->key.role, other->key.role},
        {one->key.type, other->key.type},
        {one->key.family, other->key.family},
        {one->key.protocol, other->key.protocol},
        {one->key.level, other->key.level},
        {one->key.name, other->key.name},
        {(int64_t)other->sockets, (int64_t)one->sockets},
        {(int64_t)one->first_socket, (int64_t)other->first_socket},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (pairs[i][0] != pairs[i][1])
            return pairs[i][0] < pairs[i][1] ? -1 : 1;
    return 0;
}

static bool same_kind(const struct tuned_row *a, const struct tuned_row *b)
{
    return a->key.process == b->key.process && a->key.role == b->key.role && a->key.type == b->key.type &&
           a->key.family == b->key.family && a->key.protocol == b->key.protocol;
}

/* What became of it, and what was in force at the end where that is another number still. The number that a clamped or
 * raised buffer was held to is half of what reads back. */
static void remark(const struct tuned_row *row, char *out, size_t size)
{
    const struct socket_option *option = row->option;
    const unsigned char *bytes;
    int64_t effective = 0;
    char number[WORD_MAX], limit[32], range[32] = "";
    const char *said = "";
    size_t effective_size = setting_effective(option, &bytes);
    bool integer = option_number(option->level, option->name, bytes, effective_size, &effective);
    snprintf(limit, sizeof limit, "CLAMPED to %lld", (long long)(effective / 2));
    switch (setting_verdict(option)) {
    case SETTING_AS_ASKED:
    case SETTING_UNKNOWN:
        break;
    case SETTING_DOUBLED:
        said = "doubled, as Linux does";
        break;
    case SETTING_RAISED:
        said = "RAISED to the least";
        break;
    case SETTING_CLAMPED:
        said = limit;
        break;
    case SETTING_CHANGED:
        said = "CHANGED";
        break;
    case SETTING_FOUND:
        said = "found when attached";
        break;
    case SETTING_REFUSED:
        snprintf(out, size, "REFUSED %s", word_or_number(names_errno(option->error), option->error, number));
        return;
    }
    bool other = row->end_least && integer && (row->end_least != effective || row->end_most != effective);
    if (row->end_most != row->end_least)
        snprintf(range, sizeof range, "-%u", row->end_most);
    if (other)
        snprintf(out, size, "%s%s%u%s at the end", said, *said ? "; " : "", row->end_least, range);
    else
        snprintf(out, size, "%s", said);
}

static const char *colour_of(const struct socket_option *option)
{
    switch (setting_verdict(option)) {
    case SETTING_REFUSED:
        return "\033[31m";
    case SETTING_CLAMPED:
    case SETTING_CHANGED:
    case SETTING_RAISED:
        return "\033[33m";
    default:
        return NULL;
    }
}

static void put_title(const struct tuned_row *row, const struct map_groups *groups, bool colour, FILE *out)
{
    char group[GROUP_TEXT_MAX];
    bool inet6 = row->key.family == AF_INET6;
    const char *who = row->process ? map_group_text(groups, row->key.process, group) : "?";
    fprintf(out, "%s%s%s: %s %s%s\n", colour ? "\033[1m" : "", who, colour ? "\033[0m" : "",
            word_transport(row->key.family, row->key.type, row->key.protocol), word_role(row->key.role),
            inet6 ? ", IPv6" : "");
}

/* The rows of one kind of socket of one process. */
static bool put_kind(struct tuned_row *const *rows, unsigned count, unsigned width, bool colour, FILE *out)
{
    static const struct grid_column columns[] = {{NULL, GRID_LEFT, 12}, {NULL, GRID_RIGHT, 8}, {NULL, GRID_LEFT, 0},
                                                 {NULL, GRID_RIGHT, 8}, {NULL, GRID_RIGHT, 0}, {NULL, GRID_LEFT, 0}};
    struct grid *grid = grid_new(columns, sizeof columns / sizeof *columns);
    for (unsigned i = 0; i < count; i++) {
        const struct socket_option *option = rows[i]->option;
        const unsigned char *bytes;
        size_t size = setting_effective(option, &bytes);
        char name[SETTING_NAME_MAX], requested[OPTION_TEXT_MAX], effective[OPTION_TEXT_MAX], note[96], sockets[32];
        option_text(option->level, option->name, option->bytes, option->kept_size, requested);
        option_text(option->level, option->name, bytes, size, effective);
        bool differs = setting_verdict(option) != SETTING_AS_ASKED;
        sockets[0] = '\0';
        if (rows[i]->sockets > 1)
            snprintf(sockets, sizeof sockets, "x%llu", (unsigned long long)rows[i]->sockets);
        remark(rows[i], note, sizeof note);
        grid_colour(grid, colour ? colour_of(option) : NULL);
        grid_cell(grid, setting_name(option->level, option->name, name));
        grid_cell(grid, setting_request_unknown(option) ? "?" : requested[0] ? requested : "(no value)");
        grid_cell(grid, differs ? "->" : "");
        grid_cell(grid, !differs ? "" : option->error ? "-" : effective);
        grid_cell(grid, sockets);
        grid_cell(grid, note);
    }
    return grid_print(grid, 2, width, out);
}

/* The rows with each process replaced by its group. */
static struct tuned_row *by_group(const struct tuned *tuned, const struct map_groups *groups)
{
    struct tuned_row *grouped = NULL;
    for (struct tuned_row *row = tuned->rows; row; row = row->hh.next) {
        uint32_t process = row->key.process;
        if (row->process)
            row->key.process = map_group(groups, row->process);
        add_row(&grouped, row);
        row->key.process = process;
    }
    return grouped;
}

static void free_rows(struct tuned_row **rows, bool options)
{
    struct tuned_row *row, *next;
    row = *rows;
    HASH_CLEAR(hh, *rows);
    for (; row; row = next) {
        next = row->hh.next;
        if (options)
            free(row->option);
        free(row);
    }
}

bool tuned_text(struct tuned *tuned, const struct model *model, unsigned width, bool colour, FILE *out)
{
    struct map_groups *groups = map_groups_new(model, MAP_BY_SIBLINGS);
    struct tuned_row *grouped = by_group(tuned, groups);
    unsigned count = HASH_COUNT(grouped), done = 0;
    struct tuned_row **rows = calloc(count + 1, sizeof *rows);
    if (!rows)
        abort();
    for (struct tuned_row *row = grouped; row; row = row->hh.next)
        rows[done++] = row;
    qsort(rows, count, sizeof *rows, in_order);
    bool written = true;
    for (unsigned from = 0, to; from < count && written; from = to) {
        for (to = from + 1; to < count && same_kind(rows[from], rows[to]);)
            to++;
        put_title(rows[from], groups, colour, out);
        written = put_kind(rows + from, to - from, width, colour, out);
    }
    if (!count)
        fputs("no parameter was set on any socket\n", out);
    free(rows);
    free_rows(&grouped, false);
    map_groups_free(groups);
    return written && !ferror(out);
}

void tuned_free(struct tuned *tuned)
{
    if (!tuned)
        return;
    free_rows(&tuned->rows, true);
    free(tuned);
}
