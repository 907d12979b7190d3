/* SPDX-License-Identifier: MIT
 *
 * A ClickHouse server over HTTP: statements go there, answers come back. Called by collect's shipping and by map; knows
 * nothing of halves. Nothing is tried twice here, and nothing printed: what went wrong is a line for the caller.
 */
#ifndef ANALYZER_CMD_CLUSTER_H
#define ANALYZER_CMD_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLUSTER_WHY_MAX 400

/* What the user says of it. */
struct cluster_options {
    const char *url;           /* http[s]://[USER@]HOST[:PORT]/DATABASE */
    const char *password_file; /* its first line; NULL: none */
    const char *ca_file;       /* certificates to trust, NULL: the system's */
    long timeout_s;            /* for one statement */
};

struct cluster;

/* NULL: a URL or file that cannot be used, `why` says it. Connects to nothing. */
struct cluster *cluster_new(const struct cluster_options *options, char why[CLUSTER_WHY_MAX]);
void cluster_free(struct cluster *cluster);
/* The URL without the user, for messages. */
const char *cluster_name(const struct cluster *cluster);
const char *cluster_database(const struct cluster *cluster);

/* ANSWERED: it did as it was told. REFUSED: it understood and will not, now or later (password, database, statement).
 * UNREACHABLE: no connection, no answer in time, or trouble of its own. */
enum cluster_result { CLUSTER_ANSWERED, CLUSTER_REFUSED, CLUSTER_UNREACHABLE };

/* Sends `body`; `answer` (NULL: not wanted) is the caller's to free, with a NUL behind it. Else `why` has a line. */
enum cluster_result cluster_ask(struct cluster *cluster, const void *body, size_t size, char **answer,
                                char why[CLUSTER_WHY_MAX]);
/* Whether its tables are of `version`. */
enum cluster_result cluster_check_schema(struct cluster *cluster, unsigned version, char why[CLUSTER_WHY_MAX]);

#endif
