/* SPDX-License-Identifier: MIT
 *
 * Describes this process image: /proc/self and a few kernel settings, read by raw system calls. Never keeps a
 * descriptor.
 */
#include "shim/image.h"

#include "shim/config.h"
#include "shim/process.h"
#include "shim/sys_file.h"
#include "shim/vdso.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>

enum { TICK_NS = 10000000 }; /* /proc counts in 1/100 s */

size_t image_read_file(const char *path, char *out, size_t capacity)
{
    long fd = sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    long got = sys(SYS_read, fd, out, capacity);
    sys(SYS_close, fd);
    return got > 0 ? (size_t)got : 0;
}

static void read_line(const char *path, char *out, size_t capacity)
{
    size_t size = image_read_file(path, out, capacity - 1);
    if (size && out[size - 1] == '\n')
        size--;
    out[size] = 0;
}

static uint64_t parse_number(const char *text)
{
    uint64_t value = 0;
    for (; *text >= '0' && *text <= '9'; text++)
        value = value * 10 + (uint64_t)(*text - '0');
    return value;
}

/* Two numbers with blanks between them. */
static void read_port_range(struct sockatlas_header *header)
{
    char range[32];
    read_line("/proc/sys/net/ipv4/ip_local_port_range", range, sizeof(range));
    const char *high = range;
    while (*high >= '0' && *high <= '9')
        high++;
    while (*high == '\t' || *high == ' ')
        high++;
    header->port_low = (uint16_t)parse_number(range);
    header->port_high = (uint16_t)parse_number(high);
}

/* Reads a small file into the place of the command line, which is read last: the stack may be small. */
static char *read_aside(struct sockatlas_header *header, const char *path)
{
    header->cmdline[image_read_file(path, header->cmdline, sizeof(header->cmdline) - 1)] = 0;
    return header->cmdline;
}

/* Field 22 of /proc/self/stat; counted from behind the comm, which may hold spaces and brackets. */
static uint64_t start_ticks(struct sockatlas_header *header)
{
    const char *text = read_aside(header, "/proc/self/stat");
    const char *at = strrchr(text, ')');
    for (int field = 2; at && field < 22; field++) {
        at = strchr(at, ' ');
        at = at ? at + 1 : NULL;
    }
    return at ? parse_number(at) : 0;
}

/* The path of version 2's line, which begins with `0::`; without one, that of the first line. */
void image_cgroup(char out[IMAGE_CGROUP], char *text, size_t capacity)
{
    text[image_read_file("/proc/self/cgroup", text, capacity - 1)] = 0;
    const char *line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
    const char *path = strchr(line ? line : text, '/');
    size_t length = path ? strcspn(path, "\n") : 0;
    memset(out, 0, IMAGE_CGROUP);
    memcpy(out, path ? path : "", length < IMAGE_CGROUP ? length : IMAGE_CGROUP);
}

static uint64_t inode(const char *path)
{
    struct stat status;
    return sys_fstatat(AT_FDCWD, path, &status, 0) < 0 ? 0 : status.st_ino;
}

/* "-7  5" and the like: seconds and nanoseconds. */
static int64_t parse_offset(const char *text)
{
    text += strspn(text, " \t");
    bool negative = *text == '-';
    int64_t seconds = (int64_t)parse_number(text + negative);
    text += strcspn(text, " \t\n");
    int64_t rest = (int64_t)parse_number(text + strspn(text, " \t"));
    return (negative ? -seconds : seconds) * 1000000000 + rest;
}

/* The file tells of the namespace that children will be in: where that is another one, ours is not to be had. */
int64_t image_clock_offset(void)
{
    static const char name[] = "boottime";
    char text[256];
    text[image_read_file("/proc/self/timens_offsets", text, sizeof(text) - 1)] = 0;
    const char *line = strstr(text, name);
    int64_t offset = line ? parse_offset(line + sizeof(name) - 1) : 0;
    return offset && inode("/proc/self/ns/time") == inode("/proc/self/ns/time_for_children") ? offset : 0;
}

void image_clock_source(char source[32])
{
    read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource", source, 32);
}

uint32_t image_pid(void)
{
    uint32_t owner = process_owner();
    return owner ? owner : (uint32_t)sys(SYS_getpid);
}

void image_comm(char comm[16])
{
    memset(comm, 0, 16);
    sys(SYS_prctl, PR_GET_NAME, comm);
}

uint64_t image_pidns(void)
{
    return inode("/proc/self/ns/pid");
}

uint64_t image_thread_netns(void)
{
    return inode("/proc/thread-self/ns/net");
}

void image_describe(struct sockatlas_header *header, uint64_t size_limit, int64_t clock_offset)
{
    header->version = SOCKATLAS_VERSION;
    header->byte_order = SOCKATLAS_BYTE_ORDER;
    header->header_size = SOCKATLAS_HEADER_SIZE;
    header->slot_size = SOCKATLAS_SLOT_SIZE;
    header->size_limit = size_limit;
    header->writer = config.patched    ? SOCKATLAS_WRITER_PATCH
                     : config.attached ? SOCKATLAS_WRITER_ATTACH
                                       : SOCKATLAS_WRITER_SHIM;
    uint64_t now = vdso_clock(CLOCK_BOOTTIME) - (uint64_t)clock_offset;
    header->realtime_ns = vdso_clock(CLOCK_REALTIME) - (now - header->boottime_ns);
    header->start_ticks = start_ticks(header);
    if (header->start_ticks)
        header->start_ticks -= (uint64_t)(clock_offset / TICK_NS);
    header->netns_inode = inode("/proc/self/ns/net");
    header->pidns_inode = image_pidns();
    header->ppid = (uint32_t)sys(SYS_getppid);
    header->uid = sys_euid();
    read_line("/proc/sys/kernel/random/boot_id", header->boot_id, sizeof(header->boot_id));
    read_line("/proc/sys/net/ipv4/tcp_congestion_control", header->congestion, sizeof(header->congestion));
    struct utsname names;
    if (sys(SYS_uname, &names) == 0)
        memcpy(header->host, names.nodename,
               sizeof(names.nodename) < sizeof(header->host) ? sizeof(names.nodename) : sizeof(header->host));
    char number[24];
    read_line("/proc/sys/net/core/somaxconn", number, sizeof(number));
    header->somaxconn = (uint32_t)parse_number(number);
    read_port_range(header);
    image_cgroup(header->cgroup, header->cmdline, sizeof(header->cmdline));
    memcpy(header->run_id, config.run_id, sizeof(header->run_id));
    long size = sys(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", header->exe, sizeof(header->exe));
    header->exe[size > 0 && (size_t)size < sizeof(header->exe) ? size : 0] = 0;
    if (!config.no_cmdline)
        header->cmdline_size =
            (uint32_t)image_read_file("/proc/self/cmdline", header->cmdline, sizeof(header->cmdline));
    memset(header->cmdline + header->cmdline_size, 0, sizeof(header->cmdline) - header->cmdline_size);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    memcpy(header->magic, SOCKATLAS_MAGIC, sizeof(header->magic));
}
