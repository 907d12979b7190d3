/* SPDX-License-Identifier: MIT
 *
 * Reads the head of an executable. ld.so(8): a preload is ignored in secure-execution mode and needs a dynamic program
 * of our own kind.
 */
#include "shim/target.h"

#include "shim/site.h"
#include "shim/sys_file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { HEAD = 512, SCRIPTS = 4, LINE = 256 /* what the kernel reads of a script */ };

#if defined(__x86_64__)
enum { MACHINE = EM_X86_64, CLASS = ELFCLASS64 };
#elif defined(__i386__)
enum { MACHINE = EM_386, CLASS = ELFCLASS32 };
#elif defined(__aarch64__)
enum { MACHINE = EM_AARCH64, CLASS = ELFCLASS64 };
#endif

/* A setuid or setgid bit that changes nothing, as in a process that set no_new_privs, does not make the execution
 * secure; file capabilities do unless root runs it. */
static bool is_secure(int fd)
{
    struct stat status;
    if (sys_fstat(fd, &status) < 0)
        return false;
    uint32_t user = sys_euid(), group = sys_egid();
    if (((status.st_mode & S_ISUID) && status.st_uid != user) ||
        ((status.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && status.st_gid != group))
        return sys(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1;
    return user != 0 && sys(SYS_fgetxattr, fd, "security.capability", NULL, 0) > 0;
}

/* The head of a program of either word size. */
struct program {
    unsigned machine, class, segments;
    uint64_t table;
};

struct segment {
    uint32_t type;
    uint64_t at, size;
};

static struct program read_head(const unsigned char head[HEAD])
{
    Elf32_Ehdr narrow;
    Elf64_Ehdr wide;
    memcpy(&narrow, head, sizeof(narrow));
    memcpy(&wide, head, sizeof(wide));
    if (head[EI_CLASS] == ELFCLASS32)
        return (struct program){narrow.e_machine, ELFCLASS32, narrow.e_phnum, narrow.e_phoff};
    return (struct program){wide.e_machine, head[EI_CLASS], wide.e_phnum, wide.e_phoff};
}

static bool read_segment(int fd, const struct program *program, unsigned index, struct segment *out)
{
    union {
        Elf32_Phdr narrow;
        Elf64_Phdr wide;
    } header;
    bool narrow = program->class == ELFCLASS32;
    size_t size = narrow ? sizeof(header.narrow) : sizeof(header.wide);
    if (sys_pread(fd, &header, size, program->table + index * size) != (long)size)
        return false;
    *out = narrow ? (struct segment){header.narrow.p_type, header.narrow.p_offset, header.narrow.p_filesz}
                  : (struct segment){header.wide.p_type, header.wide.p_offset, header.wide.p_filesz};
    return true;
}

/* Where LD_PRELOAD has "$LIB", the loaders of both word sizes find a shim of their own. */
static bool preloads_both(const char *shim)
{
    return strstr(shim, "$LIB") != NULL;
}

/* The loaders of glibc and musl are called ld-linux*, ld64*, ld-musl-* or ld.so*, and preload; klibc's, for one, is
 * called klibc-*.so and does not. */
static bool is_loader(const char *path)
{
    static const char *const begins[] = {"ld-", "ld.so", "ld64."};
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    for (size_t i = 0; i < sizeof(begins) / sizeof(*begins); i++)
        if (strncmp(name, begins[i], strlen(begins[i])) == 0)
            return true;
    return false;
}

/* musl's loader knows no $LIB: the folder of that name has the 64-bit shim. `path` is for its use, as `notes` below:
 * the stack of a program that executes another may be small. */
static enum sockatlas_untraced look_at_loader(int fd, const struct program *program, const struct segment *segment,
                                              bool both, char path[HEAD])
{
    size_t size = segment->size < HEAD ? (size_t)segment->size : HEAD - 1;
    path[size] = 0;
    if (sys_pread(fd, path, size, segment->at) != (long)size)
        return SOCKATLAS_TRACEABLE;
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    if (program->class == ELFCLASS32 && both && strncmp(name, "ld-musl", 7) == 0)
        return SOCKATLAS_UNTRACED_CLASS;
    return is_loader(name) ? SOCKATLAS_TRACEABLE : SOCKATLAS_UNTRACED_LIBC;
}

/* Whether the notes of a segment, which are longer in no program, have that of Go's linker: such a program makes its
 * system calls itself, also where it is dynamic because part of it is C. */
static bool is_go(int fd, const struct segment *segment, unsigned char notes[HEAD])
{
    size_t space = segment->size < HEAD ? (size_t)segment->size : HEAD;
    long size = sys_pread(fd, notes, space, segment->at);
    return size > 0 && site_is_go(notes, (size_t)size);
}

/* Whether the dynamic section asks for a library. */
static bool needs_library(int fd, const struct segment *segment, unsigned char scratch[HEAD])
{
    int64_t tag;
    for (uint64_t at = 0; at < segment->size; at += HEAD) {
        long size = sys_pread(fd, scratch, HEAD, segment->at + at);
        for (size_t i = 0; i < HEAD && (long)(i + sizeof(Elf64_Dyn)) <= size; i += sizeof(Elf64_Dyn)) {
            memcpy(&tag, scratch + i, sizeof(tag));
            if (tag == DT_NEEDED || tag == DT_NULL)
                return tag == DT_NEEDED;
        }
    }
    return false;
}

/* Go's own linker gives a loader to programs that need no library too, when they can be loaded anywhere. Those
 * are like static ones: their threads are none of libc's. */
static enum sockatlas_untraced look_at_interpreter(int fd, const struct program *program, bool both,
                                                   unsigned char scratch[HEAD])
{
    enum sockatlas_untraced found = SOCKATLAS_UNTRACED_STATIC;
    bool go = false, library = program->class == ELFCLASS32;
    for (unsigned i = 0; i < program->segments && i < 64; i++) {
        struct segment segment;
        if (!read_segment(fd, program, i, &segment))
            return SOCKATLAS_TRACEABLE;
        if (segment.type == PT_INTERP)
            found = look_at_loader(fd, program, &segment, both, (char *)scratch);
        go = go || (segment.type == PT_NOTE && is_go(fd, &segment, scratch));
        library = library || (segment.type == PT_DYNAMIC && needs_library(fd, &segment, scratch));
    }
    if (found != SOCKATLAS_TRACEABLE || !go)
        return found;
    return library ? SOCKATLAS_UNTRACED_GO : SOCKATLAS_UNTRACED_STATIC;
}

static bool is_preloadable(const struct program *program, bool both)
{
    bool wide = program->machine == EM_X86_64 && program->class == ELFCLASS64,
         narrow = program->machine == EM_386 && program->class == ELFCLASS32;
    return (program->machine == MACHINE && program->class == CLASS) || (both && (wide || narrow));
}

/* `head` is the beginning of the file, and is written over. */
static enum sockatlas_untraced look_at_elf(int fd, unsigned char head[HEAD], bool both)
{
    struct program program = read_head(head);
    if (!is_preloadable(&program, both))
        return SOCKATLAS_UNTRACED_CLASS;
    if (is_secure(fd))
        return SOCKATLAS_UNTRACED_SETUID;
    return look_at_interpreter(fd, &program, both, head);
}

/* Whether a loader of this process's root and mounts could map the shim to execute it. Where that cannot be told, it
 * could. */
static bool is_there(const char *shim)
{
    struct statfs status;
    long result = *shim == '/' ? sys_statfs(shim, &status) : 0;
    if (result < 0)
        return result != -ENOENT && result != -ENOTDIR && result != -EACCES;
    return *shim != '/' || !(status.f_flags & ST_NOEXEC);
}

/* The interpreter's path out of a "#!" line. */
static bool script_interpreter(const unsigned char head[HEAD], char path[LINE])
{
    size_t at = 2, size = 0;
    while (at < LINE && (head[at] == ' ' || head[at] == '\t'))
        at++;
    while (at < LINE && head[at] && !strchr(" \t\n", head[at]))
        path[size++] = (char)head[at++];
    path[size] = 0; /* less than LINE: "#!" is before it */
    return size > 0;
}

enum sockatlas_untraced target_untraced(int dirfd, const char *path, const char *shim)
{
    unsigned char head[HEAD];
    char interpreter[LINE] = {0};
    for (int depth = 0; depth < SCRIPTS; depth++) {
        memset(head, 0, sizeof(head));
        long fd = *path ? sys(SYS_openat, dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : dirfd;
        if (fd < 0)
            return SOCKATLAS_TRACEABLE;
        sys_pread(fd, head, sizeof(head), 0);
        enum sockatlas_untraced found = SOCKATLAS_TRACEABLE;
        bool elf = memcmp(head, ELFMAG, SELFMAG) == 0, script = head[0] == '#';
        if (elf)
            found = look_at_elf((int)fd, head, preloads_both(shim));
        if (found == SOCKATLAS_UNTRACED_STATIC && is_loader(path))
            found = SOCKATLAS_TRACEABLE; /* as is the program that it is told to load: it would not load a static one */
        if (found == SOCKATLAS_TRACEABLE && !script && !is_there(shim))
            found = SOCKATLAS_UNTRACED_SHIM;
        if (*path)
            sys(SYS_close, fd);
        if (!script || head[1] != '!' || !script_interpreter(head, interpreter))
            return found;
        path = interpreter;
        dirfd = AT_FDCWD;
    }
    return SOCKATLAS_TRACEABLE;
}

bool target_find(const char *name, const char *folders, char *path)
{
    size_t length = strlen(name);
    if (strchr(name, '/'))
        folders = NULL;
    else if (!folders)
        folders = "/bin:/usr/bin";
    if (!folders && length < TARGET_PATH_MAX)
        memcpy(path, name, length + 1);
    for (const char *at = folders; at && *at;) {
        size_t size = strcspn(at, ":");
        if (size + length + 2 < TARGET_PATH_MAX) {
            memcpy(path, at, size);
            path[size] = '/';
            memcpy(path + size + (size > 0), name, length + 1);
            if (sys(SYS_faccessat, AT_FDCWD, path, X_OK) == 0)
                return true;
        }
        at += size + (at[size] == ':');
    }
    return !folders && length < TARGET_PATH_MAX;
}
