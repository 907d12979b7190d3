/* SPDX-License-Identifier: MIT
 *
 * The contract's words for the model's values, and numbers for people. Used by every view.
 */
#ifndef ANALYZER_VIEW_WORDS_H
#define ANALYZER_VIEW_WORDS_H

#include "analyzer/model/model.h"

const char *word_role(enum role role);
const char *word_state(enum state state);
const char *word_match(enum match match); /* NULL for none */
/* NULL where it is not known. */
const char *word_outcome(enum outcome outcome);
const char *word_end(enum end end);
const char *word_reset_by(enum resetter resetter);
/* For people: how it stands, or what became of it: an errno, "unanswered", "reset", "broken", else the state. `closed`:
 * it is over, whatever its state says. */
#define WORD_BECAME_MAX 32
const char *word_became(const struct socket *socket, bool closed, char out[WORD_BECAME_MAX]);
const char *word_process_kind(enum process_kind kind);
/* NULL: not traced. */
const char *word_via(enum via via);
/* "tcp", "udp", "unix", ...; the protocol's number where it has no word. Valid until the next call. */
const char *word_transport(unsigned family, unsigned type, int protocol);
/* A constant's name, or its number in decimal in `out`. */
#define WORD_MAX 32
const char *word_or_number(const char *name, int64_t number, char out[WORD_MAX]);
/* "0 B", "532 B", "1.2 kB", "34 MB": three digits at most. */
const char *word_bytes(uint64_t bytes, char out[WORD_MAX]);
/* "12 us", "1.2 ms", "3.4 s". */
const char *word_duration(uint64_t ns, char out[WORD_MAX]);
/* "curl (1234)"; an external node's address; "?" when nothing is known. */
#define WORD_PROCESS_MAX 600
const char *word_process(const struct process *process, char out[WORD_PROCESS_MAX]);

#endif
