/* SPDX-License-Identifier: MIT
 *
 * What the user must hear of the input, and how often that was: one line each, `FILE: what` or `FILE: what, at WHERE`.
 */
#ifndef ANALYZER_TRACE_COMPLAINT_H
#define ANALYZER_TRACE_COMPLAINT_H

/* One line without its newline. */
typedef void stream_complain_fn(void *context, const char *line);

struct complaints {
    stream_complain_fn *complain; /* NULL: lines go to stderr */
    void *context;
    unsigned count;
};

/* Names may have any bytes in them: the line stays one. */
__attribute__((format(printf, 2, 3))) void complain(struct complaints *complaints, const char *format, ...);

#endif
