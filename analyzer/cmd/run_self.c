/* SPDX-License-Identifier: MIT
 *
 * The header of a log that this process writes about others: `run`'s own, and that of the kernel's notices.
 */
#include "analyzer/cmd/run.h"

#include "analyzer/cmd/proc.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static uint64_t realtime_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Reads up to `capacity` bytes of a small file; returns how many. */
static size_t read_file(const char *path, char *out, size_t capacity)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? 0 : read(fd, out, capacity);
    if (fd >= 0)
        close(fd);
    return size > 0 ? (size_t)size : 0;
}

static uint64_t namespace_inode(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? status.st_ino : 0;
}

static uint64_t start_ticks(void)
{
    struct proc_stat stat;
    FILE *file = fopen("/proc/self/stat", "re");
    bool known = file && proc_read_stat(file, &stat);
    if (file)
        fclose(file);
    return known ? stat.start_ticks - (uint64_t)(run_clock_offset() / 10000000) : 0;
}

void run_self_describe(struct sockatlas_header *header, enum sockatlas_writer writer, bool no_cmdline)
{
    struct utsname system;
    *header = (struct sockatlas_header){
        .size_limit = 0, /* not mapped: as long as it is */
        .boottime_ns = run_clock_now(),
        .realtime_ns = realtime_ns(),
        .start_ticks = start_ticks(),
        .netns_inode = namespace_inode("/proc/self/ns/net"),
        .pidns_inode = namespace_inode("/proc/self/ns/pid"),
        .pid = (uint32_t)getpid(),
        .ppid = (uint32_t)getppid(),
        .uid = geteuid(),
        .writer = writer,
    };
    size_t size = read_file("/proc/sys/kernel/random/boot_id", header->boot_id, sizeof header->boot_id - 1);
    header->boot_id[size] = '\0';
    header->boot_id[strcspn(header->boot_id, "\n")] = '\0';
    if (uname(&system) == 0)
        memcpy(header->host, system.nodename,
               sizeof header->host < sizeof system.nodename ? sizeof header->host : sizeof system.nodename);
    size = read_file("/proc/self/comm", header->comm, sizeof header->comm);
    if (size)
        header->comm[size - 1] = '\0';
    if (readlink("/proc/self/exe", header->exe, sizeof header->exe) < 0)
        header->exe[0] = '\0';
    if (!no_cmdline)
        header->cmdline_size = (uint32_t)read_file("/proc/self/cmdline", header->cmdline, sizeof header->cmdline);
}
