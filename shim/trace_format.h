/* SPDX-License-Identifier: MIT
 *
 * The trace format, version 2: what the shim writes and everything else reads. This header is the specification; it is
 * the only header of the shim that the analyzer includes, and it includes <stdint.h> alone.
 *
 * A trace is a folder. Each file in it (NAME.atlas) is one process image's log: a header of SOCKATLAS_HEADER_SIZE
 * bytes, then slots of 64 bytes. The file is mapped by its writers, which may be several: forked children go on in
 * their parent's mapping.
 *
 * Records.
 *   - A record is one head slot and zero or more continuation slots right behind it: `slots` in all. Its bytes are: 32
 *     bytes of common fields (struct sockatlas_common), a body of `body_size` bytes whose members the record's kind
 *     tells, and a tail. The tail starts right behind the body in the head slot and goes on at byte 1 of each
 *     continuation slot, whose byte 0 is SOCKATLAS_CONTINUATION: 63 bytes each. What is not used of a slot is zero.
 *   - A body may be longer or shorter than the reader's struct: members are only ever added at a body's end. A reader
 *     skips the bytes that it does not know; a member that the record does not have is 0, which means "not told" in
 *     every member that was added later. The same holds for struct sockatlas_tcp at the tail's end.
 *   - Order within a file is slot order. Times are CLOCK_BOOTTIME in nanoseconds as the initial time namespace has it
 *     (time_namespaces(7)): one clock for all files of one boot, never stepped. A record's time is when it was made:
 *     after the call, but before it for connecting, close, exec, exit and fork (so that whatever reuses the number, or
 *     runs in the child, comes later in the file).
 *   - All integers are in the writer's byte order (header.byte_order tells). Addresses and ports are in network order.
 *     32-bit and 64-bit writers of one byte order write the same bytes (SOCKATLAS_LAYOUT below).
 *
 * Writing without a lock.
 *   - A writer takes N neighbouring slots by moving header.cursor on by N with compare-and-exchange, fills them, and
 *     publishes the first by storing its `kind` last (release). kind 0 means: not published (yet, or never, because its
 *     writer was killed). A reader skips such a slot, and continuation slots that follow no published head; nothing
 *     else is lost by it. A record that was refused takes no slot: it is counted in header.lost.
 *   - Where the trace's file system cannot keep space that was promised (file_system.def) the records are in a file in
 *     memory (memory_file), and come to the trace's when the last process that has it mapped exits, or `run` ends.
 *   - The file may be sparse up to its size limit while it is in use; once it was trimmed it ends at the last slot
 *     taken, or where its used sections end.
 *
 * The ring (header.section_slots is not 0).
 *   - header.cursor counts positions, which never come again. Position P is slot P modulo header.ring_slots. The ring
 *     has sections of section_slots; the section with sequence number Q has the positions from Q * section_slots on.
 *     The first slot of each section is a struct sockatlas_section, the others hold records, none of which crosses the
 *     section's end: what is left there is one record of kind SOCKATLAS_PADDING, whose `fd` is how many slots it
 *     covers.
 *   - A section is used again and again. `state` in its first slot tells the sequence number that it holds and how
 *     often it was used. Its slots are not cleared in between: a record belongs to the section's present use where its
 *     `use` is the low four bits of that number of uses; any other is as if not published.
 *   - Who finds the cursor at a section's beginning looks whether the section may be used again: it may if it was never
 *     used, or if every record of its former use was published. Then he moves the cursor behind the first slot; else he
 *     moves it to the next section, and counts header.skipped. So a writer that sleeps in the middle of a record keeps
 *     its section out of use, and cannot damage what others write. Nobody waits for anybody.
 *   - A slot that was taken bears its section's `use` and, already before that, the writer's pid and tid and the
 * record's `slots`; its kind is 0 until it is published. Where that thread is gone (and header.other_pids is 0), who
 * finds the cursor at the section puts padding in the record's place.
 *   - A section that is opened again loses what it held: its records, and how many of them told of a connection's
 *     beginning (CONNECT, ACCEPT), are added up in header.totals, whoever has read them before. Who has some of them
 *     takes those off: what is missing is the total without what he has of sections that were opened again.
 *     header.last tells which of the two totals is valid, and for which section, the one opened last: (sequence number
 *     + 1) << 1 | index.
 *   - Who finds the cursor within a section later than that fills in the other totals, then the section's `opened` and
 *     `state`, then header.last, each by compare-and-exchange; several may do so, and all come to the same. Only then
 *     records are written to the section. Each member of totals, and `opened`, has the low 16 bits of (sequence number
 *     + 1) in its upper 16 bits, so that nobody who comes late can change it.
 *   - A reader reads the sections in the order of their sequence numbers, the last one up to the cursor. After it has
 *     copied a piece of a section it reads `state` again: if that has changed, the piece is worth nothing. Where it
 *     follows a log that is being written it waits for a slot that is not published, but not for long.
 *   - In each section, before the first record of a process, stands a PROCESS or START record of that process; and
 *     before the first record of a process about a descriptor that it has had for longer, a SEEN record
 *     (SOCKATLAS_HOW_TOLD), and behind it what the program has set (OPTION records without a call). So every section
 *     can be understood when those before it are gone.
 *   - A collector copies whole sections that lie behind the cursor's, checks `state` as any reader does, and then moves
 *     header.collected on, to the position behind the last one it has; never beyond a section with a record that may
 *     still be published. It rewrites nothing else. What it has not taken when its section's turn comes is overwritten:
 *     writers do not wait for it. Once it has all of a log that nobody has mapped any more, it may cut the file behind
 *     the header; then header.made is 0, and the totals are as if all sections had been opened again.
 *
 * Versions. A reader refuses a newer version. Version 1 (sockatlas 0.1) differed in this: a record did not tell its
 * slots and its body's size (it went on over the continuation slots that followed it, and its body had the size in
 * SOCKATLAS_KINDS), `error` had 16 bits, `pid` and `tid` 32; the header was struct sockatlas_header_v1; writers took
 * slots by adding to header.cursor, which so could pass the end of the file.
 */
