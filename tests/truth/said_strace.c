/* SPDX-License-Identifier: MIT
 *
 * What the system calls that strace saw say of sockets.
 */
#include "tests/truth/said.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { TYPE_MASK = 0xf }; /* the kernel's SOCK_TYPE_MASK */

static unsigned flags_of(long type)
{
    return (type & SOCK_CLOEXEC ? SOCKATLAS_CLOEXEC : 0) | (type & SOCK_NONBLOCK ? SOCKATLAS_NONBLOCK : 0);
}

static void say(struct said_list *list, struct said *said, int error)
{
    size_t used = strlen(said->identity);
    snprintf(said->identity + used, sizeof(said->identity) - used, " error %d thread %u", error, said->tid);
    said_append(list, said);
}

static void say_replaced(struct said_list *list, const struct watched *call, struct said said)
{
    if (call->error || call->arguments[0] == call->arguments[1] || !call->inodes[1])
        return;
    said.fd = (int)call->arguments[1];
    snprintf(said.identity, sizeof(said.identity), "close %d", said.fd);
    snprintf(said.words, sizeof(said.words), "replaced");
    say(list, &said, 0);
}

static void say_dup(struct said_list *list, const struct watched *call, struct said said)
{
    if (call->error || !call->inodes[0] || call->result == call->arguments[0])
        return;
    snprintf(said.identity, sizeof(said.identity), "dup %ld gives %ld", call->arguments[0], call->result);
    say(list, &said, 0);
}

/* The kernel's choice where the program passed protocol 0. */
static long protocol_of(const long arguments[])
{
    long type = arguments[1] & TYPE_MASK;
    bool inet = arguments[0] == AF_INET || arguments[0] == AF_INET6;
    if (arguments[2] == 0 && inet)
        return type == SOCK_STREAM ? IPPROTO_TCP : type == SOCK_DGRAM ? IPPROTO_UDP : 0;
    return arguments[2];
}

/* On a descriptor: nothing is said of what is no socket. */
static void say_on_socket(struct said_list *list, const struct watched *call, struct said said)
{
    const long *arguments = call->arguments;
    char *words = said.words;
    enum { SPACE = sizeof(said.identity), WORDS = sizeof(said.words) };
    if (!call->inodes[0])
        return;
    if (strcmp(call->name, "bind") == 0 || strcmp(call->name, "connect") == 0) {
        snprintf(said.identity, SPACE, "%s %ld", call->name, arguments[0]);
        said_address(&call->address, words, WORDS);
    } else if (strcmp(call->name, "listen") == 0) {
        snprintf(said.identity, SPACE, "listen %ld", arguments[0]);
        snprintf(words, WORDS, "backlog %ld", arguments[1]);
    } else if (strcmp(call->name, "shutdown") == 0) {
        snprintf(said.identity, SPACE, "shutdown %ld", arguments[0]);
        snprintf(words, WORDS, "how %ld", arguments[1]);
    } else if (strcmp(call->name, "setsockopt") == 0) {
        snprintf(said.identity, SPACE, "setsockopt %ld level %ld name %ld", arguments[0], arguments[1], arguments[2]);
        snprintf(words, WORDS, "size %u", (unsigned)arguments[4]);
        said.value_size = call->value_size < sizeof(said.value) ? call->value_size : sizeof(said.value);
        memcpy(said.value, call->value, said.value_size);
    } else if (strncmp(call->name, "accept", 6) == 0) {
        if (call->error == EAGAIN || call->error == EINTR)
            return;
        snprintf(said.identity, SPACE, "accept %ld gives %ld", arguments[0], call->result);
        said_address(&call->address, words, WORDS);
    } else if (strcmp(call->name, "close") == 0 && !call->error) {
        snprintf(said.identity, SPACE, "close %ld", arguments[0]);
        snprintf(words, WORDS, "closed");
    } else {
        return;
    }
    say(list, &said, call->error);
}

static void say_call(struct said_list *list, const struct watched *call)
{
    const long *arguments = call->arguments;
    struct said said = {.watched = call,
                        .tid = call->tid,
                        .pid = said_process(call->tid),
                        .optional = call->restarted,
                        .fd = (int)arguments[0]};
    if (strcmp(call->name, "socket") == 0) {
        said.fd = (int)call->result;
        snprintf(said.identity, sizeof(said.identity), "socket gives %ld", call->result);
        snprintf(said.words, sizeof(said.words), "family %ld type %ld flags %u protocol %ld", arguments[0],
                 arguments[1] & TYPE_MASK, flags_of(arguments[1]), protocol_of(arguments));
        say(list, &said, call->error);
    } else if (strcmp(call->name, "socketpair") == 0) {
        said.fd = call->error ? -1 : (int)arguments[3];
        snprintf(said.identity, sizeof(said.identity), "socketpair gives %d %ld", said.fd, call->second_fd);
        snprintf(said.words, sizeof(said.words), "family %ld type %ld flags %u protocol %ld", arguments[0],
                 arguments[1] & TYPE_MASK, flags_of(arguments[1]), arguments[2]);
        say(list, &said, call->error);
    } else if (strcmp(call->name, "dup2") == 0 || strcmp(call->name, "dup3") == 0) {
        say_replaced(list, call, said);
        say_dup(list, call, said);
    } else if (strcmp(call->name, "dup") == 0 ||
               (strcmp(call->name, "fcntl") == 0 && (arguments[1] == F_DUPFD || arguments[1] == F_DUPFD_CLOEXEC))) {
        say_dup(list, call, said);
    } else {
        say_on_socket(list, call, said);
    }
}

/* A connect() after one that was still under way only asks how that one ended. */
static bool asks_after(const struct watched *calls, size_t index)
{
    for (size_t i = index; i-- > 0 && calls[i].tid == calls[index].tid;)
        if (strcmp(calls[i].name, "connect") == 0 && calls[i].inodes[0] == calls[index].inodes[0])
            return calls[i].error == EINPROGRESS || calls[i].error == EALREADY || calls[i].restarted;
    return false;
}

void said_by_strace(struct said_list *list, const struct watched *calls, size_t index)
{
    size_t before = list->count;
    if (calls[index].by == WATCHED_SHIM)
        return;
    say_call(list, &calls[index]);
    if (list->count > before && strcmp(calls[index].name, "connect") == 0 && asks_after(calls, index))
        list->all[before].optional = true;
}
