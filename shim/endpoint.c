/* SPDX-License-Identifier: MIT
 *
 * Encodes socket addresses. Pure; callable from anywhere.
 */
#include "shim/endpoint.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

static void encode_unix(struct endpoint *out, const struct sockaddr_un *address, size_t size)
{
    size_t length = size - offsetof(struct sockaddr_un, sun_path);
    if (length > sizeof(address->sun_path))
        length = sizeof(address->sun_path);
    if (length && address->sun_path[0])
        length = strnlen(address->sun_path, length);
    out->size = (uint8_t)length;
    memcpy(out->bytes, address->sun_path, length);
}

void endpoint_encode(struct endpoint *out, const struct sockaddr *address, socklen_t size)
{
    endpoint_clear(out);
    if (!address || size < sizeof(sa_family_t))
        return;
    out->family = (uint8_t)address->sa_family;
    if (address->sa_family == AF_INET && size >= sizeof(struct sockaddr_in)) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)address;
        memcpy(out->bytes, &in->sin_port, 2);
        memcpy(out->bytes + 2, &in->sin_addr, 4);
        out->size = 6;
    } else if (address->sa_family == AF_INET6 && size >= offsetof(struct sockaddr_in6, sin6_scope_id)) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)address;
        uint32_t scope = size >= sizeof(*in) ? in->sin6_scope_id : 0;
        memcpy(out->bytes, &in->sin6_port, 2);
        memcpy(out->bytes + 2, &in->sin6_addr, 16);
        memcpy(out->bytes + 18, &scope, 4);
        out->size = 22;
    } else if (address->sa_family == AF_UNIX) {
        encode_unix(out, (const struct sockaddr_un *)address, size);
    } else if (address->sa_family != AF_INET && address->sa_family != AF_INET6) {
        size_t length = size - sizeof(sa_family_t);
        out->size = (uint8_t)(length < ENDPOINT_BYTES_MAX ? length : ENDPOINT_BYTES_MAX);
        memcpy(out->bytes, (const unsigned char *)address + sizeof(sa_family_t), out->size);
    }
}

void endpoint_encode_sent(struct endpoint *out, int family, const struct sockaddr *address, socklen_t size)
{
    struct sockaddr_in own;
    endpoint_clear(out);
    if (size < sizeof(sa_family_t))
        return;
    if (address->sa_family != AF_UNSPEC) {
        endpoint_encode(out, address, size);
    } else if (family == AF_INET && size >= sizeof(own)) {
        memcpy(&own, address, sizeof(own));
        own.sin_family = AF_INET;
        endpoint_encode(out, (const struct sockaddr *)&own, sizeof(own));
    }
}

bool endpoint_is_specific(const struct endpoint *endpoint)
{
    static const unsigned char any[16];
    if (!endpoint_known(endpoint) || (endpoint->family != AF_INET && endpoint->family != AF_INET6))
        return false;
    bool port = endpoint->bytes[0] || endpoint->bytes[1];
    return port && memcmp(endpoint->bytes + 2, any, endpoint->family == AF_INET ? 4 : 16) != 0;
}
