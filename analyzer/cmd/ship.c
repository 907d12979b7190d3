/* SPDX-License-Identifier: MIT
 *
 * Shipping, see ship.h: the thread that reads the trace as it grows and fills the spool.
 */
#include "analyzer/cmd/ship.h"

#include "analyzer/cmd/follow.h"
#include "analyzer/cmd/model_trace.h"
#include "analyzer/cmd/usage.h"
#include "analyzer/trace/complaint.h"
#include "analyzer/trace/memory.h"
#include "analyzer/trace/stream.h"
#include "analyzer/trace/text.h"
#include "analyzer/view/halves.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define SPOOL_BYTES (256ull << 20)
#define SPOOL_NAME  "/sockatlas.spool"
#define BATCH_BYTES (4u << 20)
/* A spool that takes nothing, as on a full disk: so much is kept in memory. */
#define HELD_BYTES (16u << 20)
/* What was settled so long before the mark is not told again. */
#define MARGIN_US 60000000ull
enum { BATCH_S = 2, OPEN_S = 60, EVENTS_AT_ONCE = 10000, TIMEOUT_S = 30 };

struct ship {
    struct spool spool;
    struct sender sender;
    struct cluster *cluster;
    char *const *dirs;
    int count;
    unsigned every_s;
    char *path; /* of the spool */
    pthread_t thread;
    int end; /* an eventfd */
    struct model *model;
    FILE *batch;
    char *bytes;
    size_t size;
    uint64_t rows, mark_us;
    time_t batch_due, open_due;
    bool stuck; /* it was said that the spool cannot be written */
};

/* ---- Options ---- */

enum { OPTION_TO = 512, OPTION_SPOOL, OPTION_SPOOL_SIZE, OPTION_EVERY, OPTION_PASSWORD, OPTION_CA };

static const struct argp_option option_table[] = {
    {"to", OPTION_TO, "URL", 0,
     "ship ends of conversations to a ClickHouse cluster, http[s]://[USER@]HOST[:PORT]/DATABASE, with the tables of "
     "analyzer/clickhouse",
     1},
    {"password-file", OPTION_PASSWORD, "FILE", 0, "with --to: the password is FILE's first line", 1},
    {"ca-file", OPTION_CA, "FILE", 0, "with --to https: trust the certificates in FILE", 1},
    {"spool", OPTION_SPOOL, "FOLDER", 0, "with --to: what waits to be shipped (DIR/sockatlas.spool)", 1},
    {"spool-size", OPTION_SPOOL_SIZE, "SIZE", 0, "with --to: how much may wait, as 1G (256M); the oldest is dropped",
     1},
    {"open-every", OPTION_EVERY, "SECONDS", 0, "with --to: how often what is open is told of (60)", 1},
    {0},
};

