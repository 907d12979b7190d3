/* SPDX-License-Identifier: MIT
 *
 * The log's file: made with a full header when the first record is due, trimmed when its maker exits. Callable from
 * anywhere but slow: some forty system calls. Uses two descriptors at a time and keeps none.
 */
#ifndef SHIM_LOG_FILE_H
#define SHIM_LOG_FILE_H

#include "shim/folder.h"
#include "shim/log_name.h"
#include "shim/trace_format.h"

#include <stdbool.h>

struct log_file {
    struct sockatlas_header *header; /* start of the mapping */
    uint64_t size;                   /* of the file and the mapping, bytes */
    uint64_t ready;                  /* bytes from the start that are real and writable */
    uint64_t device, inode;          /* which file it is */
    struct folder_id folder;         /* in which folder */
    bool leased;                     /* a lease tells whether others have it mapped */
    bool memory;                     /* its pages are memory */
    bool in_memory;                  /* it is the file in memory of a log that names it (memory_log.h) */
    uint64_t follows;                /* for its header: the caller's to fill in */
};

/* The file that this image's log is: trimmed at an exit, and looked for meanwhile, when its path may lead elsewhere. */
struct log_made {
    uint64_t device, inode;  /* of the file that is mapped */
    struct folder_id folder; /* in which folder */
    struct folder_id root;   /* what "/" was then; inode 0: unknown */
    bool leased;             /* a lease tells whether others have it mapped */
    bool memory;             /* its pages are memory */
    bool in_memory;          /* it is the file in memory of a log that names it */
    char name[LOG_NAME_MAX];
};

/* Bytes of the largest step that a log is made real by. */
enum { LOG_FILE_STEP_MOST = 1 << 20 };

/* False: no log can be made now; nothing is left behind. One that follows another makes no folder. */
bool log_file_make(struct log_file *file);
/* The header of `run`'s own log, mapped: where an image that can make no log counts what it loses. NULL: there is none,
 * or this user may not write to it. */
struct sockatlas_header *log_file_ledger(void);
/* It is this image's log from now on. */
void log_file_adopt(const struct log_file *file);
/* What was adopted last. */
const struct log_made *log_file_made(void);
/* The folder that it was made in, wherever that stands now: a descriptor to be closed soon. `mapped`: a page of the
 * log's that is mapped still. Negative: it is not to be found. */
long log_file_folder(const struct log_made *made, const void *mapped);
/* Whether that log was made in this folder. */
bool log_file_is_in(const struct folder_id *folder);
/* Makes bytes [from, to) of the mapping writable and real: from then on the file system keeps a block for each page
 * (file_system.def), so that no write to it raises SIGBUS, however often the page is written back and written again. A
 * negative errno where there is no space; EINVAL: a kernel before 5.14, where log_file_make() allocated the whole
 * range.
 */
long log_file_make_real(struct sockatlas_header *header, uint64_t from, uint64_t to);
/* How many bytes the log may grow to: where its pages are memory, a part of what the process may use, which is asked
 * for by the first call; some ten system calls. */
uint64_t log_file_most(const struct sockatlas_header *header);
/* Another thread's log was published first. */
void log_file_discard(const struct log_file *file);
/* Whether it can be known that no other process has the file mapped. */
bool log_file_trimmable(void);
/* Replaces the mapping, of which `mapped` bytes are left, by private memory, so that threads still writing do no harm,
 * then cuts the file after its last slot if no other process has it mapped: for those that have, a cut would raise
 * SIGBUS. Where it stays, `run` cuts it when all are gone, and until then a sparse file costs what was written to it.
 * Only where it is trimmable. */
void log_file_trim(struct sockatlas_header *header, uint64_t mapped);
/* The same for a log that this process has left, and whose header it has a private copy of: `ready` of `mapped` bytes
 * may have been touched. It is cut only where it has another name in the folder that it was made in. */
void log_file_drop(struct sockatlas_header *header, uint64_t ready, uint64_t mapped, const struct log_made *made);

#endif
