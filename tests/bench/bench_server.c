/* SPDX-License-Identifier: MIT
 *
 * Real programs: redis with redis-benchmark, nginx with wrk, both ends without or with the shim. One server of each
 * kind lives through the whole measurement; the clients come and go.
 */
#include "tests/bench/bench.h"
#include "tests/bench/table.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { PAIRS = 10, REQUESTS = 60000, COMMAND_MOST = 16, READY_MS = 5000 };

struct server_side {
    struct side side; /* first */
    struct spawn spawn;
    const char *client[COMMAND_MOST];
    /* The client's output to operations and wall time; false: not understood. */
    bool (*read_output)(const char *output, struct reading *out);
    pid_t server;
    clockid_t server_clock;
    char port[8], url[64];
};

static uint64_t clock_now(clockid_t clock)
{
    struct timespec now = {0};
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t children_cpu(void)
{
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000u +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u;
}

/* One run of the client; the CPU time is the client's and the server's. */
static bool run_client(struct side *side, uint64_t count, struct reading *out)
{
    struct server_side *self = (struct server_side *)side;
    struct spawn spawn = self->spawn;
    char output[4096];
    (void)count;
    spawn.command = self->client;
    uint64_t client = children_cpu(), server = clock_now(self->server_clock);
    if (spawn_output(&spawn, output, sizeof(output)) != 0 || !self->read_output(output, out))
        return false;
    out->cpu_ns = children_cpu() - client + clock_now(self->server_clock) - server;
    return true;
}

/* "SET","123456.78", ... one line a test. */
static bool read_redis(const char *output, struct reading *out)
{
    static const char *const tests[] = {"\"SET\",\"", "\"GET\",\""};
    double seconds = 0;
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        const char *at = strstr(output, tests[i]);
        double rate = at ? strtod(at + strlen(tests[i]), NULL) : 0;
        if (rate <= 0)
            return false;
        seconds += REQUESTS / rate;
    }
    out->operations = 2 * REQUESTS;
    out->wall_ns = (uint64_t)(seconds * 1e9);
    return true;
}

/* "  123456 requests in 1.00s, ..." and "Requests/sec: 123456.78". */
static bool read_wrk(const char *output, struct reading *out)
{
    const char *total = strstr(output, " requests in "), *rate = strstr(output, "Requests/sec:");
    if (!total || !rate || strstr(output, "Non-2xx"))
        return false;
    while (total > output && total[-1] != ' ')
        total--;
    out->operations = strtoull(total, NULL, 10);
    double per_second = strtod(rate + strlen("Requests/sec:"), NULL);
    if (per_second <= 0)
        return false;
    out->wall_ns = (uint64_t)((double)out->operations / per_second * 1e9);
    return out->operations > 0;
}

/* A port that nobody had a moment ago; 0 if there is none. */
static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t size = sizeof(address);
    bool bound =
        bind(fd, (struct sockaddr *)&address, size) == 0 && getsockname(fd, (struct sockaddr *)&address, &size) == 0;
    close(fd);
    return bound ? ntohs(address.sin_port) : 0;
}

static bool answers(int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int waited = 0; waited < READY_MS; waited += 10) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool good = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
        close(fd);
        if (good)
            return true;
        poll(NULL, 0, 10);
    }
    return false;
}

static bool start_server(struct server_side *side, const char *const *command, int port)
{
    side->side.run = run_client;
    side->spawn.cpu = -1;
    side->spawn.quiet = true;
    struct spawn spawn = side->spawn;
    spawn.command = command;
    side->server = spawn_start(&spawn, -1, -1);
    return side->server > 0 && answers(port) && clock_getcpuclockid(side->server, &side->server_clock) == 0;
}

static bool start_redis(struct server_side *side, const struct folder *folder)
{
    int port = free_port();
    snprintf(side->port, sizeof(side->port), "%d", port);
    const char *const server[] = {"redis-server", "--port",     side->port,     "--bind", "127.0.0.1", "--save", "",
                                  "--dir",        folder->path, "--appendonly", "no",     NULL};
    const char *const client[] = {"redis-benchmark", "-p", side->port, "-t", "set,get", "-n", "60000", "--csv", NULL};
    _Static_assert(REQUESTS == 60000, "as in the command");
    memcpy(side->client, client, sizeof(client));
    side->read_output = read_redis;
    return start_server(side, server, port);
}

