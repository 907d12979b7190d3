/* SPDX-License-Identifier: MIT
 *
 * The parts of `sockatlas run`, in the order they work: the target is looked at, the folder made ready, the command
 * started and waited for, the logs trimmed, the run summed up. Only the files run*.c include this.
 */
#ifndef ANALYZER_CMD_RUN_H
#define ANALYZER_CMD_RUN_H

#include "analyzer/trace/address.h"
#include "shim/folder.h"
#include "shim/trace_format.h"

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

enum run_status {
    RUN_FAILED = 125,         /* `run` itself failed; the command was not started */
    RUN_NOT_EXECUTABLE = 126, /* the command was found, and cannot be executed */
    RUN_NOT_FOUND = 127,
};

/* ---- run_shim.c ---- */

/* Finds libsockatlas.so, one that can be preloaded; `shim` has space for PATH_MAX. False after a line on stderr. */
bool run_shim_ready(char *shim, const char *title);
/* Where the shim is that can be loaded into a running process of musl's; `path` has space for PATH_MAX. */
bool run_shim_musl(const char *shim, char *path);
/* Where sockatlas-patch is, beside the shim; `path` has space for PATH_MAX. */
bool run_shim_patcher(const char *shim, char *path);
/* Whether SOCKATLAS_LIMIT is a size that the shim takes. False after a line on stderr. */
bool run_shim_limit_ready(const char *title);
/* Whether the variable is set, as the shim has it. */
bool run_shim_is_set(const char *variable);

/* ---- run_target.c ---- */

/* Finds `command` as execvp(3) would; `path` has space for PATH_MAX. 0, RUN_NOT_EXECUTABLE or RUN_NOT_FOUND, with
 * errno.
 */
int run_target_find(const char *command, char *path);
/* Whether the file is one that a loader could preload; errno when it cannot be read or mapped to be executed (EPERM: it
 * is mounted noexec), 0 when it is something else. */
bool run_target_preloadable(const char *path);
/* Makes of the shim's path (space for PATH_MAX) what LD_PRELOAD is to have: where its folder has one for each word
 * size, the loader chooses ($LIB, ld.so(8)). */
void run_target_preload(char *shim);

/* ---- run_folder.c ---- */

/* The folder of this run: whatever becomes of its path, it is that which `fd` is open on. */
struct run_folder {
    int fd;
    uint64_t device, inode;
    bool across_users;          /* others may add to it */
    char path[FOLDER_PATH_MAX]; /* absolute, without links, as it was when it was made */
    char dir[FOLDER_PATH_MAX];  /* for whoever takes a path: it leads to the open folder */
};

/* Makes `dir` an empty trace folder of the user's own: creates it, or moves the trace that stands there to DIR.old (in
 * place of an older one). Only the user and root can lead the way there elsewhere. False after a line on stderr that
 * begins with `title`: then nothing was removed or moved but, at most, a whole DIR.old. */
bool run_folder_prepare(struct run_folder *folder, const char *dir, bool across_users, const char *title);
/* Takes the folder `dir` as it is where a program still records into it, to add to it. *joined is false where none
 * does; then nothing was done. False after a line on stderr: it cannot be added to. */
bool run_folder_join(struct run_folder *folder, const char *dir, const char *title, bool *joined);
void run_folder_close(struct run_folder *folder);

/* ---- run_content.c ---- */

/* How many of each kind are in a trace folder. A log or half log is one by its name, by what it begins with, and as a
 * regular file of this user's; where `run` followed other users' programs, theirs count too. */
struct run_content {
    unsigned logs, halves, others, folders;
    char other[NAME_MAX + 1]; /* one that is neither a log nor a half one */
};
/* False with errno when it cannot be read. */
bool run_content(int folder, struct run_content *content);
/* Names: a log's; "." or "..". */
bool run_content_log(const char *name);
bool run_content_dots(const char *name);
/* Whether the file is what a program left that was killed while it made its log: .COMM.PID.TIME, this user's. It holds
 * no records: the first one is written when the log has its name. */
bool run_content_half(int folder, const char *name);
/* Where the folder is now: at its path or, since a later run moved it, at DIR.old. NULL with errno: neither. `path` has
 * space for FOLDER_PATH_MAX + 8. */
const char *run_content_stands(const struct run_folder *folder, char *path);
/* A stream's complaint about a file of the folder, to stderr, with the folder's own path. `context`: the folder. */
void run_content_complain(void *context, const char *line);

/* ---- run_filter.c ---- */

/* Under how many seccomp filters this process is, -1 unknown. */
int run_filter_count(void);
/* The name of a system call which the shim makes and which those filters kill for; NULL: none. */
const char *run_filter_kills(void);

/* ---- run_command.c ---- */

