/* SPDX-License-Identifier: MIT
 *
 * What the file system that a file lies on can be trusted with. Callable from anywhere; one to three system calls.
 */
#ifndef SHIM_STORAGE_H
#define SHIM_STORAGE_H

#include <stdbool.h>

struct storage {
    bool keeps;  /* a page that was made real can be written ever after: no SIGBUS */
    bool leased; /* a read lease tells whether another process has the file mapped */
    bool memory; /* the file's pages are memory that is not given back by writing them out */
    bool remote; /* another process serves it, at a cost for each request: FUSE */
};

/* Of the regular file `fd`, a new and empty one that is open for reading and writing (of another one `leased` and
 * `memory` are true, and `keeps` may be false). All false where nothing is known. */
struct storage storage_of(int fd);
/* Whether files of the folder at `path` may come to be kept: its file system is in the table. */
bool storage_known(const char *path);

#endif
