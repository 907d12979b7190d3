/* SPDX-License-Identifier: MIT
 *
 * Which word may have been meant where there is none like it.
 */
#ifndef ANALYZER_CMD_NEAREST_H
#define ANALYZER_CMD_NEAREST_H

/* The word that differs from `text` by two letters at most, by the fewest of all; NULL none. `word` gives each in turn,
 * and NULL behind the last. */
const char *nearest_word(const char *text, const char *(*word)(unsigned index));

#endif
