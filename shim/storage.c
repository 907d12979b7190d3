/* SPDX-License-Identifier: MIT
 *
 * What the file system that a file lies on can be trusted with; file_system.def is the table, with the reasons.
 */
#include "shim/storage.h"

#include "shim/sys_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/vfs.h>

enum space { KEPT, KEPT_UNSHARED, KEPT_BELOW };
enum lease { BLIND, SEES_MAPPINGS };
enum pages { DISK, MEMORY };

static const struct file_system {
    unsigned long type;
    enum space space;
    enum lease lease;
    enum pages pages;
} file_systems[] = {
#define FILE_SYSTEM(type, space, lease, pages) {type, space, lease, pages},
#include "shim/file_system.def"
#undef FILE_SYSTEM
};

/* Whether blocks of the file can come to be shared with a copy's. Asked of the file and itself, which shares nothing.
 */
static bool unshared(int fd)
{
    return sys(SYS_ioctl, fd, FICLONE, fd) == -EOPNOTSUPP;
}

static bool knows_nodump(int fd)
{
    struct statx status;
    return sys(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_TYPE, &status) == 0 &&
           (status.stx_attributes_mask & STATX_ATTR_NODUMP);
}

static bool keeps(enum space space, int fd)
{
    switch (space) {
    case KEPT:
        return true;
    case KEPT_UNSHARED:
        return unshared(fd);
    case KEPT_BELOW:
        return unshared(fd) && knows_nodump(fd);
    }
    return false;
}

static const struct file_system *find(const struct statfs *status)
{
    for (size_t i = 0; i < sizeof(file_systems) / sizeof(file_systems[0]); i++)
        if (file_systems[i].type == (unsigned long)status->f_type)
            return &file_systems[i];
    return NULL;
}

struct storage storage_of(int fd)
{
    struct statfs status = {.f_type = 0};
    const struct file_system *known = sys_fstatfs(fd, &status) == 0 ? find(&status) : NULL;
    struct storage storage = {.remote = (unsigned long)status.f_type == FUSE_SUPER_MAGIC};
    if (known) {
        storage.keeps = keeps(known->space, fd);
        storage.leased = known->lease == SEES_MAPPINGS;
        storage.memory = known->pages == MEMORY;
    }
    return storage;
}

bool storage_known(const char *path)
{
    struct statfs status;
    return sys_statfs(path, &status) == 0 && find(&status);
}
