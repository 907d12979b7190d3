/* SPDX-License-Identifier: MIT
 *
 * The true map in the contract's words: FOLDER/map.json and FOLDER/list.jsonl.
 */
#include "tests/ground/world.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define EXTERNAL_FIRST 1000

/* External nodes: by address. */
static struct name externals[256];
static unsigned externals_count;

static int external_id(const struct name *address)
{
    for (unsigned i = 0; i < externals_count; i++)
        if (strcmp(externals[i].text, address->text) == 0)
            return EXTERNAL_FIRST + (int)i;
    if (externals_count == sizeof externals / sizeof externals[0])
        cast_fail("too many external addresses");
    externals[externals_count] = *address;
    return EXTERNAL_FIRST + (int)externals_count++;
}

/* Of a connection, whoever has its ends now. */
static bool moves(const struct talk *talk)
{
    return !talk->failed && !talk->datagrams && strcmp(talk->client->role, "pair") != 0;
}

static int from_id(const struct talk *talk)
{
    return moves(talk) ? talk->client->owner : talk->from;
}

static int to_id(const struct talk *talk)
{
    if (moves(talk) && (talk->server || talk->client->other == talk->client))
        return talk->server ? talk->server->owner : talk->client->owner;
    return talk->to >= 0 ? talk->to : external_id(&talk->external);
}

static void number(cJSON *object, const char *key, bool known, double value)
{
    cJSON_AddItemToObject(object, key, known ? cJSON_CreateNumber(value) : cJSON_CreateNull());
}

static void text(cJSON *object, const char *key, const char *value)
{
    cJSON_AddItemToObject(object, key, value ? cJSON_CreateString(value) : cJSON_CreateNull());
}

static void place(cJSON *object, const char *address, const char *port, const struct name *name)
{
    text(object, address, name->known ? name->text : NULL);
    number(object, port, name->known && name->port > 0, name->port);
}

/* ---- Edges ---- */

static bool same_edge(const struct talk *a, const struct talk *b)
{
    return from_id(a) == from_id(b) && to_id(a) == to_id(b) && strcmp(a->transport, b->transport) == 0 &&
           strcmp(a->match ? a->match : "", b->match ? b->match : "") == 0 && a->served.known == b->served.known &&
           strcmp(a->served.text, b->served.text) == 0 && a->served.port == b->served.port;
}

struct sums {
    unsigned connections, open, failed;
    bool known;
    uint64_t sent, received;
};

static bool is_open(const struct talk *talk)
{
    return world_held(talk->client) && (!talk->server || world_held(talk->server));
}

static void add_up(struct sums *sums, const struct talk *talk)
{
    if (talk->failed) {
        sums->failed++;
        return;
    }
    bool client = world_bytes(talk->client), server = talk->server && world_bytes(talk->server);
    sums->connections++;
    sums->open += is_open(talk);
    if (!client && !server)
        return;
    sums->known = true;
    if (talk->datagrams) {
        sums->sent += talk->sent;
        sums->received += talk->received;
    } else {
        sums->sent += client ? talk->client->sent : talk->server->received;
        sums->received += client ? talk->client->received : talk->server->sent;
    }
}

static cJSON *edges(void)
{
    cJSON *array = cJSON_CreateArray();
    for (unsigned i = 0; i < world.talks_count; i++) {
        const struct talk *talk = world.talks[i];
        struct sums sums = {0};
        bool first = true;
        for (unsigned j = 0; j < i; j++)
            first = first && !same_edge(world.talks[j], talk);
        if (!first)
            continue;
        for (unsigned j = i; j < world.talks_count; j++)
            if (same_edge(world.talks[j], talk))
                add_up(&sums, world.talks[j]);
        cJSON *edge = cJSON_CreateObject();
        number(edge, "from", true, from_id(talk));
        number(edge, "to", true, to_id(talk));
        text(edge, "transport", talk->transport);
        place(edge, "server_address", "server_port", &talk->served);
        number(edge, "connections", true, sums.connections);
        number(edge, "open", true, sums.open);
        number(edge, "failed", true, sums.failed);
        number(edge, "bytes_sent", sums.known, (double)sums.sent);
        number(edge, "bytes_received", sums.known, (double)sums.received);
        text(edge, "match", talk->match);
        cJSON_AddItemToArray(array, edge);
    }
    return array;
}

/* ---- The rest of the map ---- */

