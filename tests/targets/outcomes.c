/* SPDX-License-Identifier: MIT
 *
 * outcomes FILE ROUNDS: makes socket calls, good and bad ones, and writes to FILE what each returned: results,
 * descriptor numbers, errno, out-parameters. FILE ("-": stdout) must be the same with and without a tracer. ROUNDS
 * repeats the ordinary part.
 */
#include "tests/targets/target.h"

#include <fcntl.h>
#include <sys/resource.h>

static char text[1 << 16];
static size_t text_size;

/* One line of outcome; errno counts only where the result says so. */
static int note(const char *what, long result)
{
    int error = result < 0 ? errno : 0;
    if (text_size < sizeof text - 128)
        text_size +=
            (size_t)snprintf(text + text_size, sizeof text - text_size, "%s = %ld errno %d\n", what, result, error);
    errno = error;
    return (int)result;
}

/* errno must survive a call that succeeds. */
static void keeps_errno(void)
{
    errno = ENOTTY;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    note("errno after socket", errno);
    errno = ENOTTY;
    close(fd);
    note("errno after close", errno);
}

static void ordinary(void)
{
    struct sockaddr_in address = loopback(0), peer;
    socklen_t size = sizeof address, peer_size = 3;
    int on = 1, value = 0;
    int listener = note("socket", socket(AF_INET, SOCK_STREAM, 0));
    note("setsockopt", setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
    note("bind", bind(listener, (struct sockaddr *)&address, sizeof address));
    note("getsockname", getsockname(listener, (struct sockaddr *)&address, &size));
    note("listen", listen(listener, 4));
    int client = note("client", socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    note("connect", connect(client, (struct sockaddr *)&address, sizeof address));
    note("connect again", connect(client, (struct sockaddr *)&address, sizeof address));
    int server = note("accept", accept(listener, (struct sockaddr *)&peer, &peer_size));
    note("accept's size", peer_size);
    note("FD_CLOEXEC", fcntl(client, F_GETFD));
    size = sizeof value;
    note("getsockopt", getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN, &value, &size));
    note("SO_ACCEPTCONN", value);
    note("send", send(client, "abc", 3, MSG_NOSIGNAL));
    note("recv", recv(server, text + text_size, 8, 0));
    note("shutdown", shutdown(client, SHUT_WR));
    note("read at end", read(server, text + text_size, 8));
    note("dup2", dup2(client, server));
    note("close listener", close(listener));
    note("close client", close(client));
    note("close server", close(server));
}

static void refused(void)
{
    struct sockaddr_in address = loopback(0);
    struct sockaddr_un far = {.sun_family = AF_UNIX, .sun_path = "/nosuch/socket"};
    void *volatile nowhere = NULL, *volatile unmapped = (void *)8; /* volatile: the compiler must not know */
    int fd = note("socket", socket(AF_INET, SOCK_STREAM, 0));
    note("socket of no family", socket(12345, SOCK_STREAM, 0));
    note("bind nowhere", bind(fd, nowhere, sizeof address));
    note("bind unmapped", bind(fd, unmapped, sizeof address));
    note("bind too short", bind(fd, (struct sockaddr *)&address, 3));
    note("bind too long", bind(fd, (struct sockaddr *)&address, 100000));
    note("connect unmapped", connect(fd, unmapped, sizeof address));
    note("setsockopt unmapped", setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, unmapped, 4));
    note("getsockopt unmapped", getsockopt(fd, SOL_SOCKET, SO_ERROR, unmapped, unmapped));
    note("accept of no listener", accept(fd, NULL, NULL));
    note("accept unmapped", accept(fd, unmapped, unmapped));
    note("shutdown unconnected", shutdown(fd, SHUT_RDWR));
    note("close", close(fd));
    note("close again", close(fd));
    note("listen closed", listen(fd, 1));
    note("close -1", close(-1));
    note("dup2 bad", dup2(-1, 5));
    note("socketpair unmapped", socketpair(AF_UNIX, SOCK_STREAM, 0, unmapped));
    fd = note("unix", socket(AF_UNIX, SOCK_STREAM, 0));
    note("connect to no path", connect(fd, (struct sockaddr *)&far, sizeof far));
    note("close unix", close(fd));
    int plain = note("open", open("/dev/null", O_RDWR | O_CLOEXEC));
    note("connect of no socket", connect(plain, (struct sockaddr *)&address, sizeof address));
    note("setsockopt of no socket", setsockopt(plain, SOL_SOCKET, SO_REUSEADDR, &plain, sizeof plain));
    note("close plain", close(plain));
}

/* Until descriptors run out, then as many again after closing them. */
static void spend_descriptors(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 24;
    note("setrlimit", setrlimit(RLIMIT_NOFILE, &limit));
    int last, pair[2];
    do
        last = note("socket", socket(AF_INET, SOCK_DGRAM, 0));
    while (last >= 0);
    note("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    for (int fd = 3; fd < 24; fd++)
        note("close", close(fd));
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    for (long round = strtol(argv[2], NULL, 10); round > 0; round--)
        ordinary();
    keeps_errno();
    refused();
    spend_descriptors();
    int out =
        strcmp(argv[1], "-") == 0 ? STDOUT_FILENO : must(open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0600), argv[1]);
    return write(out, text, text_size) == (ssize_t)text_size ? 0 : 1;
}
