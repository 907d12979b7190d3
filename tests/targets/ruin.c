/* SPDX-License-Identifier: MIT
 *
 * ruin HOW N: a traced program whose child spoils what readers and the parent's shim go by, in the log that both have
 * mapped or in the folder of the trace, N times where that is a number of things. The parent then goes on: 0 when
 * nothing happened to it. `ruin` prints each HOW on a line.
 */
#include "shim/trace_format.h"
#include "tests/targets/confine.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char path[4096]; /* of the log */

static struct sockatlas_header *find_log(void)
{
    char line[4200];
    unsigned long start = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && !start && fgets(line, sizeof line, maps)) {
        const char *at = strchr(line, '/');
        if (!at || !strstr(line, "rw-s") || !strstr(line, SOCKATLAS_SUFFIX))
            continue;
        start = strtoul(line, NULL, 16);
        snprintf(path, sizeof path, "%.*s", (int)strcspn(at, "\n"), at);
    }
    if (maps)
        fclose(maps);
    return (struct sockatlas_header *)start;
}

/* ---- Records ---- */

static void write_record(struct sockatlas_header *log, unsigned kind, unsigned pid, int fd, uint64_t cookie,
                         const void *body, size_t size)
{
    uint64_t at = log->cursor;
    if (at % log->section_slots == 0)
        at++;
    if (at + 1 >= log->made)
        return;
    unsigned char *slot = (unsigned char *)(log + 1) + at * SOCKATLAS_SLOT_SIZE;
    struct sockatlas_common common = {
        .kind = (uint8_t)kind, .slots = 1, .use = 1, .pid = pid, .tid = pid, .fd = fd, .cookie = cookie};
    common.time_ns = log->boottime_ns + at;
    memcpy(slot, &common, sizeof common);
    memcpy(slot + sizeof common, body, size);
    log->cursor = at + 1;
}

static void write_socket(struct sockatlas_header *log, unsigned pid, int fd, uint64_t cookie)
{
    const struct sockatlas_body_socket body = {.family = AF_INET, .type = SOCK_STREAM};
    write_record(log, SOCKATLAS_SOCKET, pid, fd, cookie, &body, sizeof body);
}

static void descriptors(struct sockatlas_header *log, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        write_socket(log, log->pid, (int)(INT32_MAX - 1000u * i), i + 1);
}

static void forks(struct sockatlas_header *log, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        write_socket(log, log->pid, (int)(3 + i), i + 1);
    for (unsigned i = 0; i < n; i++) {
        const struct sockatlas_body_fork body = {.child_pid = 0x800000 + i};
        write_record(log, SOCKATLAS_FORK, log->pid, -1, 0, &body, sizeof body);
    }
}

static void forged(struct sockatlas_header *log, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        write_socket(log, 1 + i % 100, 3, i + 1);
}

/* The same bytes each time. */
static void noise(struct sockatlas_header *log, unsigned n)
{
    uint64_t state = n;
    unsigned char *slots = (unsigned char *)(log + 1);
    for (uint64_t i = 0; i < 64ull * n && i < log->made * SOCKATLAS_SLOT_SIZE; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        slots[i] = (unsigned char)(state >> 56);
    }
    log->cursor = n < log->made ? n : log->made;
}

/* ---- The header ---- */

static void cursor(struct sockatlas_header *log, unsigned n)
{
    log->cursor = (1ull << 58) + n;
}

static void cursor_back(struct sockatlas_header *log, unsigned n)
{
    (void)n;
    log->cursor = 1;
}

static void ring(struct sockatlas_header *log, unsigned n)
{
    log->ring_slots = 1ull << 62;
    log->section_slots = 2;
    log->cursor = (1ull << 60) + n;
}

static void no_sections(struct sockatlas_header *log, unsigned n)
{
    log->section_slots = 0;
    log->cursor = n;
}

static void collected(struct sockatlas_header *log, unsigned n)
{
    log->collected = UINT64_MAX - n;
}

static void no_header(struct sockatlas_header *log, unsigned n)
{
    (void)n;
    memset(log, 0, sizeof *log);
}

static void made(struct sockatlas_header *log, unsigned n)
{
    (void)n;
    log->made = log->ring_slots;
}

static void confined(struct sockatlas_header *log, unsigned n)
{
    log->confined = 2ull * log->section_slots + n;
}

