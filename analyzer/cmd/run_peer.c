/* SPDX-License-Identifier: MIT
 *
 * UNTRACED records: who has a socket that no log may have, as /proc tells it.
 */
#include "analyzer/cmd/run.h"

#include "analyzer/trace/writer.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool run_peer_name(struct run_peer_name *out, pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    ssize_t size = readlink(path, out->exe, sizeof out->exe - 1);
    out->exe[size > 0 ? size : 0] = '\0';
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    if (!fgets(out->comm, sizeof out->comm, file))
        out->comm[0] = '\0';
    out->comm[strcspn(out->comm, "\n")] = '\0';
    fclose(file);
    return true;
}

static size_t encode(const struct address *address, unsigned char *out, uint8_t *size)
{
    if (!address_known(address)) {
        *size = SOCKATLAS_ABSENT;
        return 0;
    }
    *size = (uint8_t)address_encode(address, out);
    return *size;
}

size_t run_peer_addresses(struct sockatlas_addresses *out, unsigned char *tail, const struct address *local,
                          const struct address *peer)
{
    *out = (struct sockatlas_addresses){.family = (uint8_t)local->family};
    size_t size = encode(local, tail, &out->first_size);
    return size + encode(peer->family == local->family ? peer : &(struct address){.family = 0}, tail + size,
                         &out->second_size);
}

bool run_peer_append(struct writer *writer, const struct run_peer *peer, uint64_t time_ns)
{
    unsigned char tail[RUN_PEER_ADDRESSES_MAX + 32 + 1024];
    size_t comm = strnlen(peer->comm, 31), exe = strnlen(peer->exe, 1024);
    struct sockatlas_body_untraced body = {.netns_inode = peer->netns_inode,
                                           .peer_pid = (uint32_t)peer->pid,
                                           .comm_size = (uint8_t)comm,
                                           .exe_size = (uint16_t)exe,
                                           .listening = peer->listening,
                                           .type = peer->type,
                                           .own_cookie = peer->own_cookie};
    const struct address nobody = {.family = 0};
    size_t size = run_peer_addresses(&body.addresses, tail, peer->local, peer->listening ? &nobody : peer->peer);
    memcpy(tail + size, peer->comm, comm);
    memcpy(tail + size + comm, peer->exe, exe);
    struct sockatlas_common common = {.kind = SOCKATLAS_UNTRACED,
                                      .pid = (uint32_t)peer->pid,
                                      .tid = (uint32_t)peer->pid,
                                      .fd = -1,
                                      .cookie = peer->traced_cookie,
                                      .time_ns = time_ns};
    return writer_append(writer, &common, &body, sizeof body, tail, size + comm + exe);
}
