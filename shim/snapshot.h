/* SPDX-License-Identifier: MIT
 *
 * All sockets that are open, told at one go: when the tracing of a running process begins and when it ends. Not for
 * signal handlers nor vfork children.
 */
#ifndef SHIM_SNAPSHOT_H
#define SHIM_SNAPSHOT_H

/* Records each socket that the process has: where it leads, how it stands, which options are in force. Listening ones
 * first, so that it is known who accepted the others. Returns how many there are. Needs a descriptor for a moment, or
 * more system calls. */
unsigned snapshot_begin(void);
/* Records how each socket stands, and those that were not met yet. */
void snapshot_end(void);
/* Nothing is known of any descriptor any more. After nothing is recorded any more. */
void snapshot_forget(void);

#endif
