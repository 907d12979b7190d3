/* SPDX-License-Identifier: MIT
 *
 * The trace format, version 1: what the shim writes and everything else reads. This header is the specification; it is
 * the only header of the shim that the analyzer includes, and it includes <stdint.h> alone.
 *
 * A trace is a folder. Each file in it (NAME.atlas) is one process image's log: a header of SOCKATLAS_HEADER_SIZE
 * bytes, then slots of 64 bytes. The file is mapped by its writers, which may be several: forked children go on in
 * their parent's mapping.
 *
 *   - A writer takes N neighbouring slots with one atomic add of N to header.cursor, fills them, and publishes the
 * first by storing its `kind` last (release). kind 0 means: not published (yet, or ever: its writer was killed). Such a
 * slot is skipped; nothing else is lost by it.
 *   - A record is one head slot and zero or more continuation slots (kind SOCKATLAS_CONTINUATION) right behind it.
 *     A continuation without a head before it belongs to an unpublished record and is skipped.
 *   - A record's bytes are: 32 bytes of common fields, a fixed body by kind, and a tail. The tail starts right after
 * the body in the head slot and goes on at byte 1 of each continuation slot, 63 bytes each.
 *   - cursor may pass the end of the file: what did not fit was counted in header.lost.
 *   - Order within a file is slot order. Times are CLOCK_BOOTTIME in nanoseconds as the initial time namespace has it
 * (time_namespaces(7)): one clock for all files of one boot, never stepped. A head slot's time is when the record was
 * made: after the call, but before it for close, exec, exit and fork (so that whatever reuses the number, or runs in
 * the child, comes later in the file).
 *   - All integers are in the writer's byte order (header.byte_order tells). Addresses and ports are in network order.
 *   - The file may be sparse up to its size limit while it is in use; it ends at the last slot taken once it was
 * trimmed.
 */
#ifndef SOCKATLAS_TRACE_FORMAT_H
#define SOCKATLAS_TRACE_FORMAT_H

#include <stdint.h>

#define SOCKATLAS_MAGIC              "SOCKATLS" /* 8 bytes, no NUL */
#define SOCKATLAS_VERSION            1
#define SOCKATLAS_BYTE_ORDER         0x01020304u
#define SOCKATLAS_SLOT_SIZE          64
#define SOCKATLAS_HEADER_SIZE        4096
#define SOCKATLAS_SUFFIX             ".atlas"
#define SOCKATLAS_RUN_NAME           "run" /* the log of `sockatlas run` is RUN_NAME SUFFIX */
#define SOCKATLAS_CONTINUATION       255
#define SOCKATLAS_CONTINUATION_BYTES 63
#define SOCKATLAS_RECORD_SLOTS_MAX   64

/* ---- The header ---- */

enum sockatlas_writer {
    SOCKATLAS_WRITER_SHIM = 1, /* a traced process image; pid, exe, cmdline are its own */
    SOCKATLAS_WRITER_RUN = 2,  /* `sockatlas run`: what it saw from outside (RUN, GONE, UNTRACED records) */
};

/* Strings are NUL-terminated unless they fill their array, in which case they were cut there. */
struct sockatlas_header {
    char magic[8];
    uint32_t version;
    uint32_t byte_order;
    uint32_t header_size;
    uint32_t slot_size;
    uint64_t size_limit;  /* bytes, header included: the mapped range */
    uint64_t boottime_ns; /* CLOCK_BOOTTIME and CLOCK_REALTIME read together when the file was made */
    uint64_t realtime_ns;
    uint64_t start_ticks;  /* /proc/self/stat field 22: process start, in 1/100 s since boot; 0 unknown */
    uint64_t netns_cookie; /* SO_NETNS_COOKIE of the process's own network namespace; 0 unknown (kernel < 5.14) */
    uint64_t netns_inode;  /* of /proc/self/ns/net; 0 unknown */
    uint64_t pidns_inode;  /* of /proc/self/ns/pid; 0 unknown */
    uint32_t pid;
    uint32_t ppid;
    uint32_t uid; /* effective, when the file was made */
    uint32_t writer;
    char boot_id[40]; /* /proc/sys/kernel/random/boot_id */
    char host[72];    /* uname nodename */
    char comm[16];
    char congestion[16]; /* default TCP congestion control of the namespace, "" unknown */
    uint32_t cmdline_size;
    uint32_t somaxconn; /* net.core.somaxconn, 0 unknown */
    uint16_t
        port_low; /* net.ipv4.ip_local_port_range of the namespace when the file was made; both 0 unknown: also in */
    uint16_t port_high; /* files of the first writers of version 1 */
    uint8_t reserved0[260];

