/* SPDX-License-Identifier: MIT
 *
 * The live view's screen, see top_screen.h. Rows of the screen: title, sorting and filter, column titles, the list or a
 * life, keys.
 */
#include "analyzer/view/top_screen.h"
#include "analyzer/names/names.h"
#include "analyzer/view/columns.h"
#include "analyzer/view/table.h"
#include "analyzer/view/words.h"

#include <ncurses.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { HEAD_ROWS = 3, FOOT_ROWS = 1 };

/* Least widths; what a terminal has more goes to names and addresses. A narrow one, down to 80 columns, has one column
 * for who is at the other end and where that is, a wide one has two. */
enum {
    COLUMN_PROCESS,
    COLUMN_OVER,
    COLUMN_ROLE,
    COLUMN_STATE,
    COLUMN_EITHER,
    COLUMN_ADDRESS,
    COLUMN_WITH,
    COLUMN_OUT,
    COLUMN_IN,
    COLUMNS_ALL
};
enum layout { NARROW = 1, WIDE = 2, ALWAYS = NARROW | WIDE };
#define WIDE_LEAST 110
static const struct {
    const char *title;
    unsigned width;
    enum layout layout;
    bool right, grows;
} columns[COLUMNS_ALL] = {
    [COLUMN_PROCESS] = {.title = "process", .width = 18, .layout = ALWAYS, .grows = true},
    [COLUMN_OVER] = {.title = "over", .width = 4, .layout = ALWAYS},
    [COLUMN_ROLE] = {.title = "role", .width = 8, .layout = ALWAYS},
    [COLUMN_STATE] = {.title = "state", .width = 12, .layout = ALWAYS},
    [COLUMN_EITHER] = {.title = "with / at", .width = 19, .layout = NARROW, .grows = true},
    [COLUMN_ADDRESS] = {.title = "address", .width = 19, .layout = WIDE, .grows = true},
    [COLUMN_WITH] = {.title = "with", .width = 18, .layout = WIDE, .grows = true},
    [COLUMN_OUT] = {.title = "out", .width = 6, .layout = ALWAYS, .right = true},
    [COLUMN_IN] = {.title = "in", .width = 6, .layout = ALWAYS, .right = true},
};

struct shown {
    const struct top_row *row;
    char *line;
};

static enum layout layout(void)
{
    return COLS >= WIDE_LEAST ? WIDE : NARROW;
}

/* What the columns leave is shared by those that grow. */
static unsigned column_width(unsigned column)
{
    unsigned used = 0, growing = 0;
    for (unsigned i = 0; i < COLUMNS_ALL; i++)
        if (columns[i].layout & layout()) {
            used += columns[i].width + (i > 0);
            growing += columns[i].grows;
        }
    unsigned more = columns[column].grows && (unsigned)COLS > used ? (unsigned)COLS - used : 0;
    return columns[column].width + more / growing;
}

/* Bytes of `text` that fill the screen's width at most. */
static int bytes_for(const char *text)
{
    return (int)columns_beginning(text, strcspn(text, "\n"), (unsigned)COLS);
}

/* Freed by the caller. */
static char *line_from(const char *const cells[COLUMNS_ALL])
{
    char *line = NULL;
    size_t size;
    FILE *out = open_memstream(&line, &size);
    if (!out)
        abort();
    for (unsigned i = 0; i < COLUMNS_ALL; i++)
        if (columns[i].layout & layout()) {
            fputs(i ? " " : "", out);
            view_fit(cells[i], column_width(i), columns[i].right, out);
        }
    fclose(out);
    return line;
}

static const char *state_of(const struct top_row *row, char out[WORD_MAX])
{
    const struct socket *socket = &row->socket;
    return word_became(socket, row->closed, out);
}

static bool named(const struct address *address)
{
    return address_known(address) && (address->family != AF_UNIX || address->size);
}

/* Where it leads; what a listener serves. */
static const char *address_of(const struct socket *socket, char out[ADDRESS_TEXT_MAX])
{
    const struct address *address =
        named(&socket->peer) && socket->role != ROLE_LISTENER ? &socket->peer : &socket->local;
    return named(address) ? address_text_port(address, out) : "-";
}

