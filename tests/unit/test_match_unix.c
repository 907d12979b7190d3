/* SPDX-License-Identifier: MIT
 *
 * Matching of unix sockets: by the path they name, and by who the kernel says is at the other end.
 */
#include "tests/unit/model_script.h"

static struct script script;

static void setup(void)
{
    script_begin(&script);
}

static void teardown(void)
{
    model_free(script.model);
}

TestSuite(match_unix, .init = setup, .fini = teardown);

static struct who process_in(uint32_t pid, const char *comm, uint64_t netns)
{
    return (struct who){script_image(&script, pid, comm, 0, netns), pid};
}

static struct who process(uint32_t pid, const char *comm)
{
    return process_in(pid, comm, 1);
}

static void t_connect_unix(struct who who, int fd, uint64_t cookie, const char *path, uint32_t peer_pid)
{
    t_socket(&script, who, fd, cookie, AF_UNIX, SOCK_STREAM, 0);
    t_connect(&script, who, fd, cookie, path, NULL, 0, peer_pid);
}

static void unix_connection(const char *served, const char *asked)
{
    struct who server = process(100, "server"), client = process(200, "client"), other = process(300, "other");
    t_server(&script, server, 3, 0x10, served);
    t_socket(&script, client, 3, 0x20, AF_UNIX, SOCK_STREAM, 0);
    t_connect(&script, client, 3, 0x20, asked, NULL, 0, 100);
    t_socket(&script, other, 3, 0x21, AF_UNIX, SOCK_STREAM, 0);
    t_connect(&script, other, 3, 0x21, asked, NULL, 0, 100);
    t_accept(&script, server, 4, 0x30, 3, 0x10, "", NULL, 300);
    t_accept(&script, server, 5, 0x31, 3, 0x10, "", NULL, 200);
    script_finish(&script);
    script_mates(&script, 0x21, 0x30, MATCH_PATH);
    script_mates(&script, 0x20, 0x31, MATCH_PATH);
}

Test(match_unix, unix_path)
{
    unix_connection("/run/x.sock", "/run/x.sock");
}

Test(match_unix, unix_abstract)
{
    unix_connection("@x", "@x");
}

Test(match_unix, unix_path_by_another_name)
{
    unix_connection("/run/x.sock", "/var/run/x.sock");
}

Test(match_unix, abstract_names_are_per_namespace)
{
    struct who server = process_in(100, "server", 1), client = process_in(200, "client", 2);
    t_server(&script, server, 3, 0x10, "@x");
    t_socket(&script, client, 3, 0x20, AF_UNIX, SOCK_STREAM, 0);
    t_connect(&script, client, 3, 0x20, "@x", NULL, 0, 0);
    t_accept(&script, server, 4, 0x30, 3, 0x10, "", NULL, 200);
    script_finish(&script);
    cr_expect_null(script_edge(&script, 200, 100));
}

Test(match_unix, a_path_bound_again_means_the_later_listener)
{
    struct who older = process(100, "older"), newer = process(101, "newer"), client = process(200, "client");
    t_socket(&script, older, 3, 0x10, AF_UNIX, SOCK_STREAM, 0);
    t_bind(&script, older, 3, 0x10, "/run/x.sock");
    t_listen(&script, older, 3, 0x10, "/run/x.sock");
    t_socket(&script, newer, 3, 0x11, AF_UNIX, SOCK_STREAM, 0);
    t_bind(&script, newer, 3, 0x11, "/run/x.sock");
    t_listen(&script, newer, 3, 0x11, "/run/x.sock");
    t_socket(&script, client, 3, 0x20, AF_UNIX, SOCK_STREAM, 0);
    t_connect(&script, client, 3, 0x20, "/run/x.sock", NULL, 0, 0);
    script_finish(&script);
    cr_expect_eq(script_socket(&script, 0x20)->peer_process->pid, 101);
}

/* Bound as "control.X", then linked to the name that clients know. */
Test(match_unix, path_bound_under_another_name_is_known_by_credentials)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_server(&script, server, 3, 0x10, "/run/control.X");
    t_connect_unix(client, 3, 0x20, "/run/control", 100);
    t_connect_unix(client, 4, 0x21, "/run/control", 100);
    t_accept(&script, server, 4, 0x30, 3, 0x10, "", NULL, 200);
    t_accept(&script, server, 5, 0x31, 3, 0x10, "", NULL, 200);
    script_finish(&script);
    script_mates(&script, 0x20, 0x30, MATCH_PATH);
    script_mates(&script, 0x21, 0x31, MATCH_PATH);
    const struct edge *edge = script_edge(&script, 200, 100);
    cr_assert_not_null(edge);
    cr_expect_eq(edge->connections, 2);
    cr_expect_eq(edge->server.size, strlen("/run/control"));
    cr_expect_eq(model_coverage_count(script.model), 0);
}

