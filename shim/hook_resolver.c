/* SPDX-License-Identifier: MIT
 *
 * Wrappers of the resolver: the only place where a name, and what it cost, can be seen. What libc does inside (sockets
 * to name servers) does not pass through wrappers; it closes them itself. A process without a log records no names: it
 * has opened no socket yet, so the log is made first if one can be.
 */
#include "shim/clock.h"
#include "shim/hook.h"
#include "shim/load.h"
#include "shim/memory.h"
#include "shim/record.h"
#include "shim/watch.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stddef.h>
#include <string.h>

enum { ADDRESSES = 16, NAME_BYTES = 256, SERVICE_BYTES = 64 };

/* A look-up as it will be recorded. */
struct lookup {
    enum sockatlas_call call;
    uint64_t started_ns;
    int result;
    int error;
    struct sockatlas_body_name body;
    size_t tail_size;
    unsigned char tail[NAME_BYTES + SERVICE_BYTES + ADDRESSES * 17];
};

static void lookup_begin(struct lookup *lookup, enum sockatlas_call call)
{
    load_ready();
    log_prepare();
    lookup->call = call;
    lookup->body = (struct sockatlas_body_name){0};
    lookup->tail_size = 0;
    lookup->started_ns = config.on ? clock_now() : 0;
}

/* A call may fail before it has looked at its arguments. */
static size_t text_size(const char *text, size_t most)
{
    size_t size = text ? memory_text(&(struct memory_walk){0}, text, most) : 0;
    return size == MEMORY_UNREADABLE ? 0 : size;
}

static void lookup_names(struct lookup *lookup, const char *name, const char *service)
{
    size_t name_size = text_size(name, NAME_BYTES), service_size = text_size(service, SERVICE_BYTES);
    if (name_size)
        memcpy(lookup->tail, name, name_size);
    if (service_size)
        memcpy(lookup->tail + name_size, service, service_size);
    lookup->body.name_size = (uint16_t)name_size;
    lookup->body.service_size = (uint8_t)service_size;
    lookup->tail_size = name_size + service_size;
}

/* One address of a result: AF_INET or AF_INET6. */
static void lookup_address(struct lookup *lookup, int family, const void *bytes)
{
    size_t size = family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;
    if (!size || lookup->body.addresses_count >= ADDRESSES)
        return;
    lookup->tail[lookup->tail_size++] = (unsigned char)family;
    memcpy(lookup->tail + lookup->tail_size, bytes, size);
    lookup->tail_size += size;
    lookup->body.addresses_count++;
}

static void lookup_socket_address(struct lookup *lookup, const struct sockaddr *address, socklen_t size)
{
    if (!address || size < sizeof(address->sa_family))
        return;
    if (address->sa_family == AF_INET && size >= sizeof(struct sockaddr_in))
        lookup_address(lookup, AF_INET, &((const struct sockaddr_in *)address)->sin_addr);
    else if (address->sa_family == AF_INET6 && size >= offsetof(struct sockaddr_in6, sin6_scope_id))
        lookup_address(lookup, AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr);
}

static bool is_same(const struct addrinfo *a, const struct addrinfo *b)
{
    return a->ai_addrlen == b->ai_addrlen && memcmp(a->ai_addr, b->ai_addr, a->ai_addrlen) == 0;
}

static void lookup_host(struct lookup *lookup, const struct hostent *host)
{
    int least = host->h_addrtype == AF_INET6 ? 16 : 4;
    for (char **address = host->h_addr_list; address && *address && host->h_length >= least; address++)
        lookup_address(lookup, host->h_addrtype, *address);
}

static void lookup_end(struct lookup *lookup, int result, int error)
{
    if (!config.on)
        return;
    lookup->body.result = result;
    lookup->body.duration_ns = clock_now() - lookup->started_ns;
    struct record record = {.kind = SOCKATLAS_NAME, .call = lookup->call, .error = error, .fd = -1};
    record_write(&record, &lookup->body, sizeof(lookup->body), lookup->tail, lookup->tail_size);
}

/* Names to addresses. */
HOOK int getaddrinfo(const char *restrict name, const char *restrict service, const struct addrinfo *restrict hints,
                     struct addrinfo **restrict result)
{
    struct lookup lookup;
    lookup_begin(&lookup, SOCKATLAS_CALL_getaddrinfo);
    int failure = real.getaddrinfo(name, service, hints, result);
    int error = errno;
    const struct addrinfo *last = NULL;
    lookup_names(&lookup, name, service);
    /* One entry per socket type: the same address comes several times in a row. */
    for (const struct addrinfo *entry = failure ? NULL : *result; entry; last = entry, entry = entry->ai_next)
        if (!last || !is_same(last, entry))
            lookup_socket_address(&lookup, entry->ai_addr, entry->ai_addrlen);
    lookup_end(&lookup, failure, failure == EAI_SYSTEM ? error : 0);
    errno = error;
    return failure;
}

/* An address to names. */
HOOK int getnameinfo(const struct sockaddr *restrict address, socklen_t size, char *restrict name,
                     socklen_t name_capacity, char *restrict service, socklen_t service_capacity, int flags)
{
    struct lookup lookup;
    lookup_begin(&lookup, SOCKATLAS_CALL_getnameinfo);
    int failure = real.getnameinfo(address, size, name, name_capacity, service, service_capacity, flags);
    int error = errno;
    /* Printing numbers is no look-up. */
    if (!(flags & NI_NUMERICHOST) && name && name_capacity) {
        lookup_names(&lookup, failure ? NULL : name, failure || !service_capacity ? NULL : service);
        if (!failure)
            lookup_socket_address(&lookup, address, size);
        lookup_end(&lookup, failure, failure == EAI_SYSTEM ? error : 0);
    }
    errno = error;
    return failure;
}

