/* SPDX-License-Identifier: MIT
 *
 * Sockets as lines of text.
 */
#ifndef ANALYZER_VIEW_LIST_TEXT_H
#define ANALYZER_VIEW_LIST_TEXT_H

#include "analyzer/model/model.h"

#include <stdio.h>

/* Columns as in `title`, one line a socket; the lines stream, so columns have fixed least widths. */
void list_text_title(FILE *out, unsigned width);
void list_text(const struct model *model, const struct socket *socket, FILE *out, unsigned width);

#endif
