/* SPDX-License-Identifier: MIT
 *
 * The map of a cluster, for `sockatlas map --from URL`: asks map.sql and listeners.sql of
 * analyzer/clickhouse/questions/, and makes a model of the answers.
 */
#ifndef ANALYZER_CMD_MAP_CLUSTER_H
#define ANALYZER_CMD_MAP_CLUSTER_H

#include "analyzer/cmd/cluster.h"
#include "analyzer/cmd/filter.h"
#include "analyzer/model/made.h"

/* Of what passes the filter, whose times are dates, not negated. NULL: said on stderr as `title`. */
struct made *map_cluster(const struct cluster_options *options, const struct filter *filter, const char *title);

#endif
