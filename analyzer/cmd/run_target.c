/* SPDX-License-Identifier: MIT
 *
 * The program that `run` is asked to start: where it is, and what is preloaded into it. Reads files, starts nothing.
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
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

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

static bool read_elf(int fd, ElfW(Ehdr) * elf)
{
    return pread(fd, elf, sizeof *elf, 0) == (ssize_t)sizeof *elf && memcmp(elf->e_ident, ELFMAG, SELFMAG) == 0;
}

/* Of this program's machine, of either word size. */
static bool is_own_kind(const ElfW(Ehdr) * elf)
{
    static const int machines[] = {
#if defined(__x86_64__) || defined(__i386__)
        EM_X86_64,
        EM_386,
#elif defined(__aarch64__)
        EM_AARCH64,
#endif
    };
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++)
        if (elf->e_machine == machines[i])
            return true;
    return false;
}

bool run_target_preloadable(const char *path)
{
    ElfW(Ehdr) elf;
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    bool good = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && read_elf(fd, &elf) && elf.e_type == ET_DYN &&
                is_own_kind(&elf);
    int error = 0;
    if (good) { /* as the loader will, which goes on without it otherwise: not where it is mounted noexec */
        void *mapped = mmap(NULL, sizeof elf, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
        good = mapped != MAP_FAILED;
        error = good ? 0 : errno;
        if (good)
            munmap(mapped, sizeof elf);
    }
    close(fd);
    errno = error;
    return good;
}

void run_target_preload(char *shim)
{
    char both[PATH_MAX];
    const char *name = strrchr(shim, '/');
    int size = snprintf(both, sizeof both, "%.*s/$LIB%s", (int)(name - shim), shim, name);
    /* musl's loader takes "$LIB" as a folder's name, so there is one. */
    if (size < (int)sizeof both && access(both, R_OK) == 0)
        memcpy(shim, both, (size_t)size + 1);
}
