/* SPDX-License-Identifier: MIT
 *
 * attach_state STATE: prints the number of a process, or of a thread, that is in STATE, and stays so until it is
 * killed.
 *
 *   wait      in a system call that waits             compute   in none, ever
 *   mutex     waiting for a mutex                     handler   in a signal handler that came in a computation
 *   call      in one that came in a call that waits   filter    under a seccomp filter, which lets everything
 *   ignore    ignoring SIGSEGV                        vfork     waiting for a child that runs in its memory
 *   traced    with another process that traces it     zombie    ended
 *   thread    a thread of it                          receive   in recv() with a timeout
 *   stdin     in read(), and writes what it read back
 */
#include "tests/targets/target.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

static void tell(long number)
{
    /* NOLINTNEXTLINE(bugprone-signal-handler): glibc's dprintf() has its buffer on the stack */
    dprintf(STDOUT_FILENO, "%ld\n", number);
}

static void wait_here(void)
{
    for (;;)
        poll(NULL, 0, -1);
}

static void compute(void)
{
    for (volatile unsigned long i = 0;; i++)
        continue;
}

static void wait_for_mutex(void)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&mutex);
    tell(getpid());
    pthread_mutex_lock(&mutex);
}

static void on_alarm(int number)
{
    (void)number;
    tell(getpid());
    wait_here();
}

static void enter_filter(void)
{
    struct sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {.len = 1, .filter = allow};
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS");
    must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), "PR_SET_SECCOMP");
}

/* NOLINTBEGIN(clang-analyzer-unix.Vfork,clang-analyzer-security.insecureAPI.vfork): what such a child does is what it
 * is about. */
static void wait_for_vfork(void)
{
    static pid_t own;
    own = getpid();
    if (vfork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        char text[16];
        int size = 0;
        for (pid_t rest = own; rest; rest /= 10)
            size++;
        text[size] = '\n';
        for (int i = size; i > 0; own /= 10)
            text[--i] = (char)('0' + own % 10);
        if (write(1, text, (size_t)size + 1) > 0)
            for (;;)
                pause();
        _exit(1);
    }
}
/* NOLINTEND(clang-analyzer-unix.Vfork,clang-analyzer-security.insecureAPI.vfork) */

static void trace_child(void)
{
    pid_t child = must(fork(), "fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        wait_here();
    }
    must((int)ptrace(PTRACE_SEIZE, child, NULL, NULL), "PTRACE_SEIZE");
    tell(child);
    wait_here();
}

static void leave_zombie(void)
{
    pid_t child = must(fork(), "fork");
    if (child == 0)
        _exit(0);
    siginfo_t info;
    must(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), "waitid");
    tell(child);
    wait_here();
}

static void *thread_begin(void *unused)
{
    tell(syscall(SYS_gettid));
    wait_here();
    return unused;
}

static void receive(void)
{
    int pair[2];
    char byte;
    struct timeval timeout = {.tv_sec = 600};
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
    must(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout), "SO_RCVTIMEO");
    tell(getpid());
    must((int)recv(pair[0], &byte, 1, 0), "recv");
}

static void copy_input(void)
{
    char bytes[64];
    ssize_t got;
    tell(getpid());
    while ((got = must((int)read(0, bytes, sizeof bytes), "read")) > 0)
        must((int)write(1, bytes, (size_t)got), "write");
}

int main(int argc, char **argv)
{
    const char *state = argc == 2 ? argv[1] : "";
    pthread_t thread;
    if (strcmp(state, "mutex") == 0) {
        wait_for_mutex();
    } else if (strcmp(state, "handler") == 0 || strcmp(state, "call") == 0) {
        signal(SIGALRM, on_alarm);
        alarm(1);
        if (state[0] == 'h')
            compute();
    } else if (strcmp(state, "vfork") == 0) {
        wait_for_vfork();
    } else if (strcmp(state, "traced") == 0) {
        trace_child();
    } else if (strcmp(state, "zombie") == 0) {
        leave_zombie();
    } else if (strcmp(state, "thread") == 0) {
        pthread_create(&thread, NULL, thread_begin, NULL);
    } else if (strcmp(state, "receive") == 0) {
        receive();
        return 0;
    } else if (strcmp(state, "stdin") == 0) {
        copy_input();
        return 0;
    } else {
        if (strcmp(state, "filter") == 0)
            enter_filter();
        if (strcmp(state, "ignore") == 0)
            signal(SIGSEGV, SIG_IGN);
        tell(getpid());
        if (strcmp(state, "compute") == 0)
            compute();
    }
    wait_here();
}