    /* Its own cache lines: the only bytes that change after the file was made. */
    uint64_t cursor; /* slots taken, from offset header_size */
    uint8_t reserved1[56];
    uint64_t lost;       /* records that could not be written; in `run`'s log: of images that could make no log of their
                          * own, which count there */
    uint64_t lost_first; /* CLOCK_BOOTTIME of the first of them, 0 none */
    uint32_t lost_reason; /* enum sockatlas_loss of the latest */
    uint32_t closed;      /* 1: the last process that had it exited cleanly or `run` saw all gone, and trimmed it */
    uint8_t reserved2[40];

    char exe[1024];     /* /proc/self/exe */
    char cmdline[2432]; /* argv as in /proc/self/cmdline: NUL after each argument; cmdline_size bytes, cut at the
                           array's end */
};

enum sockatlas_loss {
    SOCKATLAS_LOSS_NONE = 0,
    SOCKATLAS_LOSS_LIMIT = 1, /* SOCKATLAS_LIMIT reached */
    SOCKATLAS_LOSS_SPACE = 2, /* no space left on the trace's file system */
    SOCKATLAS_LOSS_OPEN = 3,  /* events before the log could be opened */
    SOCKATLAS_LOSS_TABLE = 4, /* a descriptor number beyond the shim's table */
};

/* ---- Records ---- */

/* Every record: value, NAME, word (the word `events` prints), body struct's tag. */
/* clang-format off */
#define SOCKATLAS_KINDS(X)                     \
    X(1, SOCKET, socket, socket)               \
    X(2, SOCKETPAIR, socketpair, socketpair)   \
    X(3, SEEN, seen, seen)                     \
    X(4, BIND, bind, bind)                     \
    X(5, LISTEN, listen, listen)               \
    X(6, CONNECT, connect, connect)            \
    X(7, CONNECTED, connected, connected)      \
    X(8, ACCEPT, accept, accept)               \
    X(9, OPTION, option, option)               \
    X(10, SHUTDOWN, shutdown, shutdown)        \
    X(11, CLOSE, close, close)                 \
    X(12, DUP, dup, dup)                       \
    X(13, FLAGS, flags, flags)                 \
    X(14, FORK, fork, fork)                    \
    X(15, START, start, start)                 \
    X(16, EXEC, exec, exec)                    \
    X(17, EXEC_FAILED, exec_failed, none)      \
    X(18, SPAWN, spawn, spawn)                 \
    X(19, EXIT, exit, exit)                    \
    X(20, PASS, pass, pass)                    \
    X(21, PEER, peer, peer)                    \
    X(22, PEER_TOTAL, peer_total, peer_total)  \
    X(23, ERROR, error, none)                  \
    X(24, NAME, name, name)                    \
    X(25, COVERAGE, coverage, coverage)        \
    X(26, NETNS, netns, netns)                 \
    X(27, IO, io, io)                          \
    X(28, RUN, run, run)                       \
    X(29, GONE, gone, gone)                    \
    X(30, UNTRACED, untraced, untraced)
/* clang-format on */

enum sockatlas_kind {
#define X(value, name, word, body) SOCKATLAS_##name = value,
    SOCKATLAS_KINDS(X)
#undef X
};