static struct hostent *found_host(struct lookup *lookup, const char *name, struct hostent *host)
{
    int error = errno, failure = host ? 0 : h_errno;
    lookup_names(lookup, host && !name ? host->h_name : name, NULL);
    if (host)
        lookup_host(lookup, host);
    lookup_end(lookup, failure, 0);
    errno = error;
    return host;
}

/* A name to addresses. */
HOOK struct hostent *gethostbyname(const char *name)
{
    struct lookup lookup;
    lookup_begin(&lookup, SOCKATLAS_CALL_gethostbyname);
    return found_host(&lookup, name, real.gethostbyname(name));
}

/* Of one family. */
HOOK struct hostent *gethostbyname2(const char *name, int family)
{
    struct lookup lookup;
    lookup_begin(&lookup, SOCKATLAS_CALL_gethostbyname2);
    return found_host(&lookup, name, real.gethostbyname2(name, family));
}

/* An address to a name. */
HOOK struct hostent *gethostbyaddr(const void *address, socklen_t size, int family)
{
    struct lookup lookup;
    lookup_begin(&lookup, SOCKATLAS_CALL_gethostbyaddr);
    return found_host(&lookup, NULL, real.gethostbyaddr(address, size, family));
}

static int found_host_r(struct lookup *lookup, const char *name, struct hostent **host, const int *host_error,
                        int result)
{
    int error = errno;
    bool found = result == 0 && *host;
    /* ERANGE: the program comes again with a larger buffer. */
    if (result != ERANGE) {
        lookup_names(lookup, found && !name ? (*host)->h_name : name, NULL);
        if (found)
            lookup_host(lookup, *host);
        bool told = !found && memory_readable(host_error, sizeof(*host_error)) == sizeof(*host_error);
        lookup_end(lookup, told ? *host_error : 0, result);
    }
    errno = error;
    return result;
}

/* See gethostbyname. */
HOOK int gethostbyname_r(const char *restrict name, struct hostent *restrict entry, char *restrict buffer,
                         size_t capacity, struct hostent **restrict result, int *restrict host_error)
{
    struct lookup lookup;
    lookup_begin(&lookup, SOCKATLAS_CALL_gethostbyname_r);
    int failure = real.gethostbyname_r(name, entry, buffer, capacity, result, host_error);
    return found_host_r(&lookup, name, result, host_error, failure);
}

/* See gethostbyname2. */
HOOK int gethostbyname2_r(const char *restrict name, int family, struct hostent *restrict entry, char *restrict buffer,
                          size_t capacity, struct hostent **restrict result, int *restrict host_error)
{
    struct lookup lookup;
    lookup_begin(&lookup, SOCKATLAS_CALL_gethostbyname2_r);
    int failure = real.gethostbyname2_r(name, family, entry, buffer, capacity, result, host_error);
    return found_host_r(&lookup, name, result, host_error, failure);
}

/* See gethostbyaddr. */
HOOK int gethostbyaddr_r(const void *restrict address, socklen_t size, int family, struct hostent *restrict entry,
                         char *restrict buffer, size_t capacity, struct hostent **restrict result,
                         int *restrict host_error)
{
    struct lookup lookup;
    lookup_begin(&lookup, SOCKATLAS_CALL_gethostbyaddr_r);
    int failure = real.gethostbyaddr_r(address, size, family, entry, buffer, capacity, result, host_error);
    return found_host_r(&lookup, NULL, result, host_error, failure);
}

/* A query of the program's own: the answer is raw, so the record has the name, how long it took, and h_errno. */
static int queried(struct lookup *lookup, const char *name, int size)
{
    int error = errno, failure = size < 0 ? h_errno : 0;
    lookup_names(lookup, name, NULL);
    lookup_end(lookup, failure, 0);
    errno = error;
    return size;
}

/* A query to the name servers for exactly this name. */
HOOK int res_query(const char *name, int class, int type, unsigned char *answer, int capacity)
{
    struct lookup lookup;
    lookup_begin(&lookup, SOCKATLAS_CALL_res_query);
    return queried(&lookup, name,
                   real.res_query ? real.res_query(name, class, type, answer, capacity) : hook_missing());
}
HOOK_ALIAS(__res_query, res_query);

/* The same, with the search list. */
HOOK int res_search(const char *name, int class, int type, unsigned char *answer, int capacity)
{
    struct lookup lookup;
    lookup_begin(&lookup, SOCKATLAS_CALL_res_search);
    return queried(&lookup, name,
                   real.res_search ? real.res_search(name, class, type, answer, capacity) : hook_missing());
}
HOOK_ALIAS(__res_search, res_search);

/* See res_query, with a state of the program's own. musl has no such name. */
HOOK int res_nquery(res_state state, const char *name, int class, int type, unsigned char *answer, int capacity)
{
    struct lookup lookup;
    lookup_begin(&lookup, SOCKATLAS_CALL_res_query);
    int size = real.res_nquery ? real.res_nquery(state, name, class, type, answer, capacity) : hook_missing();
    return queried(&lookup, name, size);
}
HOOK_ALIAS(__res_nquery, res_nquery);

/* See res_search, with a state of the program's own. musl has no such name. */
HOOK int res_nsearch(res_state state, const char *name, int class, int type, unsigned char *answer, int capacity)
{
    struct lookup lookup;
    lookup_begin(&lookup, SOCKATLAS_CALL_res_search);
    int size = real.res_nsearch ? real.res_nsearch(state, name, class, type, answer, capacity) : hook_missing();
    return queried(&lookup, name, size);
}
HOOK_ALIAS(__res_nsearch, res_nsearch);
