/* SPDX-License-Identifier: MIT
 *
 * The contents. Messages are made from one good message by changing one or two of its fields.
 */
#include "tests/targets/arguments/content.h"

#include "tests/targets/arguments/argument.h"
#include "tests/targets/target.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <netdb.h>
#include <poll.h>
#include <resolv.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/uio.h>

#define SIDE ((uintptr_t)(sizeof(void *) > 4 ? 0x200000000 : 0x20000000))
/* In the first page: the good parts of a message. */
#define AT(offset) ((void *)(SIDE + (offset)))
enum { NAME = 0x100, CONTROL = 0x200, VECTORS = 0x300, BYTES = 0x400, BAD_VECTORS = 0x500, ODD_CONTROL = 0x600 };
/* The second page cannot be read. */
#define UNREADABLE AT(CONTENT_PAGE + 64)
#define EDGE(size) AT(CONTENT_PAGE - (size))
#define READ_ONLY  AT(2 * CONTENT_PAGE + 64)

unsigned char *const content_side = (unsigned char *)SIDE;

#define BYTES_OF(type, ...)                                                                                            \
    {                                                                                                                  \
        &(const type){__VA_ARGS__}, sizeof(type)                                                                       \
    }
#define TEXT(text)                                                                                                     \
    {                                                                                                                  \
        text, sizeof(text)                                                                                             \
    }
#define END                                                                                                            \
    {                                                                                                                  \
        NULL, 0                                                                                                        \
    }

struct content some_bytes[] = {TEXT("a message"), END};
struct content address_buffer[] = {{(const char[128]){0}, 128}, END};
struct content address_sizes[] = {BYTES_OF(int, 128), BYTES_OF(int, 0),          BYTES_OF(int, 1),
                                  BYTES_OF(int, 5),   BYTES_OF(int, 15),         BYTES_OF(int, 16),
                                  BYTES_OF(int, -1),  BYTES_OF(int, 0x7fffffff), END};
struct content option_values[] = {BYTES_OF(int, 1), BYTES_OF(int, 0), BYTES_OF(int, 70000), TEXT("lo"), END};
struct content option_sizes[] = {
    BYTES_OF(int, 4), BYTES_OF(int, 0), BYTES_OF(int, 1), BYTES_OF(int, 3), BYTES_OF(int, 64), BYTES_OF(int, -1), END};
struct content vectors[] = {BYTES_OF(struct iovec, AT(BYTES), 10),
                            BYTES_OF(struct iovec, UNREADABLE, 10),
                            BYTES_OF(struct iovec, EDGE(5), 10),
                            BYTES_OF(struct iovec, AT(BYTES), SIZE_MAX / 2),
                            BYTES_OF(struct iovec, AT(BYTES), SIZE_MAX),
                            BYTES_OF(struct iovec, AT(BYTES), 0),
                            BYTES_OF(struct iovec, READ_ONLY, 10),
                            BYTES_OF(struct iovec, NULL, 0),
                            END};
struct content sets[] = {BYTES_OF(fd_set, {8}), BYTES_OF(fd_set, {0}), BYTES_OF(fd_set, {-1}), END};
struct content polled[] = {BYTES_OF(struct pollfd, 3, POLLIN, 0), BYTES_OF(struct pollfd, -1, POLLIN, 0), END};
struct content times[] = {BYTES_OF(struct timespec, 0, 1000), BYTES_OF(struct timespec, 0, 0),
                          BYTES_OF(struct timespec, -1, 0), BYTES_OF(struct timespec, 0, -1), END};
struct content signals[] = {BYTES_OF(sigset_t, {0}), END};
struct content event_buffer[] = {{(const char[4 * sizeof(struct epoll_event)]){0}, 4 * sizeof(struct epoll_event)},
                                 END};
static char long_path[4200];
struct content paths[] = {TEXT("/"), TEXT(""), TEXT("/nosuch/path"), {long_path, sizeof long_path}, END};
struct content programs[] = {TEXT("/bin/true"),
                             TEXT("true"),
                             TEXT(""),
                             TEXT("/nosuch"),
                             TEXT("/"),
                             TEXT("/etc/passwd"),
                             {long_path, sizeof long_path},
                             END};
