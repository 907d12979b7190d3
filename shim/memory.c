/* SPDX-License-Identifier: MIT
 *
 * Asks the kernel whether memory can be read. Callable from anywhere; changes nothing. Between the answer and the
 * reading another thread may unmap the page: a program that unmaps what one of its calls is being given races with the
 * kernel in the same way.
 */
#include "shim/memory.h"

#include "shim/sys.h"

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>

uintptr_t memory_page_size(void)
{
    return getauxval(AT_PAGESZ);
}

/* rt_sigprocmask() copies the set in before it looks at `how`, so a `how` that does not exist makes it a pure reading
 * test, and one that every sandbox and container lets pass. Pages are whole: its first word stands for all of it. */
static bool page_readable(uintptr_t page)
{
    enum { NO_SUCH_HOW = 0x7fff, SET_SIZE = 8 };
    return page && sys(SYS_rt_sigprocmask, NO_SUCH_HOW, page, NULL, SET_SIZE) == -EINVAL;
}

/* Nobody can be asked in a sandbox, but the first thread's stack is one piece: from the frame that is in it to the name
 * of the program, which the kernel has put at its upper end. Below it the kernel keeps 128 MiB clear, so that a frame
 * which is as near as this is no other stack's. */
static bool is_on_first_stack(uintptr_t page)
{
    enum { NEAR = 1 << 20 };
    uintptr_t frame = memory_page(__builtin_frame_address(0)), end = getauxval(AT_EXECFN);
    return frame <= end && end - frame < NEAR && page >= frame && page <= end;
}

static bool is_readable(uintptr_t page)
{
    return sandbox_inside() ? is_on_first_stack(page) : page_readable(page);
}

bool memory_walk_slowly(struct memory_walk *walk, const void *at)
{
    uintptr_t page = memory_page(at);
    if (page != memory_page(__builtin_frame_address(0)) && !is_readable(page))
        return false;
    walk->page = page | 1;
    return true;
}

size_t memory_readable_slowly(const void *address, size_t size)
{
    struct memory_walk walk = {0};
    const char *start = address;
    size_t done = 0;
    while (done < size && memory_walk(&walk, start + done))
        done += MEMORY_PAGE - ((uintptr_t)(start + done) & (MEMORY_PAGE - 1));
    return done < size ? done : size;
}

size_t memory_text(struct memory_walk *walk, const char *text, size_t most)
{
    size_t length = 0;
    while (length < most) {
        const char *at = text + length;
        size_t here = MEMORY_PAGE - ((uintptr_t)at & (MEMORY_PAGE - 1));
        if (!memory_walk(walk, at))
            return MEMORY_UNREADABLE;
        here = here < most - length ? here : most - length;
        size_t size = strnlen(at, here);
        length += size;
        if (size < here)
            break;
    }
    return length;
}