static cJSON *listeners(void)
{
    cJSON *array = cJSON_CreateArray();
    for (unsigned i = 0; i < world.rows_count; i++) {
        const struct row *row = &world.rows[i];
        cJSON *listener = cJSON_CreateObject();
        number(listener, "node", true, row->owner);
        text(listener, "transport", row->transport);
        place(listener, "address", "port", &row->address);
        number(listener, "accepted", true, row->accepted);
        number(listener, "peak", true, row->peak);
        cJSON_AddItemToArray(array, listener);
    }
    return array;
}

static cJSON *nodes(void)
{
    cJSON *array = cJSON_CreateArray();
    for (int i = 0; i < world.processes_count; i++) {
        cJSON *node = cJSON_CreateObject();
        number(node, "id", true, i);
        text(node, "kind", "process");
        number(node, "pid", true, world.processes[i].pid);
        cJSON_AddItemToArray(array, node);
    }
    for (unsigned i = 0; i < externals_count; i++) {
        cJSON *node = cJSON_CreateObject();
        number(node, "id", true, EXTERNAL_FIRST + i);
        text(node, "kind", "external");
        text(node, "address", externals[i].text);
        cJSON_AddItemToArray(array, node);
    }
    return array;
}

/* ---- Sockets ---- */

static unsigned socket_id(const struct sock *sock)
{
    for (unsigned i = 0; i < world.sockets_count; i++)
        if (world.sockets[i] == sock)
            return i + 1;
    return 0;
}

static const char *type_word(int type)
{
    return type == SOCK_STREAM ? "SOCK_STREAM" : type == SOCK_DGRAM ? "SOCK_DGRAM" : "SOCK_SEQPACKET";
}

static const char *family_word(int family)
{
    return family == AF_INET ? "AF_INET" : family == AF_INET6 ? "AF_INET6" : "AF_UNIX";
}

static const char *state_word(const struct sock *sock)
{
    return world_held(sock) || strcmp(sock->state, "failed") == 0 ? sock->state : "closed";
}

static void peer_of(cJSON *object, const struct sock *sock)
{
    const struct talk *talk = sock->talk;
    const struct sock *other = sock->other;
    int process = -1;
    if (talk)
        process = talk->server == sock && talk->client != sock ? from_id(talk) : to_id(talk);
    if (talk && moves(talk) && sock->last_peer >= 0)
        process = sock->last_peer;
    number(object, "peer_socket", other != NULL, other ? socket_id(other) : 0);
    number(object, "peer_process", process >= 0, process);
    text(object, "match", talk && !talk->failed ? talk->match : NULL);
}

static cJSON *socket_object(const struct sock *sock)
{
    char cookie[32];
    snprintf(cookie, sizeof cookie, "%llx", (unsigned long long)sock->cookie);
    bool inet = sock->family != AF_UNIX, known = world_bytes(sock);
    cJSON *object = cJSON_CreateObject();
    number(object, "socket", true, socket_id(sock));
    text(object, "cookie", cookie);
    number(object, "process", true, sock->owner);
    text(object, "family", family_word(sock->family));
    text(object, "type", type_word(sock->type));
    text(object, "protocol", !inet ? NULL : sock->type == SOCK_DGRAM ? "IPPROTO_UDP" : "IPPROTO_TCP");
    text(object, "transport", world_transport(sock));
    text(object, "role", sock->role);
    text(object, "state", state_word(sock));
    place(object, "local_address", "local_port", &sock->local);
    place(object, "peer_address", "peer_port", &sock->peer);
    number(object, "bytes_sent", known, (double)sock->sent);
    number(object, "bytes_received", known, (double)sock->received);
    text(object, "error", sock->error ? strerrorname_np(sock->error) : NULL);
    cJSON *holders = cJSON_AddArrayToObject(object, "holders");
    for (int i = 0; i < world.processes_count; i++)
        if (sock->holders & 1u << i)
            cJSON_AddItemToArray(holders, cJSON_CreateNumber(i));
    peer_of(object, sock);
    return object;
}

/* ---- Files ---- */

static FILE *create(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    if (!file)
        cast_fail("%s: %s", path, strerror(errno));
    return file;
}

static void print(FILE *file, cJSON *object)
{
    char *line = cJSON_PrintUnformatted(object);
    fprintf(file, "%s\n", line);
    free(line);
    cJSON_Delete(object);
}

void truth_write(const char *folder)
{
    cJSON *map = cJSON_CreateObject();
    cJSON_AddItemToObject(map, "edges", edges());
    cJSON_AddItemToObject(map, "listeners", listeners());
    cJSON_AddItemToObject(map, "nodes", nodes());
    FILE *file = create(folder, "map.json");
    print(file, map);
    fclose(file);
    file = create(folder, "list.jsonl");
    for (unsigned i = 0; i < world.sockets_count; i++)
        print(file, socket_object(world.sockets[i]));
    fclose(file);
}
