/* SPDX-License-Identifier: MIT
 *
 * Finding the trace folder without being led elsewhere by another user. Knows nothing of configuration: the shim and
 * the analyzer's `run` both use it. Callable from anywhere; system calls alone, no memory of its own.
 *
 * A path is safe when nobody but its user and root can make it lead elsewhere: each folder on the way belongs to one of
 * the two, and others may not write to it, or it is sticky, as /tmp is, and the next part belongs to one of the two.
 * A symbolic link is followed only where one of the two made it, in such a folder (/var/run, /home).
 */
#ifndef SHIM_FOLDER_H
#define SHIM_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* Short enough for paths to be built on a small signal stack. */
#define FOLDER_PATH_MAX 640

/* Which folder it is, wherever it stands. inode 0: none. */
struct folder_id {
    uint64_t device, inode;
};

enum folder_fault {
    FOLDER_FAULT_NONE,
    FOLDER_FAULT_ERROR,    /* `error` tells */
    FOLDER_FAULT_ANCESTOR, /* another user may change a folder on the way */
    FOLDER_FAULT_LINK,     /* a symbolic link that another user made, or may replace */
    FOLDER_FAULT_KIND,     /* it is no folder */
    FOLDER_FAULT_OWNER,    /* it is another user's */
    FOLDER_FAULT_OPEN      /* others may write to it */
};

struct folder_trouble {
    enum folder_fault fault;
    int error;
};

/* What the user is asked beside: whether nobody but `user` is in the group `group`. */
typedef bool folder_own_group(uint32_t group, uint32_t user);

/* Goes to the folder that holds `path`, an absolute one, and returns its descriptor (O_PATH); what is found under the
 * last part, or nothing, is not opened. `real` becomes the path without links and dots; its last part is behind the
 * last slash. -1 with `trouble`: then `real` is the path of what is the trouble. own_group NULL: a group with its
 * user's number is the user's own. */
long folder_walk(const char *path, char real[FOLDER_PATH_MAX], folder_own_group *own_group,
                 struct folder_trouble *trouble);
/* Whether `path`, an absolute one, leads to a folder through no link, and nobody but root and `user` may change it or a
 * folder on the way. Fills `status` with the folder's. One system call a part, so it is cheap, but true of the moment
 * only, and false where folder_walk() and folder_usable() would look more closely. */
bool folder_plain(const char *path, uint32_t user, struct stat *status);
/* Whether logs may be written to folder `fd`: it belongs to the caller or to root, and others may not change what is in
 * it. Fills `id`. */
bool folder_usable(int fd, folder_own_group *own_group, struct folder_id *id, struct folder_trouble *trouble);
/* Makes the folder `name` below `parent`, a descriptor of folder_walk()'s, with exactly these mode bits, and returns
 * its descriptor; one that is there already is opened, and keeps its mode. A negative errno on failure. */
long folder_make(int parent, const char *name, unsigned mode);
/* Opens the folder at `path` that `id` names (O_PATH), through no link; -1 when another one, or none, stands there. */
long folder_open_known(const char *path, const struct folder_id *id);
/* What the trouble is, to stand behind "PATH: "; where it is with an ancestor, that one's path belongs behind it. */
const char *folder_words(const struct folder_trouble *trouble);

#endif