static void texts(struct sockatlas_header *log, unsigned n)
{
    (void)n;
    memset(log->comm, 0x1b, sizeof log->comm);
    memset(log->exe, '\n', sizeof log->exe);
    memset(log->host, 0x9b, sizeof log->host);
    memset(log->cmdline, 0x1b, sizeof log->cmdline);
    log->cmdline_size = UINT32_MAX;
}

/* ---- The folder ---- */

/* Where it is, the path of a file beside the log. */
static const char *beside(unsigned i, const char *suffix)
{
    static char name[sizeof path + 64];
    char *slash = strrchr(path, '/');
    snprintf(name, sizeof name, "%.*s/other%u%s", (int)(slash - path), path, i, suffix);
    return name;
}

static void hole(struct sockatlas_header *log, unsigned n)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    log->ring_slots = 1ull << 27;
    log->section_slots = 128;
    log->cursor = (1ull << 40) + n;
    if (fd < 0 || ftruncate64(fd, (off64_t)8 << 30) != 0)
        _exit(4);
    close(fd);
}

static void pipes(struct sockatlas_header *log, unsigned n)
{
    (void)log;
    for (unsigned i = 0; i < n; i++)
        if (mkfifo(beside(i, SOCKATLAS_SUFFIX), 0600) != 0)
            _exit(4);
}

static void links(struct sockatlas_header *log, unsigned n)
{
    (void)log;
    for (unsigned i = 0; i < n; i++)
        if (symlink("/dev/zero", beside(i, SOCKATLAS_SUFFIX)) != 0)
            _exit(4);
}

/* Copies of the header, sparse behind it. */
static void logs(struct sockatlas_header *log, unsigned n)
{
    for (unsigned i = 0; i < n / 20 + 1; i++) {
        int fd = open(beside(i, SOCKATLAS_SUFFIX), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        struct sockatlas_header copy = *log;
        copy.ring_slots = 1ull << 27;
        copy.cursor = 1ull << 40;
        if (fd < 0 || write(fd, &copy, sizeof copy) != (ssize_t)sizeof copy || ftruncate64(fd, (off64_t)8 << 30) != 0)
            _exit(4);
        close(fd);
    }
}

static const struct {
    const char *name;
    void (*ruin)(struct sockatlas_header *log, unsigned n);
    const char *give_up; /* what the parent then gives up before it goes on (busy_confined) */
} ways[] = {
    {.name = "descriptors", .ruin = descriptors},
    {.name = "forks", .ruin = forks},
    {.name = "forged", .ruin = forged},
    {.name = "noise", .ruin = noise},
    {.name = "cursor", .ruin = cursor},
    {.name = "cursor_back", .ruin = cursor_back},
    {.name = "ring", .ruin = ring},
    {.name = "confined", .ruin = confined},
    {.name = "no_sections", .ruin = no_sections},
    {.name = "collected", .ruin = collected},
    {.name = "no_header", .ruin = no_header},
    {.name = "made", .ruin = made, .give_up = "seccomp"},
    {.name = "texts", .ruin = texts},
    {.name = "hole", .ruin = hole},
    {.name = "pipes", .ruin = pipes},
    {.name = "links", .ruin = links},
    {.name = "logs", .ruin = logs},
};
enum { WAYS = sizeof ways / sizeof *ways };

/* Goes on recording in what the other left. */
static int go_on(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (fd < 0 || close(fd) != 0)
            return 5;
    }
    return 0;
}

int main(int argc, char **argv)
{
    int status;
    if (argc != 3) {
        for (unsigned i = 0; i < WAYS; i++)
            puts(ways[i].name);
        return argc == 1 ? 0 : 2;
    }
    unsigned n = (unsigned)strtoul(argv[2], NULL, 10);
    struct sockatlas_header *log = socket(AF_INET, SOCK_STREAM, 0) < 0 ? NULL : find_log();
    for (unsigned i = 0; log && i < WAYS; i++) {
        if (strcmp(argv[1], ways[i].name) != 0)
            continue;
        pid_t child = fork();
        if (child == 0) {
            ways[i].ruin(log, n);
            _exit(0);
        }
        if (waitpid(child, &status, 0) != child || status != 0 || (ways[i].give_up && give_up(ways[i].give_up) < 0))
            return 4;
        return go_on(3000);
    }
    return 3;
}
