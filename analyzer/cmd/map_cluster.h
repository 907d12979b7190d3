/* SPDX-License-Identifier: MIT
 *
 * The map of a cluster, for `sockatlas map --from URL`: asks analyzer/clickhouse/questions/map.sql, and makes a model
 * of the answer.
 */
#ifndef ANALYZER_CMD_MAP_CLUSTER_H
#define ANALYZER_CMD_MAP_CLUSTER_H

#include "analyzer/cmd/cluster.h"
#include "analyzer/model/made.h"

/* Of what was between two times, in seconds since the epoch. NULL: said on stderr as `title`. */
struct made *map_cluster(const struct cluster_options *options, int64_t since_s, int64_t until_s, const char *title);

#endif