static uint64_t parse_size(const char *text)
{
    static const char units[] = "KMGT";
    char *end = NULL;
    unsigned long long number = *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
    const char *unit = end && *end ? strchr(units, *end) : NULL;
    if (!unit || end[1] || number == 0 || number > (UINT64_MAX >> 40))
        return 0;
    return number << (10 * (unit - units + 1));
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct ship_options *options = state->input;
    char *end = NULL;
    switch (key) {
    case OPTION_TO:
        options->cluster.url = text;
        return 0;
    case OPTION_PASSWORD:
        options->cluster.password_file = text;
        return 0;
    case OPTION_CA:
        options->cluster.ca_file = text;
        return 0;
    case OPTION_SPOOL:
        options->spool = text;
        return 0;
    case OPTION_SPOOL_SIZE:
        options->spool_bytes = parse_size(text);
        if (!options->spool_bytes)
            usage_error(state, "--spool-size %s: want a size, as 1G", text_name(text));
        return 0;
    case OPTION_EVERY:
        options->every_s = (unsigned)strtoul(text, &end, 10);
        if (*text < '0' || *text > '9' || *end || options->every_s == 0 || options->every_s > 86400)
            usage_error(state, "--open-every %s: want seconds, 1 to 86400", text_name(text));
        return 0;
    case ARGP_KEY_END:
        if (!options->cluster.url && (options->cluster.password_file || options->cluster.ca_file || options->spool ||
                                      options->spool_bytes || options->every_s))
            usage_error(state, "--spool and the like are for --to URL");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp ship_argp = {.options = option_table, .parser = parse};

/* ---- Rows ---- */

static void begin_batch(struct ship *ship)
{
    ship->batch = memory_must(open_memstream(&ship->bytes, &ship->size));
    fputs("INSERT INTO halves (", ship->batch);
    halves_put_names(ship->batch);
    fputs(") FORMAT RowBinary\n", ship->batch);
}

static void put_row(struct ship *ship, const struct halves_row *row)
{
    if (!ship->batch)
        begin_batch(ship);
    halves_put_binary(row, ship->batch);
    ship->rows++;
}

static void take_settled(void *context, const struct half *half, const struct half *mate)
{
    struct ship *ship = context;
    if (model_now_us(ship->model) + MARGIN_US < ship->mark_us)
        return;
    struct halves_row row = {.model = ship->model, .half = half, .mate = mate, .final = true};
    put_row(ship, &row);
}

static uint64_t wall_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* What is tried has no port of its own yet. */
static void take_open(void *context, const struct half *half, const struct half *mate)
{
    struct ship *ship = context;
    if (half->outcome != OUTCOME_ESTABLISHED && !(half->datagram && half->used))
        return;
    struct halves_row row = {.model = ship->model, .half = half, .mate = mate, .seen_us = wall_us()};
    put_row(ship, &row);
}

/* All of them each time: they are few. */
static void spool_listeners(struct ship *ship)
{
    char *bytes = NULL;
    size_t size = 0;
    unsigned count = model_listener_count(ship->model);
    if (!count)
        return;
    FILE *out = memory_must(open_memstream(&bytes, &size));
    fprintf(out, "INSERT INTO listeners (%s) FORMAT TabSeparated\n", halves_listener_names);
    for (unsigned i = 0; i < count; i++)
        halves_put_listener(ship->model, model_listener(ship->model, i), wall_us(), out);
    fclose(out);
    spool_put(&ship->spool, bytes, size, count); /* what finds no space now is told of the next time */
    free(bytes);
}

/* ---- Into the spool ---- */

static void drop_batch(struct ship *ship)
{
    fclose(ship->batch);
    free(ship->bytes);
    ship->batch = NULL;
    ship->rows = 0;
}

/* On a full disk the batch goes on growing, up to a bound. */
static void spool_batch(struct ship *ship)
{
    if (!ship->batch)
        return;
    uint64_t mark = model_now_us(ship->model);
    fflush(ship->batch);
    if (spool_put(&ship->spool, ship->bytes, ship->size, ship->rows)) {
        drop_batch(ship);
        if (!ship->spool.damaged && mark > ship->mark_us)
            spool_set_mark(&ship->spool, mark);
        ship->stuck = false;
        return;
    }
    if (!ship->stuck)
        complain_line("%s: %s: %s; rows wait in memory", ship->spool.title, text_name(ship->spool.path),
                      strerror(errno));
    ship->stuck = true;
    if (ship->size < HELD_BYTES)
        return;
    complain_line("%s: %s: %" PRIu64 " rows are lost", ship->spool.title, text_name(ship->spool.path), ship->rows);
    pthread_mutex_lock(&ship->spool.lock);
    ship->spool.lost_rows += ship->rows;
    pthread_mutex_unlock(&ship->spool.lock);
    drop_batch(ship);
}

static void due(struct ship *ship, bool busy)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    if (now.tv_sec >= ship->open_due && !busy) {
        ship->open_due = now.tv_sec + ship->every_s;
        model_open_halves(ship->model, take_open, ship);
        spool_listeners(ship);
    }
    if (ship->batch)
        fflush(ship->batch);
    if (now.tv_sec < ship->batch_due && !(ship->batch && ship->size >= BATCH_BYTES))
        return;
    ship->batch_due = now.tv_sec + BATCH_S;
    spool_batch(ship);
}

static void say_of_input(void *context, const char *line)
{
    (void)context, (void)line; /* collecting says it */
}

static void *work(void *context)
{
    struct ship *ship = context;
    struct event event;
    struct follow follow;
    uint64_t end = 0;
    ship->model =
        model_new(&(struct model_callbacks){.context = ship, .alive = model_trace_alive, .half_done = take_settled});
    struct stream *stream = stream_open_live(ship->dirs, ship->count, say_of_input, NULL);
    follow_begin(&follow, ship->dirs, ship->count);
    for (bool last = false;;) {
        unsigned taken = 0;
        for (; taken < EVENTS_AT_ONCE && stream_next(stream, &event); taken++)
            model_event(ship->model, &event);
        bool busy = taken == EVENTS_AT_ONCE;
        due(ship, busy);
        if (busy)
            continue;
        if (last)
            break;
        follow_wait(&follow, taken > 0, ship->end, -1);
        last = read(ship->end, &end, sizeof end) > 0;
        stream_refresh(stream);
    }
    model_open_halves(ship->model, take_open, ship);
    spool_batch(ship);
    spool_listeners(ship);
    if (ship->batch)
        drop_batch(ship);
    follow_end(&follow);
    stream_close(stream);
    model_free(ship->model);
    return NULL;
}

/* ---- Life ---- */

static void release(struct ship *ship)
{
    if (ship->end >= 0)
        close(ship->end);
    cluster_free(ship->cluster);
    spool_close(&ship->spool);
    free(ship->path);
    free(ship);
}

/* One that cannot be reached now may be later; one that refuses would never take anything. */
static bool open_cluster(struct ship *ship, const struct ship_options *options, const char *title)
{
    char why[CLUSTER_WHY_MAX];
    struct cluster_options cluster = options->cluster;
    cluster.timeout_s = TIMEOUT_S;
    ship->cluster = cluster_new(&cluster, why);
    enum cluster_result result =
        ship->cluster ? cluster_check_schema(ship->cluster, HALVES_SCHEMA, why) : CLUSTER_REFUSED;
    if (result != CLUSTER_ANSWERED)
        complain_line("%s: %s%s", title, why, result == CLUSTER_UNREACHABLE ? "; it is tried again" : "");
    ship->sender.failing = result == CLUSTER_UNREACHABLE;
    return result != CLUSTER_REFUSED;
}

struct ship *ship_start(const struct ship_options *options, char *const *dirs, int count, const char *title)
{
    struct ship *ship = memory_must(calloc(1, sizeof *ship));
    size_t capacity = strlen(dirs[0]) + sizeof SPOOL_NAME;
    ship->path = memory_must(malloc(capacity));
    snprintf(ship->path, capacity, "%s%s", dirs[0], SPOOL_NAME);
    ship->dirs = dirs;
    ship->count = count;
    ship->every_s = options->every_s ? options->every_s : OPEN_S;
    ship->end = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bool good = spool_open(&ship->spool, options->spool ? options->spool : ship->path,
                           options->spool_bytes ? options->spool_bytes : SPOOL_BYTES, title) &&
                open_cluster(ship, options, title);
    ship->sender.spool = &ship->spool;
    ship->sender.cluster = ship->cluster;
    ship->mark_us = good ? spool_mark(&ship->spool) : 0;
    if (good && !sender_start(&ship->sender)) {
        complain_line("%s: %s", title, strerror(errno));
        good = false;
    } else if (good && pthread_create(&ship->thread, NULL, work, ship) != 0) {
        complain_line("%s: cannot start a thread", title);
        sender_end(&ship->sender);
        good = false;
    }
    if (good)
        return ship;
    release(ship);
    return NULL;
}

void ship_end(struct ship *ship)
{
    const uint64_t one = 1;
    if (!ship)
        return;
    while (write(ship->end, &one, sizeof one) < 0 && errno == EINTR)
        continue;
    pthread_join(ship->thread, NULL);
    sender_end(&ship->sender);
    uint64_t rows = spool_rows(&ship->spool);
    if (rows)
        complain_line("%s: %" PRIu64 " rows wait in %s for the next start", ship->spool.title, rows,
                      text_name(ship->spool.path));
    if (ship->spool.lost_rows)
        complain_line("%s: %" PRIu64 " rows were lost", ship->spool.title, ship->spool.lost_rows);
    release(ship);
}
