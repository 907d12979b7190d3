/* SPDX-License-Identifier: MIT
 *
 * Sockets as lines of text. They are printed as they settle, long before the last is known: columns have fixed widths,
 * and what is longer pushes its line to the right where there is room, or is cut where there is none.
 */
#include "analyzer/view/list_text.h"

#include "analyzer/names/names.h"
#include "analyzer/view/table.h"
#include "analyzer/view/words.h"

#include <string.h>

enum { COLUMNS = 9 };
static const char *const titles[COLUMNS] = {"process", "fd", "over", "role", "state", "local", "peer", "out", "in"};
static const unsigned widths[COLUMNS] = {16, 3, 5, 8, 11, 15, 21, 7, 7};

static void line(const char *const cells[COLUMNS], FILE *out, unsigned width)
{
    char text[4096] = "";
    size_t used = 0;
    for (unsigned i = 0; i < COLUMNS; i++) {
        unsigned columns = view_columns(cells[i]);
        int pad = columns < widths[i] ? (int)(widths[i] - columns) : 0;
        bool right = i == 1 || i >= 7;
        int put = right ? snprintf(text + used, sizeof text - used, "%s%*s%s", i ? " " : "", pad, "", cells[i])
                        : snprintf(text + used, sizeof text - used, "%s%s%*s", i ? " " : "", cells[i], pad, "");
        if (put < 0 || (size_t)put >= sizeof text - used)
            break;
        used += (size_t)put;
    }
    while (used && text[used - 1] == ' ')
        text[--used] = '\0';
    unsigned column = 0;
    for (const char *at = text; *at; at++) {
        column += ((unsigned char)*at & 0xc0) != 0x80;
        if (width && column > width)
            break;
        fputc(*at, out);
    }
    fputc('\n', out);
}

void list_text_title(FILE *out, unsigned width)
{
    line(titles, out, width);
}

void list_text(const struct model *model, const struct socket *socket, FILE *out, unsigned width)
{
    (void)model;
    char process[WORD_PROCESS_MAX], fd[WORD_MAX], local[ADDRESS_TEXT_MAX], peer[ADDRESS_TEXT_MAX], sent[WORD_MAX],
        received[WORD_MAX], error[WORD_MAX];
    snprintf(fd, sizeof fd, "%d", socket->fd);
    const char *state = word_state(socket->state);
    if (socket->state == STATE_FAILED && socket->error)
        state = word_or_number(names_errno(socket->error), socket->error, error);
    const char *cells[COLUMNS] = {word_process(socket->owner, process),
                                  socket->fd < 0 ? "-" : fd,
                                  word_transport(socket->family, socket->type, socket->protocol),
                                  word_role(socket->role),
                                  state,
                                  address_known(&socket->local) ? address_text_port(&socket->local, local) : "-",
                                  address_known(&socket->peer) ? address_text_port(&socket->peer, peer) : "-",
                                  socket->bytes_known ? word_bytes(socket->bytes_sent, sent) : "-",
                                  socket->bytes_known ? word_bytes(socket->bytes_received, received) : "-"};
    line(cells, out, width);
}
