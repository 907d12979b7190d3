/* SPDX-License-Identifier: MIT
 *
 * `sockatlas collect`: brings what programs record from their logs' rings into compressed segments, before it is
 * overwritten. Programs do not know of it and do not depend on it. Sleeps between looks; ends on SIGTERM or SIGINT.
 */
#include "analyzer/cmd/collect.h"

#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/notice_log.h"
#include "analyzer/cmd/recording.h"
#include "analyzer/cmd/ship.h"
#include "analyzer/cmd/usage.h"
#include "analyzer/trace/complaint.h"
#include "analyzer/trace/memory.h"
#include "analyzer/trace/text.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct options {
    struct collect_rules rules;
    struct ship_options ship;
    struct recording_kernel kernel;
    char **dirs;
    int count;
};

enum { OPTION_KEEP = 256 };

static const struct argp_option option_table[] = {
    {"keep", OPTION_KEEP, "AGE|SIZE", 0,
     "drop what is older than AGE (as 12h; s, m, h, d), or the oldest where segments take more than SIZE (as 10G; K, "
     "M, G, T); may be given twice",
     0},
    {"quiet", 'q', NULL, 0, "say nothing when it begins and ends", 0},
    {0},
};

struct unit {
    char letter;
    uint64_t ms, bytes;
};

static const struct unit units[] = {
    {.letter = 's', .ms = 1000},          {.letter = 'm', .ms = 60000},         {.letter = 'h', .ms = 3600000},
    {.letter = 'd', .ms = 86400000},      {.letter = 'K', .bytes = 1ull << 10}, {.letter = 'M', .bytes = 1ull << 20},
    {.letter = 'G', .bytes = 1ull << 30}, {.letter = 'T', .bytes = 1ull << 40},
};

static void parse_keep(struct collect_rules *rules, const char *value, const struct argp_state *state)
{
    char *end = NULL;
    errno = 0;
    unsigned long long number = *value >= '0' && *value <= '9' ? strtoull(value, &end, 10) : 0;
    for (size_t i = 0; end && errno == 0 && number > 0 && i < sizeof units / sizeof units[0]; i++) {
        uint64_t of = units[i].ms | units[i].bytes;
        if (*end != units[i].letter || end[1] || number > INT64_MAX / of)
            continue;
        *(units[i].ms ? &rules->keep_ms : &rules->keep_bytes) = number * of;
        return;
    }
    usage_error(state, "--keep %s: want an age, as 12h, or a size, as 10G", value);
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct options *options = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[1] = &options->ship;
        state->child_inputs[2] = &options->kernel;
        return 0;
    case OPTION_KEEP:
        parse_keep(&options->rules, value, state);
        return 0;
    case 'q':
        options->rules.quiet = true;
        return 0;
    case ARGP_KEY_ARGS:
        options->dirs = state->argv + state->next;
        options->count = state->argc - state->next;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {USAGE_CHILD, {&ship_argp, 0, NULL, 0}, RECORDING_KERNEL_CHILD, {0}};

static const struct argp collect_argp = {
    .options = option_table,
    .parser = parse,
    .children = children,
    .args_doc = "[DIR...]",
    .doc = "Keeps what programs record that were preloaded by hand or by a service manager: brings it from their logs "
           "in DIR (./sockatlas.data) into compressed segments beside them before it is overwritten, until SIGTERM or "
           "SIGINT. To be run by the folder's owner or root. `run` does so for its own folder while its command runs.\v"
           "Killed and started again, it goes on where it was. All other commands read logs and segments "
           "together.\n\n"
           "Exit status: 0 it was ended, 1 a DIR cannot be collected, 2 usage.\n\n"
           "Examples:\n"
           "  sockatlas collect --keep 7d /var/log/sockatlas\n"
           "  sockatlas collect --keep 12h --keep 2G -q\n"
           "  sockatlas collect --to http://clickhouse:8123/sockatlas /var/log/sockatlas",
};

/* One of the folders. */
struct place {
    int fd;
    struct collect_folder *folder;
};

static bool refuse(const char *title, const char *dir, const char *what)
{
    complain_line("%s: %s: %s", title, text_name(dir), what);
    return false;
}

static bool open_place(struct place *place, const char *dir, const struct collect_rules *rules, const char *title)
{
    struct stat status;
    *place = (struct place){.fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (place->fd < 0 || fstat(place->fd, &status) < 0)
        return refuse(title, dir, strerror(errno));
    if (status.st_uid != geteuid() && geteuid() != 0)
        return refuse(title, dir, "belongs to another user; its owner or root can collect it");
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) && !(status.st_mode & S_ISVTX))
        return refuse(title, dir, "others may write to it; a trace is private");
    if (faccessat(place->fd, ".", W_OK | X_OK, AT_EACCESS) < 0)
        return refuse(title, dir, strerror(errno));
    if (flock(place->fd, LOCK_EX | LOCK_NB) < 0)
        return refuse(title, dir,
                      errno == EWOULDBLOCK ? "another `sockatlas collect` or `run` collects it already"
                                           : strerror(errno));
    place->folder = collect_folder_new(place->fd, dir, rules);
    return true;
}

