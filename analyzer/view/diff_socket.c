/* SPDX-License-Identifier: MIT
 *
 * What a run's sockets and events say, as facts: called by the model, see diff_fact.h.
 */
#include "analyzer/model/setting.h"
#include "analyzer/names/names.h"
#include "analyzer/view/diff_fact.h"
#include "analyzer/view/setting.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static bool chosen(const struct diff_run *run, const struct address *address)
{
    uint32_t port = address->port;
    struct chosen_port *found;
    HASH_FIND(hh, run->chosen, &port, sizeof port, found);
    return found != NULL;
}

/* Takes the random end of a temporary folder's name out: "/tmp/run.aB3x9Q/socket" is "/tmp/run.*" + "/socket". */
static void stable_path(char *path)
{
    static const char *const folders[] = {"/tmp/", "/var/tmp/"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        size_t prefix = strlen(folders[i]);
        if (strncmp(path, folders[i], prefix) != 0)
            continue;
        char *end = path + prefix + strcspn(path + prefix, "/"), *at = end;
        while (at > path + prefix && isalnum((unsigned char)at[-1]))
            at--;
        if (end - at < 6 || (at > path + prefix && !strchr(".-_", at[-1])))
            return;
        *at = '*';
        memmove(at + 1, end, strlen(end) + 1);
        return;
    }
}

/* "tcp 127.0.0.1:80", "tcp 127.0.0.1:*". */
static void service(const struct diff_run *run, const struct socket *socket, const struct address *address, char *out,
                    size_t size)
{
    char text[ADDRESS_TEXT_MAX];
    const char *transport = word_transport(socket->family, socket->type, socket->protocol);
    bool inet = address->family == AF_INET || address->family == AF_INET6;
    if (inet && chosen(run, address))
        snprintf(out, size, "%s %s:*", transport, address_is_any(address) ? "*" : address_text(address, text));
    else if (address->family == AF_UNIX && !address->size)
        snprintf(out, size, "%s pair", transport);
    else {
        address_text_port(address, text);
        if (address->family == AF_UNIX)
            stable_path(text);
        snprintf(out, size, "%s %s", transport, text);
    }
}

static void add_settings(struct diff_run *run, const struct socket *socket, const char *what)
{
    for (const struct socket_option *option = socket->options; option; option = option->next) {
        char name[SETTING_NAME_MAX], *key, *value, requested[OPTION_TEXT_MAX], effective[OPTION_TEXT_MAX],
            number[WORD_MAX];
        const unsigned char *bytes;
        size_t size = setting_effective(option, &bytes);
        option_text(option->level, option->name, option->bytes, option->kept_size, requested);
        option_text(option->level, option->name, bytes, size, effective);
        fact_print(&key, "%s, %s", what, setting_name(option->level, option->name, name));
        if (option->error)
            fact_print(&value, "%s, refused %s", requested,
                       word_or_number(names_errno(option->error), option->error, number));
        else if (setting_verdict(option) != SETTING_AS_ASKED)
            fact_print(&value, "%s, granted %s", setting_request_unknown(option) ? "?" : requested, effective);
        else
            fact_print(&value, "%s", requested);
        fact_add(run, FACT_SETTING, socket->owner, key, value);
        free(key);
        free(value);
    }
}

/* A parameter of its own kind: listen() sets it. */
static void add_backlog(struct diff_run *run, const struct socket *socket, const char *what)
{
    char *key, value[WORD_MAX];
    fact_print(&key, "%s, backlog", what);
    snprintf(value, sizeof value, "%d", socket->backlog);
    fact_add(run, FACT_SETTING, socket->owner, key, value);
    free(key);
}

static void add_times(struct diff_run *run, const struct socket *socket, const char *what)
{
    if (socket->connect_ns != UINT64_MAX && socket->state != STATE_FAILED)
        fact_sample(fact_add(run, FACT_CONNECT_TIME, socket->owner, what, ""), socket->connect_ns / 1000);
    if (socket->tcp_known && socket->tcp.rtt_us)
        fact_sample(fact_add(run, FACT_ROUND_TRIP, socket->owner, what, ""), socket->tcp.rtt_us);
}

