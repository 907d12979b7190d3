/* SPDX-License-Identifier: MIT
 *
 * Wrappers that start programs: the exec family, posix_spawn. Each is wrapped by itself, since libc's do not pass
 * through one another's names. They put back into the new environment what keeps the tracing going. Callable from
 * anywhere, vfork children above all: what they need is neither allocated nor on the stack (scratch.h).
 */
#include "shim/environment.h"
#include "shim/hook.h"
#include "shim/launch.h"
#include "shim/load.h"
#include "shim/memory.h"
#include "shim/record.h"
#include "shim/scratch.h"
#include "shim/sys.h"
#include "shim/target.h"
#include "shim/watch.h"

#include <limits.h>
#include <stdarg.h>
#include <string.h>

/* An exec as it was asked for. */
struct exec {
    enum sockatlas_call call;
    int dirfd;        /* execveat, fexecve */
    int flags;        /* execveat */
    const char *path; /* or name to look up */
    char *const *argv;
    char *const *envp;
    bool search; /* in PATH */
};

/* What is known of it before the call. */
struct known {
    struct environment environment;
    size_t path_size; /* MEMORY_UNREADABLE */
};

/* Looks at the arguments, which may be no memory at all: then the real call will say so. */
static void look(struct known *known, const struct exec *exec)
{
    environment_read(&known->environment, exec->envp);
    known->path_size = memory_text(&(struct memory_walk){0}, exec->path, PATH_MAX);
}

static size_t path_kept(const struct known *known)
{
    enum { KEPT = 1024 };
    return known->path_size == MEMORY_UNREADABLE ? 0 : known->path_size < KEPT ? known->path_size : KEPT;
}

/* The environment for the new image, with the memory that it may need. */
static char *const *prepare(const struct exec *exec, const struct known *known, struct scratch *scratch)
{
    *scratch = scratch_take(environment_size(&known->environment));
    return scratch->memory ? environment_build(&known->environment, scratch->memory) : exec->envp;
}

/* What can be traced, by whoever the process is now. */
static enum sockatlas_untraced untraced_by_user(const struct environment *environment)
{
    if (config.elsewhere)
        return SOCKATLAS_UNTRACED_SHIM;
    /* The kernel then tells the loader to ignore the preload. */
    if (sys_uid() != sys_euid() || sys_gid() != sys_egid())
        return SOCKATLAS_UNTRACED_SETUID;
    bool follows = environment_follows();
    if (!follows && !environment_preloads(environment))
        return SOCKATLAS_UNTRACED_USER;
    if (log_is_open() && !config_dir_writable())
        return follows ? SOCKATLAS_UNTRACED_FOLDER : SOCKATLAS_UNTRACED_USER;
    return SOCKATLAS_TRACEABLE;
}

/* One that is without a libc to interpose on can be followed by other means, where the caller is the one who executes
 * it. */
static enum sockatlas_untraced launch(const struct exec *exec, const struct known *known, const char *path,
                                      struct launch *launch)
{
    if (!launch || !config.patcher[0] || exec->dirfd != AT_FDCWD)
        return SOCKATLAS_UNTRACED_STATIC;
    enum sockatlas_untraced why = untraced_by_user(&known->environment);
    return why == SOCKATLAS_TRACEABLE ? launch_begin(launch, config.patcher, path) : why;
}

static enum sockatlas_untraced untraced_by_target(const struct exec *exec, const struct known *known,
                                                  struct launch *launching)
{
    char found[TARGET_PATH_MAX];
    const char *path = exec->path;
    if (exec->search) {
        struct environment own;
        environment_read(&own, environ);
        if (!target_find(exec->path, own.values[ENVIRONMENT_PATH], found))
            return SOCKATLAS_TRACEABLE;
        path = found;
    }
    enum sockatlas_untraced why = target_untraced(exec->dirfd, path, config.shim);
    if (why == SOCKATLAS_UNTRACED_GO && config.patcher[0]) /* it does that by itself, and says if it cannot */
        return SOCKATLAS_TRACEABLE;
    return why == SOCKATLAS_UNTRACED_STATIC ? launch(exec, known, path, launching) : why;
}

/* `launching`: NULL where libc executes the program. */
static enum sockatlas_untraced untraced(const struct exec *exec, const struct known *known, struct launch *launching)
{
    if (environment_refuses(&known->environment))
        return SOCKATLAS_UNTRACED_REFUSED;
    if (sandbox_inside())
        return SOCKATLAS_UNTRACED_SANDBOX;
    if (known->path_size == MEMORY_UNREADABLE)
        return SOCKATLAS_TRACEABLE;
    enum sockatlas_untraced why = untraced_by_target(exec, known, launching);
    return why == SOCKATLAS_TRACEABLE ? untraced_by_user(&known->environment) : why;
}

