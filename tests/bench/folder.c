/* SPDX-License-Identifier: MIT
 *
 * Makes, reads and removes the folders of measured traces.
 */
#include "tests/bench/folder.h"

#include "shim/trace_format.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

void folder_make(struct folder *out, const char *parent)
{
    snprintf(out->path, sizeof(out->path), "%s/sockatlas-bench.XXXXXX", parent);
    if (!mkdtemp(out->path)) {
        perror(out->path);
        exit(1);
    }
}

static uint64_t cached_bytes(int fd)
{
    enum { PAGE = 4096, PAGES_MAX = 1 << 16 };
    static unsigned char resident[PAGES_MAX];
    struct stat status;
    uint64_t bytes = 0;
    if (fstat(fd, &status) < 0 || status.st_size > (off_t)PAGE * PAGES_MAX || status.st_size == 0)
        return 0;
    size_t size = (size_t)status.st_size;
    void *map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return 0;
    if (mincore(map, size, resident) == 0)
        for (size_t i = 0; i < (size + PAGE - 1) / PAGE; i++)
            bytes += resident[i] & 1 ? PAGE : 0;
    munmap(map, size);
    return bytes;
}

static void add_file(int dir, const char *name, struct folder_content *sum)
{
    static struct sockatlas_header header;
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && pread(fd, &header, sizeof(header), 0) == sizeof(header) &&
        memcmp(header.magic, SOCKATLAS_MAGIC, sizeof(header.magic)) == 0) {
        sum->slots += header.cursor;
        sum->lost += header.lost;
        sum->cached += cached_bytes(fd);
    }
    if (fd >= 0)
        close(fd);
}

struct folder_content folder_content(const struct folder *folder)
{
    struct folder_content sum = {0};
    DIR *dir = opendir(folder->path);
    struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        sum.files++;
        add_file(dirfd(dir), entry->d_name, &sum);
    }
    if (dir)
        closedir(dir);
    return sum;
}

static void remove_below(int parent, const char *name)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (unlinkat(fd, entry->d_name, 0) < 0) {
            remove_below(fd, entry->d_name);
            unlinkat(fd, entry->d_name, AT_REMOVEDIR);
        }
    }
    if (dir)
        closedir(dir);
}

void folder_clear(const struct folder *folder)
{
    remove_below(AT_FDCWD, folder->path);
}

void folder_remove(const struct folder *folder)
{
    folder_clear(folder);
    rmdir(folder->path);
}

const char *folder_file_system(const char *path)
{
    static char number[32];
    struct statfs status;
    if (statfs(path, &status) < 0)
        return "unknown";
    switch ((unsigned long)status.f_type) {
    case TMPFS_MAGIC:
        return "tmpfs";
    case EXT4_SUPER_MAGIC:
        return "ext4";
    case BTRFS_SUPER_MAGIC:
        return "btrfs";
    case XFS_SUPER_MAGIC:
        return "xfs";
    case OVERLAYFS_SUPER_MAGIC:
        return "overlay";
    default:
        snprintf(number, sizeof(number), "0x%lx", (unsigned long)status.f_type);
        return number;
    }
}
