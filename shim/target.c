/* SPDX-License-Identifier: MIT
 *
 * Reads the head of an executable. ld.so(8): a preload is ignored in secure-execution mode and needs a dynamic program
 * of our own kind.
 */
#include "shim/target.h"

#include "shim/config.h"
#include "shim/sys.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD = 512, SCRIPTS = 4, NAME = 1024 };

#if defined(__x86_64__)
enum { MACHINE = EM_X86_64 };
#elif defined(__aarch64__)
enum { MACHINE = EM_AARCH64 };
#endif

/* A setuid or setgid bit that changes nothing, as in a process that set no_new_privs, does not make the execution
 * secure; file capabilities do unless root runs it. */
static bool is_secure(int fd)
{
    struct stat status;
    if (sys(SYS_fstat, fd, &status) < 0)
        return false;
    uint32_t user = (uint32_t)sys(SYS_geteuid), group = (uint32_t)sys(SYS_getegid);
    if (((status.st_mode & S_ISUID) && status.st_uid != user) ||
        ((status.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && status.st_gid != group))
        return sys(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1;
    return user != 0 && sys(SYS_fgetxattr, fd, "security.capability", NULL, 0) > 0;
}

/* The loaders of glibc and musl are called ld-linux*, ld64*, ld-musl-* or ld.so*, and preload; klibc's, for one, is
 * called klibc-*.so and does not. */
static bool loader_preloads(int fd, const ElfW(Phdr) * segment)
{
    char path[HEAD] = {0};
    size_t size = segment->p_filesz < sizeof(path) ? segment->p_filesz : sizeof(path) - 1;
    if (sys(SYS_pread64, fd, path, size, segment->p_offset) != (long)size)
        return true;
    const char *name = strrchr(path, '/');
    return strncmp(name ? name + 1 : path, "ld", 2) == 0;
}

static enum sockatlas_untraced look_at_interpreter(int fd, const ElfW(Ehdr) * header)
{
    for (unsigned i = 0; i < header->e_phnum && i < 64; i++) {
        ElfW(Phdr) segment;
        long got = sys(SYS_pread64, fd, &segment, sizeof(segment), header->e_phoff + i * sizeof(segment));
        if (got != sizeof(segment))
            return SOCKATLAS_TRACEABLE;
        if (segment.p_type == PT_INTERP)
            return loader_preloads(fd, &segment) ? SOCKATLAS_TRACEABLE : SOCKATLAS_UNTRACED_LIBC;
    }
    return SOCKATLAS_UNTRACED_STATIC;
}

static enum sockatlas_untraced look_at_elf(int fd, const unsigned char head[HEAD])
{
    ElfW(Ehdr) header;
    memcpy(&header, head, sizeof(header));
    if (header.e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) || header.e_machine != MACHINE)
        return SOCKATLAS_UNTRACED_CLASS;
    if (is_secure(fd))
        return SOCKATLAS_UNTRACED_SETUID;
    return look_at_interpreter(fd, &header);
}

/* The interpreter's path out of a "#!" line. */
static bool script_interpreter(const unsigned char head[HEAD], char path[HEAD])
{
    size_t at = 2, size = 0;
    while (at < HEAD && (head[at] == ' ' || head[at] == '\t'))
        at++;
    while (at < HEAD && head[at] && !strchr(" \t\n", head[at]))
        path[size++] = (char)head[at++];
    path[size < HEAD ? size : HEAD - 1] = 0;
    return size > 0;
}

enum sockatlas_untraced target_untraced(int dirfd, const char *path)
{
    unsigned char head[HEAD];
    char interpreter[HEAD] = {0};
    for (int depth = 0; depth < SCRIPTS; depth++) {
        memset(head, 0, sizeof(head));
        long fd = *path ? sys(SYS_openat, dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : dirfd;
        if (fd < 0)
            return SOCKATLAS_TRACEABLE;
        sys(SYS_pread64, fd, head, sizeof(head), 0);
        enum sockatlas_untraced found = SOCKATLAS_TRACEABLE;
        if (memcmp(head, ELFMAG, SELFMAG) == 0)
            found = look_at_elf((int)fd, head);
        if (*path)
            sys(SYS_close, fd);
        if (head[0] != '#' || head[1] != '!' || !script_interpreter(head, interpreter))
            return found;
        path = interpreter;
        dirfd = AT_FDCWD;
    }
    return SOCKATLAS_TRACEABLE;
}

enum sockatlas_untraced target_untraced_search(const char *name, const char *folders)
{
    if (strchr(name, '/'))
        return target_untraced(AT_FDCWD, name);
    size_t length = strlen(name);
    char path[NAME];
    for (const char *at = folders ? folders : "/bin:/usr/bin"; *at;) {
        size_t size = strcspn(at, ":");
        if (size + length + 2 < sizeof(path)) {
            memcpy(path, at, size);
            path[size] = '/';
            memcpy(path + size + (size > 0), name, length + 1);
            if (sys(SYS_faccessat, AT_FDCWD, path, X_OK) == 0)
                return target_untraced(AT_FDCWD, path);
        }
        at += size + (at[size] == ':');
    }
    return SOCKATLAS_TRACEABLE;
}
