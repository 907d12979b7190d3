/* SPDX-License-Identifier: MIT
 *
 * Families of hostile.c: who talks to whom.
 */
#include "tests/fault/hostile.h"

void family_same_tuple(unsigned n)
{
    struct end end = hostile_process(100);
    for (unsigned i = 0; i < n; i++) {
        uint64_t cookie = hostile_made(&end, 3, AF_INET, SOCK_STREAM);
        hostile_connects(&end, 3, cookie, true, 1, 80, 1, 40000);
        hostile_closed(&end, 3, cookie);
    }
    hostile_done(&end);
}

/* Between two hosts, all clients before the first server. */
void family_same_tuple_apart(unsigned n)
{
    struct end client = hostile_log_of(100, 1, 1, SOCKATLAS_WRITER_SHIM),
               server = hostile_log_of(200, 2, 1, SOCKATLAS_WRITER_SHIM);
    uint64_t listener = hostile_made(&server, 3, AF_INET, SOCK_STREAM);
    hostile_listens(&server, 3, listener, false, 1, 80);
    for (unsigned i = 0; i < n; i++) {
        uint64_t cookie = hostile_made(&client, 3, AF_INET, SOCK_STREAM);
        hostile_connects(&client, 3, cookie, false, 1, 80, 2, 40000);
        hostile_closed(&client, 3, cookie);
    }
    for (unsigned i = 0; i < n; i++)
        hostile_closed(&server, 4, hostile_accepts(&server, 4, 3, listener, false, 2, 40000));
    hostile_done(&client);
    hostile_done(&server);
}

/* The other way round: servers that no client of the same tuple can belong to, and clients after them. */
void family_same_tuple_late(unsigned n)
{
    struct end client = hostile_process(100), server = hostile_process(200),
               away = hostile_log_of(300, 2, 1, SOCKATLAS_WRITER_SHIM);
    uint64_t listener = hostile_made(&server, 3, AF_INET, SOCK_STREAM);
    hostile_listens(&server, 3, listener, false, 1, 80);
    hostile_made(&away, 3, AF_INET, SOCK_STREAM);
    for (unsigned i = 0; i < n; i++)
        hostile_closed(&server, 4, hostile_accepts(&server, 4, 3, listener, false, 2, 40000));
    for (unsigned i = 0; i < n; i++) {
        uint64_t cookie = hostile_made(&client, 3, AF_INET, SOCK_STREAM);
        hostile_connects(&client, 3, cookie, false, 1, 80, 2, 40000);
        hostile_closed(&client, 3, cookie);
    }
    hostile_done(&client);
    hostile_done(&server);
    hostile_done(&away);
}

/* Both ends of one tuple connect, again and again. */
void family_both_connect(unsigned n)
{
    struct end one = hostile_process(100), other = hostile_process(200);
    for (unsigned i = 0; i < n; i++) {
        uint64_t first = hostile_made(&one, 3, AF_INET, SOCK_STREAM),
                 second = hostile_made(&other, 3, AF_INET, SOCK_STREAM);
        hostile_connects(&one, 3, first, true, 1, 80, 2, 40000);
        hostile_connects(&other, 3, second, true, 2, 40000, 1, 80);
        hostile_closed(&one, 3, first);
        hostile_closed(&other, 3, second);
    }
    hostile_done(&one);
    hostile_done(&other);
}

void family_unix_untraced(unsigned n)
{
    struct end end = hostile_process(100);
    for (unsigned i = 0; i < n; i++) {
        uint64_t cookie = hostile_made(&end, 3, AF_UNIX, SOCK_STREAM);
        hostile_connects_path(&end, 3, cookie, "/run/untraced", 77);
        hostile_closed(&end, 3, cookie);
    }
    hostile_done(&end);
}