/* The client has closed long before it is accepted. */
Test(match_unix, path_bound_under_another_name_and_accepted_late)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_server(&script, server, 3, 0x10, "/run/control.X");
    t_connect_unix(client, 3, 0x20, "/run/control", 100);
    t_close(&script, client, 3, 0x20);
    t_wait(&script, client, 20000000000);
    t_accept(&script, server, 4, 0x30, 3, 0x10, "", NULL, 200);
    t_close(&script, server, 4, 0x30);
    t_wait(&script, client, 50000000000);
    script_mates(&script, 0x20, 0x30, MATCH_PATH);
    script_finish(&script);
}

/* Two listeners of one process, and nothing tells which of them became which name. */
Test(match_unix, credentials_that_fit_two_listeners_are_no_match)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_server(&script, server, 3, 0x10, "/run/one.X");
    t_server(&script, server, 4, 0x11, "/run/two.X");
    t_connect_unix(client, 3, 0x20, "/run/one", 100);
    t_connect_unix(client, 4, 0x21, "/run/two", 100);
    t_accept(&script, server, 5, 0x31, 4, 0x11, "", NULL, 200);
    t_accept(&script, server, 6, 0x30, 3, 0x10, "", NULL, 200);
    script_finish(&script);
    for (uint64_t cookie = 0x20; cookie < 0x22; cookie++)
        cr_expect_eq(script_socket(&script, cookie)->peer_socket, 0);
    cr_expect_null(script_edge(&script, 200, 100));
}

Test(match_unix, credentials_take_nothing_from_a_path)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_server(&script, server, 3, 0x10, "/run/known");
    t_connect_unix(client, 3, 0x20, "/elsewhere/gone", 100);
    t_close(&script, client, 3, 0x20);
    t_socket(&script, client, 4, 0x21, AF_UNIX, SOCK_STREAM, 0);
    t_accept(&script, server, 4, 0x30, 3, 0x10, "", NULL, 200);
    t_connect(&script, client, 4, 0x21, "/run/known", NULL, 0, 100);
    script_finish(&script);
    script_mates(&script, 0x21, 0x30, MATCH_PATH);
    cr_expect_eq(script_socket(&script, 0x20)->peer_socket, 0);
}

Test(match_unix, credentials_of_others_do_not_meet)
{
    struct who server = process(100, "server"), client = process(200, "client");
    process(300, "other");
    t_server(&script, server, 3, 0x10, "/run/control.X");
    t_connect_unix(client, 3, 0x20, "/run/control", 300);
    t_connect_unix(client, 4, 0x21, "/run/control", 0);
    t_accept(&script, server, 4, 0x30, 3, 0x10, "", NULL, 200);
    script_finish(&script);
    cr_expect_eq(script_socket(&script, 0x20)->peer_socket, 0);
    cr_expect_eq(script_socket(&script, 0x21)->peer_socket, 0);
}

/* Accepted in the order in which they connected, not in which the sockets were made. */
Test(match_unix, connections_of_one_process_are_in_the_order_of_connect)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_server(&script, server, 3, 0x10, "/run/x.sock");
    t_socket(&script, client, 3, 0x20, AF_UNIX, SOCK_STREAM, 0);
    t_socket(&script, client, 4, 0x21, AF_UNIX, SOCK_STREAM, 0);
    t_connect(&script, client, 4, 0x21, "/run/x.sock", NULL, 0, 100);
    t_connect(&script, client, 3, 0x20, "/run/x.sock", NULL, 0, 100);
    t_accept(&script, server, 4, 0x30, 3, 0x10, "", NULL, 200);
    t_accept(&script, server, 5, 0x31, 3, 0x10, "", NULL, 200);
    script_finish(&script);
    script_mates(&script, 0x21, 0x30, MATCH_PATH);
    script_mates(&script, 0x20, 0x31, MATCH_PATH);
}

/* One relative name in two working directories: the kernel names who called listen(). */
Test(match_unix, two_living_listeners_of_one_name_are_told_apart_by_credentials)
{
    struct who one = process(100, "one"), two = process(101, "two"), client = process(200, "client");
    t_server(&script, one, 3, 0x10, "/app.sock");
    t_server(&script, two, 3, 0x11, "/app.sock");
    t_connect_unix(client, 3, 0x20, "/app.sock", 100);
    t_connect_unix(client, 4, 0x21, "/app.sock", 101);
    t_accept(&script, two, 4, 0x31, 3, 0x11, "", NULL, 200);
    t_accept(&script, one, 4, 0x30, 3, 0x10, "", NULL, 200);
    t_connect_unix(client, 5, 0x22, "/app.sock", 100); /* not accepted */
    script_finish(&script);
    script_mates(&script, 0x20, 0x30, MATCH_PATH);
    script_mates(&script, 0x21, 0x31, MATCH_PATH);
    cr_expect_eq(script_socket(&script, 0x22)->peer_process->pid, 100);
}

