/* SPDX-License-Identifier: MIT
 *
 * forge UID HOW PID: a server whose worker gave up its rights, and then writes into the log that it still has mapped.
 *   forge UID record PID   a LISTEN record as process PID
 *   forge UID birth PID    that PID is its child, and a LISTEN record as that child
 *   forge UID header PID   that the log is process PID's
 * The worker copies records of its own, as whoever wants to be believed would.
 */
#include "shim/trace_format.h"

#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sockatlas_header *find_log(void)
{
    char line[1024];
    unsigned long start = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && !start && fgets(line, sizeof line, maps))
        if (strstr(line, "rw-s") && strstr(line, SOCKATLAS_SUFFIX))
            start = strtoul(line, NULL, 16);
    if (maps)
        fclose(maps);
    return (struct sockatlas_header *)start;
}

/* Writes a copy of the latest record of this kind that process `of` wrote, as process `pid`. */
static bool copy_record(struct sockatlas_header *log, unsigned kind, pid_t of, pid_t pid)
{
    unsigned char *slots = (unsigned char *)(log + 1);
    for (uint64_t at = log->cursor; at-- > 0;) {
        const struct sockatlas_common *record = (const void *)(slots + at * SOCKATLAS_SLOT_SIZE);
        if (record->kind != kind || record->pid != (unsigned)of)
            continue;
        unsigned char *to = slots + log->cursor * SOCKATLAS_SLOT_SIZE;
        unsigned count = record->slots ? record->slots : 1;
        memcpy(to, record, (size_t)count * SOCKATLAS_SLOT_SIZE);
        ((struct sockatlas_common *)(void *)to)->pid = (unsigned)pid & 0xffffff;
        log->cursor += count;
        return true;
    }
    return false;
}

static int work(unsigned user, const char *how, pid_t pid)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || listen(fd, 1) != 0 || setgroups(0, NULL) || setgid(user) || setuid(user))
        return 1;
    struct sockatlas_header *log = find_log();
    if (!log)
        return 3;
    if (strcmp(how, "header") == 0) {
        log->pid = (uint32_t)pid;
        memcpy(log->comm, "important", 10);
        return 0;
    }
    bool born = strcmp(how, "birth") != 0 || copy_record(log, SOCKATLAS_START, getpid(), pid);
    return born && copy_record(log, SOCKATLAS_LISTEN, getpid(), pid) ? 0 : 4;
}

int main(int argc, char **argv)
{
    int status;
    if (argc != 4)
        return 2;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || listen(fd, 1) != 0)
        return 1;
    pid_t worker = fork();
    if (worker == 0)
        _exit(work((unsigned)strtoul(argv[1], NULL, 10), argv[2], (pid_t)strtol(argv[3], NULL, 10)));
    if (waitpid(worker, &status, 0) != worker || !WIFEXITED(status))
        return 5;
    return WEXITSTATUS(status);
}
