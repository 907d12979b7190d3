/* SPDX-License-Identifier: MIT
 *
 * The program that `run` is asked to start: where it is, and whether the loader will take a preload into it. Reads
 * files, starts nothing.
 */
#include "analyzer/cmd/run.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define INTERPRETER_DEPTH_MAX 4 /* as the kernel's: a script's interpreter may be a script */

static int executable(const char *path)
{
    struct stat status;
    if (stat(path, &status) < 0)
        return errno == ENOENT || errno == ENOTDIR ? RUN_NOT_FOUND : RUN_NOT_EXECUTABLE;
    if (!S_ISREG(status.st_mode)) {
        errno = S_ISDIR(status.st_mode) ? EISDIR : EACCES;
        return RUN_NOT_EXECUTABLE;
    }
    return access(path, X_OK) < 0 ? RUN_NOT_EXECUTABLE : 0;
}

int run_target_find(const char *command, char *path)
{
    if (strchr(command, '/')) {
        snprintf(path, PATH_MAX, "%s", command);
        return executable(path);
    }
    const char *search = getenv("PATH");
    if (!search)
        search = "/bin:/usr/bin";
    int worst = RUN_NOT_FOUND, worst_errno = ENOENT;
    for (;;) {
        size_t size = strcspn(search, ":");
        int printed = snprintf(path, PATH_MAX, "%.*s%s%s", (int)size, search, size ? "/" : "", command);
        if (*command && printed > 0 && printed < PATH_MAX) {
            int status = executable(path);
            if (status == 0)
                return 0;
            int error = errno;
            /* A folder that cannot be searched hides nothing worth telling of. */
            if (status == RUN_NOT_EXECUTABLE && error != EISDIR && access(path, F_OK) == 0) {
                worst = status;
                worst_errno = error;
            }
        }
        if (!search[size])
            break;
        search += size + 1;
    }
    errno = worst_errno;
    return worst;
}

/* Secure execution: the kernel gives the program rights that the caller lacks, and the loader then ignores LD_PRELOAD.
 */
static bool secure(int fd)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return false;
    bool new_user = (status.st_mode & S_ISUID) && status.st_uid != getuid();
    bool new_group = (status.st_mode & S_ISGID) && (status.st_mode & S_IXGRP) && status.st_gid != getgid();
    bool capable = getuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0;
    return new_user || new_group || capable;
}

/* The loaders of glibc and musl are called ld*, and preload; klibc's, for one, is called klibc-*.so and does not. */
static bool loader_preloads(int fd, const ElfW(Phdr) * segment)
{
    char path[PATH_MAX] = "";
    size_t size = segment->p_filesz < sizeof path ? segment->p_filesz : sizeof path - 1;
    if (pread(fd, path, size, (off_t)segment->p_offset) != (ssize_t)size)
        return true;
    const char *name = strrchr(path, '/');
    return strncmp(name ? name + 1 : path, "ld", 2) == 0;
}

static enum sockatlas_untraced judge_interpreter(int fd, const ElfW(Ehdr) * elf)
{
    for (unsigned i = 0; i < elf->e_phnum; i++) {
        ElfW(Phdr) segment;
        off_t offset = (off_t)(elf->e_phoff + (size_t)i * elf->e_phentsize);
        if (pread(fd, &segment, sizeof segment, offset) != (ssize_t)sizeof segment)
            break;
        if (segment.p_type == PT_INTERP)
            return loader_preloads(fd, &segment) ? SOCKATLAS_TRACEABLE : SOCKATLAS_UNTRACED_LIBC;
    }
    return SOCKATLAS_UNTRACED_STATIC;
}

static bool read_elf(int fd, ElfW(Ehdr) * elf)
{
    return pread(fd, elf, sizeof *elf, 0) == (ssize_t)sizeof *elf && memcmp(elf->e_ident, ELFMAG, SELFMAG) == 0;
}

bool run_target_preloadable(const char *path)
{
    ElfW(Ehdr) elf;
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    bool good = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && read_elf(fd, &elf) && elf.e_type == ET_DYN;
    close(fd);
    errno = 0;
    return good;
}

static bool same_machine(const ElfW(Ehdr) * elf, const char *shim)
{
    ElfW(Ehdr) own;
    int fd = open(shim, O_RDONLY | O_CLOEXEC);
    bool known = fd >= 0 && read_elf(fd, &own);
    if (fd >= 0)
        close(fd);
    return !known || (own.e_ident[EI_CLASS] == elf->e_ident[EI_CLASS] && own.e_machine == elf->e_machine);
}

/* `#!INTERPRETER [ARGUMENT]`: puts INTERPRETER into `path`. */
static bool script_interpreter(int fd, char *path)
{
    char line[256] = "";
    ssize_t size = pread(fd, line, sizeof line - 1, 0);
    if (size < 3 || line[0] != '#' || line[1] != '!')
        return false;
    line[strcspn(line, "\n")] = '\0';
    char *start = line + 2 + strspn(line + 2, " \t");
    start[strcspn(start, " \t")] = '\0';
    snprintf(path, PATH_MAX, "%s", start);
    return *start != '\0';
}

static enum sockatlas_untraced judge(int fd, const char *shim)
{
    ElfW(Ehdr) elf;
    if (!read_elf(fd, &elf))
        return SOCKATLAS_TRACEABLE; /* not ELF: execvp hands it to the shell */
    if (!same_machine(&elf, shim))
        return SOCKATLAS_UNTRACED_CLASS;
    enum sockatlas_untraced why = judge_interpreter(fd, &elf);
    return why == SOCKATLAS_TRACEABLE && secure(fd) ? SOCKATLAS_UNTRACED_SETUID : why;
}

enum sockatlas_untraced run_target_untraced(const char *path, const char *shim)
{
    char interpreter[PATH_MAX];
    for (int depth = 0; depth <= INTERPRETER_DEPTH_MAX; depth++) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return SOCKATLAS_TRACEABLE; /* executable but unreadable: nothing is known against it */
        bool script = script_interpreter(fd, interpreter);
        enum sockatlas_untraced why = script ? SOCKATLAS_TRACEABLE : judge(fd, shim);
        close(fd);
        if (!script)
            return why;
        path = interpreter;
    }
    return SOCKATLAS_TRACEABLE;
}
