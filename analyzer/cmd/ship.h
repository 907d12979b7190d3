/* SPDX-License-Identifier: MIT
 *
 * Shipping to a cluster, for `sockatlas collect --to URL`: a thread reads the trace as it grows and writes rows of
 * halves into a spool, a folder of files each of which is one INSERT (ship_spool.c); another one sends those, oldest
 * first, and removes what the cluster has (ship_send.c). Neither holds up collecting.
 *
 * What is sent again is one row again in the cluster: a file is sent until it is acknowledged, and after a restart all
 * is told again that was settled after the mark, which moves once what is before it is in the spool.
 */
#ifndef ANALYZER_CMD_SHIP_H
#define ANALYZER_CMD_SHIP_H

#include "analyzer/cmd/cluster.h"

#include <argp.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>

struct ship_options {
    struct cluster_options cluster; /* .url NULL: nothing is shipped */
    const char *spool;              /* NULL: sockatlas.spool in the first folder */
    uint64_t spool_bytes;           /* at most; 0: the usual */
    unsigned every_s;               /* how often what is open is told of, 0: the usual */
};

/* --to and what belongs to it; its input is a struct ship_options, zeroed. */
extern const struct argp ship_argp;

struct ship;
/* Ships what is in `dirs`. NULL: the cluster refuses, or the spool cannot be had, which is said on stderr as `title`.
 * To be called with the signals held. */
struct ship *ship_start(const struct ship_options *options, char *const *dirs, int count, const char *title);
/* Spools what there is, sends for a few seconds what can be sent, and says what is left. */
void ship_end(struct ship *ship);

/* ---- ship_spool.c ---- */

struct spool {
    int folder; /* -1 none */
    const char *path, *title;
    uint64_t bytes_max;
    pthread_mutex_t lock;
    pthread_cond_t more;
    uint64_t number;    /* of the next file */
    uint64_t bytes;     /* in files */
    uint64_t lost_rows; /* that the cluster will not get, unless all is told again */
    bool full, damaged; /* it was said */
    bool ending;
};

/* One file that waits. */
struct spool_file {
    char name[NAME_MAX + 1];
    uint64_t number, rows, size;
};

/* Makes the folder, removes what was not finished, counts what there is. False: said on stderr. */
bool spool_open(struct spool *spool, const char *path, uint64_t bytes_max, const char *title);
void spool_close(struct spool *spool);
/* The mark: microseconds, 0 none. */
uint64_t spool_mark(const struct spool *spool);
bool spool_set_mark(const struct spool *spool, uint64_t mark_us);
/* Adds a file of `rows` rows, dropping the oldest where they would be too many. False: it could not be written. */
bool spool_put(struct spool *spool, const void *bytes, size_t size, uint64_t rows);
/* The oldest one; false: there is none. A damaged one is set aside and said. */
bool spool_oldest(struct spool *spool, struct spool_file *file);
/* Its bytes, the caller's to free; NULL: gone. */
char *spool_read(const struct spool *spool, const struct spool_file *file);
void spool_remove(struct spool *spool, const struct spool_file *file);
/* How many rows wait. */
uint64_t spool_rows(struct spool *spool);
/* Waits until something is added, it ends, or `ms` are over. */
void spool_wait(struct spool *spool, unsigned ms);

/* ---- ship_send.c ---- */

struct sender {
    struct spool *spool;
    struct cluster *cluster;
    pthread_t thread;
    uint64_t sent_rows;
    bool failing; /* it was said */
};

bool sender_start(struct sender *sender);
/* Ends within some seconds. */
void sender_end(struct sender *sender);

#endif