struct content folders[] = {TEXT("/"), TEXT("/nosuch"), END};
static const char *many[3000];
static const char padding[2000] = "LONG=";
struct content argument_lists[] = {
    {(const char *const[]){"true", NULL}, 2 * sizeof(char *)},
    {(const char *const[]){NULL}, sizeof(char *)},
    {(const char *const[]){"true", (const char *)8, NULL}, 3 * sizeof(char *)},
    {many, sizeof many},
    END,
};
struct content environments[] = {
    {(const char *const[]){"A=1", "B=2", NULL}, 3 * sizeof(char *)},
    {(const char *const[]){NULL}, sizeof(char *)},
    {(const char *const[]){"A=1", (const char *)8, NULL}, 3 * sizeof(char *)},
    {(const char *const[]){"LD_PRELOA", "LD_PRELOAD=", padding, NULL}, 4 * sizeof(char *)},
    {(const char *const[]){"A=1", (const char *)(SIDE + CONTENT_PAGE - 8), NULL}, 3 * sizeof(char *)},
    {(const char *const[]){(const char *)(SIDE + 2 * CONTENT_PAGE), NULL}, 2 * sizeof(char *)},
    {many, sizeof many},
    END,
};
struct content shell_commands[] = {TEXT("exit 3"), TEXT(""), TEXT("nosuch 2>/dev/null"), END};
struct content modes[] = {TEXT("r"), TEXT("w"), TEXT("x"), TEXT(""), END};
struct content numbers[] = {{(const char[8]){0}, 8}, END};
struct content positions[] = {BYTES_OF(long, 0), BYTES_OF(long, -1), BYTES_OF(long, 5), END};
struct content formats[] = {TEXT("ten bytes."), TEXT(""), TEXT("100%%"), END};
struct content lists[] = {{(const char[32]){0}, 32}, END};
struct content limits[] = {BYTES_OF(struct rlimit, 512, 512), BYTES_OF(struct rlimit, 2, 1),
                           BYTES_OF(struct rlimit, 1 << 28, 1 << 30), END};
struct content filters[] = {BYTES_OF(struct sock_fprog, 1, AT(BYTES)), BYTES_OF(struct sock_fprog, 0, AT(BYTES)),
                            BYTES_OF(struct sock_fprog, 1, UNREADABLE), END};
struct content clone_args[] = {BYTES_OF(struct clone_args, .exit_signal = SIGCHLD),
                               BYTES_OF(struct clone_args, .flags = -1),
                               BYTES_OF(struct clone_args, .exit_signal = SIGCHLD, .flags = CLONE_FILES), END};
struct content hosts[] = {TEXT("127.0.0.1"), TEXT(""), TEXT("::1"), TEXT("300.1.1.1"), END};
/* No name that would be asked for: a label has 63 characters. */
struct content questions[] = {TEXT("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."),
                              END};
struct content services[] = {TEXT("80"), TEXT(""), TEXT("no such service"), END};
struct content hints[] = {BYTES_OF(struct addrinfo, .ai_flags = AI_NUMERICHOST),
                          BYTES_OF(struct addrinfo, .ai_flags = -1),
                          BYTES_OF(struct addrinfo, .ai_flags = AI_NUMERICHOST, .ai_family = 999), END};
struct content inet_bytes[] = {TEXT("\177\0\0\1"), END};
struct content entry_buffer[] = {{(const char[512]){0}, 512}, END};
static struct __res_state resolver;
struct content state_buffer[] = {{&resolver, sizeof resolver}, END};
struct content libraries[] = {TEXT("libm.so.6"), TEXT("nosuch.so"), END};
/* Filled in below. */
struct content addresses[8];
enum { MADE = 96 };
struct content messages_in[MADE], messages_out[MADE], several_in[2 * MADE], several_out[2 * MADE];

/* ---- Messages ---- */

static void add(struct content *list, const void *bytes, size_t size)
{
    void *copy = malloc(size);
    size_t at = 0;
    while (list[at].size)
        at++;
    list[at] = (struct content){memcpy(copy, bytes, size), size};
}

static void add_message(struct content *one, struct content *several, const struct msghdr *good,
                        const struct msghdr *message)
{
    struct mmsghdr two[2] = {{.msg_hdr = *good}, {.msg_hdr = *message}};
    add(one, message, sizeof *message);
    add(several, two, sizeof two);
    two[0].msg_hdr = *message, two[1].msg_hdr = *good;
    add(several, two, sizeof two);
}