#ifndef SOCKATLAS_TRACE_FORMAT_H
#define SOCKATLAS_TRACE_FORMAT_H

#include <stdint.h>

#define SOCKATLAS_MAGIC              "SOCKATLS" /* 8 bytes, no NUL */
#define SOCKATLAS_VERSION            2
#define SOCKATLAS_BYTE_ORDER         0x01020304u
#define SOCKATLAS_SLOT_SIZE          64
#define SOCKATLAS_HEADER_SIZE        4096
#define SOCKATLAS_SUFFIX             ".atlas"
#define SOCKATLAS_RUN_NAME           "run"      /* the log of `sockatlas run` is RUN_NAME SUFFIX */
#define SOCKATLAS_MEMORY_DIR         "/dev/shm" /* where files in memory are */
#define SOCKATLAS_MEMORY_PREFIX      "sockatlas-"
#define SOCKATLAS_MEMORY_NAME_SIZE   80
#define SOCKATLAS_CONTINUATION       255
#define SOCKATLAS_CONTINUATION_BYTES 63
#define SOCKATLAS_PADDING            254
#define SOCKATLAS_SECTION            253
#define SOCKATLAS_RECORD_SLOTS_MAX   64

/* ---- The header ---- */

enum sockatlas_writer {
    SOCKATLAS_WRITER_SHIM = 1,   /* a traced process image; pid, exe, cmdline are its own */
    SOCKATLAS_WRITER_RUN = 2,    /* `sockatlas run`: what it saw from outside (RUN, GONE, UNTRACED records) */
    SOCKATLAS_WRITER_PATCH = 3,  /* as SHIM, of a program whose system calls were redirected */
    SOCKATLAS_WRITER_KERNEL = 4, /* the kernel's notices of sockets that ended: a NETNS record for each network from
                                  * which they come, ENDED and UNTRACED records, COVERAGE where notices were lost */
    SOCKATLAS_WRITER_ATTACH = 5, /* as SHIM, in a process that ran already when its tracing began */
};

/* Why the kernel's notices were read. */
enum sockatlas_notices {
    SOCKATLAS_NOTICES_NONE = 0,
    SOCKATLAS_NOTICES_ASKED = 1, /* they were asked for: all sockets of the network are wanted */
    SOCKATLAS_NOTICES_OWN = 2, /* a program that `run` started is not traced: of what no log has, only sockets of those
                                * whom an UNTRACED record names are wanted */
};

/* What was in sections that were used again since the log began, see above. */
struct sockatlas_totals {
    uint64_t records;
    uint64_t connections; /* those of them that told of a connection's beginning */
    uint64_t until;       /* CLOCK_BOOTTIME of the newest of them in microseconds, 0 none */
};

