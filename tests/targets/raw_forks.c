/* SPDX-License-Identifier: MIT
 *
 * A server whose workers are made by syscall(), as vsftpd's are: by clone and by clone3. The parent closes each
 * connection before its worker answers on it. The second time the parent has forked by fork() before.
 */
#include "tests/targets/target.h"

#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>

static pid_t by_clone(void)
{
    return (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

static pid_t by_clone3(void)
{
    struct clone_args arguments = {.exit_signal = SIGCHLD};
    pid_t child = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
    return child < 0 && errno == ENOSYS ? by_clone() : child; /* refused by containers of old */
}

static void serve(int listener, const struct sockaddr_in *address, pid_t (*make)(void))
{
    char byte = 'x';
    int born[2], go[2], client = connect_to(address), server = must(accept(listener, NULL, NULL), "accept");
    must(pipe(born), "pipe");
    must(pipe(go), "pipe");
    pid_t worker = must(make(), "clone");
    if (worker == 0) {
        must((int)write(born[1], &byte, 1), "write");
        must((int)read(go[0], &byte, 1), "read");
        must((int)write(server, "hello", 5), "write");
        must(close(server), "close");
        _exit(0);
    }
    must((int)read(born[0], &byte, 1), "read");
    must(close(server), "close");
    must((int)write(go[1], &byte, 1), "write");
    wait_for(worker);
    must(close(client), "close");
    for (int i = 0; i < 2; i++) {
        close(born[i]);
        close(go[i]);
    }
}

int main(void)
{
    struct sockaddr_in address;
    int listener = listen_loopback(&address);
    serve(listener, &address, by_clone);
    pid_t idle = must(fork(), "fork");
    if (idle == 0)
        _exit(0);
    wait_for(idle);
    serve(listener, &address, by_clone3);
    must(close(listener), "close");
    return 0;
}
