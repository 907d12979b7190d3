/* SPDX-License-Identifier: MIT
 *
 * What a cgroup's path says: the systemd unit, and the container. Knows paths only: it opens nothing.
 */
#ifndef ANALYZER_NAMES_CGROUP_H
#define ANALYZER_NAMES_CGROUP_H

#define CGROUP_NAME_MAX 256

/* The systemd unit that the path is in, the innermost that is no slice ("nginx.service", "session-3.scope"); NULL: none
 * is named. */
const char *cgroup_unit(const char *path, char out[CGROUP_NAME_MAX]);
/* The container's id, or its name where the manager has no ids (LXC, systemd-nspawn); of nested ones the innermost.
 * NULL: the path names none. */
const char *cgroup_container(const char *path, char out[CGROUP_NAME_MAX]);

#endif
