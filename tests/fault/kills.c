/* SPDX-License-Identifier: MIT
 *
 * kills SHIM BUSY COUNT SEED [LIMIT [stop]]: COUNT times, runs `busy` under the shim, kills it at a random moment with
 * SIGKILL (its parent first where it has several processes) and compares what it had counted with its trace. LIMIT:
 * SOCKATLAS_LIMIT (16777216). With `stop` one of several processes is stopped first, for as long as the others take to
 * write the ring full once more, and goes on. Works in the current folder. Prints what does not agree, and the number
 * of kills and calls; exit status 1 when anything did not agree.
 */
#include "tests/fault/tally.h"

#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

static uint64_t random_state;

static uint64_t random_below(uint64_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % limit;
}

static void pause_us(uint64_t microseconds)
{
    struct timespec time = {.tv_sec = (time_t)(microseconds / 1000000),
                            .tv_nsec = (long)(microseconds % 1000000 * 1000)};
    while (nanosleep(&time, &time) < 0 && errno == EINTR)
        ;
}

static const char *limit = "16777216";

static pid_t start(const char *shim, const char *busy, const char *processes, const char *threads)
{
    pid_t child = fork();
    if (child != 0) {
        setpgid(child, child);
        return child;
    }
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setenv("LD_PRELOAD", shim, 1);
    setenv("SOCKATLAS_DIR", "trace", 1);
    setenv("SOCKATLAS_LIMIT", limit, 1);
    execl(busy, busy, "ledger", processes, threads, "0", (char *)NULL);
    _exit(127);
}

/* Until the first call was counted. */
static void until_begun(struct ledger *ledger, pid_t leader)
{
    while (__atomic_load_n(&ledger->done[SOCKATLAS_SOCKET], __ATOMIC_RELAXED) == 0 && kill(leader, 0) == 0)
        pause_us(50);
}

/* Kills the parent, and a little later what is left of the group. Orphans are reaped by us (PR_SET_CHILD_SUBREAPER). */
static void kill_all(pid_t leader)
{
    kill(leader, SIGKILL);
    if (random_below(2))
        pause_us(random_below(2000));
    kill(-leader, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0)
        ;
}

/* With what its logs, half ones too, have in memory (shim/memory_log.h). */
static void empty_trace(void)
{
    if (system("for log in trace/* trace/.[!.]*; do name=${log##*/}; name=${name#.};"
               " rm -f \"/dev/shm/sockatlas-${name%.atlas}.atlas\"; done; rm -rf trace ledger") != 0)
        exit(2);
}

static bool trace_there(void)
{
    glob_t found;
    bool there = glob("trace/*" SOCKATLAS_SUFFIX, 0, NULL, &found) == 0;
    globfree(&found);
    return there;
}

/* The cursor of the only log, 0 none yet. */
static uint64_t cursor(uint64_t *ring)
{
    struct sockatlas_header header = {.cursor = 0};
    glob_t found;
    if (glob("trace/*" SOCKATLAS_SUFFIX, 0, NULL, &found) == 0) {
        int fd = open(found.gl_pathv[0], O_RDONLY);
        if (pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header))
            header.cursor = 0;
        close(fd);
    }
    globfree(&found);
    *ring = header.ring_slots;
    return header.cursor;
}

/* One of its children, 0 none. */
static pid_t child_of(pid_t leader)
{
    char path[64], text[256];
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)leader, (int)leader);
    FILE *file = fopen(path, "r");
    pid_t child = file && fgets(text, sizeof(text), file) ? (pid_t)strtol(text, NULL, 10) : 0;
    if (file)
        fclose(file);
    return child;
}

/* Whether it was stopped while the others went round. */
static bool stop_for_a_lap(pid_t leader)
{
    enum { LOOKS = 4000 };
    uint64_t ring, begun;
    pid_t child = child_of(leader);
    if (!child || kill(child, SIGSTOP) != 0)
        return false;
    begun = cursor(&ring);
    bool round = false;
    for (int i = 0; i < LOOKS && !(round = cursor(&ring) > begun + ring + ring / 2); i++)
        pause_us(500);
    kill(child, SIGCONT);
    return round;
}

int main(int argc, char **argv)
{
    static const char *const shapes[][2] = {{"1", "1"}, {"1", "4"}, {"3", "1"}, {"2", "2"}};
    unsigned long long calls = 0, bad = 0, empty = 0, laps = 0;
    bool stop = argc == 7 && strcmp(argv[6], "stop") == 0;
    if (argc > 5)
        limit = argv[5];
    if (argc < 5 || argc > 7 || (argc == 7 && !stop)) {
        fputs("usage: kills SHIM BUSY COUNT SEED [LIMIT [stop]]\n", stderr);
        return 2;
    }
    long count = strtol(argv[3], NULL, 10);
    random_state = strtoull(argv[4], NULL, 0) * 2 + 1;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (long i = 0; i < count; i++) {
        const char *const *shape = stop ? shapes[2 + random_below(2)] : shapes[random_below(4)];
        struct tally tally = {0};
        uint64_t done = 0;
        empty_trace();
        struct ledger *ledger = ledger_map("ledger");
        if (!ledger) {
            perror("ledger");
            return 2;
        }
        pid_t leader = start(argv[1], argv[2], shape[0], shape[1]);
        uint64_t wait_us = random_below(random_below(8) ? 12000 : 60000);
        if (random_below(4))
            until_begun(ledger, leader);
        pause_us(wait_us);
        if (stop)
            laps += stop_for_a_lap(leader);
        kill_all(leader);
        for (int kind = 0; kind < 64; kind++)
            done += ledger->done[kind];
        /* Killed before the first log stood under its name: then no call may have returned either. */
        if (trace_there())
            tally_read(&tally, (char *[]){(char *)"trace"}, 1);
        else
            empty++;
        if (!tally_agrees(&tally, ledger, false, stdout)) {
            printf("kill %ld (seed %s): %s processes of %s threads, killed after %llu us\n", i, argv[4], shape[0],
                   shape[1], (unsigned long long)wait_us);
            bad++;
        }
        calls += done;
        munmap(ledger, sizeof(*ledger));
    }
    empty_trace();
    printf("%ld kills, %llu of them before the first call, %llu calls, %llu traces wrong\n", count, empty, calls, bad);
    if (stop)
        printf("%llu stopped for a lap\n", laps);
    return bad || (stop && !laps) ? 1 : 0;
}
