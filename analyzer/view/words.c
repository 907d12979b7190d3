/* SPDX-License-Identifier: MIT
 *
 * The contract's words for the model's values, and numbers for people. Used by every view.
 */
#include "analyzer/view/words.h"

#include "analyzer/names/names.h"
#include "analyzer/trace/text.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

const char *word_role(enum role role)
{
    static const char *const words[] = {
        [ROLE_UNUSED] = "unused",     [ROLE_CLIENT] = "client", [ROLE_SERVER] = "server",
        [ROLE_LISTENER] = "listener", [ROLE_PAIR] = "pair",     [ROLE_DATAGRAM] = "datagram",
    };
    return words[role];
}

const char *word_state(enum state state)
{
    static const char *const words[] = {
        [STATE_CREATED] = "created",         [STATE_BOUND] = "bound",   [STATE_LISTENING] = "listening",
        [STATE_CONNECTING] = "connecting",   [STATE_FAILED] = "failed", [STATE_CLOSED] = "closed",
        [STATE_ESTABLISHED] = "established",
    };
    return words[state];
}

const char *word_match(enum match match)
{
    static const char *const words[] = {
        [MATCH_NONE] = NULL, [MATCH_EXACT] = "exact",       [MATCH_PAIR] = "pair",         [MATCH_PATH] = "path",
        [MATCH_NAT] = "nat", [MATCH_UNTRACED] = "untraced", [MATCH_EXTERNAL] = "external",
    };
    return words[match];
}

const char *word_outcome(enum outcome outcome)
{
    static const char *const words[] = {
        [OUTCOME_UNKNOWN] = NULL,    [OUTCOME_PENDING] = "pending",       [OUTCOME_ESTABLISHED] = "established",
        [OUTCOME_FAILED] = "failed", [OUTCOME_UNANSWERED] = "unanswered",
    };
    return words[outcome];
}

const char *word_end(enum end end)
{
    static const char *const words[] = {
        [END_UNKNOWN] = NULL,  [END_OPEN] = "open",     [END_CLOSED] = "closed",
        [END_RESET] = "reset", [END_BROKEN] = "broken",
    };
    return words[end];
}

const char *word_reset_by(enum resetter resetter)
{
    return resetter == RESET_LOCAL ? "local" : resetter == RESET_PEER ? "peer" : NULL;
}

const char *word_became(const struct socket *socket, bool closed, char out[WORD_BECAME_MAX])
{
    if (socket->outcome == OUTCOME_UNANSWERED)
        return word_outcome(socket->outcome);
    if (socket->state == STATE_FAILED)
        return socket->error ? word_or_number(names_errno(socket->error), socket->error, out)
                             : word_state(socket->state);
    if (socket->end == END_RESET || socket->end == END_BROKEN)
        return word_end(socket->end);
    return word_state(closed ? STATE_CLOSED : socket->state);
}

const char *word_via(enum via via)
{
    static const char *const words[] = {
        [VIA_NONE] = NULL, [VIA_PRELOAD] = "preload", [VIA_ATTACH] = "attach", [VIA_PATCH] = "patch"};
    return words[via];
}

const char *word_process_kind(enum process_kind kind)
{
    static const char *const words[] = {
        [PROCESS_TRACED] = "process", [PROCESS_UNTRACED] = "untraced", [PROCESS_EXTERNAL] = "external"};
    return words[kind];
}

const char *word_transport(unsigned family, unsigned type, int protocol)
{
    static char other[WORD_MAX];
    const char *word = names_transport((int)family, (int)type, protocol);
    bool by_number = word && type != SOCK_RAW && strcmp(word, "raw") == 0; /* an IP protocol without a name */
    if (word && !by_number)
        return word;
    snprintf(other, sizeof other, by_number ? "ip-%d" : "family-%d", by_number ? protocol : (int)family);
    return other;
}

const char *word_or_number(const char *name, int64_t number, char out[WORD_MAX])
{
    if (name)
        return name;
    *text_signed(number, out) = '\0';
    return out;
}

/* As printf's %.0f and %.1f: the nearest, and of two the even one. Of values from 1/2 the fraction has 53 bits at most.
 */
static char *put_rounded(double value, bool tenth, char *out)
{
    const uint64_t one = UINT64_C(1) << 53, half = one / 2;
    uint64_t whole = (uint64_t)value, rest = (uint64_t)((value - (double)whole) * (double)one), digit = 0;
    if (tenth) {
        rest *= 10;
        digit = rest / one;
        rest %= one;
        digit += rest > half || (rest == half && digit % 2);
        whole += digit / 10;
    } else {
        whole += rest > half || (rest == half && whole % 2);
    }
    out = text_unsigned(whole, out);
    if (tenth) {
        *out++ = '.';
        *out++ = (char)('0' + digit % 10);
    }
    return out;
}

/* Three significant digits with the largest unit that leaves at least 1. */
static const char *scaled(double value, double step, const char *const *units, unsigned count, char *out)
{
    unsigned unit = 0;
    while (value >= step * 0.9995 && unit + 1 < count) {
        value /= step;
        unit++;
    }
    char *at = put_rounded(value, unit && value < 9.95, out);
    *at++ = ' ';
    text_copy(at, WORD_MAX - (size_t)(at - out), units[unit]);
    return out;
}

const char *word_bytes(uint64_t bytes, char out[WORD_MAX])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    return scaled((double)bytes, 1000, units, 7, out);
}

const char *word_duration(uint64_t ns, char out[WORD_MAX])
{
    static const char *const units[] = {"ns", "us", "ms", "s"};
    return scaled((double)ns, 1000, units, 4, out);
}

const char *word_process(const struct process *process, char out[WORD_PROCESS_MAX])
{
    char text[ADDRESS_TEXT_MAX];
    if (!process)
        return text_copy(out, WORD_PROCESS_MAX, "?");
    if (process->kind == PROCESS_EXTERNAL)
        return text_copy(out, WORD_PROCESS_MAX, address_text(&process->address, text) ? text : "?");
    char *at = out + text_escape(process->comm, strnlen(process->comm, 64), out);
    if (at == out)
        *at++ = '?';
    at = mempcpy(at, " (", 2);
    at = text_unsigned(process->pid, at);
    *at++ = ')';
    text_copy(at, WORD_PROCESS_MAX - (size_t)(at - out), process->kind == PROCESS_UNTRACED ? ", untraced" : "");
    return out;
}