static void add_messages(struct content *one, struct content *several, const struct msghdr *good)
{
    static const int name_sizes[] = {0, 1, 5, 16, 28, 128, 1000, -1};
    static const size_t control_sizes[] = {0, 1, 15, sizeof(struct cmsghdr), 24, 64, 5000, SIZE_MAX};
    static const size_t vector_counts[] = {0, 2, 1025, SIZE_MAX};
    void *const places[] = {good->msg_name, NULL, UNREADABLE, EDGE(5), READ_ONLY};
    struct msghdr message = *good;
    add_message(one, several, good, good);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        for (size_t j = 0; j < sizeof name_sizes / sizeof name_sizes[0]; j++) {
            message.msg_name = places[i];
            message.msg_namelen = (socklen_t)name_sizes[j];
            add_message(one, several, good, &message);
        }
    message = *good;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        for (size_t j = 0; j < sizeof control_sizes / sizeof control_sizes[0]; j++) {
            message.msg_control = i == 0 ? AT(CONTROL) : i == 4 ? AT(ODD_CONTROL) : places[i];
            message.msg_controllen = control_sizes[j];
            add_message(one, several, good, &message);
        }
    message = *good;
    for (size_t i = 0; i < sizeof vector_counts / sizeof vector_counts[0]; i++) {
        message.msg_iovlen = vector_counts[i];
        add_message(one, several, good, &message);
    }
    message.msg_iovlen = 1;
    void *const vector_places[] = {NULL, UNREADABLE, EDGE(8), AT(BAD_VECTORS)};
    for (size_t i = 0; i < 4; i++) {
        message.msg_iov = vector_places[i];
        add_message(one, several, good, &message);
    }
}

static void make_messages(void)
{
    struct sockaddr_in address = argument_address(1);
    struct iovec good_vector = {AT(BYTES), 10}, bad_vector = {UNREADABLE, 10};
    struct cmsghdr rights = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS},
                   odd = {SIZE_MAX - 8, SOL_SOCKET, SCM_RIGHTS};
    struct msghdr good = {.msg_name = AT(NAME), .msg_namelen = sizeof address, .msg_iov = AT(VECTORS), .msg_iovlen = 1};
    memcpy(AT(NAME), &address, sizeof address);
    memcpy(AT(VECTORS), &good_vector, sizeof good_vector);
    memcpy(AT(BAD_VECTORS), &bad_vector, sizeof bad_vector);
    memcpy(AT(CONTROL), &rights, sizeof rights);
    memcpy(AT(ODD_CONTROL), &odd, sizeof odd);
    /* Also the one filter, which lets all pass: these bytes are an instruction. */
    memcpy(AT(BYTES), &(struct sock_filter){BPF_RET | BPF_K, 0, 0, 0x7fff0000}, sizeof(struct sock_filter));
    add_messages(messages_out, several_out, &good);
    good.msg_namelen = 128;
    good.msg_control = AT(CONTROL);
    good.msg_controllen = 64;
    add_messages(messages_in, several_in, &good);
}

void content_begin(void)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    if (mmap(content_side, 3 * CONTENT_PAGE, PROT_READ | PROT_WRITE, flags, -1, 0) != content_side)
        exit(2);
    must(mprotect(content_side + CONTENT_PAGE, CONTENT_PAGE, PROT_NONE), "mprotect");
    memset(content_side + CONTENT_PAGE - 8, 'x', 8);
    memcpy(content_side + 2 * CONTENT_PAGE, "C=3", 4);
    must(mprotect(content_side + 2 * CONTENT_PAGE, CONTENT_PAGE, PROT_READ), "mprotect");
    memset(long_path, '/', sizeof long_path - 1);
    for (size_t i = 0; i + 1 < sizeof many / sizeof many[0]; i++)
        many[i] = "VARIABLE=1";
    struct sockaddr_in address = argument_address(1);
    add(addresses, &address, sizeof address);
    for (int i = 0; i < 3; i++) {
        address.sin_family = (sa_family_t[]){AF_UNSPEC, 999, AF_INET6}[i];
        add(addresses, &address, sizeof address);
    }
    struct sockaddr_un path = {.sun_family = AF_UNIX, .sun_path = "/nosuch/socket"};
    add(addresses, &path, sizeof path);
    make_messages();
}
