/* SPDX-License-Identifier: MIT
 *
 * fleet SEED FOLDER SOCKATLAS [CONNECTIONS]  makes the logs of several hosts whose connections it knows, and compares
 * what SOCKATLAS makes of them: for each end of each connection, the right other end and kind of match. Prints a line
 * for each end that is wrong, then how many there were of each kind.
 *
 * The hosts' clocks are apart by up to hours; some records of a connection's end are lost; ports are used again; a
 * backlog is served late; addresses are translated on the way, also between two networks of one host. Where nothing
 * that both ends know tells two connections apart, none is made: a port is used again on one side of a translator only
 * when its former connection is some seconds old.
 */
#include "analyzer/trace/writer.h"

#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define SECOND 1000000000ull
enum { HOSTS_MAX = 6, CONNECTIONS_MAX = 200000, PORTS = 28000, FIRST_FD = 4 };

/* CLIENT, SERVER: in the host's network; CELL: a client in a network namespace of its own; INNER: a server there. */
enum role { CLIENT, SERVER, CELL, INNER, ROLES };

/* What lies between the ends: name, match of its halves, which the client's end knows of the server's address, and the
 * server's end of the client's. */
#define WAYS(X)                                                                                                        \
    X(DIRECT, "exact")                                                                                                 \
    X(LOOPBACK, "exact")                                                                                               \
    X(DESTINATION, "nat") /* the client asked for another address */                                                   \
    X(SOURCE, "nat")      /* the server sees another address */                                                        \
    X(BOTH, "nat")                                                                                                     \
    X(INSIDE, "nat") /* both, between two network namespaces of one host */                                            \
    X(REFUSED, "exact")

enum way {
#define X(name, match) WAY_##name,
    WAYS(X)
#undef X
        WAY_COUNT
};
static const char *const way_names[] = {
#define X(name, match) #name,
    WAYS(X)
#undef X
};
static const char *const way_matches[] = {
#define X(name, match) match,
    WAYS(X)
#undef X
};

struct process {
    struct writer *writer;
    uint32_t pid;
    int fds[CONNECTIONS_MAX / 16]; /* free ones */
    unsigned free_count;
    int next_fd;
};

struct host {
    struct process *processes[ROLES];
    uint64_t booted_ns; /* in true time, which the whole fleet has */
    int64_t ahead_ns;   /* of its wall clock */
};

struct connection {
    enum way way;
    unsigned from, to;
    unsigned port;
    uint64_t sent, received; /* as the client has it */
    bool lost[2];            /* all records of the client's end, of the server's */
    int fds[2];
    uint64_t times[4]; /* by `enum what` */
};

enum what { WHAT_CONNECT, WHAT_ACCEPT, WHAT_CLIENT_CLOSES, WHAT_SERVER_CLOSES, WHATS };

struct due {
    uint64_t time;
    unsigned connection;
    enum what what;
};

static struct host *hosts;
static struct connection *connections;
static struct due *dues;
static unsigned hosts_count, connections_count, dues_count;
static uint64_t state, used[PORTS]; /* when a port was used latest */

static void die(const char *what)
{
    fprintf(stderr, "fleet: %s: %s\n", what, strerror(errno));
    exit(2);
}

/* splitmix64 */
static uint64_t below(uint64_t limit)
{
    uint64_t value = state += 0x9e3779b97f4a7c15u;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return limit ? (value ^ value >> 31) % limit : 0;
}

static bool chance(unsigned percent)
{
    return below(100) < percent;
}

/* ---- Who there is ---- */

static bool in_cell(enum role role)
{
    return role == CELL || role == INNER;
}

/* The address of a host, of its cell, of the translator there. */
static uint32_t address_of(unsigned host, unsigned part)
{
    return 10u << 24 | part << 16 | (host + 1);
}

