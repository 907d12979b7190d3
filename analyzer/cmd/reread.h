/* SPDX-License-Identifier: MIT
 *
 * Inputs that can be read only once (standard input, a pipe with a name), made readable again for a command that reads
 * its trace twice: each is kept in a file without a name.
 */
#ifndef ANALYZER_CMD_REREAD_H
#define ANALYZER_CMD_REREAD_H

#include <stdbool.h>

struct reread {
    char **traces; /* what to give to stream_open(), `count` of them */
    int count;
    struct kept *kept;
};

/* Takes the TRACE arguments. False, complained about, when one could not be kept. */
bool reread_begin(struct reread *reread, char *const *traces, int count);
/* A stream_complain_fn, `context` is the struct reread: says on stderr what the stream complains about, of a kept input
 * under the name that it was given by. */
void reread_complain(void *context, const char *line);
void reread_end(struct reread *reread);

#endif