struct run_preload {
    const char *shim; /* absolute path */
    const struct run_folder *folder;
    bool no_cmdline;       /* command lines are not recorded */
    uint64_t id[2];        /* a random number that all logs of this run bear */
    int filters;           /* seccomp filters that the command begins under and that let the shim work; -1 not known */
    const char *patcher;   /* absolute path of sockatlas-patch; NULL: programs without a libc are not followed */
    const char *patched;   /* the command's file, where it is such a program and can be; else NULL */
    const char *killed_by; /* a call that they kill for: the command starts without the shim. NULL none */
};

/* What traced programs are told by their environment, but LD_PRELOAD: entries NAME=VALUE, of the caller's to free. */
enum { RUN_SETTINGS_MAX = 12 };
struct run_settings {
    char *entries[RUN_SETTINGS_MAX + 1]; /* NULL at the end */
    unsigned count;
};
void run_command_settings(struct run_settings *out, const struct run_preload *preload);

/* Forks and executes `argv` with the shim preloaded, in the caller's process group, with the caller's signal mask and
 * dispositions. From here on until run_command_wait() the caller's signals are held. -1 with errno. */
pid_t run_command_start(char *const *argv, const struct run_preload *preload, const char *title);
/* Sleeps until the command has ended, handing on the signals that reach only the caller. Returns the wait status. From
 * then on signals do what they did before run_command_start(): `run` can be stopped at any step of what follows, and
 * what it leaves is a trace. */
int run_command_wait(pid_t command);
/* Ends as the command did: the exit status to return, or dies by the same signal. */
int run_command_finish(int wait_status);

/* ---- run_clock.c ---- */

uint64_t run_clock_now(void);   /* the trace's clock, nanoseconds */
int64_t run_clock_offset(void); /* by how much this process's CLOCK_BOOTTIME, and so /proc/PID/stat, is ahead of it */

/* ---- run_self.c ---- */

/* The header of a log that this process writes about others. */
void run_self_describe(struct sockatlas_header *header, enum sockatlas_writer writer, bool no_cmdline);

/* ---- run_log.c ---- */

/* What `run` itself has to say, in DIR/run.atlas. A NULL log takes everything and writes nothing. */
struct run_log;
struct run_log *run_log_open(const struct run_preload *preload, char *const *argv); /* its folder must live as long */
void run_log_name(struct run_log *log, const char *name, const struct address *address); /* of another host */
void run_log_command(struct run_log *log, pid_t command, int status);                    /* status -1: it runs */
void run_log_gone(struct run_log *log, pid_t pid, int wait_status);                      /* -1: not ours to reap */
/* An untraced process at the other end: its socket's addresses (`peer` unknown for a listening one). */
struct run_peer {
    pid_t pid;
    const char *comm, *exe;
    uint64_t netns_inode;
    uint16_t type;
    bool listening;
    uint64_t traced_cookie; /* unix, not listening: the traced end's */
    uint64_t own_cookie;    /* of the untraced socket, 0 not known */
    const struct address *local, *peer;
};
void run_log_untraced(struct run_log *log, const struct run_peer *peer);
/* Looks whether programs can still make logs in the folder; the first time they cannot, a COVERAGE record says so. */
void run_log_folder(struct run_log *log);
/* A program of this name, NULL more of them, can reach no log where it is. */
void run_log_unreachable(struct run_log *log, const char *comm);
/* The log of this name, of process `pid`, is no more in the folder. */
void run_log_removed(struct run_log *log, const char *name, uint32_t pid);
void run_log_sandbox(struct run_log *log, const char *call); /* nothing is traced, for the filter kills for `call` */
/* The program that was making this half log was killed. */
void run_log_half(struct run_log *log, const char *name);
/* The command's own program cannot be traced, or must not: SOCKATLAS_UNTRACED_REFUSED. */
void run_log_unfollowed(struct run_log *log, const char *path, enum sockatlas_untraced why);
void run_log_close(struct run_log *log);

/* ---- run_hosts.c ---- */

void run_hosts(struct run_log *log);

/* ---- run_peer.c ---- */

struct run_peer_name {
    char comm[32], exe[PATH_MAX];
};
/* What the process is called; false: it is gone. */
bool run_peer_name(struct run_peer_name *out, pid_t pid);
/* Two addresses of one family as a record has them; returns their size in `tail`. */
enum { RUN_PEER_ADDRESSES_MAX = 2 * 126 };
size_t run_peer_addresses(struct sockatlas_addresses *out, unsigned char *tail, const struct address *local,
                          const struct address *peer);
struct writer;
/* Appends an UNTRACED record. */
bool run_peer_append(struct writer *writer, const struct run_peer *peer, uint64_t time_ns);

/* ---- run_live.c ---- */