static void begin_process(unsigned host, enum role role, const char *folder, uint64_t now)
{
    static const char *const names[] = {"client", "server", "cell", "inner"};
    struct host *of = &hosts[host];
    struct process *process = of->processes[role] = calloc(1, sizeof *process);
    char name[64];
    process->pid = 100 * (role + 1);
    process->next_fd = FIRST_FD;
    struct sockatlas_header header = {.pid = process->pid,
                                      .ppid = 1,
                                      .writer = SOCKATLAS_WRITER_SHIM,
                                      .boottime_ns = now - of->booted_ns,
                                      .realtime_ns = now + (uint64_t)of->ahead_ns,
                                      .start_ticks = (now - of->booted_ns) / 10000000 - 100,
                                      .netns_inode = 1 + in_cell(role) * (1 + (uint64_t)role),
                                      .pidns_inode = 1};
    snprintf(header.comm, sizeof header.comm, "%s", names[role]);
    snprintf(header.boot_id, sizeof header.boot_id, "00000000-0000-4000-8000-%012u", host + 1);
    snprintf(header.host, sizeof header.host, "host%u", host);
    snprintf(name, sizeof name, "host%u_%s", host, names[role]);
    process->writer = writer_create(folder, name, &header);
    if (!process->writer)
        die(name);
}

/* ---- Records ---- */

static void put(unsigned host, enum role role, unsigned kind, int error, int fd, uint64_t cookie, uint64_t time,
                const void *body, size_t body_size, const void *tail, size_t tail_size)
{
    const struct process *process = hosts[host].processes[role];
    struct sockatlas_common common = {.kind = (uint8_t)kind,
                                      .error = (uint16_t)error,
                                      .pid = process->pid,
                                      .tid = process->pid,
                                      .fd = fd,
                                      .time_ns = time - hosts[host].booted_ns,
                                      .cookie = cookie};
    if (!writer_append(process->writer, &common, body, body_size, tail, tail_size))
        die("write");
}

static void put_address(unsigned char *out, uint32_t address, unsigned port)
{
    uint32_t bytes = htonl(address);
    out[0] = (unsigned char)(port >> 8);
    out[1] = (unsigned char)port;
    memcpy(out + 2, &bytes, sizeof bytes);
}

static void put_socket(unsigned host, enum role role, int fd, uint64_t cookie, uint64_t time)
{
    struct sockatlas_body_socket body = {.family = AF_INET, .type = SOCK_STREAM, .protocol = IPPROTO_TCP};
    put(host, role, SOCKATLAS_SOCKET, 0, fd, cookie, time, &body, sizeof body, NULL, 0);
}

static uint64_t listener_cookie(unsigned host, enum role role)
{
    return 1 + host * ROLES + role;
}

#define SERVED 80

static void put_listener(unsigned host, enum role role, uint64_t time)
{
    unsigned char tail[6];
    uint64_t cookie = listener_cookie(host, role);
    struct sockatlas_addresses one = {.family = AF_INET, .first_size = 6, .second_size = SOCKATLAS_ABSENT};
    struct sockatlas_body_bind bound = {.addresses = one};
    struct sockatlas_body_listen listening = {.backlog = 511, .addresses = one};
    put_socket(host, role, 3, cookie, time);
    put_address(tail, INADDR_ANY, SERVED);
    put(host, role, SOCKATLAS_BIND, 0, 3, cookie, time + 1000, &bound, sizeof bound, tail, sizeof tail);
    put(host, role, SOCKATLAS_LISTEN, 0, 3, cookie, time + 2000, &listening, sizeof listening, tail, sizeof tail);
}

/* ---- Connections ---- */

static uint64_t cookie_of(unsigned connection, int end)
{
    return 1000 + 2 * (uint64_t)connection + (unsigned)end;
}

static enum role role_of(const struct connection *connection, int end)
{
    if (connection->way == WAY_INSIDE)
        return end ? INNER : CELL;
    return end ? SERVER : CLIENT;
}

struct tuple {
    uint32_t from, to;
};

/* The addresses as that end has them. */
static struct tuple tuple_of(const struct connection *connection, int end)
{
    unsigned from = connection->from, to = connection->to;
    struct tuple tuple = {address_of(from, 0), address_of(to, 0)};
    bool destination = connection->way == WAY_DESTINATION || connection->way == WAY_BOTH;
    bool source = connection->way == WAY_SOURCE || connection->way == WAY_BOTH;
    if (connection->way == WAY_LOOPBACK)
        return (struct tuple){INADDR_LOOPBACK, INADDR_LOOPBACK};
    if (connection->way == WAY_INSIDE)
        return end ? (struct tuple){address_of(from, 3), address_of(to, 2)}
                   : (struct tuple){address_of(from, 1), address_of(to, 9)};
    if (destination && end == 0)
        tuple.to = address_of(to, 9);
    if (source && end == 1)
        tuple.from = address_of(to, 8);
    return tuple;
}

static int take_fd(struct process *process)
{
    return process->free_count ? process->fds[--process->free_count] : process->next_fd++;
}

