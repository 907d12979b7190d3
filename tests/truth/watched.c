/* SPDX-License-Identifier: MIT
 *
 * Reads strace's output. Knows how strace writes the few calls that concern sockets, and nothing of the trace.
 */
#include "tests/truth/watched.h"

#include <errno.h>
#include <glob.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { ARGUMENTS_MAX = 8 };

/* One line taken apart: arguments are slices of it. */
struct line {
    char *name;
    char *arguments[ARGUMENTS_MAX];
    int count;
    char *result;
};

/* Ends the slice at the comma or bracket that closes it; strings, <...> and nested brackets are stepped over. Returns
 * where it ended. */
static char *skip_argument(char *at)
{
    int depth = 0;
    for (; *at; at++) {
        if (*at == '"') {
            for (at++; *at && *at != '"'; at++)
                if (*at == '\\' && at[1])
                    at++;
            if (!*at)
                break;
        } else if (*at == '<') {
            while (*at && *at != '>')
                at++;
        } else if (strchr("([{", *at)) {
            depth++;
        } else if (strchr(")]}", *at)) {
            if (depth-- == 0)
                break;
        } else if (*at == ',' && depth == 0) {
            break;
        }
    }
    return at;
}

static bool take_apart(char *text, struct line *out)
{
    *out = (struct line){.name = text};
    char *at = strchr(text, '(');
    if (!at)
        return false;
    *at++ = 0;
    while (*at && *at != ')' && out->count < ARGUMENTS_MAX) {
        while (*at == ' ')
            at++;
        out->arguments[out->count++] = at;
        at = skip_argument(at);
        bool last = *at != ',';
        if (*at)
            *at++ = 0;
        if (last)
            break;
    }
    out->result = strstr(at, "= ");
    if (!out->result)
        return false;
    out->result += 2;
    return true;
}

static uint64_t socket_inode(const char *descriptor)
{
    const char *mark = strstr(descriptor, "<socket:[");
    return mark ? strtoull(mark + 9, NULL, 10) : 0;
}

/* A string in quotes as bytes; returns where it ended. */
static const char *unquote(const char *at, unsigned char *out, size_t capacity, size_t *size)
{
    *size = 0;
    for (at++; *at && *at != '"'; at++) {
        unsigned char byte = (unsigned char)*at;
        if (*at == '\\') {
            static const char letters[] = "ntvfr", meant[] = "\n\t\v\f\r";
            char *after = NULL;
            const char *letter = strchr(letters, *++at);
            if (*at == 'x')
                byte = (unsigned char)strtoul((char[]){at[1], at[2], 0}, NULL, 16), after = (char *)at + 3;
            else if (*at >= '0' && *at <= '7')
                for (byte = 0, after = (char *)at; after < at + 3 && *after >= '0' && *after <= '7'; after++)
                    byte = (unsigned char)(byte * 8 + (*after - '0'));
            else
                byte = (unsigned char)(letter && *at ? meant[letter - letters] : *at);
            if (after)
                at = after - 1;
        }
        if (*size < capacity)
            out[(*size)++] = byte;
    }
    return at;
}

/* The bytes of member `key`; 0 when it is not there. */
static size_t member_bytes(const char *text, const char *key, unsigned char *out, size_t capacity)
{
    size_t size = 0;
    const char *at = strstr(text, key);
    if (at && at[strlen(key)] == '"')
        unquote(at + strlen(key), out, capacity, &size);
    return size;
}

static void read_address(const char *text, struct address *out)
{
    unsigned char bytes[126] = {0};
    const char *family_at = strstr(text, "{sa_family=");
    *out = (struct address){0};
    if (!family_at)
        return;
    unsigned family = (unsigned)strtoul(family_at + 11, NULL, 0);
    size_t size = 0;
    if (family == AF_INET && member_bytes(text, "sin_port=", bytes, 2) == 2 &&
        member_bytes(text, "sin_addr=", bytes + 2, 4) == 4) {
        size = 6;
    } else if (family == AF_INET6 && member_bytes(text, "sin6_port=", bytes, 2) == 2 &&
               member_bytes(text, "sin6_addr=", bytes + 2, 16) == 16) {
        const char *scope_at = strstr(text, "sin6_scope_id=");
        uint32_t scope = scope_at ? (uint32_t)strtoul(scope_at + 14, NULL, 0) : 0;
        memcpy(bytes + 18, &scope, sizeof(scope));
        size = 22;
    } else if (family == AF_UNIX) {
        bool abstract = strstr(text, "sun_path=@\"") != NULL;
        size = abstract ? 1 + member_bytes(text, "sun_path=@", bytes + 1, 107)
                        : member_bytes(text, "sun_path=", bytes, 108);
    } else {
        return;
    }
    address_decode(out, family, bytes, size);
}