/* The libc entry point a record was made in: value, name. Numbers are never reused. */
/* clang-format off */
#define SOCKATLAS_CALLS(X)                                                                                              \
    X(1, socket) X(2, socketpair) X(3, bind) X(4, listen) X(5, connect) X(6, accept) X(7, accept4) X(8, setsockopt)     \
    X(9, getsockopt) X(10, shutdown) X(11, close) X(12, dup) X(13, dup2) X(14, dup3) X(15, fcntl) X(16, fcntl64)        \
    X(17, fork) X(18, vfork) X(19, _Fork) X(20, clone) X(21, execve) X(22, execv) X(23, execvp) X(24, execvpe)          \
    X(25, execl) X(26, execlp) X(27, execle) X(28, execveat) X(29, fexecve) X(30, posix_spawn) X(31, posix_spawnp)      \
    X(32, system) X(33, popen) X(34, exit) X(35, _exit) X(36, _Exit) X(37, quick_exit) X(38, abort)                     \
    X(39, close_range) X(40, closefrom) X(41, fclose) X(42, fcloseall) X(43, freopen) X(44, pclose) X(45, read)         \
    X(46, write) X(47, readv) X(48, writev) X(49, preadv2) X(50, pwritev2) X(51, send) X(52, sendto) X(53, sendmsg)     \
    X(54, sendmmsg) X(55, recv) X(56, recvfrom) X(57, recvmsg) X(58, recvmmsg) X(59, sendfile) X(60, sendfile64)        \
    X(61, splice) X(62, pidfd_getfd) X(63, ioctl) X(64, poll) X(65, ppoll) X(66, select) X(67, pselect)                 \
    X(68, epoll_wait) X(69, epoll_pwait) X(70, epoll_pwait2) X(71, epoll_ctl) X(72, getsockname) X(73, getpeername)     \
    X(74, bindresvport) X(75, daemon) X(76, unshare) X(77, setns) X(78, chroot) X(79, setuid) X(80, setgid)             \
    X(81, setreuid) X(82, setregid) X(83, setresuid) X(84, setresgid) X(85, seteuid) X(86, setegid) X(87, prctl)        \
    X(88, getaddrinfo) X(89, getnameinfo) X(90, gethostbyname) X(91, gethostbyname2) X(92, gethostbyaddr)               \
    X(93, gethostbyname_r) X(94, gethostbyname2_r) X(95, gethostbyaddr_r) X(96, res_query) X(97, res_search)            \
    X(98, syscall) X(99, dlopen) X(100, dlmopen) X(101, fdopen) X(102, forkpty) X(103, freopen64) X(104, vmsplice)      \
    X(105, tee) X(106, res_send) X(107, getaddrinfo_a) X(108, rcmd) X(109, rexec) X(110, syslog) X(111, pivot_root) X(112, dprintf)
/* clang-format on */

enum sockatlas_call {
    SOCKATLAS_CALL_NONE = 0, /* made outside a call: at load, by `run`; a socket SEEN because it is passed on */
#define X(value, name) SOCKATLAS_CALL_##name = value,
    SOCKATLAS_CALLS(X)
#undef X
};

/* The fields that every head slot begins with. */
struct sockatlas_common {
    uint8_t kind;   /* enum sockatlas_kind; stored last */
    uint8_t call;   /* enum sockatlas_call */
    uint16_t error; /* the call's errno, 0 when it succeeded */
    uint32_t pid;
    uint32_t tid;
    int32_t fd; /* the descriptor the record is about, -1 none */
    uint64_t time_ns;
    uint64_t cookie; /* SO_COOKIE of that descriptor's socket, 0 unknown or none */
};

/* One or two addresses at the start of a tail, `first` then `second`, encoded by family:
 *   AF_INET   6 bytes: port, address
 *   AF_INET6 22 bytes: port, address, scope id (native order)
 *   AF_UNIX   0..108 bytes: sun_path as the kernel has it: no trailing NUL for a path, leading NUL for an abstract name
 *   others    the sockaddr's bytes after sa_family
 * An address that was not asked for or not given has size SOCKATLAS_ABSENT and no bytes; an unnamed unix address has
 * size 0. */
struct sockatlas_addresses {
    uint8_t family;
    uint8_t first_size;
    uint8_t second_size;
    uint8_t flags; /* the descriptor's SOCKATLAS_CLOEXEC | SOCKATLAS_NONBLOCK, where the record says so */
};
#define SOCKATLAS_ABSENT 255

/* Descriptor and socket flags in `flags` fields. */
#define SOCKATLAS_CLOEXEC  1
#define SOCKATLAS_NONBLOCK 2

