/* SPDX-License-Identifier: MIT
 *
 * Calls where there is little stack: a thread of 32 KiB executes programs with 6,000 variables by every way there is; a
 * signal handler on a stack of SIGSTKSZ makes this process's first socket, and others. What vfork children leave mapped
 * in their parent is taken down. Ends with 1 and a line for what went wrong, and dies where the stack did not do.
 */
#include "tests/targets/target.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>

enum { VARIABLES = 6000, THREAD_STACK = 32 << 10, ROUNDS = 50 };

static char *variables[VARIABLES + 1];
static char *const arguments[] = {(char *)"true", NULL};
static int wrong;

static void expect(int holds, const char *what)
{
    if (!holds)
        puts(what);
    wrong |= !holds;
}

static int ended_well(pid_t child)
{
    int status;
    return waitpid(child, &status, 0) == child && status == 0;
}

/* ---- A thread with a small stack ---- */

static void by_execve(void)
{
    execve("/bin/true", arguments, variables);
}

static void by_execle(void)
{
    execle("/bin/true", "true", NULL, variables);
}

static void by_execvpe(void)
{
    execvpe("true", arguments, variables);
}

static void by_fexecve(void)
{
    fexecve(open("/bin/true", O_RDONLY | O_CLOEXEC), arguments, variables);
}

static void (*const ways[])(void) = {by_execve, by_execle, by_execvpe, by_fexecve};

static void *execute(void *unused)
{
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        pid_t child = fork();
        if (child == 0) {
            ways[i]();
            _exit(1);
        }
        expect(ended_well(child), "an exec in a thread of 32 KiB failed");
    }
    pid_t child = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork): it is the case */
    if (child == 0) {
        execve("/bin/true", arguments, variables);
        _exit(1);
    }
    expect(ended_well(child), "an exec in a vfork child of a thread of 32 KiB failed");
    expect(posix_spawn(&child, "/bin/true", NULL, NULL, arguments, variables) == 0 && ended_well(child),
           "posix_spawn in a thread of 32 KiB failed");
    return unused;
}

/* ---- vfork children ---- */

/* In KiB. */
static long address_space(void)
{
    char text[64] = "";
    int fd = must(open("/proc/self/statm", O_RDONLY), "/proc/self/statm");
    must((int)read(fd, text, sizeof text - 1), "read");
    close(fd);
    return atol(text) * (sysconf(_SC_PAGESIZE) >> 10);
}

/* An environment of that many variables takes 48 KiB. */
static void execute_again_and_again(void)
{
    close(socket(AF_UNIX, SOCK_STREAM, 0));
    volatile long before = address_space();
    for (volatile int i = 0; i < ROUNDS; i++) {
        pid_t child = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork): it is the case */
        if (child == 0) {
            if (i % 2)
                execve("/nosuch", arguments, variables);
            execve("/bin/true", arguments, variables);
            _exit(1);
        }
        expect(ended_well(child), "an exec in a vfork child failed");
    }
    close(socket(AF_UNIX, SOCK_STREAM, 0)); /* here the parent is seen again */
    expect(address_space() - before < 40, "vfork children leave something mapped");
}

/* ---- A signal handler ---- */

static void handle(int signal)
{
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    char byte = 0;
    (void)signal;
    int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    int done = bind(server, (struct sockaddr *)&address, size) == 0 && listen(server, 5) == 0 &&
               getsockname(server, (struct sockaddr *)&address, &size) == 0 &&
               connect(client, (struct sockaddr *)&address, size) == 0;
    int accepted = accept4(server, (struct sockaddr *)&address, &size, SOCK_CLOEXEC);
    done = done && send(client, "x", 1, 0) == 1 && recv(accepted, &byte, 1, 0) == 1 && dup2(client, server) == server;
    close(client), close(accepted), close(server);
    pid_t child = fork();
    if (child == 0) {
        execve("/bin/true", arguments, (char *[]){NULL});
        _exit(1);
    }
    wrong |= !done || !ended_well(child);
}

static void be_signalled(void)
{
    size_t size = (size_t)sysconf(_SC_SIGSTKSZ), page = 4096;
    if (size < 8192)
        size = 8192;
    size = (size + page - 1) & ~(page - 1);
    /* What lies below it cannot be touched. */
    char *memory = mmap(NULL, page + size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(mprotect(memory + page, size, PROT_READ | PROT_WRITE), "mprotect");
    stack_t stack = {.ss_sp = memory + page, .ss_size = size};
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_ONSTACK};
    must(sigaltstack(&stack, NULL), "sigaltstack");
    must(sigaction(SIGUSR1, &action, NULL), "sigaction");
    must(raise(SIGUSR1), "raise");
    expect(!wrong, "a call in a signal handler failed");
}

int main(int argc, char **argv)
{
    pthread_attr_t attributes;
    pthread_t thread;
    (void)argv;
    for (int i = 0; i < VARIABLES; i++)
        variables[i] = (char *)"VARIABLE=1";
    if (argc > 1)
        be_signalled();
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, THREAD_STACK);
    must(-pthread_create(&thread, &attributes, execute, NULL), "pthread_create");
    pthread_join(thread, NULL);
    execute_again_and_again();
    return wrong;
}