/* Bound under another name than the clients know: by credentials. */
void family_unix_renamed(unsigned n)
{
    struct end client = hostile_process(100), server = hostile_process(200);
    uint64_t listener = hostile_listens_path(&server, 3, "/run/bound");
    for (unsigned i = 0; i < n; i++) {
        uint64_t cookie = hostile_made(&client, 3, AF_UNIX, SOCK_STREAM);
        hostile_connects_path(&client, 3, cookie, "/run/renamed", 200);
        hostile_closed(&client, 3, cookie);
        struct sockatlas_body_accept body = {
            .listener_cookie = listener,
            .listener_fd = 3,
            .peer_pid = 100,
            .addresses = {.family = AF_UNIX, .first_size = 0, .second_size = SOCKATLAS_ABSENT}};
        hostile_put(&server, SOCKATLAS_ACCEPT, 4, ++hostile.cookies, &body, sizeof body, NULL, 0);
        hostile_closed(&server, 4, hostile.cookies);
    }
    hostile_done(&client);
    hostile_done(&server);
}

/* The ends are in two pid namespaces: by path and order. */
void family_unix_across(unsigned n)
{
    struct end client = hostile_process(100);
    hostile.pidns = 2;
    struct end server = hostile_process(200);
    uint64_t listener = hostile_listens_path(&server, 3, "/run/bound");
    for (unsigned i = 0; i < n; i++) {
        uint64_t cookie = hostile_made(&client, 3, AF_UNIX, SOCK_STREAM);
        hostile_connects_path(&client, 3, cookie, "/run/bound", 0);
        hostile_closed(&client, 3, cookie);
    }
    for (unsigned i = 0; i < n; i++) {
        struct sockatlas_body_accept body = {
            .listener_cookie = listener,
            .listener_fd = 3,
            .addresses = {.family = AF_UNIX, .first_size = 0, .second_size = SOCKATLAS_ABSENT}};
        hostile_put(&server, SOCKATLAS_ACCEPT, 4, ++hostile.cookies, &body, sizeof body, NULL, 0);
        hostile_closed(&server, 4, hostile.cookies);
    }
    hostile_done(&client);
    hostile_done(&server);
}

void family_unix_backlog(unsigned n)
{
    struct end client = hostile_process(100), server = hostile_process(200);
    uint64_t listener = hostile_listens_path(&server, 3, "/run/bound");
    for (unsigned i = 0; i < n; i++) {
        uint64_t cookie = hostile_made(&client, (int)(3 + i), AF_UNIX, SOCK_STREAM);
        hostile_connects_path(&client, (int)(3 + i), cookie, "/run/bound", 200);
    }
    for (unsigned i = 0; i < n; i++) {
        struct sockatlas_body_accept body = {
            .listener_cookie = listener,
            .listener_fd = 3,
            .peer_pid = 100,
            .addresses = {.family = AF_UNIX, .first_size = 0, .second_size = SOCKATLAS_ABSENT}};
        hostile_put(&server, SOCKATLAS_ACCEPT, (int)(4 + i), ++hostile.cookies, &body, sizeof body, NULL, 0);
    }
    hostile_done(&client);
    hostile_done(&server);
}

void family_one_port(unsigned n)
{
    struct end end = hostile_process(100);
    for (unsigned i = 0; i < n; i++) {
        uint64_t cookie = hostile_made(&end, 3, AF_INET, SOCK_STREAM);
        hostile_connects(&end, 3, cookie, false, 1000 + i, 80, 2, 40000);
        hostile_closed(&end, 3, cookie);
    }
    hostile_done(&end);
}

void family_peers(unsigned n)
{
    struct end end = hostile_process(100);
    uint64_t cookie = hostile_made(&end, 3, AF_INET, SOCK_DGRAM);
    for (unsigned i = 0; i < n; i++)
        hostile_sends_to(&end, 3, cookie, 1000 + i, 6881, 6881);
    hostile_closed(&end, 3, cookie);
    hostile_done(&end);
}

