/* SPDX-License-Identifier: MIT
 *
 * System calls on files whose number, arguments or structure differ between word sizes. Everything here is as the
 * 64-bit kernel has it: offsets and sizes of 64 bits, struct stat and struct statfs with 64-bit members, which on a
 * 32-bit machine is so with _FILE_OFFSET_BITS=64 only (the Makefile gives it to all sources of the shim but wrappers,
 * whose names it would change). Each is one system call and returns a negative errno. Callable from anywhere.
 */
#ifndef SHIM_SYS_FILE_H
#define SHIM_SYS_FILE_H

#include "shim/sys.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

_Static_assert(sizeof(((struct stat *)NULL)->st_ino) == 8, "_FILE_OFFSET_BITS=64");
_Static_assert(sizeof(struct rlimit) == 16, "_FILE_OFFSET_BITS=64, as for SYS_prlimit64");

#if defined(__i386__)
/* A 64-bit argument takes two registers, the less significant half first. */
#define SYS_HALVES(value) (uint32_t)(value), (uint32_t)((uint64_t)(value) >> 32)

static inline long sys_fstat(long fd, struct stat *status)
{
    return sys(SYS_fstat64, fd, status);
}

static inline long sys_fstatat(long folder, const char *path, struct stat *status, int flags)
{
    return sys(SYS_fstatat64, folder, path, status, flags);
}

static inline long sys_fstatfs(long fd, struct statfs *status)
{
    return sys(SYS_fstatfs64, fd, sizeof(*status), status);
}

static inline long sys_statfs(const char *path, struct statfs *status)
{
    return sys(SYS_statfs64, path, sizeof(*status), status);
}

static inline long sys_pread(long fd, void *to, size_t size, uint64_t at)
{
    return sys(SYS_pread64, fd, to, size, SYS_HALVES(at));
}

static inline long sys_pwrite(long fd, const void *from, size_t size, uint64_t at)
{
    return sys(SYS_pwrite64, fd, from, size, SYS_HALVES(at));
}

static inline long sys_ftruncate(long fd, uint64_t size)
{
    return sys(SYS_ftruncate64, fd, SYS_HALVES(size));
}

static inline long sys_allocate(long fd, uint64_t size)
{
    return sys(SYS_fallocate, fd, 0, 0, 0, SYS_HALVES(size));
}
#else
static inline long sys_fstat(long fd, struct stat *status)
{
    return sys(SYS_fstat, fd, status);
}

static inline long sys_fstatat(long folder, const char *path, struct stat *status, int flags)
{
    return sys(SYS_newfstatat, folder, path, status, flags);
}

static inline long sys_fstatfs(long fd, struct statfs *status)
{
    return sys(SYS_fstatfs, fd, status);
}

static inline long sys_statfs(const char *path, struct statfs *status)
{
    return sys(SYS_statfs, path, status);
}

static inline long sys_pread(long fd, void *to, size_t size, uint64_t at)
{
    return sys(SYS_pread64, fd, to, size, at);
}

static inline long sys_pwrite(long fd, const void *from, size_t size, uint64_t at)
{
    return sys(SYS_pwrite64, fd, from, size, at);
}

static inline long sys_ftruncate(long fd, uint64_t size)
{
    return sys(SYS_ftruncate, fd, size);
}

static inline long sys_allocate(long fd, uint64_t size)
{
    return sys(SYS_fallocate, fd, 0, 0, size);
}
#endif

#endif