static void put_connect(struct connection *connection, uint64_t cookie, uint64_t time)
{
    unsigned char tail[12];
    struct tuple tuple = tuple_of(connection, 0);
    enum role role = role_of(connection, 0);
    bool refused = connection->way == WAY_REFUSED;
    struct sockatlas_body_connect body = {.duration_ns = 100000,
                                          .addresses = {.family = AF_INET, .first_size = 6, .second_size = 6}};
    int fd = connection->fds[0] = take_fd(hosts[connection->from].processes[role]);
    put_address(tail, tuple.to, SERVED);
    put_address(tail + 6, tuple.from, connection->port);
    put_socket(connection->from, role, fd, cookie, time - body.duration_ns);
    put(connection->from, role, SOCKATLAS_CONNECT, refused ? ETIMEDOUT : 0, fd, cookie, time, &body, sizeof body, tail,
        sizeof tail);
}

static void put_accept(struct connection *connection, uint64_t cookie, uint64_t time)
{
    unsigned char tail[12];
    struct tuple tuple = tuple_of(connection, 1);
    enum role role = role_of(connection, 1);
    struct sockatlas_body_accept body = {.listener_cookie = listener_cookie(connection->to, role),
                                         .listener_fd = 3,
                                         .addresses = {.family = AF_INET, .first_size = 6, .second_size = 6}};
    int fd = connection->fds[1] = take_fd(hosts[connection->to].processes[role]);
    put_address(tail, tuple.from, connection->port);
    put_address(tail + 6, tuple.to, SERVED);
    put(connection->to, role, SOCKATLAS_ACCEPT, 0, fd, cookie, time, &body, sizeof body, tail, sizeof tail);
}

static void put_close(struct connection *connection, int end, uint64_t cookie, uint64_t time)
{
    unsigned host = end ? connection->to : connection->from;
    enum role role = role_of(connection, end);
    struct process *process = hosts[host].processes[role];
    bool refused = connection->way == WAY_REFUSED;
    struct sockatlas_body_close body = {.bytes_sent = end ? connection->received : connection->sent,
                                        .bytes_received = end ? connection->sent : connection->received};
    struct sockatlas_tcp tcp = {.state = 1, .rtt_us = 100};
    put(host, role, SOCKATLAS_CLOSE, 0, connection->fds[end], cookie, time, &body, sizeof body, refused ? NULL : &tcp,
        refused ? 0 : sizeof tcp);
    process->fds[process->free_count++] = connection->fds[end];
}

static void put_due(const struct due *due)
{
    struct connection *connection = &connections[due->connection];
    int end = due->what == WHAT_ACCEPT || due->what == WHAT_SERVER_CLOSES;
    uint64_t cookie = cookie_of(due->connection, end);
    if (connection->lost[end] || (end && connection->way == WAY_REFUSED))
        return;
    if (due->what == WHAT_CONNECT)
        put_connect(connection, cookie, due->time);
    else if (due->what == WHAT_ACCEPT)
        put_accept(connection, cookie, due->time);
    else
        put_close(connection, end, cookie, due->time);
}

/* ---- Choosing ---- */

/* Which connections a seed has, and how they are. */
static struct {
    unsigned ports; /* that clients choose from */
    unsigned lost;  /* percent of ends */
    unsigned alike; /* percent of connections with the bytes of others */
    unsigned late;  /* percent that wait in the backlog */
    uint64_t pause; /* between two connections, at most */
    unsigned apart; /* of clocks, seconds at most */
} chosen;

static void choose(unsigned long seed)
{
    static const unsigned ports[] = {40, 400, PORTS}, apart[] = {0, 1, 600, 20000};
    state = seed * 0xd1342543de82ef95u + 1;
    hosts_count = 2 + (unsigned)below(HOSTS_MAX - 1);
    chosen.ports = ports[below(3)];
    chosen.lost = chance(50) ? 0 : 5;
    chosen.alike = chance(30) ? 0 : 30;
    chosen.late = chance(50) ? 0 : 10;
    chosen.pause = chance(50) ? SECOND / 100 : SECOND;
    chosen.apart = apart[below(4)];
}

/* So long after its latest use a port is used again; the ends of a connection that nothing else tells from another are
 * so near to each other. */
#define AGAIN_NS (10 * SECOND)
#define LATE_NS  (3 * SECOND)

