/* SPDX-License-Identifier: MIT
 *
 * Reads SOCKATLAS_* and LD_PRELOAD. Runs once, at load. The only place of the shim that may write to stderr.
 */
#include "shim/config.h"

#include "shim/memory_log.h"
#include "shim/report.h"
#include "shim/sandbox.h"
#include "shim/storage.h"
#include "shim/sys_file.h"
#include "shim/trace_format.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of an address space of 32 bits a log shall take little, whatever is asked for. */
enum {
    WIDE = sizeof(void *) > 4,
    LIMIT_DEFAULT = WIDE ? 256 << 20 : 32 << 20,
    LIMIT_MOST_NARROW = 64 << 20,
    LIMIT_LEAST = 64 << 10,
};

struct config config;

/* What is read: the environment, or what attaching gave in its place; and where to say what is wrong with it. */
static char *const *settings;
static char *answer; /* NULL: on stderr */
static size_t answer_capacity;

static const char *variable(const char *name)
{
    for (char *const *entry = settings; entry && *entry; entry++) {
        const char *at = *entry, *wanted = name;
        while (*wanted && *at == *wanted) {
            at++;
            wanted++;
        }
        if (!*wanted && *at == '=')
            return at + 1;
    }
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
    if (sys_fstat(fd, &status) < 0)
        return false;
    return !S_ISREG(status.st_mode) ||
           (sys(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY);
}

/* One byte of a path or a value: as it is where it is printable ASCII, else so that no terminal takes it for more. */
static size_t put_byte(char *at, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    if (byte >= ' ' && byte <= '~') {
        *at = (char)byte;
        return 1;
    }
    memcpy(at, (char[]){'\\', 'x', digits[byte >> 4], digits[byte & 15]}, 4);
    return 4;
}

/* What is too long is cut. */
static void say_back(const char *const parts[], size_t count)
{
    size_t length = 0;
    for (size_t i = 0; i < count; i++)
        for (const char *from = parts[i]; *from && length + 1 < answer_capacity; from++)
            answer[length++] = *from;
    answer[length] = 0;
}

static void say(const char *what, const char *value, const char *why, const char *where)
{
    static const char end[] = "; not tracing\n";
    enum { SPACE = 2 * CONFIG_DIR_MAX + 160, LAST = SPACE - (sizeof(end) - 1) - 4 };
    char line[SPACE];
    size_t length = 0;
    if (answer) {
        say_back((const char *const[]){what, value, why, where}, 4);
        return;
    }
    const char *parts[] = {"sockatlas: ", what, value, why, where};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        for (const char *from = parts[i]; *from && length <= LAST; from++)
            length += put_byte(line + length, (unsigned char)*from);
    memcpy(line + length, end, sizeof(end) - 1);
    if (may_write(2))
        sys(SYS_write, 2, line, length + sizeof(end) - 1);
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

/* SOCKATLAS_RUN: 32 hexadecimal digits, the more significant half first. Anything else counts as none. */
static void read_run_id(const char *text)
{
    uint64_t id[2] = {0};
    if (!text)
        return;
    for (unsigned i = 0; i < 32; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9', letter = text[i] >= 'a' && text[i] <= 'f';
        if (!digit && !letter)
            return;
        id[i / 16] = id[i / 16] << 4 | (uint64_t)(digit ? text[i] - '0' : text[i] - 'a' + 10);
    }
    if (text[32])
        return;
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

static bool stands_at(const char *path, struct stat *status)
{
    return sys_fstatat(AT_FDCWD, path, status, AT_SYMLINK_NOFOLLOW) == 0 && status->st_dev == config.folder.device &&
           status->st_ino == config.folder.inode;
}

/* Where the folder that `run` named stands: at its path, or at DIR.old, where a later `run` moved it. Fills `path`. */
static bool find_known(char path[CONFIG_DIR_MAX], struct stat *status)
{
    static const char old[] = ".old";
    size_t size = strlen(config.dir);
    memcpy(path, config.dir, size + 1);
    if (stands_at(path, status))
        return true;
    if (size + sizeof(old) > CONFIG_DIR_MAX)
        return false;
    memcpy(path + size, old, sizeof(old));
    return stands_at(path, status);
}

static bool restricted;

void config_restricted(void)
{
    restricted = true;
}

/* A file without a name leaves nothing behind. */
static bool may_make_files(const char *path)
{
    if (sys(SYS_faccessat, AT_FDCWD, path, W_OK | X_OK) < 0)
        return false;
    if (!restricted)
        return true;
    long fd = sys(SYS_openat, AT_FDCWD, path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        sys(SYS_close, fd);
    return fd != -EACCES;
}

bool config_dir_writable(void)
{
    struct stat status;
    char path[CONFIG_DIR_MAX];
    if (!config.folder.inode)
        return may_make_files(config.dir);
    return find_known(path, &status) && may_make_files(path);
}

/* Where `run` is about, an image without a log counts what it loses in `run`'s. */
static bool ledger_writable(char path[CONFIG_DIR_MAX])
{
    static const char name[] = "/" SOCKATLAS_RUN_NAME SOCKATLAS_SUFFIX;
    size_t size = strlen(path);
    if (size + sizeof(name) > CONFIG_DIR_MAX)
        return false;
    memcpy(path + size, name, sizeof(name));
    bool may = sys(SYS_faccessat, AT_FDCWD, path, R_OK | W_OK) >= 0;
    path[size] = 0;
    return may;
}

static bool takes_records(char path[CONFIG_DIR_MAX])
{
    return sys(SYS_faccessat, AT_FDCWD, path, W_OK | X_OK) >= 0 || ledger_writable(path);
}

/* `run` made the folder and checked what leads there; its process may still be another user's, and the folder gone. */
static bool unchecked;

void config_check(void)
{
    struct stat status;
    char path[CONFIG_DIR_MAX];
    if (!unchecked)
        return;
    unchecked = false;
    if (find_known(path, &status) && takes_records(path))
        return;
    config.on = false;
    if (config.run_text[0])
        report_unreachable(config.run_text);
}

/* A folder that stands already. */
static bool check_writable(uint32_t owner)
{
    if (takes_records(config.dir))
        return true;
    /* In another user's folder a traced program has given up its rights and executed this one, which must not show for
     * that; the EXEC record before tells. */
    if (owner == config.user)
        say("", config.dir, ": cannot be written to", "");
    return false;
}

/* Where neither the file system of the folder at `path` keeps space for logs nor memory is to be had, there will be
 * none. Memory first: a network file system may have to ask its server. */
static bool check_storage(const char *path)
{
    if (memory_log_possible() || storage_known(path))
        return true;
    say(config.dir,
        ": its file system does not keep space for logs, and " SOCKATLAS_MEMORY_DIR " cannot be used instead", "", "");
    return false;
}

/* The folder stands already. */
static bool check_folder(int fd)
{
    struct folder_trouble trouble;
    struct stat status;
    if (!folder_usable(fd, NULL, &config.found, &trouble)) {
        say(config.dir, ": ", folder_words(&trouble), "");
        return false;
    }
    return sys_fstat(fd, &status) == 0 && check_writable(status.st_uid);
}

/* A folder that does not exist yet is made with the first log; one that cannot take files is worth a line now. With
 * each log it is looked whether that folder is still there, so no descriptor need be held on it now. */
static bool find_by_path(void)
{
    struct folder_trouble trouble;
    char real[CONFIG_DIR_MAX];
    struct stat status;
    config.found.inode = 0;
    if (folder_plain(config.dir, config.user, &status)) {
        config.found = (struct folder_id){.device = status.st_dev, .inode = status.st_ino};
        return check_writable(status.st_uid) && check_storage(config.dir);
    }
    long parent = folder_walk(config.dir, real, NULL, &trouble);
    if (parent < 0) {
        if (trouble.error == EACCES)
            return false; /* as in check_writable() */
        if (trouble.error == EMFILE || trouble.error == ENFILE)
            return true; /* there may be a descriptor to spare when the log is made, which looks again */
        bool where = trouble.fault == FOLDER_FAULT_ANCESTOR || trouble.fault == FOLDER_FAULT_LINK;
        say(config.dir, ": ", folder_words(&trouble), where ? real : "");
        return false;
    }
    memcpy(config.dir, real, sizeof(real));
    const char *name = strrchr(config.dir, '/') + 1;
    long fd = sys(SYS_openat, parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    bool good = fd >= 0 ? check_folder((int)fd) : fd == -ENOENT && sys(SYS_faccessat, parent, ".", W_OK | X_OK) >= 0;
    if (fd < 0 && !good)
        say("", config.dir, ": cannot be made", "");
    if (good && fd < 0)
        real[name == config.dir + 1 ? 1 : name - config.dir - 1] = 0;
    good = good && check_storage(real);
    if (fd >= 0)
        sys(SYS_close, fd);
    sys(SYS_close, parent);
    return good;
}

static bool separates(char c)
{
    return c == ':' || c == ' ';
}

/* Without strcspn(3), whose code and tables are pages that nothing else touches at load. */
static size_t entry_size(const char *list)
{
    size_t size = 0;
    while (list[size] && !separates(list[size]))
        size++;
    return size;
}

/* The entry of LD_PRELOAD (separated by colons or spaces) whose last part is our file name. */
static void find_shim(const char *list)
{
    static const char name[] = "libsockatlas.so";
    while (*list) {
        size_t size = entry_size(list);
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
        while (separates(*list))
            list++;
    }
}

/* "DEVICE:INODE:PATH", where PATH is what SOCKATLAS_DIR says too: with another SOCKATLAS_DIR it means nothing. */
static void read_folder(const char *text)
{
    struct folder_id id = {0, 0};
    if (!text)
        return;
    for (; *text >= '0' && *text <= '9'; text++)
        id.device = id.device * 10 + (uint64_t)(*text - '0');
    if (*text++ != ':')
        return;
    for (; *text >= '0' && *text <= '9'; text++)
        id.inode = id.inode * 10 + (uint64_t)(*text - '0');
    if (*text == ':' && strcmp(text + 1, config.dir) == 0)
        config.folder = id;
}

/* SOCKATLAS_PATCH: where sockatlas-patch is, as `run` has it; 1: beside the shim, whose path may have a folder "$LIB"
 * in it. */
static void read_patcher(const char *text)
{
    static const char name[] = "sockatlas-patch", choice[] = "/$LIB/";
    if (!is_set(text))
        return;
    if (*text == '/') {
        size_t size = strnlen(text, sizeof(config.patcher));
        if (size < sizeof(config.patcher))
            memcpy(config.patcher, text, size + 1);
        return;
    }
    const char *end = strstr(config.shim, choice);
    if (!end)
        end = strrchr(config.shim, '/');
    if (config.shim[0] != '/' || !end || (size_t)(end - config.shim) + 1 + sizeof(name) > sizeof(config.patcher))
        return;
    size_t folder = (size_t)(end - config.shim) + 1;
    memcpy(config.patcher, config.shim, folder);
    memcpy(config.patcher + folder, name, sizeof(name));
}

/* SOCKATLAS_LOG_FD, which only attaching gives: the log is made already, in a folder that cannot be reached from here.
 */
static void read_given_log(const char *descriptor)
{
    if (!config.attached || !descriptor)
        return;
    config.elsewhere = true;
    config.log_given = (int)parse_size(descriptor) + 1;
    unchecked = false;
}

static void read_settings(void)
{
    const char *filters = variable("SOCKATLAS_FILTERS");
    if (filters && *filters >= '0' && *filters <= '9') {
        if (WIDE || filters[0] == '0') /* `run` has tried the calls of its own word size */
            sandbox_trust((int)parse_size(filters));
        memcpy(config.filters_text, filters, strnlen(filters, sizeof(config.filters_text) - 1));
    }
    const char *preload = variable("LD_PRELOAD");
    find_shim(preload ? preload : "");
    if (is_set(variable("SOCKATLAS_OFF")))
        return;
    read_run_id(variable("SOCKATLAS_RUN"));
    read_patcher(variable("SOCKATLAS_PATCH"));
    config.io = is_set(variable("SOCKATLAS_IO"));
    config.no_cmdline = is_set(variable("SOCKATLAS_NO_CMDLINE"));
    config.across_users = is_set(variable("SOCKATLAS_ACROSS_USERS"));
    config.user = config.attached ? (uint32_t)sys(SYS_geteuid) : (uint32_t)getauxval(AT_EUID);
    config.limit = LIMIT_DEFAULT;
    const char *limit = variable("SOCKATLAS_LIMIT");
    if (limit && *limit) {
        config.limit = parse_size(limit);
        if (config.limit < LIMIT_LEAST) {
            say("SOCKATLAS_LIMIT=", limit, ": want a size of at least 64K, as 16M", "");
            return;
        }
        if (!WIDE && config.limit > LIMIT_MOST_NARROW)
            config.limit = LIMIT_MOST_NARROW;
        memcpy(config.limit_text, limit, strnlen(limit, sizeof(config.limit_text) - 1));
    }
    const char *dir = variable("SOCKATLAS_DIR");
    if (!dir || !*dir)
        dir = "sockatlas.data";
    if (!make_absolute(config.dir, dir, strlen(dir))) {
        say("SOCKATLAS_DIR=", dir, ": no such place, or its name is too long", "");
        return;
    }
    read_folder(variable("SOCKATLAS_FOLDER"));
    unchecked = config.folder.inode;
    read_given_log(variable("SOCKATLAS_LOG_FD"));
    config.on = unchecked || config.elsewhere || find_by_path();
}

void config_read(bool late)
{
    static bool done;
    if (__atomic_exchange_n(&done, true, __ATOMIC_RELAXED)) /* to read before writing would be two page faults */
        return;
    settings = environ;
    config.late = late;
    if (!late || variable("SOCKATLAS_DIR"))
        read_settings();
}

bool config_attach(char *const *given, char *why, size_t size)
{
    config = (struct config){.late = config.late, .attached = true};
    settings = given;
    answer = why;
    answer_capacity = size;
    why[0] = 0;
    read_settings();
    config_check();
    if (!config.on && !why[0])
        say("", config.dir, ": the process's user cannot record into it", "");
    answer = NULL;
    settings = NULL;
    return config.on;
}