/* A process without a log gets one only to say that it starts what cannot be traced. */
static bool record_exec(const struct exec *exec, const struct known *known, struct launch *launching)
{
    enum sockatlas_untraced why = untraced(exec, known, launching);
    if (!log_is_open() && why == SOCKATLAS_TRACEABLE)
        return false;
    size_t length = path_kept(known);
    struct sockatlas_body_exec body = {.path_size = (uint16_t)length, .untraced = (uint8_t)why};
    struct record record = {.kind = SOCKATLAS_EXEC, .call = exec->call, .fd = -1};
    record_write(&record, &body, sizeof(body), exec->path, length);
    return true;
}

static int call_real(const struct exec *exec, char *const *envp)
{
    switch (exec->call) {
    case SOCKATLAS_CALL_execveat:
        return real.execveat(exec->dirfd, exec->path, exec->argv, envp, exec->flags);
    case SOCKATLAS_CALL_fexecve:
        return real.fexecve(exec->dirfd, exec->argv, envp);
    default:
        return exec->search ? real.execvpe(exec->path, exec->argv, envp) : real.execve(exec->path, exec->argv, envp);
    }
}

static int exec_traced(const struct exec *exec)
{
    if (!config.on)
        return call_real(exec, exec->envp);
    struct known known;
    struct scratch scratch;
    look(&known, exec);
    struct launch launching = {.pipe = -1};
    bool recorded = record_exec(exec, &known, &launching);
    char *const *environment = prepare(exec, &known, &scratch);
    unsigned was = process_goes();
    int result = call_real(exec, environment);
    int error = hook_error(result);
    launch_end(&launching);
    process_stays(was);
    scratch_give(&scratch);
    if (recorded) {
        struct record record = {.kind = SOCKATLAS_EXEC_FAILED, .call = exec->call, .error = error, .fd = -1};
        record_write(&record, "", 0, NULL, 0);
    }
    return result;
}

/* The process becomes another program. */
HOOK int execve(const char *path, char *const argv[], char *const envp[])
{
    load_ready();
    return exec_traced(
        &(struct exec){.call = SOCKATLAS_CALL_execve, .dirfd = AT_FDCWD, .path = path, .argv = argv, .envp = envp});
}

/* With this environment. */
HOOK int execv(const char *path, char *const argv[])
{
    load_ready();
    return exec_traced(
        &(struct exec){.call = SOCKATLAS_CALL_execv, .dirfd = AT_FDCWD, .path = path, .argv = argv, .envp = environ});
}

/* Looked up in PATH. */
HOOK int execvp(const char *name, char *const argv[])
{
    load_ready();
    return exec_traced(&(struct exec){
        .call = SOCKATLAS_CALL_execvp, .dirfd = AT_FDCWD, .path = name, .argv = argv, .envp = environ, .search = true});
}

/* Looked up in PATH, with an environment. */
HOOK int execvpe(const char *name, char *const argv[], char *const envp[])
{
    load_ready();
    return exec_traced(&(struct exec){
        .call = SOCKATLAS_CALL_execvpe, .dirfd = AT_FDCWD, .path = name, .argv = argv, .envp = envp, .search = true});
}

/* Relative to a folder, or an open file. musl has no such name. */
HOOK int execveat(int dirfd, const char *path, char *const argv[], char *const envp[], int flags)
{
    load_ready();
    if (!real.execveat) {
        errno = ENOSYS;
        return -1;
    }
    return exec_traced(&(struct exec){
        .call = SOCKATLAS_CALL_execveat, .dirfd = dirfd, .flags = flags, .path = path, .argv = argv, .envp = envp});
}

/* An open file. */
HOOK int fexecve(int fd, char *const argv[], char *const envp[])
{
    load_ready();
    if (!envp) /* glibc: EINVAL; elsewhere an empty one is no error */
        return real.fexecve(fd, argv, envp);
    return exec_traced(
        &(struct exec){.call = SOCKATLAS_CALL_fexecve, .dirfd = fd, .path = "", .argv = argv, .envp = envp});
}

/* How many pointers an argv for these arguments has, its NULL included. */
static size_t count_arguments(const char *first, va_list *arguments)
{
    size_t count = 1;
    for (const char *argument = first; argument; argument = va_arg(*arguments, char *))
        count++;
    return count;
}

static void collect_arguments(char **argv, const char *first, va_list *arguments)
{
    const char *argument = first;
    for (; argument; argument = va_arg(*arguments, char *))
        *argv++ = (char *)argument;
    *argv = NULL;
}

