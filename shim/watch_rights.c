/* SPDX-License-Identifier: MIT
 *
 * Descriptors that travel over unix sockets. Callable from anywhere.
 */
#include "shim/watch.h"

#include "shim/record.h"

#include <stddef.h>
#include <string.h>

/* The next descriptor in a message's control data, or -1: `header` and `index` keep the place. */
static int next_right(const struct msghdr *message, struct cmsghdr **header, size_t *index)
{
    for (; *header; *header = CMSG_NXTHDR((struct msghdr *)message, *header), *index = 0) {
        if ((*header)->cmsg_level != SOL_SOCKET || (*header)->cmsg_type != SCM_RIGHTS ||
            (*header)->cmsg_len < CMSG_LEN(0))
            continue;
        if (*index < ((*header)->cmsg_len - CMSG_LEN(0)) / sizeof(int)) {
            int fd;
            memcpy(&fd, CMSG_DATA(*header) + *index * sizeof(int), sizeof(fd));
            ++*index;
            return fd;
        }
    }
    return -1;
}

void watch_rights_sent(enum sockatlas_call call, int fd, const struct msghdr *message)
{
    struct cmsghdr *header = config.on && message->msg_controllen ? CMSG_FIRSTHDR(message) : NULL;
    size_t index = 0;
    for (int passed; (passed = next_right(message, &header, &index)) >= 0;) {
        /* No call: it is named here, not transferred on. */
        struct descriptor *entry = watch_any_used(SOCKATLAS_CALL_NONE, passed), *carrier = watch_any_used(call, fd);
        if (!entry)
            continue;
        descriptor_set(entry, DESCRIPTOR_SHARED, 0);
        struct sockatlas_body_pass body = {.passed_cookie = entry->cookie, .passed_fd = passed};
        struct record record = {
            .kind = SOCKATLAS_PASS, .call = call, .fd = fd, .cookie = carrier ? carrier->cookie : 0};
        record_write(&record, &body, sizeof(body), NULL, 0);
    }
}

void watch_rights_received(enum sockatlas_call call, const struct msghdr *message)
{
    struct cmsghdr *header = config.on && message->msg_controllen ? CMSG_FIRSTHDR(message) : NULL;
    size_t index = 0;
    for (int fd; (fd = next_right(message, &header, &index)) >= 0;)
        watch_received(call, fd);
}