/* Numbers in [..] or {..}: an int each, or two longs where the size says so. */
static size_t read_numbers(const char *text, size_t option_size, unsigned char out[WATCHED_VALUE_MAX])
{
    size_t size = 0, width = *text == '{' && option_size == 16 ? 8 : 4;
    for (const char *at = text; *at && size + width <= WATCHED_VALUE_MAX; at++) {
        if (at[0] != '=' && at[0] != '[' && !(at[0] == ' ' && at[-1] == ','))
            continue;
        char *end;
        long long number = strtoll(at + 1, &end, 0);
        if (end == at + 1)
            continue;
        memcpy(out + size, &number, width);
        size += width;
        at = end - 1;
    }
    return size;
}

static void read_value(const char *text, size_t option_size, struct watched *call)
{
    if (*text == '"') {
        unquote(text, call->value, sizeof(call->value), &call->value_size);
        if (call->value_size > option_size)
            call->value_size = option_size;
    } else if ((*text == '[' || *text == '{') && !strstr(text, "inet_addr") && !strstr(text, "\"")) {
        size_t size = read_numbers(text, option_size, call->value);
        if (size <= option_size)
            call->value_size = size;
    }
}

static int error_number(const char *name, size_t length)
{
    for (int error = 1; error < 134; error++) {
        const char *known = strerrorname_np(error);
        if (known && strlen(known) == length && strncmp(known, name, length) == 0)
            return error;
    }
    return -1;
}

static void read_result(const char *text, struct watched *call)
{
    if (strncmp(text, "? ERESTART", 10) == 0) {
        call->restarted = true;
        call->error = EINTR;
        call->result = -1;
        return;
    }
    call->result = strtol(text, NULL, 0);
    call->result_inode = socket_inode(text);
    if (strncmp(text, "-1 E", 4) == 0)
        call->error = error_number(text + 3, strcspn(text + 3, " "));
}

/* "TIME name(arguments) = result". False for what is no system call or never returned. */
static bool read_call(char *text, uint32_t tid, struct watched *call)
{
    struct line line;
    char *at;
    *call = (struct watched){.tid = tid, .second_fd = -1};
    call->time = strtod(text, &at);
    if (at == text || *at != ' ' || strncmp(at, " ---", 4) == 0 || strncmp(at, " +++", 4) == 0)
        return false;
    at++;
    snprintf(call->line, sizeof(call->line), "%s", at);
    if (!take_apart(at, &line) || (line.result[0] == '?' && strncmp(line.result, "? ERESTART", 10) != 0))
        return false;
    snprintf(call->name, sizeof(call->name), "%s", line.name);
    read_result(line.result, call);
    for (int i = 0; i < line.count && i < 5; i++) {
        const char *bar = line.arguments[i];
        for (; *bar; bar = strchr(bar, '|') ? strchr(bar, '|') + 1 : "")
            call->arguments[i] |= strtol(bar, NULL, 0);
        call->inodes[i] = socket_inode(line.arguments[i]);
    }
    bool has_address =
        strcmp(call->name, "bind") == 0 || strcmp(call->name, "connect") == 0 || strncmp(call->name, "accept", 6) == 0;
    if (has_address && line.count > 1)
        read_address(line.arguments[1], &call->address);
    if (strcmp(call->name, "setsockopt") == 0 && line.count == 5)
        read_value(line.arguments[3], (size_t)call->arguments[4], call);
    if (strcmp(call->name, "socketpair") == 0 && line.count == 4 && line.arguments[3][0] == '[') {
        const char *second = strchr(line.arguments[3], ',');
        call->arguments[3] = strtol(line.arguments[3] + 1, NULL, 10);
        call->inodes[3] = socket_inode(line.arguments[3]);
        call->second_fd = second ? strtol(second + 1, NULL, 10) : -1;
    }
    return true;
}

/* ---- Stacks ---- */