/* Arguments in the call. */
HOOK int execl(const char *path, const char *argument, ...)
{
    load_ready();
    va_list arguments;
    va_start(arguments, argument);
    char *argv[count_arguments(argument, &arguments)];
    va_end(arguments);
    va_start(arguments, argument);
    collect_arguments(argv, argument, &arguments);
    va_end(arguments);
    return exec_traced(
        &(struct exec){.call = SOCKATLAS_CALL_execl, .dirfd = AT_FDCWD, .path = path, .argv = argv, .envp = environ});
}

/* Arguments in the call, looked up in PATH. */
HOOK int execlp(const char *name, const char *argument, ...)
{
    load_ready();
    va_list arguments;
    va_start(arguments, argument);
    char *argv[count_arguments(argument, &arguments)];
    va_end(arguments);
    va_start(arguments, argument);
    collect_arguments(argv, argument, &arguments);
    va_end(arguments);
    return exec_traced(&(struct exec){
        .call = SOCKATLAS_CALL_execlp, .dirfd = AT_FDCWD, .path = name, .argv = argv, .envp = environ, .search = true});
}

/* Arguments and, behind their NULL, an environment in the call. */
HOOK int execle(const char *path, const char *argument, ...)
{
    load_ready();
    va_list arguments;
    va_start(arguments, argument);
    char *argv[count_arguments(argument, &arguments)];
    va_end(arguments);
    va_start(arguments, argument);
    collect_arguments(argv, argument, &arguments);
    char *const *envp = va_arg(arguments, char *const *);
    va_end(arguments);
    return exec_traced(
        &(struct exec){.call = SOCKATLAS_CALL_execle, .dirfd = AT_FDCWD, .path = path, .argv = argv, .envp = envp});
}

/* After a spawn: the child's log, if it makes one, says the rest. */
static void record_spawn(const struct exec *exec, const struct known *known, enum sockatlas_untraced why, int error,
                         pid_t child)
{
    if (!log_is_open() && (why == SOCKATLAS_TRACEABLE || error))
        return;
    size_t length = path_kept(known);
    struct sockatlas_body_spawn body = {
        .child_pid = error ? 0 : (uint32_t)child, .path_size = (uint16_t)length, .untraced = (uint8_t)why};
    struct record record = {.kind = SOCKATLAS_SPAWN, .call = exec->call, .error = error, .fd = -1};
    record_write(&record, &body, sizeof(body), exec->path, length);
}

/* A program without a libc to interpose on, that libc executes in a child of its own making: there sockatlas-patch is
 * executed in its place, which has this object preloaded and executes the program as anybody does (its main.c). */
struct spawning {
    char *const *environment;
    char *const *argv; /* sockatlas-patch's; NULL: the program is executed as it is */
};

/* With the NULL. 0: they cannot be read. */
static size_t count_readable(char *const *argv)
{
    struct memory_walk walk = {0};
    for (size_t count = 0; argv; count++)
        if (!memory_walk(&walk, argv + count) || !memory_walk(&walk, (const char *)(argv + count + 1) - 1))
            break;
        else if (!argv[count])
            return count + 1;
    return 0;
}

/* Not where the child might be in another folder, or where there would be an error to tell: then the caller would learn
 * of it as the child's exit status only. */
static bool goes_through(const struct exec *exec, const struct known *known, const posix_spawn_file_actions_t *actions,
                         char path[TARGET_PATH_MAX])
{
    struct environment own;
    environment_read(&own, environ);
    bool found =
        exec->search ? target_find(exec->path, own.values[ENVIRONMENT_PATH], path) : known->path_size < TARGET_PATH_MAX;
    if (!exec->search && found)
        memcpy(path, exec->path, known->path_size + 1);
    return found && config.patcher[0] && untraced_by_user(&known->environment) == SOCKATLAS_TRACEABLE &&
           (path[0] == '/' || !actions) && sys(SYS_faccessat, AT_FDCWD, path, X_OK) == 0 &&
           sys(SYS_faccessat, AT_FDCWD, config.patcher, X_OK) == 0;
}

/* As prepare() does. `why`: why the program itself cannot be traced. */
static struct spawning prepare_spawn(const struct exec *exec, const struct known *known, enum sockatlas_untraced why,
                                     const posix_spawn_file_actions_t *actions, struct scratch *scratch)
{
    enum { BEFORE = 3 }; /* arguments before the program's own: sockatlas-patch, "exec", its path */
    size_t environment = environment_size(&known->environment);
    size_t count = why == SOCKATLAS_UNTRACED_STATIC ? count_readable(exec->argv) : 0;
    size_t pointers = count ? (BEFORE + count) * sizeof(char *) : 0, own = count ? pointers + TARGET_PATH_MAX : 0;
    struct spawning spawning = {.environment = exec->envp};
    *scratch = scratch_take(own + environment);
    if (environment && scratch->memory)
        spawning.environment = environment_build(&known->environment, (char *)scratch->memory + own);
    if (own && scratch->memory && goes_through(exec, known, actions, (char *)scratch->memory + pointers)) {
        char **argv = scratch->memory;
        argv[0] = config.patcher;
        argv[1] = (char *)"exec";
        argv[2] = (char *)scratch->memory + pointers;
        memcpy(argv + BEFORE, exec->argv, count * sizeof(char *));
        spawning.argv = argv;
    }
    return spawning;
}

