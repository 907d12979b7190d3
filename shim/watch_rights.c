/* SPDX-License-Identifier: MIT
 *
 * Descriptors that travel over unix sockets. Callable from anywhere.
 */
#include "shim/watch.h"

#include "shim/record.h"

#include <stddef.h>
#include <string.h>

/* The control message behind `header`, NULL none. What a header says of its size is the program's word, which not every
 * family checks: it is not followed beyond the data. */
static struct cmsghdr *next_header(const struct msghdr *message, struct cmsghdr *header)
{
    size_t rest = (size_t)((char *)message->msg_control + message->msg_controllen - (char *)header);
    size_t size = header->cmsg_len;
    bool more = size >= sizeof(*header) && size < rest && CMSG_ALIGN(size) + sizeof(*header) <= rest;
    return more ? (struct cmsghdr *)((char *)header + CMSG_ALIGN(size)) : NULL;
}

/* How many descriptors a control message has. */
static size_t rights_count(const struct msghdr *message, const struct cmsghdr *header)
{
    size_t rest = (size_t)((char *)message->msg_control + message->msg_controllen - (const char *)header);
    size_t size = header->cmsg_len < rest ? header->cmsg_len : rest;
    bool rights = header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS && size > CMSG_LEN(0);
    return rights ? (size - CMSG_LEN(0)) / sizeof(int) : 0;
}

/* The next descriptor in a message's control data, or -1: `header` and `index` keep the place. */
static int next_right(const struct msghdr *message, struct cmsghdr **header, size_t *index)
{
    for (; *header; *header = next_header(message, *header), *index = 0) {
        if (*index < rights_count(message, *header)) {
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
        struct record record = {.kind = SOCKATLAS_PASS,
                                .call = call,
                                .fd = fd,
                                .cookie = carrier ? carrier->cookie : 0,
                                .about = entry,
                                .about_fd = passed};
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
