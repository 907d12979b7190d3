/* SPDX-License-Identifier: MIT
 *
 * The record of a network namespace that was entered. Three system calls. Callable from anywhere but a vfork child.
 */
#include "shim/netns.h"

#include "shim/image.h"
#include "shim/record.h"

void netns_entered(enum sockatlas_call call)
{
    process_netns_change();
    if (!log_is_open())
        return;
    struct sockatlas_body_netns body = {.netns_inode = image_thread_netns()};
    struct record record = {.kind = SOCKATLAS_NETNS, .call = call, .fd = -1};
    record_write(&record, &body, sizeof(body), NULL, 0);
}