/* Prints the events of the trace in `folder` on stderr, as they happen, from another thread. To be called with the
 * signals held; `folder` must live until run_live_end(), which prints what is left first. NULL with errno; NULL ends
 * too. */
struct run_live;
struct run_live *run_live_start(const struct run_folder *folder);
void run_live_end(struct run_live *live);

/* ---- run_traced.c ---- */

enum run_traced {
    RUN_TRACED_UNKNOWN, /* it has ended meanwhile, or may not be looked into */
    RUN_TRACED_NOT,
    RUN_TRACED_NO_LOG, /* will make a log with its first event */
    RUN_TRACED,
};
/* Whether the process that has this pid records for the run. From /proc/PID/maps and environ. */
enum run_traced run_traced(pid_t pid, const struct run_preload *preload);
/* Whether its environment, as it was when its program began, says that it is of the run. */
bool run_traced_told(pid_t pid, const struct run_preload *preload);
/* How many processes have a log of the run, of all namespaces that /proc shows. */
unsigned run_traced_count(const struct run_preload *preload);

/* ---- run_untraced.c ---- */

/* Writes to `log` which untraced processes of this machine the traced ones talk to, as that happens, from another
 * thread; nobody else may write to `log` meanwhile. To be called with the signals held; `preload` must live until
 * run_untraced_end(), which looks a last time first. NULL when it cannot, or without a log; NULL ends too. */
struct run_untraced;
struct run_notices;
struct run_unheard;
struct run_untraced *run_untraced_start(const struct run_preload *preload, struct run_log *log,
                                        struct run_notices *notices, struct run_unheard *unheard);
void run_untraced_end(struct run_untraced *untraced);

/* ---- run_unheard.c ---- */

/* From now on programs of the run can say that they reach no log. NULL: they cannot; that does for the others too. */
struct run_unheard *run_unheard_open(const struct run_preload *preload);
/* Another thread hears them. To be called with the signals held. */
void run_unheard_begin(struct run_unheard *unheard);
/* Writes who has said so since; false: nobody. */
bool run_unheard_write(struct run_unheard *unheard, struct run_log *log);
void run_unheard_end(struct run_unheard *unheard, struct run_log *log);

/* ---- run_report.c ---- */

struct run_ended {
    pid_t command;
    int wait_status;
};

struct run_report {
    uint64_t processes; /* traced ones */
    uint64_t silent;    /* of these, without a word of their end */
    uint64_t running;   /* processes that are there and record for the run */
    uint64_t sockets, connections, failed, coverage;
    uint64_t unread;    /* times that something in the trace could not be read, each of which was said */
    bool notices_asked; /* the kernel's notices of ended sockets were asked for */
    uint64_t notices_lost;
    bool notices_late;                   /* more of them may be lost */
    uint64_t notices, unlogged, network; /* see struct model_notices */
    uint64_t in_memory;                  /* logs whose records have not come to the folder: run_trim()'s to say */
};

/* Reads the trace in the preload's folder and counts. Traced processes that ended without a word are written to `log`
 * as gone. */
void run_report(struct run_report *report, struct run_log *log, const struct run_preload *preload,
                const struct run_ended *ended);
/* Three lines on stderr. `dir_argument`: what `map` needs to find the trace, NULL when it is the default one. */
void run_report_print(const struct run_report *report, const struct run_folder *folder, const char *dir_argument);

/* ---- run_notices.c ---- */

/* `asked`: the kernel keeps its notices of ended sockets from now on, in so large a buffer (0: the usual). Otherwise it
 * does so once they are needed. `preload` must live until run_notices_end(). */
struct run_notices *run_notices_open(const struct run_preload *preload, bool asked, size_t buffer, const char *title);
/* Another thread reads them. To be called with the signals held. */
void run_notices_begin(struct run_notices *notices);
/* Something of the run is not traced. To be called with the signals held; from one thread at a time. */
void run_notices_need(struct run_notices *notices);
/* Reads what is left; fills in what the report says of them. */
void run_notices_end(struct run_notices *notices, struct run_report *report);

/* ---- run_trim.c ---- */

/* Removes what killed programs left of logs they were making, and says so in `log`. */
void run_trim_half(const char *dir, struct run_log *log);
/* Cuts every log file of this user's in `dir` that no process has mapped any more to the slots taken, and marks it
 * closed. Records in memory, other users' too, come to their log where no process has them mapped; returns of how many
 * logs they stay there. */
unsigned run_trim(const char *dir);
/* The same for one log. False: its records stay in memory. */
bool run_trim_log(int folder, const char *name);
/* Whether a log of that status is the caller's own, or, for root, the owner's of the folder it is in. */
bool run_trim_may(int folder, const struct stat *status);
/* Whether a process is known to have the log `name` mapped, or open for writing. */
bool run_trim_mapped(int folder, const char *name);

#endif