/* socket(): fd is the result. */
struct sockatlas_body_socket {
    uint16_t family;
    uint16_t type; /* SOCK_*, without the flag bits */
    uint32_t flags;
    int32_t protocol; /* as SO_PROTOCOL: the kernel's choice where the program passed 0, if the shim knows it, else 0 */
    uint32_t reserved;
    uint64_t netns_cookie; /* 0: the namespace named by the header or by the latest NETNS record of the thread */
};

/* socketpair(): fd and cookie are the first end's. */
struct sockatlas_body_socketpair {
    uint16_t family;
    uint16_t type;
    uint32_t flags;
    int32_t protocol;
    int32_t fd2;
    uint64_t cookie2;
};

/* A descriptor first seen in use: inherited, received, or made where no wrapper stands. tail: local, peer. */
struct sockatlas_body_seen {
    uint16_t family;
    uint16_t type;
    uint16_t protocol;
    uint8_t flags;
    uint8_t tcp_state; /* the kernel's TCP_* state (1 established, 10 listen, ...), 0 not asked */
    uint64_t netns_cookie;
    uint32_t peer_pid; /* unix: SO_PEERCRED's pid, 0 none */
    uint8_t listening; /* SO_ACCEPTCONN */
    uint8_t how;       /* enum sockatlas_how */
    uint16_t reserved;
    struct sockatlas_addresses addresses;
};

enum sockatlas_how {
    SOCKATLAS_HOW_USED = 0,     /* first touched by the call named in `call`; a connection that was handed to this
                                 * process, or only touched before: first transferred on by it */
    SOCKATLAS_HOW_RECEIVED = 1, /* came in by SCM_RIGHTS in that call, or by pidfd_getfd */
    SOCKATLAS_HOW_INHERITED = 2 /* first met when it was closed: this image never used it */
};

/* bind(). tail: requested, and local where the kernel chose (port 0, autobind). */
struct sockatlas_body_bind {
    struct sockatlas_addresses addresses;
};

/* listen(). tail: local (first). */
struct sockatlas_body_listen {
    int32_t backlog;
    struct sockatlas_addresses addresses;
};

/* connect(). error EINPROGRESS: a CONNECTED record tells the end. tail: peer as requested, local as the kernel chose.
 * A requested family AF_UNSPEC dissolves the association. */
struct sockatlas_body_connect {
    uint64_t duration_ns; /* of the call */
    uint32_t peer_pid;    /* unix: SO_PEERCRED's pid after success: the listener's, as of listen() */
    struct sockatlas_addresses addresses;
};

/* The end of a connect() that returned EINPROGRESS: error 0 or why it failed; call tells where it was found out. */
struct sockatlas_body_connected {
    uint64_t duration_ns; /* since connect() was called */
};

/* accept(), accept4(): fd and cookie are the new socket's (-1 and 0 on error). Family, type and protocol are the
 * listener's. EAGAIN is not recorded. tail: peer, local; local is absent where it is the listener's own. */
struct sockatlas_body_accept {
    uint64_t listener_cookie;
    int32_t listener_fd;
    uint32_t peer_pid;                    /* unix: SO_PEERCRED's pid */
    struct sockatlas_addresses addresses; /* flags: the new descriptor's */
} __attribute__((packed));                /* so that an IPv4 record is one slot */

/* setsockopt(). tail: requested bytes, then effective bytes as read back (size 0: not read back, that is, as
 * requested). requested_size is the caller's optlen even where fewer bytes are kept: kept_size of them are in the tail.
 */
struct sockatlas_body_option {
    int32_t level;
    int32_t name;
    uint32_t requested_size;
    uint16_t kept_size;
    uint16_t effective_size;
};
#define SOCKATLAS_OPTION_BYTES_MAX 256

struct sockatlas_body_shutdown {
    int32_t how;
};

/* Counts of bytes that are not known: those of a descriptor that stdio transferred through. */
#define SOCKATLAS_BYTES_UNKNOWN UINT64_MAX

/* A descriptor was closed, replaced, or still open at exit (call exit, _exit, ...: a snapshot). Counts are this
 * descriptor's in this process, since it was opened or inherited; TCP sockets' are the connection's, from TCP_INFO.
 * tail: struct sockatlas_tcp for a TCP socket that was ever connected. Bytes of a TCP socket without that tail are
 * unknown. */