typedef int spawn_function(pid_t *restrict, const char *restrict, const posix_spawn_file_actions_t *,
                           const posix_spawnattr_t *restrict, char *const[restrict], char *const[restrict]);

static int spawn_traced(const struct exec *exec, spawn_function *function, pid_t *child,
                        const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes)
{
    if (!config.on)
        return function(child, exec->path, actions, attributes, exec->argv, exec->envp);
    struct known known;
    struct scratch scratch;
    pid_t own = 0;
    pid_t *pid = child ? child : &own;
    look(&known, exec);
    enum sockatlas_untraced why = untraced(exec, &known, NULL);
    struct spawning spawning = prepare_spawn(exec, &known, why, actions, &scratch);
    process_spawning();
    int error = spawning.argv
                    ? real.posix_spawn(pid, config.patcher, actions, attributes, spawning.argv, spawning.environment)
                    : function(pid, exec->path, actions, attributes, exec->argv, spawning.environment);
    scratch_give(&scratch);
    record_spawn(exec, &known, spawning.argv ? SOCKATLAS_TRACEABLE : why, error, error ? 0 : *pid);
    return error;
}

/* A new process with another program. */
HOOK int posix_spawn(pid_t *restrict child, const char *restrict path,
                     const posix_spawn_file_actions_t *restrict actions, const posix_spawnattr_t *restrict attributes,
                     char *const argv[restrict], char *const envp[restrict])
{
    load_ready();
    struct exec exec = {
        .call = SOCKATLAS_CALL_posix_spawn, .dirfd = AT_FDCWD, .path = path, .argv = argv, .envp = envp};
    return spawn_traced(&exec, real.posix_spawn, child, actions, attributes);
}

/* The same, looked up in PATH. */
HOOK int posix_spawnp(pid_t *child, const char *name, const posix_spawn_file_actions_t *actions,
                      const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
    load_ready();
    struct exec exec = {.call = SOCKATLAS_CALL_posix_spawnp,
                        .dirfd = AT_FDCWD,
                        .path = name,
                        .argv = argv,
                        .envp = envp,
                        .search = true};
    return spawn_traced(&exec, real.posix_spawnp, child, actions, attributes);
}

/* system() and popen() start /bin/sh with the process's own environment; libc does that by ways of its own, so it
 * cannot be mended here. */
static void record_shell(enum sockatlas_call call, const char *command, int error)
{
    if (!config.on || !command)
        return;
    struct known known;
    look(&known, &(struct exec){.path = config.no_cmdline ? "sh" : command, .envp = environ});
    const struct environment *own = &known.environment;
    enum sockatlas_untraced why = environment_refuses(own)     ? SOCKATLAS_UNTRACED_REFUSED
                                  : sandbox_inside()           ? SOCKATLAS_UNTRACED_SANDBOX
                                  : !environment_preloads(own) ? SOCKATLAS_UNTRACED_ENVIRONMENT
                                                               : untraced_by_user(own);
    if (!log_is_open() && why == SOCKATLAS_TRACEABLE)
        return;
    if (config.no_cmdline)
        command = "sh";
    size_t length = path_kept(&known);
    struct sockatlas_body_spawn body = {.path_size = (uint16_t)length, .untraced = (uint8_t)why};
    struct record record = {.kind = SOCKATLAS_SPAWN, .call = call, .error = error, .fd = -1};
    record_write(&record, &body, sizeof(body), command, length);
}

/* A shell command, to its end. Recorded before, since the command may outlive much. */
HOOK int system(const char *command)
{
    load_ready();
    record_shell(SOCKATLAS_CALL_system, command, 0);
    process_spawning();
    return real.system(command);
}
HOOK_ALIAS(__libc_system, system);

/* A shell command at the other end of a pipe. */
HOOK FILE *popen(const char *command, const char *mode)
{
    load_ready();
    process_spawning();
    FILE *stream = real.popen(command, mode);
    int error = stream ? 0 : errno;
    record_shell(SOCKATLAS_CALL_popen, command, error);
    if (error)
        errno = error;
    return stream;
}
HOOK_ALIAS(_IO_popen, popen);