static bool write_nginx_configuration(const char *path, const char *dir, int port)
{
    FILE *file = fopen(path, "we");
    if (!file)
        return false;
    fprintf(file,
            "daemon off; master_process off; worker_processes 1; pid %s/nginx.pid; error_log /dev/null;\n"
            "events { worker_connections 1024; }\n"
            "http { access_log off; keepalive_requests 1000000000; client_body_temp_path %s/body; proxy_temp_path "
            "%s/proxy;\n"
            "fastcgi_temp_path %s/fastcgi; uwsgi_temp_path %s/uwsgi; scgi_temp_path %s/scgi;\n"
            "server { listen 127.0.0.1:%d; location / { return 200 \"a short answer\\n\"; } } }\n",
            dir, dir, dir, dir, dir, dir, port);
    return fclose(file) == 0;
}

static bool start_nginx(struct server_side *side, const struct folder *folder)
{
    char file[4200];
    int port = free_port();
    snprintf(file, sizeof(file), "%s/nginx.conf", folder->path);
    snprintf(side->url, sizeof(side->url), "http://127.0.0.1:%d/", port);
    const char *const server[] = {"nginx", "-c", file, "-e", "/dev/null", NULL};
    side->read_output = read_wrk;
    return write_nginx_configuration(file, folder->path, port) && start_server(side, server, port);
}

static void use_wrk(struct server_side *side, bool keep_alive)
{
    const char *const client[] = {"wrk", "-t1", "-c16", "-d1s", side->url, NULL, NULL, NULL};
    memcpy(side->client, client, sizeof(client));
    if (!keep_alive) {
        side->client[5] = "-H";
        side->client[6] = "Connection: close";
    }
}

static void measure(const char *title, struct server_side pair[2])
{
    static struct series series;
    static const struct plan plan = {.slices = PAIRS, .warm_up = 1, .slice_ns = 0};
    struct side *sides[] = {&pair[0].side, &pair[1].side};
    if (!pair_measure(sides, &plan, &series)) {
        table_note(title, "cannot run: the client failed");
        return;
    }
    struct summary wall = pair_summary(series.wall[0], series.wall[1], series.size);
    struct summary cpu = pair_summary(series.cpu[0], series.cpu[1], series.size);
    table_rate(title, &wall);
    table_pair("  both ends", "cpu", &cpu);
}

static void prepare(const struct bench *bench, struct server_side pair[2])
{
    memset(pair, 0, 2 * sizeof(*pair));
    pair[1].spawn.preload = bench->shim;
    pair[1].spawn.trace = bench->memory.path;
}

static void finish(const struct bench *bench, const struct server_side pair[2])
{
    spawn_end(pair[0].server);
    spawn_end(pair[1].server);
    folder_clear(&bench->memory);
    folder_clear(&bench->disk);
}

static void bench_redis(const struct bench *bench)
{
    static const char title[] = "redis-benchmark SET, GET";
    struct server_side pair[2];
    if (!spawn_exists("redis-server") || !spawn_exists("redis-benchmark")) {
        table_note(title, "cannot run: redis is not installed");
        return;
    }
    prepare(bench, pair);
    if (start_redis(&pair[0], &bench->disk) && start_redis(&pair[1], &bench->disk))
        measure(title, pair);
    else
        table_note(title, "cannot run: redis-server did not start");
    finish(bench, pair);
}

static void bench_nginx(const struct bench *bench)
{
    static const char title[] = "nginx + wrk, keep-alive";
    struct server_side pair[2];
    if (!spawn_exists("nginx") || !spawn_exists("wrk")) {
        table_note(title, "cannot run: nginx or wrk is not installed");
        return;
    }
    prepare(bench, pair);
    if (start_nginx(&pair[0], &bench->disk) && start_nginx(&pair[1], &bench->disk)) {
        for (int keep_alive = 1; keep_alive >= 0; keep_alive--) {
            use_wrk(&pair[0], keep_alive);
            use_wrk(&pair[1], keep_alive);
            measure(keep_alive ? title : "nginx + wrk, no keep-alive", pair);
        }
    } else {
        table_note(title, "cannot run: nginx did not start");
    }
    finish(bench, pair);
}

void bench_server(const struct bench *bench)
{
    table_part("servers, 2 CPUs", "without", "with");
    bench_redis(bench);
    bench_nginx(bench);
}