#define SOCKATLAS_TAG_SHIFT 48
#define SOCKATLAS_TAG_VALUE ((1ull << SOCKATLAS_TAG_SHIFT) - 1)

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
    uint32_t somaxconn;     /* net.core.somaxconn, 0 unknown */
    uint16_t port_low;      /* net.ipv4.ip_local_port_range of the namespace when the file was made; */
    uint16_t port_high;     /* both 0 unknown */
    uint32_t section_slots; /* 0: the file is no ring */
    uint64_t ring_slots;    /* a power of two, and a multiple of section_slots */
    uint64_t run_id[2];     /* of the `run` that it belongs to: its random number, both 0 for none */
    /* "": the records are in this file. Else they are in SOCKATLAS_MEMORY_DIR/NAME, which is a log like any other with
     * this header, and this file holds the header alone: its file system does not keep space that was promised. */
    char memory_file[SOCKATLAS_MEMORY_NAME_SIZE];
    uint32_t across_users; /* in `run`'s log: 1: programs of other users were to be followed, and have logs here too */
    uint32_t notices;      /* in a log of the kernel's notices: enum sockatlas_notices */
    uint64_t follows; /* the boottime_ns of the log of this process that was removed or renamed, in whose place this one
                       * was made; 0 none. Its image goes on, and so do all its descriptors. Its positions go on behind
                       * those of the other, at the beginning of a ring */
    uint8_t reserved0[136];

    /* Each on its own cache line: the only bytes that change after the file was made. */
    uint64_t cursor; /* positions taken */
    uint8_t reserved1[56];
    uint64_t lost;       /* records that could not be written; in `run`'s log: of images that could make no log of their
                          * own, which count there */
    uint64_t lost_first; /* CLOCK_BOOTTIME of the first of them, 0 none */
    uint32_t lost_reason; /* enum sockatlas_loss of the latest */
    uint32_t closed;      /* 1: the last process that had it exited cleanly or `run` saw all gone, and trimmed it */
    uint64_t lost_last;   /* CLOCK_BOOTTIME of the latest of them, 0 unknown */
    uint64_t overwritten; /* 0 in the file, as the two that follow: readers fill in what is missing; the time in */
    uint64_t overwritten_connections;
    uint64_t overwritten_until; /* nanoseconds */
    uint32_t maker_left;        /* 1: the process that made it has exited; of the others, the last to exit trims it */
    uint32_t other_pids;        /* 1: its writers' pids are, or may be, of more than one pid namespace */
    uint64_t skipped;           /* how often a section was left alone because a record in it was not published */
    uint64_t made;              /* slots of the ring that exist in the file */
    uint64_t confined; /* 0, or slots from the ring's start on that all of its writers can reach: some are in a sandbox,
                        * where they can open up no more. Sections that end beyond it are left out from then on, and the
                        * cursor goes on to the next multiple of ring_slots; less than two sections count as 0 */
    uint8_t reserved3[40];
    uint64_t collected; /* written by a collector: it has all that was published before this position */
    uint64_t last;
    struct sockatlas_totals totals[2];

    char exe[768];      /* /proc/self/exe */
    char cgroup[384];   /* of the process: the path in /proc/self/cgroup of version 2, else the first line's */
    char cmdline[2176]; /* argv as in /proc/self/cmdline: NUL after each argument; cmdline_size bytes, cut at the
                           array's end */
};

/* The first slot of a section. */
struct sockatlas_section {
    uint8_t kind; /* SOCKATLAS_SECTION */
    uint8_t reserved0[7];
    uint64_t state;  /* (sequence number + 1) << 16 | number of uses modulo 65536; 0: never used */
    uint64_t opened; /* CLOCK_BOOTTIME in microseconds */
    uint8_t reserved1[40];
};

#define SOCKATLAS_USES_BITS 16

/* Version 1's, for reading it. Up to port_high both are alike. */
struct sockatlas_header_v1 {
    char same[252];
    uint8_t reserved0[260];
    uint64_t cursor;
    uint8_t reserved1[56];
    uint64_t lost;
    uint64_t lost_first;
    uint32_t lost_reason;
    uint32_t closed;
    uint8_t reserved2[40];
    char exe[1024];
    char cmdline[2432];
};

enum sockatlas_loss {
    SOCKATLAS_LOSS_NONE = 0,
    SOCKATLAS_LOSS_LIMIT = 1,   /* SOCKATLAS_LIMIT reached */
    SOCKATLAS_LOSS_SPACE = 2,   /* no space left on the trace's file system */
    SOCKATLAS_LOSS_OPEN = 3,    /* events before the log could be opened */
    SOCKATLAS_LOSS_TABLE = 4,   /* a descriptor number beyond the shim's table */
    SOCKATLAS_LOSS_SANDBOX = 5, /* in a seccomp sandbox, where neither space can be made nor a child ask who it is */
    SOCKATLAS_LOSS_HELD = 6,    /* a record that was not published in every section */
    SOCKATLAS_LOSS_MOVED = 7,   /* while another log took the place of one that was removed or renamed */
    SOCKATLAS_LOSS_THREAD = 8,  /* calls of a thread that the piece has no space for, or that is in the piece already */
    SOCKATLAS_LOSS_LATE = 9, /* the kernel's notices: it had not sent all when the reading ended; `lost` is the least */
};

/* ---- A word to `run` ---- */

/* From a program of its run that can reach no log where it is: one datagram to a unix socket of this abstract name and
 * the run's identity, as SOCKATLAS_RUN has it. */
#define SOCKATLAS_REPORT_NAME     "sockatlas/"
#define SOCKATLAS_REPORT_RUN_SIZE 32
#define SOCKATLAS_REPORT_MAGIC    0x1a7a5u