struct sockatlas_body_close {
    uint64_t bytes_sent;
    uint64_t bytes_received;
    uint32_t messages_sent; /* successful calls */
    uint32_t messages_received;
    uint32_t rcvbuf; /* in force now; 0 not asked (the program set none and little went through) */
    uint32_t sndbuf;
};

/* From TCP_INFO (linux/tcp.h says what each means). Copy it out of the tail before use: it is not aligned there. */
struct sockatlas_tcp {
    uint8_t state;
    uint8_t ca_state;
    uint8_t options;
    uint8_t wscale;
    uint32_t rtt_us;
    uint32_t rttvar_us;
    uint32_t min_rtt_us;
    uint16_t snd_mss;
    uint16_t rcv_mss;
    uint32_t pmtu;
    uint32_t retransmits; /* tcpi_total_retrans */
    uint32_t lost;
    uint32_t snd_cwnd;
    uint32_t unacked;
    uint32_t notsent_bytes;
    uint32_t last_data_sent_ms; /* before the snapshot */
    uint32_t last_data_recv_ms;
    uint32_t segs_out;
    uint32_t segs_in;
};

/* dup family: fd is the new descriptor. What dup2/dup3 replaced has a CLOSE record before. */
struct sockatlas_body_dup {
    int32_t old_fd;
    uint32_t flags; /* SOCKATLAS_CLOEXEC */
};

/* fcntl(F_SETFD, F_SETFL), ioctl(FIOCLEX, FIONCLEX, FIONBIO) on a socket: its flags after the call. */
struct sockatlas_body_flags {
    uint32_t flags;
};

/* fork family, made in the parent: the slot is taken before the call and published after it. */
struct sockatlas_body_fork {
    uint32_t child_pid; /* 0: unknown (vfork), or failed */
};

/* The first record of a process that goes on in its parent's file. */
struct sockatlas_body_start {
    uint64_t fork_slot; /* slot index of the FORK record in this file, UINT64_MAX unknown */
    uint32_t ppid;
    uint32_t vforked; /* 1: runs in its parent's memory until exec */
    char comm[16];
};

/* exec family, before the call; EXEC_FAILED follows if it returned. tail: path. */
struct sockatlas_body_exec {
    uint16_t path_size;
    uint8_t untraced; /* enum sockatlas_untraced: why the new image will not be traced */
    uint8_t reserved;
};

/* posix_spawn, system, popen. tail: path (the shell's command for system and popen). */
struct sockatlas_body_spawn {
    uint32_t child_pid;
    uint16_t path_size;
    uint8_t untraced;
    uint8_t reserved;
};

enum sockatlas_untraced {
    SOCKATLAS_TRACEABLE = 0,
    SOCKATLAS_UNTRACED_STATIC = 1,      /* no dynamic loader */
    SOCKATLAS_UNTRACED_SETUID = 2,      /* secure execution: setuid, setgid or file capabilities */
    SOCKATLAS_UNTRACED_LIBC = 3,        /* a loader that does not preload: klibc's */
    SOCKATLAS_UNTRACED_CLASS = 4,       /* another word size or machine */
    SOCKATLAS_UNTRACED_REFUSED = 5,     /* SOCKATLAS_OFF set for it */
    SOCKATLAS_UNTRACED_ENVIRONMENT = 6, /* system() or popen() in a process that removed LD_PRELOAD */
    SOCKATLAS_UNTRACED_FOLDER = 7,      /* it may not write in the trace folder */
};

/* exit family. The status as a waiting parent sees it, 0..255; -1 unknown: abort, or a libc that does not tell. */
struct sockatlas_body_exit {
    int32_t status;
};

/* SCM_RIGHTS sent: one record per socket passed. fd and cookie are the carrier's. */
struct sockatlas_body_pass {
    uint64_t passed_cookie;
    int32_t passed_fd;
};

/* A datagram socket's first exchange with an address. tail: peer, then local if it is now known. */
struct sockatlas_body_peer {
    uint8_t sent; /* 1: first exchange was a send, 0: a receive */
    uint8_t reserved[3];
    struct sockatlas_addresses addresses;
};

