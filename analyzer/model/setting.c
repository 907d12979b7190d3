/* SPDX-License-Identifier: MIT
 *
 * What became of a parameter that a program set.
 */
#include "analyzer/model/setting.h"

#include "analyzer/names/names.h"

#include <string.h>
#include <sys/socket.h>

size_t setting_effective(const struct socket_option *option, const unsigned char **bytes)
{
    bool read_back = option->effective_size != 0;
    *bytes = option->bytes + (read_back ? option->kept_size : 0);
    return read_back ? option->effective_size : option->error ? 0 : option->kept_size;
}

static bool is_buffer(const struct socket_option *option)
{
    return option->level == SOL_SOCKET && (option->name == SO_RCVBUF || option->name == SO_SNDBUF ||
                                           option->name == SO_RCVBUFFORCE || option->name == SO_SNDBUFFORCE);
}

static enum setting_verdict buffer_verdict(int64_t requested, int64_t effective)
{
    if (effective == 2 * requested)
        return SETTING_DOUBLED;
    return requested < 0 || effective < 2 * requested ? SETTING_CLAMPED : SETTING_RAISED;
}

/* A name is read back in a field that is longer, filled up with NUL. */
static bool same_bytes(const unsigned char *a, size_t a_size, const unsigned char *b, size_t b_size)
{
    size_t both = a_size < b_size ? a_size : b_size;
    if (memcmp(a, b, both) != 0)
        return false;
    for (size_t i = both; i < a_size; i++)
        if (a[i])
            return false;
    for (size_t i = both; i < b_size; i++)
        if (b[i])
            return false;
    return true;
}

bool setting_request_unknown(const struct socket_option *option)
{
    return option->found || (option->requested_size && !option->kept_size && option->effective_size);
}

enum setting_verdict setting_verdict(const struct socket_option *option)
{
    const unsigned char *bytes;
    int64_t requested, effective;
    size_t size = setting_effective(option, &bytes);
    if (option->error)
        return SETTING_REFUSED;
    if (option->found)
        return SETTING_FOUND;
    if (!option->effective_size)
        return SETTING_AS_ASKED;
    if (setting_request_unknown(option))
        return SETTING_UNKNOWN;
    if (option_number(option->level, option->name, option->bytes, option->kept_size, &requested) &&
        option_number(option->level, option->name, bytes, size, &effective)) {
        if (is_buffer(option))
            return buffer_verdict(requested, effective);
        return requested == effective ? SETTING_AS_ASKED : SETTING_CHANGED;
    }
    return same_bytes(bytes, size, option->bytes, option->kept_size) ? SETTING_AS_ASKED : SETTING_CHANGED;
}