struct sockatlas_report {
    uint32_t magic;
    char comm[16];
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
    X(30, UNTRACED, untraced, untraced)        \
    X(31, PROCESS, process, process)           \
    X(32, CONNECTING, connecting, connecting)  \
    X(33, STATE, state, close)                 \
    X(34, TRANSFER, transfer, transfer)        \
    X(35, ENDED, ended, ended)                 \
    X(36, FILE, file, file)
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
    X(105, tee) X(106, res_send) X(107, getaddrinfo_a) X(108, rcmd) X(109, rexec) X(110, syslog) X(111, pivot_root) X(112, dprintf) \
    X(113, attach) X(114, detach)
/* clang-format on */

enum sockatlas_call {
    SOCKATLAS_CALL_NONE = 0, /* made outside a call: at load, by `run`; a socket SEEN because it is passed on */
#define X(value, name) SOCKATLAS_CALL_##name = value,
    SOCKATLAS_CALLS(X)
#undef X
};

/* The fields that every head slot begins with. A pid has 22 bits at most, an errno 12. */
struct sockatlas_common {
    uint8_t kind;        /* enum sockatlas_kind; stored last */
    uint8_t call;        /* enum sockatlas_call */
    uint16_t error : 12; /* the call's errno, 0 when it succeeded */
    uint16_t use : 4;    /* of the section; 0 in a file that is no ring */
    uint32_t pid : 24;
    uint32_t body_size : 8;
    uint32_t tid : 24;
  uint32_t slots : 8; /* of the record, this one included */
    int32_t fd;       /* the descriptor the record is about, -1 none */
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

/* A descriptor first seen in use: inherited, received, or made where no wrapper stands. tail: local, peer; then 8 bytes
 * of cookie, where `origin` says of what. */
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
    uint8_t role;      /* enum sockatlas_role */
    uint8_t origin;    /* enum sockatlas_origin */
    struct sockatlas_addresses addresses;
    uint32_t connected_ms; /* how long before the record it was accepted, or connect() was called; 0 unknown */
};

enum sockatlas_role {
    SOCKATLAS_ROLE_UNKNOWN = 0,
    SOCKATLAS_ROLE_CLIENT = 1, /* its side called connect() */
    SOCKATLAS_ROLE_SERVER = 2, /* it was accepted */
};

/* What a socket that is told again came from. */
enum sockatlas_origin {
    SOCKATLAS_ORIGIN_NONE = 0,
    SOCKATLAS_ORIGIN_LISTENER = 1, /* accepted on the socket with that cookie */
    SOCKATLAS_ORIGIN_PAIR = 2,     /* of a pair whose other end has that cookie */
};

enum sockatlas_how {
    SOCKATLAS_HOW_USED = 0,      /* first touched by the call named in `call`; a connection that was handed to this
                                  * process, or only touched before: first transferred on by it */
    SOCKATLAS_HOW_RECEIVED = 1,  /* came in by SCM_RIGHTS in that call, or by pidfd_getfd */
    SOCKATLAS_HOW_INHERITED = 2, /* first met when it was closed: this image never used it */
    SOCKATLAS_HOW_TOLD = 3,      /* known for longer, and told again because its earlier records may be overwritten */
    SOCKATLAS_HOW_ATTACHED = 4,  /* was open when the tracing of its process began, or began again (call attach), or
                                  * when it ended, and was not met before (call detach) */
};

/* bind(). tail: requested, and local where the kernel chose (port 0, autobind). */
struct sockatlas_body_bind {
    struct sockatlas_addresses addresses;
};

/* Which file the unix path named that a bind() or connect() has just taken: before that call's own record. A path can
 * name another file in another working directory, mount namespace or process (/proc/self), and later. */
struct sockatlas_body_file {
    uint64_t device; /* st_dev */
    uint64_t inode;
    uint8_t peer; /* 1: it is the peer's, of connect(); 0: the socket's own */
    uint8_t reserved[7];
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

/* connect() is about to be called on a stream socket that blocks: a CONNECT record follows, unless the call never
 * returned (the process was killed in it, or left it by siglongjmp). tail: peer as requested. */
struct sockatlas_body_connecting {
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
} __attribute__((packed, aligned(4)));    /* so that an IPv4 record is one slot */

/* setsockopt(). tail: requested bytes, then effective bytes as read back (size 0: not read back, that is, as
 * requested). requested_size is the caller's optlen even where fewer bytes are kept: kept_size of them are in the tail.
 * With SOCKATLAS_CALL_NONE it is no call: a setting that was made before and is in force is told again, behind the SEEN
 * record of its socket; where kept_size is 0 what was requested is not known any more.
 * Call attach: the option was found in force, and who asked for what is not known (requested_size 0). */
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

/* Counts of bytes that are not known: those of a descriptor that stdio transferred through; what a TCP connection
 * received that came to a reset where nothing tells whether a FIN, which the kernel counts as a byte, came before. */
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

/* A STATE record has a CLOSE record's body and tail, and nothing ends: it is how a socket stands that is open when the
 * tracing of its process begins (call attach) or ends (call detach). What the kernel does not count is unknown at the
 * beginning. */

/* From TCP_INFO (linux/tcp.h says what each means). A kernel before 4.6 does not tell the members marked "or unknown":
 * then all their bits are set, as the kernel itself sets them in min_rtt_us where it has measured none. Copy it out of
 * the tail before use: it is not aligned there. */
struct sockatlas_tcp {
    uint8_t state;
    uint8_t ca_state;
    uint8_t options;
    uint8_t wscale;
    uint32_t rtt_us;
    uint32_t rttvar_us;
    uint32_t min_rtt_us; /* or unknown */
    uint16_t snd_mss;
    uint16_t rcv_mss;
    uint32_t pmtu;
    uint32_t retransmits; /* tcpi_total_retrans */
    uint32_t lost;
    uint32_t snd_cwnd;
    uint32_t unacked;
    uint32_t notsent_bytes;     /* or unknown */
    uint32_t last_data_sent_ms; /* before the snapshot */
    uint32_t last_data_recv_ms;
    uint32_t segs_out;       /* or unknown */
    uint32_t segs_in;        /* or unknown */
    uint16_t sndbuf_limited; /* of a thousand parts of the time that data waited to be sent or acknowledged: with all of
                              * it under way and the send buffer full. 0 none, or not told */
} __attribute__((packed));   /* all that goes into one continuation */
#define SOCKATLAS_TCP_LEAST 60 /* bytes of the first version's */

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
    SOCKATLAS_UNTRACED_SETUID = 2,      /* secure execution: setuid, setgid or file capabilities; also by a
                                         * process whose real and effective user or group differ */
    SOCKATLAS_UNTRACED_LIBC = 3,        /* a loader that does not preload: klibc's */
    SOCKATLAS_UNTRACED_CLASS = 4,       /* another word size or machine */
    SOCKATLAS_UNTRACED_REFUSED = 5,     /* SOCKATLAS_OFF set for it */
    SOCKATLAS_UNTRACED_ENVIRONMENT = 6, /* system() or popen() in a process that removed LD_PRELOAD */
    SOCKATLAS_UNTRACED_FOLDER = 7,      /* it may not write in the trace folder */
    SOCKATLAS_UNTRACED_USER = 8,        /* another user's than the image before, and tracing was to stop there */
    SOCKATLAS_UNTRACED_SANDBOX = 9,     /* it begins in a seccomp sandbox, where the shim would be killed */
    SOCKATLAS_UNTRACED_SHIM = 10,       /* by its path there is no shim in that root, or none that can be mapped */
    SOCKATLAS_UNTRACED_GO = 11,         /* it makes its system calls without libc; what it does through libc is seen */
    SOCKATLAS_UNTRACED_SITES = 12,      /* no libc to preload for, and its own system calls could not be redirected */
    SOCKATLAS_UNTRACED_PTRACE = 13,     /* the same, because it may not be traced by ptrace(2), or is already */
};

/* exit family. The status as a waiting parent sees it, 0..255; -1 unknown: abort, or a libc that does not tell. */
struct sockatlas_body_exit {
    int32_t status;
};

/* Transfers that end after their descriptor was closed by another thread. Before the CLOSE record: how many sends are
 * under way, each of which will tell. After it, of one transfer: what went through the socket, and -1 where it is such
 * a send. Before the CLOSE record of a TCP connection, too: how much of what it received nobody has read. */
struct sockatlas_body_transfer {
    uint64_t bytes_sent;
    uint64_t bytes_received;
    uint32_t messages_sent;
    uint32_t messages_received;
    int32_t under_way;
    uint32_t unread; /* bytes, UINT32_MAX and more */
};

/* SCM_RIGHTS sent: one record per socket passed. fd and cookie are the carrier's. */
struct sockatlas_body_pass {
    uint64_t passed_cookie;
    int32_t passed_fd;
    uint32_t reserved;
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
    X(12, HALF_MATCHED, half_matched) X(13, OVERWRITTEN, overwritten) X(14, FORGED, forged)                             \
    X(15, FOREIGN_LOG, foreign_log) X(16, REPEATED_LOG, repeated_log) X(17, INHERITED, inherited)                       \
    X(18, ATTACHED, attached) X(19, DETACHED, detached) X(20, CLONE_FILES, clone_files) X(21, LOG_GONE, log_gone)       \
    X(22, ENDED_LOST, ended_lost) X(23, UNLOGGED, unlogged) X(24, UNWATCHED, unwatched)
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
    uint16_t reserved;
};

/* Written by `run`: the process named by the record's pid no longer exists. */
struct sockatlas_body_gone {
    int32_t status; /* wait status if it was ours to reap, else -1 */
};

/* Written by `run`, and by who reads the kernel's notices: an untraced process on this machine at the other end of a
 * traced socket, whose cookie it is where
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
    uint64_t own_cookie; /* of the process's own socket, which need not be the other end of a traced one; 0 not told */
};

