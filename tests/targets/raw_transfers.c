/* SPDX-License-Identifier: MIT
 *
 * Bytes through a socket pair by system calls that have no wrapper of their own name here: pwritev2, preadv2, sendfile,
 * splice, by syscall(). The kernel counts no bytes of such sockets: what is told is what the shim saw.
 */
#include "tests/targets/target.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

int main(void)
{
    char text[100] = "hello";
    struct iovec vector = {text, 5};
    int ends[2], pipes[2], file = must(memfd_create("bytes", 0), "memfd_create");
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "socketpair");
    must(pipe(pipes), "pipe");
    must(ftruncate(file, 30), "ftruncate");
    must((int)syscall(SYS_pwritev2, ends[0], &vector, 1, -1L, -1L, 0), "pwritev2");
    must((int)syscall(SYS_sendfile, ends[0], file, NULL, 30), "sendfile");
    must((int)write(pipes[1], text, 7), "write");
    must((int)syscall(SYS_splice, pipes[0], NULL, ends[0], NULL, 7, 0), "splice");
    vector.iov_len = 10;
    must((int)syscall(SYS_preadv2, ends[1], &vector, 1, -1L, -1L, 0), "preadv2");
    must((int)syscall(SYS_splice, ends[1], NULL, pipes[1], NULL, 32, 0), "splice");
    must(close(ends[0]), "close");
    must(close(ends[1]), "close");
    return 0;
}