static void add_client(struct diff_run *run, const struct socket *socket, const char *served)
{
    char other[WORD_PROCESS_MAX], *what, number[WORD_MAX];
    if (socket->state == STATE_FAILED) {
        fact_print(&what, "connect to %s", served);
        fact_add(run, FACT_FAILURE, socket->owner, what,
                 socket->outcome == OUTCOME_UNANSWERED
                     ? "not answered"
                     : word_or_number(names_errno(socket->error), socket->error, number));
    } else {
        fact_print(&what, "to %s, %s", fact_program(socket->peer_process, other), served);
        fact_add(run, FACT_EDGE, socket->owner, what, "");
        add_times(run, socket, what);
    }
    free(what);
}

static void add_server(struct diff_run *run, const struct socket *socket, const char *served)
{
    char *what;
    fact_print(&what, "accepts on %s", served);
    if (!socket->peer_socket) { /* else the other end has told of it */
        char *from, other[WORD_PROCESS_MAX];
        fact_print(&from, "from %s, %s", fact_program(socket->peer_process, other), served);
        fact_add(run, FACT_EDGE, socket->owner, from, "");
        free(from);
    }
    if (socket->tcp_known && socket->tcp.rtt_us)
        fact_sample(fact_add(run, FACT_ROUND_TRIP, socket->owner, what, ""), socket->tcp.rtt_us);
    free(what);
}

static void take_socket(void *context, const struct socket *socket)
{
    struct diff_run *run = context;
    char served[ADDRESS_TEXT_MAX + 64] = "", *kind;
    bool local = socket->role == ROLE_LISTENER || socket->role == ROLE_SERVER;
    const struct address *address = local ? &socket->local : &socket->peer;
    if (socket->role == ROLE_DATAGRAM && !address_known(address))
        address = &socket->local;
    if (address_known(address))
        service(run, socket, address, served, sizeof served);
    else
        snprintf(served, sizeof served, "%s", word_transport(socket->family, socket->type, socket->protocol));
    if (socket->role == ROLE_LISTENER)
        fact_add(run, FACT_LISTENER, socket->owner, served, "");
    else if (socket->role == ROLE_CLIENT || (socket->role == ROLE_DATAGRAM && address_known(&socket->peer)))
        add_client(run, socket, served);
    else if (socket->role == ROLE_SERVER)
        add_server(run, socket, served);
    fact_print(&kind, "%s %s", word_role(socket->role), served);
    fact_add(run, FACT_SOCKET, socket->owner, kind, "");
    add_settings(run, socket, kind);
    if (socket->role == ROLE_LISTENER)
        add_backlog(run, socket, kind);
    free(kind);
}

static void take_event(void *context, const struct event *event, const struct process *process,
                       const struct socket *socket)
{
    struct diff_run *run = context;
    struct address requested, local;
    (void)process;
    (void)socket;
    if (event->kind != SOCKATLAS_BIND)
        return;
    event_addresses(event, &requested, &local);
    if (event->error) {
        char *what, text[ADDRESS_TEXT_MAX], number[WORD_MAX];
        fact_print(&what, "bind to %s", address_text_port(&requested, text));
        fact_add(run, FACT_FAILURE, process, what, word_or_number(names_errno(event->error), event->error, number));
        free(what);
        return;
    }
    if (requested.port || !local.port || chosen(run, &local))
        return;
    struct chosen_port *made = calloc(1, sizeof *made);
    if (!made)
        abort();
    made->port = local.port;
    HASH_ADD(hh, run->chosen, port, sizeof made->port, made);
}

void diff_run_callbacks(struct diff_run *run, struct model_callbacks *callbacks)
{
    callbacks->context = run;
    callbacks->socket_done = take_socket;
    callbacks->event_seen = take_event;
}