/* The kernel's notice that a TCP or UDP socket of a network is no more; `cookie` is its. Nobody knows whose it was. The
 * record's time is when the notice was read. tail: local, peer; then struct sockatlas_tcp, unless bytes_received is
 * unknown. Of a socket that was reset by its own side the kernel tells no peer and no counts. */
struct sockatlas_body_ended {
    uint64_t bytes_sent;     /* what the program sent, or one more: a FIN, where not all of it had gone out */
    uint64_t bytes_received; /* as the kernel counts: a FIN that came is one */
    uint64_t netns_cookie;   /* of the socket; 0 unknown */
    uint8_t protocol;        /* IPPROTO_TCP or IPPROTO_UDP */
    uint8_t unread;          /* of the bytes received nobody had read so many, or 255 or more */
    uint8_t acked;           /* of its own SYN and FIN the peer acknowledged so many beside all data; 255 unknown */
    uint8_t left;            /* enum sockatlas_left */
    struct sockatlas_addresses addresses;
};

/* What the kernel keeps in the place of a TCP socket that is no more. */
enum sockatlas_left {
    SOCKATLAS_LEFT_UNKNOWN = 0,   /* not asked */
    SOCKATLAS_LEFT_FIN_WAIT2 = 5, /* as TCP's states: the peer has sent no FIN */
    SOCKATLAS_LEFT_TIME_WAIT = 6,
    SOCKATLAS_LEFT_NOTHING = 7,
};

