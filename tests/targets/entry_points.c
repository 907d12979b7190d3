/* SPDX-License-Identifier: MIT
 *
 * entry_points [list|NAME...]: calls every public name of libc that touches a socket's life, group by group
 * (entries.def). Ends with 1 and a line on stderr when a call did not do what it does without the shim.
 */
#include "tests/targets/entry_points/entry.h"

static const char *running;
static int wrong;

void entry_must(int held, const char *what, int line)
{
    if (held)
        return;
    fprintf(stderr, "entry_points: %s, line %d: %s: %s\n", running, line, what, strerror(errno));
    wrong = 1;
}

int entry_listener(int type, struct sockaddr_in *address)
{
    socklen_t size = sizeof(*address);
    *address = loopback(0);
    int fd = socket(AF_INET, type, 0);
    MUST(fd >= 0);
    MUST(bind(fd, (struct sockaddr *)address, sizeof(*address)) == 0);
    MUST(getsockname(fd, (struct sockaddr *)address, &size) == 0);
    if (type == SOCK_STREAM)
        MUST(listen(fd, 16) == 0);
    return fd;
}

struct connection entry_connection(void)
{
    struct sockaddr_in address;
    struct connection made = {.server = entry_listener(SOCK_STREAM, &address),
                              .client = socket(AF_INET, SOCK_STREAM, 0)};
    MUST(connect(made.client, (struct sockaddr *)&address, sizeof(address)) == 0);
    made.accepted = accept(made.server, NULL, NULL);
    MUST(made.accepted >= 0);
    return made;
}

void entry_close(const struct connection *made)
{
    MUST(close(made->client) == 0);
    MUST(close(made->accepted) == 0);
    MUST(close(made->server) == 0);
}

static const struct {
    const char *name;
    void (*run)(void);
} groups[] = {
#define ENTRY(name) {#name, try_##name},
#include "tests/targets/entry_points/entries.def"
#undef ENTRY
};

int main(int argc, char **argv)
{
    enum { COUNT = sizeof(groups) / sizeof(groups[0]) };
    if (argc == 2 && strcmp(argv[1], "list") == 0) {
        for (size_t i = 0; i < COUNT; i++)
            puts(groups[i].name);
        return 0;
    }
    for (size_t i = 0; i < COUNT; i++) {
        int asked = argc == 1;
        for (int j = 1; j < argc; j++)
            asked |= strcmp(argv[j], groups[i].name) == 0;
        running = groups[i].name;
        if (asked)
            groups[i].run();
    }
    return wrong;
}
