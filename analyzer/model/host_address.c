/* SPDX-License-Identifier: MIT
 *
 * Which traced host an address is one of: learned from the local addresses of its sockets. Private addresses may be
 * those of several hosts, and then are of none that is known. Called by model.c and edge.c.
 */
#include "analyzer/model/internal.h"

#include <string.h>
#include <sys/socket.h>

#define SEVERAL UINT32_MAX

struct host_address {
    struct table_link link;
    struct address address; /* port 0 */
    unsigned host;          /* or SEVERAL */
};

/* Those that mean the same whoever says them. */
static bool is_telling(const struct address *address)
{
    return (address->family == AF_INET || address->family == AF_INET6) && !address_is_loopback(address) &&
           !address_is_any(address) && !address->scope;
}

static struct host_address *find(const struct model *model, const struct address *bare)
{
    struct table_link *link = table_first(&model->host_addresses, address_hash(bare, 0));
    for (; link; link = table_next(link)) {
        struct host_address *known = TABLE_OF(link, struct host_address, link);
        if (address_equal(&known->address, bare))
            return known;
    }
    return NULL;
}

void host_address_learn(struct model *model, unsigned host, const struct address *local)
{
    if (!is_telling(local))
        return;
    struct address bare = *local;
    bare.port = 0;
    struct host_address *known = find(model, &bare);
    if (known) {
        known->host = known->host == host ? host : SEVERAL;
        return;
    }
    known = store_alloc(sizeof *known);
    *known = (struct host_address){.address = bare, .host = host};
    table_insert(&model->host_addresses, &known->link, address_hash(&bare, 0));
}

bool host_address_find(const struct model *model, const struct address *bare, unsigned *host)
{
    const struct host_address *known = is_telling(bare) ? find(model, bare) : NULL;
    if (!known || known->host == SEVERAL)
        return false;
    *host = known->host;
    return true;
}

void host_address_free(struct model *model)
{
    store_free_entries(&model->host_addresses, offsetof(struct host_address, link));
}
