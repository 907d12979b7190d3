/* SPDX-License-Identifier: MIT
 *
 * A server whose worker is made by an instruction of its own, which no library sees: the worker answers.
 */
#include "tests/targets/target.h"

#include <signal.h>
#include <sys/syscall.h>

static pid_t fork_alone(void)
{
#if defined(__x86_64__)
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(SYS_clone), "D"(SIGCHLD), "S"(0), "d"(0) : "rcx", "r11", "memory");
    return (pid_t)result;
#elif defined(__i386__)
    long result;
    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"(SYS_clone), "b"(SIGCHLD), "c"(0), "d"(0), "S"(0), "D"(0)
                     : "memory");
    return (pid_t)result;
#elif defined(__aarch64__)
    register long number __asm__("x8") = SYS_clone, flags __asm__("x0") = SIGCHLD, stack __asm__("x1") = 0,
                         parent __asm__("x2") = 0, tls __asm__("x3") = 0, child __asm__("x4") = 0;
    __asm__ volatile("svc #0" : "+r"(flags) : "r"(number), "r"(stack), "r"(parent), "r"(tls), "r"(child) : "memory");
    return (pid_t)flags;
#endif
}

int main(void)
{
    char byte = 'x';
    struct sockaddr_in address;
    int listener = listen_loopback(&address), client = connect_to(&address);
    int server = must(accept(listener, NULL, NULL), "accept");
    pid_t worker = must(fork_alone(), "clone");
    if (worker == 0) {
        must((int)write(server, "hello", 5), "write");
        must(close(server), "close");
        _exit(0);
    }
    wait_for(worker);
    must((int)read(client, &byte, 1), "read");
    must(close(server), "close");
    must(close(client), "close");
    must(close(listener), "close");
    return 0;
}