/* Who is at the other end; NULL: not known, or nobody. `brief`: that it is not traced is not said. */
static const char *peer_of(const struct socket *socket, bool brief, char out[WORD_PROCESS_MAX])
{
    if (!socket->peer_process || socket->peer_process->kind == PROCESS_EXTERNAL || socket->state == STATE_FAILED)
        return NULL;
    struct process peer = *socket->peer_process;
    peer.kind = brief ? PROCESS_TRACED : peer.kind;
    return word_process(&peer, out);
}

/* `cut`: to the columns of the screen; else all of it, both addresses and who is at the other end, for the filter. */
static char *line_of(const struct top_row *row, bool cut)
{
    char process[WORD_PROCESS_MAX], state[WORD_MAX], address[ADDRESS_TEXT_MAX], sent[WORD_MAX], received[WORD_MAX];
    char brief[WORD_PROCESS_MAX], with[WORD_PROCESS_MAX];
    const struct socket *socket = &row->socket;
    uint64_t out, in;
    bool known = top_row_bytes(row, &out, &in);
    const char *peer = peer_of(socket, false, with);
    const char *cells[COLUMNS_ALL] = {
        [COLUMN_PROCESS] = word_process(socket->owner, process),
        [COLUMN_OVER] = word_transport(socket->family, socket->type, socket->protocol),
        [COLUMN_ROLE] = word_role(socket->role),
        [COLUMN_STATE] = state_of(row, state),
        [COLUMN_EITHER] = peer ? peer_of(socket, true, brief) : address_of(socket, address),
        [COLUMN_ADDRESS] = address_of(socket, address),
        [COLUMN_WITH] = peer ? peer : "-",
        [COLUMN_OUT] = known ? word_bytes(out, sent) : "-",
        [COLUMN_IN] = known ? word_bytes(in, received) : "-",
    };
    if (cut)
        return line_from(cells);
    char here[ADDRESS_TEXT_MAX], there[ADDRESS_TEXT_MAX], *line;
    if (asprintf(&line, "%s %s %s %s %s %s %s", cells[COLUMN_PROCESS], cells[COLUMN_OVER], cells[COLUMN_ROLE],
                 cells[COLUMN_STATE], cells[COLUMN_WITH],
                 named(&socket->local) ? address_text_port(&socket->local, here) : "",
                 named(&socket->peer) ? address_text_port(&socket->peer, there) : "") < 0)
        abort();
    return line;
}

static bool passes(const struct top_screen *screen, const struct top_row *row)
{
    if (!screen->filter[0])
        return true;
    char *line = line_of(row, false);
    bool found = strcasestr(line, screen->filter) != NULL;
    free(line);
    return found;
}

/* ---- The list -----------------------------------------------------------------------------------------------------
 */

static const struct top_screen *sorted_for; /* qsort() hands nothing through */

