/* SPDX-License-Identifier: MIT
 *
 * The real functions: one table, typed by the system's own prototypes, filled at load (load.h).
 */
#ifndef SHIM_REAL_H
#define SHIM_REAL_H

#include "shim/hook.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <resolv.h>
#include <sched.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <threads.h>
#include <unistd.h>

ssize_t __recvfrom_chk(int fd, void *restrict buffer, size_t size, size_t capacity, int flags, __SOCKADDR_ARG address,
                       socklen_t *restrict address_size);

struct real {
    bool resolved;
#define REAL(name) __typeof__(name) *name;
#include "shim/real.def"
#undef REAL
};

extern struct real real;

/* Looks up every name in the objects behind the shim in search order, as dlsym(RTLD_NEXT) would, but without dlsym: a
 * name that is not there would make dlsym allocate, and re-enter a preloaded allocator. Idempotent; callers that race
 * do the same work. False: nothing is behind the shim, because it was loaded late; all objects were searched. */
bool real_resolve(void);

#endif
