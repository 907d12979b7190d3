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

/* Names may have any bytes in them: the line is escaped (escape.h), so that it stays one. */
__attribute__((format(printf, 2, 3))) void complain(struct complaints *complaints, const char *format, ...);

/* The same for what the user is to know and what is no fault: it is not counted. */
__attribute__((format(printf, 2, 3))) void complain_note(const struct complaints *complaints, const char *format, ...);

/* One line to stderr, escaped in the same way: for what is no input's fault. */
__attribute__((format(printf, 1, 2))) void complain_line(const char *format, ...);

/* From here on what is wrong with the input is counted, and not said on stderr; complain_line() goes on. */
void complain_quietly(void);

#endif