/* A port that nobody who could be taken for it has used lately; 0: none. */
static unsigned choose_port(uint64_t now)
{
    for (unsigned tries = 0; tries < 50; tries++) {
        unsigned port = (unsigned)below(chosen.ports);
        if (used[port] + AGAIN_NS < now) {
            used[port] = now;
            return 32768 + port;
        }
    }
    return 0;
}

static enum way choose_way(void)
{
    unsigned number = (unsigned)below(100);
    return number < 60   ? WAY_DIRECT
           : number < 70 ? WAY_LOOPBACK
           : number < 77 ? WAY_DESTINATION
           : number < 83 ? WAY_SOURCE
           : number < 90 ? WAY_BOTH
           : number < 96 ? WAY_INSIDE
                         : WAY_REFUSED;
}

static void add_due(unsigned connection, enum what what, uint64_t time)
{
    connections[connection].times[what] = time;
    dues[dues_count++] = (struct due){time, connection, what};
}

/* Later where all ports were used too lately. */
static uint64_t make_connection(unsigned index, uint64_t now)
{
    struct connection *connection = &connections[index];
    unsigned pairs = hosts_count * hosts_count;
    if (!pairs)
        abort();
    bool sample = index < pairs * 20; /* so that each pair of hosts has some that are sure */
    enum way way = sample ? WAY_DIRECT : choose_way();
    unsigned from = sample ? index % hosts_count : (unsigned)below(hosts_count);
    unsigned to = sample ? index / hosts_count % hosts_count : (unsigned)below(hosts_count);
    bool near = way == WAY_LOOPBACK || way == WAY_INSIDE;
    if (!near && from == to)
        to = (from + 1) % hosts_count;
    if (near)
        to = from;
    unsigned port;
    while (!(port = choose_port(now)))
        now += AGAIN_NS / 10;
    bool alike = chance(chosen.alike), late = way == WAY_DIRECT && chance(chosen.late);
    *connection = (struct connection){.way = way, .from = from, .to = to, .port = port};
    connection->sent = alike ? 100 : 1 + below(50000);
    connection->received = alike ? 200 : 1 + below(50000);
    if (way == WAY_REFUSED)
        connection->sent = connection->received = 0;
    for (int end = 0; end < 2; end++)
        connection->lost[end] = !sample && way != WAY_LOOPBACK && chance(chosen.lost);
    uint64_t accepted = now + 50000 + below(late ? LATE_NS : SECOND / 1000), life = below(SECOND / 10);
    add_due(index, WHAT_CONNECT, now);
    add_due(index, WHAT_ACCEPT, accepted);
    add_due(index, WHAT_CLIENT_CLOSES, accepted + 1000 + life);
    add_due(index, WHAT_SERVER_CLOSES, accepted + 2000 + life + below(SECOND / 100));
    return now;
}

static int by_time(const void *a, const void *b)
{
    const struct due *left = a, *right = b;
    return left->time != right->time ? (left->time > right->time) - (left->time < right->time)
                                     : (left->connection > right->connection) - (left->connection < right->connection);
}

static void make(const char *folder)
{
    uint64_t now = 1700000000 * SECOND;
    for (unsigned i = 0; i < hosts_count; i++) {
        hosts[i].booted_ns = now - 1000 * SECOND - below(1000000) * SECOND;
        hosts[i].ahead_ns = (int64_t)below(chosen.apart * SECOND + 1) - (int64_t)(chosen.apart * SECOND / 2);
        for (enum role role = 0; role < ROLES; role++) {
            begin_process(i, role, folder, now);
            if (role == SERVER || role == INNER)
                put_listener(i, role, now);
        }
    }
    now += SECOND;
    for (unsigned i = 0; i < connections_count; i++)
        now = make_connection(i, now + 1 + below(chosen.pause));
    qsort(dues, dues_count, sizeof *dues, by_time);
    for (unsigned i = 0; i < dues_count; i++)
        put_due(&dues[i]);
    for (unsigned i = 0; i < hosts_count; i++)
        for (enum role role = 0; role < ROLES; role++)
            if (!writer_close(hosts[i].processes[role]->writer))
                die("close");
}

/* ---- Comparing ---- */

struct seen {
    uint64_t id, peer; /* as `list` numbers sockets */
    const char *match;
    bool named; /* a process */
};
static struct seen *seen; /* by cookie */
static uint64_t *cookies; /* by id */
static unsigned right[WAY_COUNT], wrong[WAY_COUNT], missed[WAY_COUNT];