/* What a process is called and whose it is, when that has changed, and in each section of a ring. tail: cgroup, where
 * it is known to be another than the header's, or to have been. */
struct sockatlas_body_process {
    uint32_t ppid; /* 0 unknown */
    uint32_t uid;  /* effective */
    char comm[16];
    uint16_t cgroup_size;
    uint16_t reserved0;
    uint32_t reserved1;
};

/* Of kinds that need no body. */
struct sockatlas_body_none {
    uint32_t reserved;
};

/* ---- The layout ---- */

/* Where each member of each structure is: STRUCT(tag, size), MEMBER(tag, member, offset). The compiler checks it in
 * whatever includes this header, for 32 and 64 bits. Members that are bit-fields have no row. */
/* clang-format off */
#define SOCKATLAS_LAYOUT(STRUCT, MEMBER)                                                                                \
    STRUCT(header, 4096) MEMBER(header, magic, 0) MEMBER(header, version, 8) MEMBER(header, byte_order, 12)            \
    MEMBER(header, header_size, 16) MEMBER(header, slot_size, 20) MEMBER(header, size_limit, 24)                       \
    MEMBER(header, boottime_ns, 32) MEMBER(header, realtime_ns, 40) MEMBER(header, start_ticks, 48)                    \
    MEMBER(header, netns_cookie, 56) MEMBER(header, netns_inode, 64) MEMBER(header, pidns_inode, 72)                   \
    MEMBER(header, pid, 80) MEMBER(header, ppid, 84) MEMBER(header, uid, 88) MEMBER(header, writer, 92)                \
    MEMBER(header, boot_id, 96) MEMBER(header, host, 136) MEMBER(header, comm, 208) MEMBER(header, congestion, 224)    \
    MEMBER(header, cmdline_size, 240) MEMBER(header, somaxconn, 244) MEMBER(header, port_low, 248)                     \
    MEMBER(header, port_high, 250) MEMBER(header, section_slots, 252) MEMBER(header, ring_slots, 256)                  \
    MEMBER(header, run_id, 264) MEMBER(header, memory_file, 280) MEMBER(header, across_users, 360)                     \
    MEMBER(header, notices, 364) MEMBER(header, follows, 368) MEMBER(header, reserved0, 376)                           \
    MEMBER(header, cursor, 512)                                                                                        \
    MEMBER(header, reserved1, 520) MEMBER(header, lost, 576) MEMBER(header, lost_first, 584)                           \
    MEMBER(header, lost_reason, 592) MEMBER(header, closed, 596) MEMBER(header, lost_last, 600)                        \
    MEMBER(header, overwritten, 608) MEMBER(header, overwritten_connections, 616)                                      \
    MEMBER(header, overwritten_until, 624) MEMBER(header, maker_left, 632) MEMBER(header, other_pids, 636)              \
    MEMBER(header, skipped, 640) MEMBER(header, made, 648) MEMBER(header, confined, 656)                               \
    MEMBER(header, reserved3, 664)                                                                                     \
    MEMBER(header, collected, 704) MEMBER(header, last, 712) MEMBER(header, totals, 720) MEMBER(header, exe, 768)      \
    MEMBER(header, cgroup, 1536) MEMBER(header, cmdline, 1920)                                                         \
    STRUCT(section, 64) MEMBER(section, kind, 0) MEMBER(section, reserved0, 1) MEMBER(section, state, 8)               \
    MEMBER(section, opened, 16) MEMBER(section, reserved1, 24)                                                         \
    STRUCT(totals, 24) MEMBER(totals, records, 0) MEMBER(totals, connections, 8) MEMBER(totals, until, 16)             \
    STRUCT(header_v1, 4096) MEMBER(header_v1, same, 0) MEMBER(header_v1, reserved0, 252)                               \
    MEMBER(header_v1, cursor, 512) MEMBER(header_v1, reserved1, 520) MEMBER(header_v1, lost, 576)                      \
    MEMBER(header_v1, lost_first, 584) MEMBER(header_v1, lost_reason, 592) MEMBER(header_v1, closed, 596)              \
    MEMBER(header_v1, reserved2, 600) MEMBER(header_v1, exe, 640) MEMBER(header_v1, cmdline, 1664)                     \
    STRUCT(common, 32) MEMBER(common, kind, 0) MEMBER(common, call, 1) MEMBER(common, fd, 12)                          \
    MEMBER(common, time_ns, 16) MEMBER(common, cookie, 24)                                                             \
    STRUCT(addresses, 4) MEMBER(addresses, family, 0) MEMBER(addresses, first_size, 1)                                 \
    MEMBER(addresses, second_size, 2) MEMBER(addresses, flags, 3)                                                      \
    STRUCT(body_socket, 24) MEMBER(body_socket, family, 0) MEMBER(body_socket, type, 2) MEMBER(body_socket, flags, 4)  \
    MEMBER(body_socket, protocol, 8) MEMBER(body_socket, reserved, 12) MEMBER(body_socket, netns_cookie, 16)           \
    STRUCT(body_socketpair, 24) MEMBER(body_socketpair, family, 0) MEMBER(body_socketpair, type, 2)                    \
    MEMBER(body_socketpair, flags, 4) MEMBER(body_socketpair, protocol, 8) MEMBER(body_socketpair, fd2, 12)            \
    MEMBER(body_socketpair, cookie2, 16)                                                                               \
    STRUCT(body_seen, 32) MEMBER(body_seen, family, 0) MEMBER(body_seen, type, 2) MEMBER(body_seen, protocol, 4)       \
    MEMBER(body_seen, flags, 6) MEMBER(body_seen, tcp_state, 7) MEMBER(body_seen, netns_cookie, 8)                     \
    MEMBER(body_seen, peer_pid, 16) MEMBER(body_seen, listening, 20) MEMBER(body_seen, how, 21)                        \
    MEMBER(body_seen, role, 22) MEMBER(body_seen, origin, 23) MEMBER(body_seen, addresses, 24)                       \
    MEMBER(body_seen, connected_ms, 28)                                                                                \
    STRUCT(body_bind, 4) MEMBER(body_bind, addresses, 0)                                                               \
    STRUCT(body_file, 24) MEMBER(body_file, device, 0) MEMBER(body_file, inode, 8) MEMBER(body_file, peer, 16)         \
    MEMBER(body_file, reserved, 17)                                                                                    \
    STRUCT(body_listen, 8) MEMBER(body_listen, backlog, 0) MEMBER(body_listen, addresses, 4)                           \
    STRUCT(body_connect, 16) MEMBER(body_connect, duration_ns, 0) MEMBER(body_connect, peer_pid, 8)                    \
    MEMBER(body_connect, addresses, 12)                                                                                \
    STRUCT(body_connecting, 4) MEMBER(body_connecting, addresses, 0)                                                   \
    STRUCT(body_connected, 8) MEMBER(body_connected, duration_ns, 0)                                                   \
    STRUCT(body_accept, 20) MEMBER(body_accept, listener_cookie, 0) MEMBER(body_accept, listener_fd, 8)                \
    MEMBER(body_accept, peer_pid, 12) MEMBER(body_accept, addresses, 16)                                               \
    STRUCT(body_option, 16) MEMBER(body_option, level, 0) MEMBER(body_option, name, 4)                                 \
    MEMBER(body_option, requested_size, 8) MEMBER(body_option, kept_size, 12) MEMBER(body_option, effective_size, 14)  \
    STRUCT(body_shutdown, 4) MEMBER(body_shutdown, how, 0)                                                             \
    STRUCT(body_close, 32) MEMBER(body_close, bytes_sent, 0) MEMBER(body_close, bytes_received, 8)                     \
    MEMBER(body_close, messages_sent, 16) MEMBER(body_close, messages_received, 20) MEMBER(body_close, rcvbuf, 24)     \
    MEMBER(body_close, sndbuf, 28)                                                                                     \
    STRUCT(tcp, 62) MEMBER(tcp, state, 0) MEMBER(tcp, ca_state, 1) MEMBER(tcp, options, 2) MEMBER(tcp, wscale, 3)      \
    MEMBER(tcp, rtt_us, 4) MEMBER(tcp, rttvar_us, 8) MEMBER(tcp, min_rtt_us, 12) MEMBER(tcp, snd_mss, 16)              \
    MEMBER(tcp, rcv_mss, 18) MEMBER(tcp, pmtu, 20) MEMBER(tcp, retransmits, 24) MEMBER(tcp, lost, 28)                  \
    MEMBER(tcp, snd_cwnd, 32) MEMBER(tcp, unacked, 36) MEMBER(tcp, notsent_bytes, 40)                                  \
    MEMBER(tcp, last_data_sent_ms, 44) MEMBER(tcp, last_data_recv_ms, 48) MEMBER(tcp, segs_out, 52)                    \
    MEMBER(tcp, segs_in, 56) MEMBER(tcp, sndbuf_limited, 60)                                                           \
    STRUCT(body_dup, 8) MEMBER(body_dup, old_fd, 0) MEMBER(body_dup, flags, 4)                                         \
    STRUCT(body_flags, 4) MEMBER(body_flags, flags, 0)                                                                 \
    STRUCT(body_fork, 4) MEMBER(body_fork, child_pid, 0)                                                               \
    STRUCT(body_start, 32) MEMBER(body_start, fork_slot, 0) MEMBER(body_start, ppid, 8)                                \
    MEMBER(body_start, vforked, 12) MEMBER(body_start, comm, 16)                                                       \
    STRUCT(body_exec, 4) MEMBER(body_exec, path_size, 0) MEMBER(body_exec, untraced, 2)                                \
    MEMBER(body_exec, reserved, 3)                                                                                     \
    STRUCT(body_spawn, 8) MEMBER(body_spawn, child_pid, 0) MEMBER(body_spawn, path_size, 4)                            \
    MEMBER(body_spawn, untraced, 6) MEMBER(body_spawn, reserved, 7)                                                    \
    STRUCT(body_exit, 4) MEMBER(body_exit, status, 0)                                                                  \
    STRUCT(body_transfer, 32) MEMBER(body_transfer, bytes_sent, 0) MEMBER(body_transfer, bytes_received, 8)            \
    MEMBER(body_transfer, messages_sent, 16) MEMBER(body_transfer, messages_received, 20)                              \
    MEMBER(body_transfer, under_way, 24) MEMBER(body_transfer, unread, 28)                                             \
    STRUCT(body_pass, 16) MEMBER(body_pass, passed_cookie, 0) MEMBER(body_pass, passed_fd, 8)                          \
    MEMBER(body_pass, reserved, 12)                                                                                    \
    STRUCT(body_peer, 8) MEMBER(body_peer, sent, 0) MEMBER(body_peer, reserved, 1) MEMBER(body_peer, addresses, 4)     \
    STRUCT(body_peer_total, 32) MEMBER(body_peer_total, bytes_sent, 0) MEMBER(body_peer_total, bytes_received, 8)      \
    MEMBER(body_peer_total, messages_sent, 16) MEMBER(body_peer_total, messages_received, 20)                          \
    MEMBER(body_peer_total, unlisted, 24) MEMBER(body_peer_total, addresses, 28)                                       \
    STRUCT(body_name, 16) MEMBER(body_name, duration_ns, 0) MEMBER(body_name, result, 8)                               \
    MEMBER(body_name, name_size, 12) MEMBER(body_name, service_size, 14) MEMBER(body_name, addresses_count, 15)        \
    STRUCT(body_coverage, 4) MEMBER(body_coverage, what, 0) MEMBER(body_coverage, detail_size, 2)                      \
    STRUCT(body_netns, 16) MEMBER(body_netns, netns_cookie, 0) MEMBER(body_netns, netns_inode, 8)                      \
    STRUCT(body_io, 24) MEMBER(body_io, result, 0) MEMBER(body_io, requested, 8) MEMBER(body_io, sent, 16)             \
    MEMBER(body_io, reserved, 17)                                                                                      \
    STRUCT(body_run, 12) MEMBER(body_run, status, 0) MEMBER(body_run, command_pid, 4)                                  \
    MEMBER(body_run, command_size, 8) MEMBER(body_run, reserved, 10)                                                   \
    STRUCT(body_gone, 4) MEMBER(body_gone, status, 0)                                                                  \
    STRUCT(body_untraced, 32) MEMBER(body_untraced, netns_inode, 0) MEMBER(body_untraced, peer_pid, 8)                 \
    MEMBER(body_untraced, protocol, 12) MEMBER(body_untraced, comm_size, 14) MEMBER(body_untraced, listening, 15)      \
    MEMBER(body_untraced, exe_size, 16) MEMBER(body_untraced, type, 18) MEMBER(body_untraced, addresses, 20)           \
    MEMBER(body_untraced, own_cookie, 24)                                                                              \
    STRUCT(body_ended, 32) MEMBER(body_ended, bytes_sent, 0) MEMBER(body_ended, bytes_received, 8)                     \
    MEMBER(body_ended, netns_cookie, 16) MEMBER(body_ended, protocol, 24) MEMBER(body_ended, unread, 25)               \
    MEMBER(body_ended, acked, 26) MEMBER(body_ended, left, 27) MEMBER(body_ended, addresses, 28)                       \
    STRUCT(body_process, 32) MEMBER(body_process, ppid, 0) MEMBER(body_process, uid, 4) MEMBER(body_process, comm, 8)  \
    MEMBER(body_process, cgroup_size, 24) MEMBER(body_process, reserved0, 26) MEMBER(body_process, reserved1, 28)      \
    STRUCT(body_none, 4) MEMBER(body_none, reserved, 0)
/* clang-format on */

#define SOCKATLAS_STRUCT(tag, size_) _Static_assert(sizeof(struct sockatlas_##tag) == (size_), #tag);
#define SOCKATLAS_MEMBER(tag, member, offset)                                                                          \
    _Static_assert(__builtin_offsetof(struct sockatlas_##tag, member) == (offset), #tag "." #member);
SOCKATLAS_LAYOUT(SOCKATLAS_STRUCT, SOCKATLAS_MEMBER)
#undef SOCKATLAS_STRUCT
#undef SOCKATLAS_MEMBER

_Static_assert(sizeof(struct sockatlas_header) == SOCKATLAS_HEADER_SIZE, "header is one page");
_Static_assert(sizeof(struct sockatlas_tcp) <= SOCKATLAS_CONTINUATION_BYTES, "one continuation");
#define X(value, name, word, body)                                                                                     \
    _Static_assert(sizeof(struct sockatlas_body_##body) <= SOCKATLAS_SLOT_SIZE - sizeof(struct sockatlas_common),      \
                   #word);
SOCKATLAS_KINDS(X)
#undef X

#endif
