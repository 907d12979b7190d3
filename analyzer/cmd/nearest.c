/* SPDX-License-Identifier: MIT
 *
 * Which word may have been meant, see nearest.h.
 */
#include "analyzer/cmd/nearest.h"

#include <string.h>

enum { LENGTH_MAX = 31, FARTHEST = 2 };

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* How many letters have to be put in, taken out, replaced or exchanged with their neighbour (optimal string alignment);
 * of longer words more than FARTHEST. */
static unsigned distance(const char *a, const char *b)
{
    unsigned rows[3][LENGTH_MAX + 1]; /* of the table: the two before, and this one */
    size_t a_size = strlen(a), b_size = strlen(b);
    if (a_size > LENGTH_MAX || b_size > LENGTH_MAX)
        return FARTHEST + 1;
    for (unsigned j = 0; j <= b_size; j++)
        rows[0][j] = j;
    for (unsigned i = 1; i <= a_size; i++) {
        unsigned *row = rows[i % 3], *before = rows[(i - 1) % 3], *second = rows[(i + 1) % 3];
        row[0] = i;
        for (unsigned j = 1; j <= b_size; j++) {
            row[j] = least(least(before[j], row[j - 1]) + 1, before[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], second[j - 2] + 1);
        }
    }
    return rows[a_size % 3][b_size];
}

const char *nearest_word(const char *text, const char *(*word)(unsigned index))
{
    const char *nearest = NULL, *at;
    unsigned best = FARTHEST + 1;
    for (unsigned i = 0; (at = word(i)) != NULL; i++) {
        unsigned far = distance(text, at);
        if (far < best && far < strlen(at)) {
            best = far;
            nearest = at;
        }
    }
    return nearest;
}