static int order(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static uint64_t bytes(const struct top_row *row)
{
    uint64_t sent, received;
    return top_row_bytes(row, &sent, &received) ? sent + received : 0;
}

static int compare(const void *left, const void *right)
{
    const struct top_row *a = ((const struct shown *)left)->row, *b = ((const struct shown *)right)->row;
    char one[ADDRESS_TEXT_MAX], other[ADDRESS_TEXT_MAX];
    int result = 0;
    switch (sorted_for->sort) {
    case TOP_SORT_PROCESS:
        result = a->socket.owner && b->socket.owner ? strcmp(a->socket.owner->comm, b->socket.owner->comm) : 0;
        break;
    case TOP_SORT_STATE:
        result = strcmp(state_of(a, one), state_of(b, other));
        break;
    case TOP_SORT_ADDRESS:
        result = strcmp(address_of(&a->socket, one), address_of(&b->socket, other));
        break;
    case TOP_SORT_BYTES:
        result = order(bytes(b), bytes(a));
        break;
    case TOP_SORT_AGE:
        result = order(a->socket.opened_ns, b->socket.opened_ns);
        break;
    default:
        result = order(b->last_ns, a->last_ns);
    }
    result = result ? result : order(a->socket.id, b->socket.id);
    return sorted_for->reverse ? -result : result;
}

/* The rows that pass the filter, in order. */
static struct shown *show(const struct top_screen *screen, const struct top_rows *rows, unsigned *count)
{
    struct shown *shown = calloc(HASH_COUNT(rows->table) + 1, sizeof *shown);
    *count = 0;
    if (!shown)
        abort();
    for (const struct top_row *row = rows->table; row; row = row->hh.next) {
        if (row->closed && screen->hide_closed)
            continue;
        if (rows->wanted && !rows->wanted(rows->context, &row->socket))
            continue;
        if (passes(screen, row))
            shown[(*count)++] = (struct shown){row, line_of(row, true)};
    }
    sorted_for = screen;
    qsort(shown, *count, sizeof *shown, compare);
    return shown;
}

static void forget(struct shown *shown, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        free(shown[i].line);
    free(shown);
}

static unsigned position(const struct top_screen *screen, const struct shown *shown, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (shown[i].row->socket.id == screen->selected)
            return i;
    return 0;
}

/* A gap takes a row of its own. */
static unsigned list_rows(const struct top_screen *screen)
{
    int others = HEAD_ROWS + FOOT_ROWS + (screen->gaps > 0);
    return LINES > others ? (unsigned)(LINES - others) : 1;
}

static void draw_list(struct top_screen *screen, const struct top_rows *rows)
{
    unsigned count, height = list_rows(screen);
    struct shown *shown = show(screen, rows, &count);
    unsigned at = position(screen, shown, count);
    const char *cells[COLUMNS_ALL];
    for (unsigned i = 0; i < COLUMNS_ALL; i++)
        cells[i] = columns[i].title;
    char *titles = line_from(cells);
    attron(A_UNDERLINE);
    mvaddnstr(2, 0, titles, bytes_for(titles));
    attroff(A_UNDERLINE);
    free(titles);
    if (at < screen->top)
        screen->top = at;
    if (at >= screen->top + height)
        screen->top = at - height + 1;
    for (unsigned i = 0; i < height && screen->top + i < count; i++) {
        const struct shown *each = &shown[screen->top + i];
        attr_t look = (screen->top + i == at ? A_REVERSE : A_NORMAL) | (each->row->socket.state == STATE_FAILED ? A_BOLD
                                                                        : each->row->closed                     ? A_DIM
                                                                                            : A_NORMAL);
        attron(look);
        mvaddnstr(HEAD_ROWS + (int)i, 0, each->line, bytes_for(each->line));
        attroff(look);
    }
    if (count == 0)
        mvaddstr(HEAD_ROWS, 0, screen->filter[0] ? "no socket matches" : "no socket yet");
    forget(shown, count);
}

/* ---- A life -------------------------------------------------------------------------------------------------------
 */

/* Lines are broken at the screen's width. */
static void draw_life(struct top_screen *screen)
{
    const char *at = screen->life_text ? screen->life_text : "";
    unsigned row = 0, height = list_rows(screen), skip = screen->life_top;
    while (*at && row < height) {
        int bytes = bytes_for(at);
        if (skip)
            skip--;
        else
            mvaddnstr(HEAD_ROWS + (int)row++, 0, at, bytes);
        at += bytes;
        at += *at == '\n';
    }
    if (!row && screen->life_top)
        screen->life_top--;
    else if (!row)
        mvaddstr(HEAD_ROWS, 0, "nothing is known of it");
}

static void draw_gap(const struct top_screen *screen)
{
    char line[sizeof screen->gap + 40];
    snprintf(line, sizeof line, "%u gap%s, %s", screen->gaps, screen->gaps == 1 ? "" : "s", screen->gap);
    attron(A_BOLD);
    mvaddnstr(LINES - 1 - FOOT_ROWS, 0, line, bytes_for(line));
    attroff(A_BOLD);
}

static void draw_head(const struct top_screen *screen, const struct top_rows *rows)
{
    static const char *const sorts[] = {
#define X(name, word) word,
        TOP_SORTS(X)
#undef X
    };
    unsigned all = HASH_COUNT(rows->table);
    attron(A_BOLD);
    mvprintw(0, 0, "sockatlas top");
    attroff(A_BOLD);
    printw("  %s: %u sockets, %u open, %llu events", screen->title, all, all - rows->closed,
           (unsigned long long)rows->events);
    if (screen->complaints)
        printw(", %u complaints", screen->complaints);
    if (screen->life)
        mvprintw(1, 0, "socket %llu, event by event", (unsigned long long)screen->selected);
    else
        mvprintw(1, 0, "by %s%s%s  filter: %s%s", sorts[screen->sort], screen->reverse ? ", reversed" : "",
                 screen->hide_closed ? ", open only" : "", screen->filter, screen->typing ? "_" : "");
}

void top_screen_draw(struct top_screen *screen, const struct top_rows *rows)
{
    erase();
    draw_head(screen, rows);
    if (screen->life)
        draw_life(screen);
    else
        draw_list(screen, rows);
    if (screen->gaps > 0)
        draw_gap(screen);
    const char *keys = screen->life     ? "Up Down: scroll  Esc: back  q: quit"
                       : screen->typing ? "type a part of the line  Enter: done  Esc: all"
                                        : "Enter: its life  s: sort  r: reverse  /: filter  c: open only  q: quit";
    attron(A_REVERSE);
    mvaddnstr(LINES - 1, 0, keys, COLS);
    attroff(A_REVERSE);
    refresh();
}

/* ---- Keys ---------------------------------------------------------------------------------------------------------
 */

static void move_by(struct top_screen *screen, const struct top_rows *rows, long step)
{
    unsigned count;
    struct shown *shown = show(screen, rows, &count);
    long at = (long)position(screen, shown, count) + step;
    at = at >= (long)count ? (long)count - 1 : at;
    at = at < 0 ? 0 : at;
    if (count)
        screen->selected = shown[at].row->socket.id;
    forget(shown, count);
}

static void type(struct top_screen *screen, int key)
{
    size_t length = strlen(screen->filter);
    if (key == '\n' || key == '\r' || key == KEY_ENTER) {
        screen->typing = false;
    } else if (key == 27) {
        screen->typing = false;
        screen->filter[0] = '\0';
    } else if ((key == KEY_BACKSPACE || key == 127 || key == 8) && length) {
        screen->filter[length - 1] = '\0';
    } else if (key >= ' ' && key < 127 && length + 1 < sizeof screen->filter) {
        screen->filter[length] = (char)key;
        screen->filter[length + 1] = '\0';
    }
}

static void scroll_life(struct top_screen *screen, int key)
{
    unsigned page = list_rows(screen);
    switch (key) {
    case KEY_UP:
    case 'k':
        screen->life_top -= screen->life_top > 0;
        break;
    case KEY_DOWN:
    case 'j':
        screen->life_top++;
        break;
    case KEY_PPAGE:
        screen->life_top -= screen->life_top < page ? screen->life_top : page;
        break;
    case KEY_NPAGE:
    case ' ':
        screen->life_top += page;
        break;
    case 27:
    case KEY_LEFT:
    case '\n':
    case KEY_ENTER:
        screen->life = false;
        break;
    default:
        break;
    }
}

static void choose(struct top_screen *screen, const struct top_rows *rows, int key)
{
    long page = (long)list_rows(screen);
    switch (key) {
    case KEY_UP:
    case 'k':
        move_by(screen, rows, -1);
        break;
    case KEY_DOWN:
    case 'j':
        move_by(screen, rows, 1);
        break;
    case KEY_PPAGE:
        move_by(screen, rows, -page);
        break;
    case KEY_NPAGE:
    case ' ':
        move_by(screen, rows, page);
        break;
    case KEY_HOME:
        move_by(screen, rows, -(long)HASH_COUNT(rows->table));
        break;
    case KEY_END:
        move_by(screen, rows, (long)HASH_COUNT(rows->table));
        break;
    case 's':
        screen->sort = (screen->sort + 1) % TOP_SORT_COUNT;
        break;
    case 'r':
        screen->reverse = !screen->reverse;
        break;
    case 'c':
        screen->hide_closed = !screen->hide_closed;
        break;
    case '/':
        screen->typing = true;
        break;
    case 27:
        screen->filter[0] = '\0';
        break;
    case '\n':
    case '\r':
    case KEY_ENTER:
        move_by(screen, rows, 0);
        screen->life = screen->selected != 0;
        screen->life_top = 0;
        screen->life_events = 0;
        break;
    default:
        break;
    }
}

enum top_wish top_screen_keys(struct top_screen *screen, const struct top_rows *rows)
{
    enum top_wish wish = TOP_STAY;
    for (int key; (key = getch()) != ERR;) {
        wish = TOP_DRAW;
        if (key == KEY_RESIZE)
            screen->life_events = 0; /* its lines are broken anew */
        else if (screen->typing)
            type(screen, key);
        else if (key == 'q')
            return TOP_QUIT;
        else if (screen->life)
            scroll_life(screen, key);
        else
            choose(screen, rows, key);
    }
    return wish;
}

void top_screen_open(void)
{
    if (MB_CUR_MAX == 1)
        view_without_utf8();
    initscr();
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(25);
    curs_set(0);
}

void top_screen_close(void)
{
    endwin();
}

unsigned top_screen_width(void)
{
    return (unsigned)COLS;
}