static void read_line(const char *line)
{
    static const char *const matches[] = {"exact", "nat", "external", "untraced"};
    cJSON *socket = cJSON_Parse(line);
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(socket, "cookie"));
    if (!text)
        die("list");
    uint64_t cookie = strtoull(text, NULL, 16), most = cookie_of(connections_count, 0);
    const char *match = cJSON_GetStringValue(cJSON_GetObjectItem(socket, "match"));
    double id = cJSON_GetNumberValue(cJSON_GetObjectItem(socket, "socket"));
    const cJSON *peer = cJSON_GetObjectItem(socket, "peer_socket"), *who = cJSON_GetObjectItem(socket, "peer_process");
    if (cookie >= most || id >= (double)most)
        die("list: a socket too many");
    seen[cookie].id = (uint64_t)id;
    seen[cookie].peer = cJSON_IsNumber(peer) ? (uint64_t)peer->valuedouble : 0;
    seen[cookie].named = cJSON_IsNumber(who);
    for (size_t i = 0; match && i < sizeof matches / sizeof *matches; i++)
        if (strcmp(match, matches[i]) == 0)
            seen[cookie].match = matches[i];
    cookies[seen[cookie].id] = cookie;
    cJSON_Delete(socket);
}

static void read_list(const char *sockatlas, const char *folder)
{
    char command[8192], *line = NULL;
    size_t capacity = 0;
    snprintf(command, sizeof command, "'%s' list --json '%s'", sockatlas, folder);
    FILE *list = popen(command, "re");
    while (list && getline(&line, &capacity, list) > 0)
        read_line(line);
    if (!list || pclose(list) != 0)
        die("list");
    free(line);
}

static void compare_end(unsigned index, int end)
{
    const struct connection *connection = &connections[index];
    enum way way = connection->way;
    const struct seen *is = &seen[cookie_of(index, end)];
    uint64_t peer = is->peer ? cookies[is->peer] : 0;
    bool mate = !connection->lost[!end] && way != WAY_REFUSED;
    uint64_t true_peer = mate ? cookie_of(index, !end) : 0;
    bool same = peer == true_peer && (!mate || (is->match && strcmp(is->match, way_matches[way]) == 0));
    if (!is->id)
        die("a socket is not listed");
    right[way] += same;
    missed[way] += !same && !peer;
    wrong[way] += !same && peer;
    if (!same)
        printf("%s %s%s:%u at %" PRIu64 " ms: %" PRIu64 " has %" PRIu64 " (%s), not %" PRIu64 "\n", way_names[way],
               end ? "server" : "client", connection->lost[!end] ? " (alone)" : "", connection->port,
               (connection->times[end] - connections[0].times[0]) / 1000000, cookie_of(index, end), peer,
               is->match ? is->match : "none", true_peer);
}

static bool compare(void)
{
    unsigned bad = 0;
    for (unsigned i = 0; i < connections_count; i++)
        for (int end = 0; end < 2; end++)
            if (connections[i].port && !connections[i].lost[end] && !(end && connections[i].way == WAY_REFUSED))
                compare_end(i, end);
    for (enum way way = 0; way < WAY_COUNT; way++) {
        printf("%s right %u wrong %u missed %u\n", way_names[way], right[way], wrong[way], missed[way]);
        bad += wrong[way] + missed[way];
    }
    return bad == 0;
}

int main(int argc, char **argv)
{
    if (argc != 4 && argc != 5) {
        fputs("usage: fleet SEED FOLDER SOCKATLAS [CONNECTIONS]\n", stderr);
        return 2;
    }
    choose(strtoul(argv[1], NULL, 10));
    connections_count = argc == 5 ? (unsigned)strtoul(argv[4], NULL, 10) : 2000;
    if (connections_count > CONNECTIONS_MAX || mkdir(argv[2], 0700) < 0)
        die(argv[2]);
    uint64_t most = cookie_of(connections_count, 0);
    hosts = calloc(HOSTS_MAX, sizeof *hosts);
    connections = calloc(connections_count, sizeof *connections);
    dues = calloc((size_t)connections_count * WHATS, sizeof *dues);
    seen = calloc(most, sizeof *seen);
    cookies = calloc(most, sizeof *cookies);
    make(argv[2]);
    read_list(argv[3], argv[2]);
    return !compare();
}
