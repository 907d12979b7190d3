/* SPDX-License-Identifier: MIT
 *
 * The names that /etc/hosts has for addresses of other hosts, into `run`'s log: programs that connect to an address
 * look no name up, and by the time that the trace is read the file may say something else. Called by run.c and attach.c
 * once the log is there.
 */
#include "analyzer/cmd/run.h"

#include "analyzer/trace/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>

/* Blocklists have a hundred thousand. */
enum { NAMES_MOST = 256 };

/* An address that other hosts may have, too, names nobody. */
static bool names_one(const struct address *address)
{
    bool link_local = address->family == AF_INET6 && address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80;
    return !address_is_loopback(address) && !address_is_any(address) && !address_is_multicast(address) && !link_local;
}

/* Takes "10.0.0.7 db db.example # old" apart: the address and its first name. */
static bool read_line(char *line, const char *own, struct address *address, const char **name)
{
    static const char blanks[] = " \t\r\n";
    char *rest = NULL;
    line[strcspn(line, "#")] = '\0';
    const char *text = strtok_r(line, blanks, &rest);
    *name = strtok_r(NULL, blanks, &rest);
    bool known = *name && (address_parse(address, AF_INET, text, 0) || address_parse(address, AF_INET6, text, 0));
    return known && names_one(address) && strcmp(*name, own) != 0;
}

void run_hosts(struct run_log *log)
{
    struct utsname system = {.nodename = ""};
    char *line = NULL;
    size_t capacity = 0;
    FILE *file = fopen("/etc/hosts", "re");
    uname(&system);
    for (unsigned written = 0; file && written < NAMES_MOST && getline(&line, &capacity, file) > 0;) {
        struct address address;
        const char *name;
        if (!read_line(line, system.nodename, &address, &name))
            continue;
        run_log_name(log, name, &address);
        written++;
    }
    free(line);
    if (file)
        fclose(file);
}
