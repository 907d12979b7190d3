/* SPDX-License-Identifier: MIT
 *
 * sandboxed WHAT: who is in a seccomp sandbox that kills for what the shim would ask, and who is not. Each socket that
 * it makes says by its type whether it was made outside (a stream) or inside (a datagram socket). WHAT:
 *   - thread: one thread goes in, the other does not
 *   - child: the thread that is in makes another; the first one goes on outside
 *   - all: one thread takes the other along (TSYNC)
 *   - refused: a filter that the kernel does not take, and questions that are no filter: nobody goes in
 *   - strict: a forked child goes into strict mode
 *   - vfork: a vfork child goes in and executes a program; its parent does not
 *   - fork: goes in and makes a child
 *   - peers: goes in and accepts connections from outside, the space for whose peer lies anywhere in a page of the
 * stack
 *   - stamp: no sandbox, but the processor's time stamp may not be read any more
 */
#include "tests/targets/target.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static const int denied[] = {SYS_getsockopt, SYS_getsockname, SYS_getpeername, SYS_fcntl,
                             SYS_ppoll,      SYS_getpid,      SYS_gettid,      SYS_getppid,
                             SYS_geteuid,    SYS_uname,       SYS_fstat,       SYS_ftruncate,
                             SYS_renameat,   SYS_mkdirat,     SYS_readlinkat,  SYS_clock_gettime};
enum { DENIED = sizeof denied / sizeof *denied };

static int enter(unsigned flags)
{
    struct sock_filter filter[2 * DENIED + 2] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
    unsigned count = 1;
    for (unsigned i = 0; i < DENIED; i++) {
        filter[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)denied[i], 0, 1);
        filter[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    }
    filter[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags,
                        &(struct sock_fprog){(unsigned short)count, filter});
}

static void use(int type)
{
    must(close(must(socket(AF_INET, type, 0), "socket")), "close");
}

static void *inside(void *unused)
{
    use(SOCK_DGRAM);
    return unused;
}

static void run(void *(*function)(void *), void *argument)
{
    pthread_t thread;
    must(pthread_create(&thread, NULL, function, argument) ? -1 : 0, "pthread_create");
    pthread_join(thread, NULL);
}

static void *goes_in(void *breeds)
{
    must(enter(0), "seccomp");
    use(SOCK_DGRAM);
    if (breeds)
        run(inside, NULL);
    return NULL;
}

static pthread_barrier_t barrier;

static void *is_taken_along(void *unused)
{
    use(SOCK_STREAM);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    use(SOCK_DGRAM);
    return unused;
}

static void all(void)
{
    pthread_t thread;
    pthread_barrier_init(&barrier, NULL, 2);
    must(pthread_create(&thread, NULL, is_taken_along, NULL) ? -1 : 0, "pthread_create");
    pthread_barrier_wait(&barrier);
    must(enter(SECCOMP_FILTER_FLAG_TSYNC), "seccomp");
    pthread_barrier_wait(&barrier);
    use(SOCK_DGRAM);
    pthread_join(thread, NULL);
}

static void refused(void)
{
    unsigned action = SECCOMP_RET_KILL_PROCESS;
    if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) != 0)
        exit(1);
    use(SOCK_STREAM);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) != -1 || errno != EFAULT)
        exit(1);
    use(SOCK_STREAM);
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, NULL) != -1 || errno != EFAULT)
        exit(1);
    use(SOCK_STREAM);
}

static void end_well(pid_t child)
{
    int status;
    must(waitpid(child, &status, 0), "waitpid");
    if (status != 0)
        exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : 3);
}

static void strict(void)
{
    pid_t child = must(fork(), "fork");
    if (child == 0) {
        must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT), "strict");
        must((int)write(STDOUT_FILENO, "strict\n", 7), "write");
        syscall(SYS_exit, 0);
    }
    end_well(child);
    use(SOCK_STREAM);
}

/* In parent and child alike: no frame of a function that calls vfork() may be left. */
static void enters_and_executes(void)
{
    if (enter(0) == 0)
        execl("/proc/self/exe", "sandboxed", "nothing", (char *)NULL);
    _exit(1);
}

/* `depth`: bytes of the stack that lie between. */
static void __attribute__((noinline)) accept_one(int listener, size_t depth)
{
    volatile char *between = __builtin_alloca(depth + 1);
    struct sockaddr_in peer;
    socklen_t size = sizeof peer;
    between[0] = 0;
    must(close(must(accept(listener, (struct sockaddr *)&peer, &size), "accept")), "close");
}

enum { PEERS = 86, STEP = 48 }; /* a page and more */

/* One connection after the other, each until the peer ends it. */
static void connect_all(const struct sockaddr_in *address)
{
    char byte;
    for (int i = 0; i < PEERS; i++) {
        int client = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
        must(connect(client, (const struct sockaddr *)address, sizeof *address), "connect");
        must((int)read(client, &byte, 1), "read");
        close(client);
    }
}

static void peers(void)
{
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    int listener = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    must(bind(listener, (struct sockaddr *)&address, size), "bind");
    must(listen(listener, 5), "listen");
    must(getsockname(listener, (struct sockaddr *)&address, &size), "getsockname");
    pid_t child = must(fork(), "fork");
    if (child == 0) {
        connect_all(&address);
        exit(0);
    }
    must(enter(0), "seccomp");
    for (size_t i = 0; i < PEERS; i++)
        accept_one(listener, i * STEP);
    end_well(child);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    pid_t child;
    if (strcmp(what, "nothing") == 0)
        return 0;
    use(SOCK_STREAM);
    if (strcmp(what, "thread") == 0 || strcmp(what, "child") == 0) {
        run(goes_in, strcmp(what, "child") == 0 ? &barrier : NULL);
        use(SOCK_STREAM);
    } else if (strcmp(what, "all") == 0) {
        all();
    } else if (strcmp(what, "refused") == 0) {
        refused();
    } else if (strcmp(what, "strict") == 0) {
        strict();
    } else if (strcmp(what, "vfork") == 0) {
        /* NOLINTBEGIN(clang-analyzer-unix.Vfork,clang-analyzer-security.insecureAPI.vfork): what such a child does is
         * the case */
        child = vfork();
        if (child == 0)
            enters_and_executes();
        /* NOLINTEND(clang-analyzer-unix.Vfork,clang-analyzer-security.insecureAPI.vfork) */
        end_well(child);
        use(SOCK_STREAM);
    } else if (strcmp(what, "fork") == 0) {
        must(enter(0), "seccomp");
        child = must(fork(), "fork");
        use(SOCK_DGRAM);
        if (child == 0)
            _exit(0);
        end_well(child);
    } else if (strcmp(what, "peers") == 0) {
        peers();
    } else if (strcmp(what, "stamp") == 0) {
        prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0); /* x86 alone has it */
        use(SOCK_STREAM);
    } else {
        return 2;
    }
    return 0;
}