/* Two such: each peer of one could be the other. */
void family_peers_of_two(unsigned n)
{
    struct end one = hostile_process(100), other = hostile_log_of(200, 2, 1, SOCKATLAS_WRITER_SHIM);
    uint64_t first = hostile_made(&one, 3, AF_INET, SOCK_DGRAM), second = hostile_made(&other, 3, AF_INET, SOCK_DGRAM);
    for (unsigned i = 0; i < n; i++) {
        hostile_sends_to(&one, 3, first, 1000 + i, 6881, 6881);
        hostile_sends_to(&other, 3, second, 1000 + i, 6881, 6881);
    }
    hostile_closed(&one, 3, first);
    hostile_closed(&other, 3, second);
    hostile_done(&one);
    hostile_done(&other);
}

/* As many sockets as datagrams, all to one service. */
void family_askers(unsigned n)
{
    struct end client = hostile_process(100), server = hostile_process(200);
    uint64_t service = hostile_made(&server, 3, AF_INET, SOCK_DGRAM);
    for (unsigned i = 0; i < n; i++) {
        uint64_t cookie = hostile_made(&client, 3, AF_INET, SOCK_DGRAM);
        hostile_sends_to(&client, 3, cookie, 1, 53, 20000 + i % 40000);
        hostile_sends_to(&server, 3, service, 2, 20000 + i % 40000, 53);
        hostile_closed(&client, 3, cookie);
    }
    hostile_done(&client);
    hostile_done(&server);
}

void family_listeners(unsigned n)
{
    struct end server = hostile_process(200), client = hostile_process(100);
    for (unsigned i = 0; i < n; i++) {
        uint64_t listener = hostile_made(&server, (int)(3 + i), AF_INET, SOCK_STREAM);
        hostile_listens(&server, (int)(3 + i), listener, true, 1 + i, 80);
    }
    for (unsigned i = 0; i < n; i++) {
        uint64_t cookie = hostile_made(&client, 3, AF_INET, SOCK_STREAM);
        hostile_connects(&client, 3, cookie, true, 1 + i, 80, 2, 20000 + i % 40000);
        hostile_closed(&client, 3, cookie);
    }
    hostile_done(&server);
    hostile_done(&client);
}

/* Of one address (SO_REUSEPORT). */
void family_listeners_alike(unsigned n)
{
    struct end server = hostile_process(200), client = hostile_process(100);
    for (unsigned i = 0; i < n; i++) {
        uint64_t listener = hostile_made(&server, (int)(3 + i), AF_INET, SOCK_STREAM);
        hostile_listens(&server, (int)(3 + i), listener, true, 1, 80);
    }
    for (unsigned i = 0; i < n; i++) {
        uint64_t cookie = hostile_made(&client, 3, AF_INET, SOCK_STREAM);
        hostile_connects(&client, 3, cookie, true, 1, 80, 2, 20000 + i % 40000);
        hostile_closed(&client, 3, cookie);
    }
    hostile_done(&server);
    hostile_done(&client);
}

/* Clients and servers of as many networks whose addresses were translated: only a port could tell. */
void family_translated(unsigned n)
{
    struct end client = hostile_log_of(100, 1, 1, SOCKATLAS_WRITER_SHIM),
               server = hostile_log_of(200, 2, 1, SOCKATLAS_WRITER_SHIM);
    uint64_t listener = hostile_made(&server, 3, AF_INET, SOCK_STREAM);
    hostile_listens(&server, 3, listener, false, 1, 80);
    for (unsigned i = 0; i < n; i++) {
        uint64_t cookie = hostile_made(&client, 3, AF_INET, SOCK_STREAM);
        hostile_connects(&client, 3, cookie, false, 500000 + i, 80, 2, 40000);
        hostile_closed(&client, 3, cookie);
        hostile_closed(&server, 4, hostile_accepts(&server, 4, 3, listener, false, 900000 + i, 40000));
    }
    hostile_done(&client);
    hostile_done(&server);
}