/* Totals with one peer, when the socket is closed. Beyond the bound on peers a socket can have, one record without an
 * address has the rest, and `peers` tells how many exchanges with unlisted peers there were. tail: peer. */
struct sockatlas_body_peer_total {
    uint64_t bytes_sent;
    uint64_t bytes_received;
    uint32_t messages_sent;
    uint32_t messages_received;
    uint32_t unlisted;
    struct sockatlas_addresses addresses;
};

/* A name was looked up. duration of the call; error is errno. tail: name, service, then up to `addresses_count`
 * addresses, each one byte AF_INET (2) or AF_INET6 (10) and its 4 or 16 bytes. For a reverse look-up the name is the
 * result. */
struct sockatlas_body_name {
    uint64_t duration_ns;
    int32_t result; /* EAI_* for getaddrinfo and getnameinfo, h_errno for the gethostbyname family; 0 success */
    uint16_t name_size;
    uint8_t service_size;
    uint8_t addresses_count;
};

/* A blind spot, or something else the reader of the map must know. tail: detail. */
struct sockatlas_body_coverage {
    uint16_t what; /* enum sockatlas_coverage */
    uint16_t detail_size;
};

/* value, NAME, word (map's coverage[].what) */
/* clang-format off */
#define SOCKATLAS_COVERAGES(X)                                                                                          \
    X(1, IO_URING, io_uring) X(2, SECCOMP, seccomp) X(3, DEEPBIND, deepbind) X(4, UNTRACED_CHILD, untraced_child)       \
    X(5, PEERS, peers_bound) X(6, CLONE_VM, clone_vm) X(7, DESCRIPTOR, descriptor_beyond_table)                         \
    X(8, CLOSE_UNSEEN, close_unseen) X(9, LOST, lost) X(10, NO_LOG, no_log) X(11, DAMAGED, damaged)                     \
    X(12, HALF_MATCHED, half_matched)
/* clang-format on */

enum sockatlas_coverage {
#define X(value, name, word) SOCKATLAS_COVERAGE_##name = value,
    SOCKATLAS_COVERAGES(X)
#undef X
};

/* The thread (or process) entered a network namespace. */
struct sockatlas_body_netns {
    uint64_t netns_cookie;
    uint64_t netns_inode;
};

/* SOCKATLAS_IO=1: one transfer call. */
struct sockatlas_body_io {
    int64_t result; /* bytes, -1 on error */
    uint64_t requested;
    uint8_t sent; /* 1: out, 0: in */
    uint8_t reserved[7];
};

/* Written by `run`. status: the command's exit status once it ended, -1 while it runs. tail: the command line. */
struct sockatlas_body_run {
    int32_t status;
    uint32_t command_pid;
    uint16_t command_size;
};

/* Written by `run`: the process named by the record's pid no longer exists. */
struct sockatlas_body_gone {
    int32_t status; /* wait status if it was ours to reap, else -1 */
};

/* Written by `run`: an untraced process on this machine at the other end of a traced socket, whose cookie it is where
 * addresses do not tell which (a unix connection), or who serves the address (listening). tail: its local, its peer
 * address; then comm_size bytes comm, exe_size bytes exe. */
struct sockatlas_body_untraced {
    uint64_t netns_inode;
    uint32_t peer_pid;
    uint16_t protocol;
    uint8_t comm_size;
    uint8_t listening;
    uint16_t exe_size;
    uint16_t type;
    struct sockatlas_addresses addresses;
};

struct sockatlas_body_none {
    char nothing[1];
};

_Static_assert(sizeof(struct sockatlas_header) == SOCKATLAS_HEADER_SIZE, "header is one page");
_Static_assert(sizeof(struct sockatlas_common) == 32, "half a slot");
_Static_assert(sizeof(struct sockatlas_tcp) <= SOCKATLAS_CONTINUATION_BYTES, "one continuation");
#define X(value, name, word, body)                                                                                     \
    _Static_assert(sizeof(struct sockatlas_body_##body) <= SOCKATLAS_SLOT_SIZE - sizeof(struct sockatlas_common),      \
                   #word);
SOCKATLAS_KINDS(X)
#undef X

#endif
