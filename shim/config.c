/* SPDX-License-Identifier: MIT
 *
 * Reads SOCKATLAS_* and LD_PRELOAD. Runs once, at load. The only place of the shim that may write to stderr.
 */
#include "shim/config.h"

#include "shim/sys.h"
#include "shim/trace_format.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LIMIT_DEFAULT = 256 << 20, LIMIT_LEAST = 64 << 10 };

struct config config;

static const char *variable(const char *name)
{
    size_t length = strlen(name);
    for (char **entry = environ; entry && *entry; entry++)
        if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=')
            return *entry + length + 1;
    return NULL;
}

static bool is_set(const char *value)
{
    return value && *value && strcmp(value, "0") != 0;
}

/* A file under RLIMIT_FSIZE raises SIGXFSZ where it ends: then rather say nothing. */
static bool may_write(int fd)
{
    struct stat status;
    struct rlimit limit;
    if (sys(SYS_fstat, fd, &status) < 0)
        return false;
    return !S_ISREG(status.st_mode) ||
           (sys(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY);
}

static void say(const char *what, const char *value, const char *why)
{
    char line[CONFIG_DIR_MAX + 160];
    size_t length = 0;
    const char *parts[] = {"sockatlas: ", what, value, why, "; not tracing\n"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        for (const char *from = parts[i]; *from && length < sizeof(line); from++)
            line[length++] = *from;
    if (may_write(2))
        sys(SYS_write, 2, line, length);
}

/* A number with an optional K, M or G; 0 when it is none. */
static uint64_t parse_size(const char *text)
{
    uint64_t value = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (value > UINT64_MAX / 100)
            return 0;
        value = value * 10 + (uint64_t)(*at - '0');
    }
    if (at == text)
        return 0;
    static const char units[] = "KMG";
    const char *unit = *at ? strchr(units, *at & ~0x20) : NULL;
    if (*at && (!unit || !*unit || at[1]))
        return 0;
    unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    return value > (UINT64_MAX >> shift) ? 0 : value << shift;
}

/* SOCKATLAS_RUN: 32 hexadecimal digits, the more significant half first. Anything else is as good as none. */
static void read_run_id(const char *text)
{
    uint64_t id[2] = {0};
    if (!text || strlen(text) != 32 || strspn(text, "0123456789abcdef") != 32)
        return;
    for (unsigned i = 0; i < 32; i++)
        id[i / 16] = id[i / 16] << 4 | (uint64_t)(text[i] <= '9' ? text[i] - '0' : text[i] - 'a' + 10);
    memcpy(config.run_id, id, sizeof(id));
    memcpy(config.run_text, text, 32);
}

/* Copies `size` bytes of a path to `out`, made absolute. */
static bool make_absolute(char out[CONFIG_DIR_MAX], const char *value, size_t size)
{
    size_t length = 0;
    if (value[0] != '/') {
        long got = sys(SYS_getcwd, out, CONFIG_DIR_MAX);
        if (got <= 1 || out[0] != '/')
            return false;
        length = (size_t)got - 1;
        if (length > 1)
            out[length++] = '/';
        if (size > 2 && value[0] == '.' && value[1] == '/') {
            value += 2;
            size -= 2;
        }
    }
    if (length + size + 1 > CONFIG_DIR_MAX)
        return false;
    memcpy(out + length, value, size);
    out[length + size] = 0;
    return true;
}

bool config_dir_writable(void)
{
    return sys(SYS_faccessat, AT_FDCWD, config.dir, W_OK | X_OK) >= 0;
}

/* The folder is to be made with the first log: can it be? */
static const char *parent_trouble(void)
{
    char *slash = strrchr(config.dir, '/');
    *slash = 0;
    long result = sys(SYS_faccessat, AT_FDCWD, *config.dir ? config.dir : "/", W_OK | X_OK);
    *slash = '/';
    return result < 0 ? ": cannot be made" : NULL;
}

/* Where `run` is about, an image without a log counts what it loses in `run`'s. */
static bool ledger_writable(void)
{
    static const char name[] = "/" SOCKATLAS_RUN_NAME SOCKATLAS_SUFFIX;
    size_t size = strlen(config.dir);
    if (size + sizeof(name) > sizeof(config.dir))
        return false;
    memcpy(config.dir + size, name, sizeof(name));
    bool may = sys(SYS_faccessat, AT_FDCWD, config.dir, R_OK | W_OK) >= 0;
    config.dir[size] = 0;
    return may;
}

/* A folder that does not exist yet is made with the first log; one that cannot take files is worth a line now:
 * returned.
 * "": another user's folder. Then a traced program has given up its rights and executed this one, which must not show
 * for that; the EXEC record before tells. */
static const char *dir_trouble(void)
{
    struct stat status;
    long result = sys(SYS_newfstatat, AT_FDCWD, config.dir, &status, 0);
    if (result == -ENOENT)
        return parent_trouble();
    if (result < 0)
        return result == -EACCES ? "" : ": cannot be used";
    if (!S_ISDIR(status.st_mode))
        return ": not a folder";
    if (config_dir_writable() || ledger_writable())
        return NULL;
    return status.st_uid == (uint32_t)sys(SYS_getuid) ? ": cannot be written to" : "";
}

/* The entry of LD_PRELOAD (separated by colons or spaces) whose last part is our file name. */
static void find_shim(const char *list)
{
    static const char name[] = "libsockatlas.so";
    while (list && *list) {
        size_t size = strcspn(list, ": ");
        bool ours = size >= sizeof(name) - 1 && memcmp(list + size - (sizeof(name) - 1), name, sizeof(name) - 1) == 0;
        if (ours && size < sizeof(config.shim)) {
            /* A bare name is looked up in the library path; a path that cannot be made absolute would not load
             * elsewhere. */
            if (!memchr(list, '/', size))
                memcpy(config.shim, list, size);
            else if (!make_absolute(config.shim, list, size))
                config.shim[0] = 0;
            return;
        }
        list += size;
        list += strspn(list, ": ");
    }
}

void config_read(void)
{
    static bool done;
    if (done)
        return;
    done = true;
    find_shim(variable("LD_PRELOAD"));
    if (is_set(variable("SOCKATLAS_OFF")))
        return;
    read_run_id(variable("SOCKATLAS_RUN"));
    config.io = is_set(variable("SOCKATLAS_IO"));
    config.limit = LIMIT_DEFAULT;
    const char *limit = variable("SOCKATLAS_LIMIT");
    if (limit && *limit) {
        config.limit = parse_size(limit);
        if (config.limit < LIMIT_LEAST) {
            say("SOCKATLAS_LIMIT=", limit, ": want a size of at least 64K, as 16M");
            return;
        }
        memcpy(config.limit_text, limit, strnlen(limit, sizeof(config.limit_text) - 1));
    }
    const char *dir = variable("SOCKATLAS_DIR");
    if (!dir || !*dir)
        dir = "sockatlas.data";
    if (!make_absolute(config.dir, dir, strlen(dir))) {
        say("SOCKATLAS_DIR=", dir, ": no such place, or its name is too long");
        return;
    }
    const char *trouble = dir_trouble();
    if (trouble) {
        if (*trouble)
            say("", config.dir, trouble);
        return;
    }
    config.on = true;
}