static void close_place(struct place *place)
{
    if (place->folder)
        collect_folder_free(place->folder);
    if (place->fd >= 0)
        close(place->fd);
}

/* Until a signal ends it. */
static void loop(const struct place *places, int count, const sigset_t *ends)
{
    for (int signal = 0; signal <= 0;) {
        int64_t next = INT64_MAX;
        for (int i = 0; i < count; i++) {
            int64_t due = collect_folder_step(places[i].folder, false);
            next = due < next ? due : next;
        }
        int64_t wait = next - collect_now();
        wait = wait > 0 ? wait : 0;
        struct timespec timeout = {.tv_sec = wait / 1000, .tv_nsec = wait % 1000 * 1000000};
        signal = sigtimedwait(ends, NULL, &timeout);
    }
    for (int i = 0; i < count; i++)
        collect_folder_step(places[i].folder, true);
}

/* Into that folder, from another thread. */
static struct notice_log *read_notices(const struct place *place, const struct options *options, const char *title)
{
    static char dir[32];
    snprintf(dir, sizeof dir, "/proc/self/fd/%d", place->fd);
    struct notice_log *log = notice_log_open(
        &(struct notice_rules){.dir = dir, .why = SOCKATLAS_NOTICES_ASKED, .buffer = options->kernel.buffer});
    if (log && notice_log_begin(log))
        return log;
    complain_line("%s: the kernel's notices of ended sockets cannot be read: %s", title, strerror(errno));
    notice_log_end(log);
    return NULL;
}

int cmd_collect(int argc, char **argv)
{
    static char default_dir[] = RECORDING_DIR, *defaults[] = {default_dir};
    struct options options = {.rules.thorough = true, .dirs = defaults, .count = 1};
    const char *title = argv[0];
    usage_parse(&collect_argp, argc, argv, 0, &options);
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    struct place *places = memory_must(calloc((size_t)options.count, sizeof *places));
    int good = 0, bad = 0;
    for (int i = 0; i < options.count; i++) {
        if (open_place(&places[good], options.dirs[i], &options.rules, title)) {
            good++;
            continue;
        }
        close_place(&places[good]);
        bad++;
    }
    for (int i = 0; i < options.count && good > 0 && bad == 0 && !options.rules.quiet; i++)
        complain_line("%s: collects %s", title, text_name(options.dirs[i]));
    bool ships = options.ship.cluster.url != NULL && good > 0, refused;
    struct ship *ship = ships ? ship_start(&options.ship, options.dirs, options.count, title) : NULL;
    refused = ships && !ship;
    struct notice_log *notices =
        good > 0 && !refused && options.kernel.wanted ? read_notices(&places[0], &options, title) : NULL;
    if (good > 0 && !refused)
        loop(places, good, &ends);
    ship_end(ship);
    struct notice_counts counts = notice_log_end(notices);
    if (counts.late)
        complain_line("%s: %llu or more of the kernel's notices were lost: it had not sent all when the reading ended",
                      title, (unsigned long long)counts.lost);
    else if (counts.lost)
        complain_line("%s: %llu of the kernel's notices were lost: more came than were read", title,
                      (unsigned long long)counts.lost);
    for (int i = 0; i < good; i++)
        close_place(&places[i]);
    free(places);
    return bad > 0 || refused ? CMD_UNREADABLE : CMD_DONE;
}