/* A relative name of which one process has two, in two working directories: the latest need not be the one. */
Test(match_unix, relative_name_that_one_process_listens_by_twice)
{
    struct who server = process(100, "server"), client = process(200, "client");
    t_server(&script, server, 3, 0x10, "./app.sock");
    t_server(&script, server, 4, 0x11, "./app.sock");
    t_connect_unix(client, 3, 0x20, "./app.sock", 100);
    t_accept(&script, server, 5, 0x30, 3, 0x10, "", NULL, 200);
    script_finish(&script);
    script_mates(&script, 0x20, 0x30, MATCH_PATH);
}

/* Neither end's pids mean anything to the other. */
Test(match_unix, ends_in_two_pid_namespaces_meet_by_path_and_order)
{
    struct who server = process(100, "server");
    unsigned image = script_image(&script, 7, "client", 0, 1);
    script.images[image].header.pidns_inode = 4026532000;
    struct who client = {image, 7};
    t_server(&script, server, 3, 0x10, "/run/x.sock");
    t_connect_unix(client, 3, 0x20, "/run/x.sock", 0);
    t_connect_unix(client, 4, 0x21, "/run/x.sock", 0);
    t_accept(&script, server, 4, 0x30, 3, 0x10, "", NULL, 9007);
    t_accept(&script, server, 5, 0x31, 3, 0x10, "", NULL, 9007);
    script_finish(&script);
    script_mates(&script, 0x20, 0x30, MATCH_PATH);
    script_mates(&script, 0x21, 0x31, MATCH_PATH);
    cr_expect_eq(script_edge(&script, 7, 100)->connections, 2);
}

static void t_serve_file(struct who who, int fd, uint64_t cookie, const char *path, uint64_t inode)
{
    t_socket(&script, who, fd, cookie, AF_UNIX, SOCK_STREAM, 0);
    t_file(&script, who, fd, cookie, false, inode);
    t_bind(&script, who, fd, cookie, path);
    t_listen(&script, who, fd, cookie, path);
}

static void t_connect_file(struct who who, int fd, uint64_t cookie, const char *path, uint64_t inode, uint32_t peer_pid)
{
    t_socket(&script, who, fd, cookie, AF_UNIX, SOCK_STREAM, 0);
    t_file(&script, who, fd, cookie, true, inode);
    t_connect(&script, who, fd, cookie, path, NULL, 0, peer_pid);
}

/* Another file stood at that number of /proc/self/fd in the meantime, or later. */
Test(match_unix, name_that_one_process_listens_by_twice_is_told_apart_by_its_file)
{
    struct who server = process(100, "server"), worker = process(101, "worker"), client = process(200, "client");
    t_serve_file(server, 3, 0x10, "/proc/self/fd/9/s", 51);
    t_serve_file(server, 4, 0x11, "/proc/self/fd/9/s", 52);
    t_connect_file(client, 3, 0x20, "/proc/self/fd/9/s", 52, 100);
    t_connect_file(client, 4, 0x21, "/proc/self/fd/9/s", 51, 100);
    t_connect_file(client, 5, 0x22, "/proc/self/fd/9/s", 51, 100);
    t_accept(&script, worker, 5, 0x31, 3, 0x10, "", NULL, 200);
    t_accept(&script, server, 5, 0x30, 4, 0x11, "", NULL, 200);
    script_finish(&script);
    script_mates(&script, 0x20, 0x30, MATCH_PATH);
    script_mates(&script, 0x21, 0x31, MATCH_PATH);
    cr_expect_eq(script_socket(&script, 0x22)->peer_socket, 0);
    cr_expect_eq(script_socket(&script, 0x22)->peer_process->pid, 100);
}

/* A socket in a folder that two containers share, each by a path of its own; and another one of the same path. */
Test(match_unix, ends_in_two_pid_namespaces_meet_by_the_file)
{
    struct who server = process(100, "server"), other = process(101, "other");
    unsigned image = script_image(&script, 7, "client", 0, 1);
    script.images[image].header.pidns_inode = 4026532000;
    struct who client = {image, 7};
    t_serve_file(server, 3, 0x10, "/var/run/app/s", 51);
    t_serve_file(other, 3, 0x11, "/mnt/app/s", 52);
    t_connect_file(client, 3, 0x20, "/mnt/app/s", 51, 0);
    t_accept(&script, other, 4, 0x31, 3, 0x11, "", NULL, 9007);
    t_accept(&script, server, 4, 0x30, 3, 0x10, "", NULL, 9007);
    script_finish(&script);
    script_mates(&script, 0x20, 0x30, MATCH_PATH);
    cr_expect_eq(script_edge(&script, 7, 100)->connections, 1);
}

/* The path was bound anew between the connect() and the look at it: who listens is known better. */
Test(match_unix, credentials_count_more_than_a_file)
{
    struct who one = process(100, "one"), two = process(101, "two"), client = process(200, "client");
    t_serve_file(one, 3, 0x10, "/run/x.sock", 51);
    t_serve_file(two, 3, 0x11, "/run/x.sock", 52);
    t_connect_file(client, 3, 0x20, "/run/x.sock", 52, 100);
    t_accept(&script, one, 4, 0x30, 3, 0x10, "", NULL, 200);
    script_finish(&script);
    script_mates(&script, 0x20, 0x30, MATCH_PATH);
}
