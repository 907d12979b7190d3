/* SPDX-License-Identifier: MIT
 *
 * port free [COUNT]            prints so many TCP ports (1) that are free on 127.0.0.1, no two alike, one a line
 * port wait PORT|PATH SECONDS  until something accepts there; exit status 1 when the time is over
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* The sockets stay open until all are told, so that no port is told twice. */
static int port_free(long count)
{
    for (; count > 0; count--) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof address;
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 ||
            getsockname(fd, (struct sockaddr *)&address, &size) < 0) {
            perror("port");
            return 1;
        }
        printf("%u\n", ntohs(address.sin_port));
    }
    return 0;
}

static int try_connect(const char *where)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_un un;
    } address = {.any.sa_family = AF_UNIX};
    socklen_t size = sizeof address.un;
    if (strchr(where, '/')) {
        if (strlen(where) >= sizeof address.un.sun_path)
            return -1;
        memcpy(address.un.sun_path, where, strlen(where));
    } else {
        address.in = (struct sockaddr_in){.sin_family = AF_INET,
                                          .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                          .sin_port = htons((uint16_t)strtoul(where, NULL, 10))};
        size = sizeof address.in;
    }
    int fd = socket(address.any.sa_family, SOCK_STREAM, 0);
    int result = fd < 0 ? -1 : connect(fd, &address.any, size);
    if (fd >= 0)
        close(fd);
    return result;
}

static int port_wait(const char *where, long seconds)
{
    struct timespec now, end, pause = {.tv_nsec = 5 * 1000 * 1000};
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += seconds;
    while (try_connect(where) < 0) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec > end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec >= end.tv_nsec))
            return 1;
        nanosleep(&pause, NULL);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if ((argc == 2 || argc == 3) && strcmp(argv[1], "free") == 0)
        return port_free(argc == 3 ? strtol(argv[2], NULL, 10) : 1);
    if (argc == 4 && strcmp(argv[1], "wait") == 0)
        return port_wait(argv[2], strtol(argv[3], NULL, 10));
    fputs("usage: port free [COUNT] | port wait PORT|PATH SECONDS\n", stderr);
    return 2;
}