struct frame {
    bool shim, libc;
    char function[WATCHED_CALLED_MAX];
};

static bool read_frame(char *text, struct frame *frame)
{
    char *open = strchr(text, '('), *slash;
    if (strncmp(text, " > ", 3) != 0)
        return false;
    *frame = (struct frame){0};
    if (!open)
        return true;
    *open++ = 0;
    slash = strrchr(text, '/');
    const char *object = slash ? slash + 1 : text + 3;
    frame->shim = strncmp(object, "libsockatlas", 12) == 0;
    frame->libc = strncmp(object, "libc.so", 7) == 0 || strncmp(object, "libc-2", 6) == 0 ||
                  strncmp(object, "libc.musl", 9) == 0 || strncmp(object, "ld-", 3) == 0 ||
                  strncmp(object, "libpthread", 10) == 0;
    snprintf(frame->function, sizeof(frame->function), "%.*s", (int)strcspn(open, "+)"), open);
    return true;
}

/* connect, __connect, __libc_connect, __close_nocancel, accept4: one public name each. */
static void plain_name(const char *name, char out[WATCHED_CALLED_MAX])
{
    static const char *const endings[] = {"_nocancel", "64", "4"};
    name += strspn(name, "_");
    if (strncmp(name, "libc_", 5) == 0)
        name += 5;
    snprintf(out, WATCHED_CALLED_MAX, "%s", name);
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        size_t length = strlen(out), ending = strlen(endings[i]);
        if (length > ending && strcmp(out + length - ending, endings[i]) == 0)
            out[length - ending] = 0;
    }
}

/* `depth` frames were read before this one; 0 is the one with the system call instruction. */
static void judge_frame(struct watched *call, const struct frame *frame, int depth, bool *decided)
{
    if (*decided)
        return;
    if (depth == 0 && !frame->libc) {
        call->by = frame->shim ? WATCHED_SHIM : WATCHED_RAW;
        *decided = true;
        return;
    }
    if (frame->libc || frame->shim) {
        char plain[WATCHED_CALLED_MAX], own[WATCHED_CALLED_MAX];
        snprintf(call->called, sizeof(call->called), "%s", frame->function);
        plain_name(frame->function, plain);
        plain_name(call->name, own);
        call->by = strcmp(plain, own) == 0         ? WATCHED_PROGRAM
                   : strcmp(plain, "syscall") == 0 ? WATCHED_RAW
                                                   : WATCHED_LIBC;
    }
    *decided = !frame->libc;
}

/* ---- Files ---- */

struct calls {
    struct watched *all;
    size_t count, capacity;
};

static struct watched *append(struct calls *calls)
{
    if (calls->count == calls->capacity) {
        calls->capacity = calls->capacity ? calls->capacity * 2 : 1024;
        calls->all = realloc(calls->all, calls->capacity * sizeof(*calls->all));
        if (!calls->all)
            abort();
    }
    return &calls->all[calls->count++];
}

static void read_thread(const char *path, struct calls *calls)
{
    FILE *file = fopen(path, "r");
    const char *dot = strrchr(path, '.');
    char *text = NULL;
    size_t capacity = 0;
    bool inside = false, decided = false;
    int depth = 0;
    if (!file) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(1);
    }
    while (getline(&text, &capacity, file) > 0) {
        struct frame frame;
        struct watched call;
        text[strcspn(text, "\n")] = 0;
        if (read_frame(text, &frame)) {
            if (inside)
                judge_frame(&calls->all[calls->count - 1], &frame, depth++, &decided);
            continue;
        }
        inside = read_call(text, (uint32_t)strtoul(dot + 1, NULL, 10), &call);
        decided = false;
        depth = 0;
        if (inside)
            *append(calls) = call;
    }
    free(text);
    fclose(file);
}

struct watched *watched_read(const char *prefix, size_t *count)
{
    char pattern[4096];
    struct calls calls = {0};
    glob_t found;
    snprintf(pattern, sizeof(pattern), "%s.[0-9]*", prefix);
    if (glob(pattern, 0, NULL, &found) != 0) {
        fprintf(stderr, "%s: no such files\n", pattern);
        exit(1);
    }
    for (size_t i = 0; i < found.gl_pathc; i++)
        read_thread(found.gl_pathv[i], &calls);
    globfree(&found);
    *count = calls.count;
    return calls.all;
}
