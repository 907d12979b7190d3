/* SPDX-License-Identifier: MIT
 *
 * What the shim takes from libc elsewhere: functions on memory and text, errno, the environment, the auxiliary vector.
 * Callable from anywhere. Compiled so that the compiler does not put calls of these functions in their place.
 */
#include "shim/piece/internal.h"
#include "shim/thread.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#undef errno

char **environ;
THREAD int piece_error;

int *__errno_location(void)
{
    return &THREAD_OWN(piece_error);
}

static const unsigned long *auxiliary;

void piece_auxiliary(const unsigned long *vector)
{
    auxiliary = vector;
}

unsigned long getauxval(unsigned long type)
{
    for (const unsigned long *at = auxiliary; at && at[0] != AT_NULL; at += 2)
        if (at[0] == type)
            return at[1];
    return 0;
}

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    void *at = to;
    __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(size) : : "memory");
    return to;
}

void *memmove(void *to, const void *from, size_t size)
{
    if ((size_t)((char *)to - (const char *)from) >= size)
        return memcpy(to, from, size);
    while (size-- > 0)
        ((char *)to)[size] = ((const char *)from)[size];
    return to;
}

void *memset(void *to, int byte, size_t size)
{
    void *at = to;
    __asm__ volatile("rep stosb" : "+D"(at), "+c"(size) : "a"(byte) : "memory");
    return to;
}

int memcmp(const void *one, const void *other, size_t size)
{
    const unsigned char *a = one, *b = other;
    for (; size > 0; size--, a++, b++)
        if (*a != *b)
            return *a - *b;
    return 0;
}

void *memchr(const void *in, int byte, size_t size)
{
    for (const unsigned char *at = in; size > 0; size--, at++)
        if (*at == (unsigned char)byte)
            return (void *)at;
    return NULL;
}

size_t strnlen(const char *text, size_t most)
{
    size_t size = 0;
    while (size < most && text[size])
        size++;
    return size;
}

size_t strlen(const char *text)
{
    return strnlen(text, SIZE_MAX);
}

int strncmp(const char *one, const char *other, size_t most)
{
    for (; most > 0; most--, one++, other++)
        if (*one != *other || !*one)
            return (unsigned char)*one - (unsigned char)*other;
    return 0;
}

int strcmp(const char *one, const char *other)
{
    return strncmp(one, other, SIZE_MAX);
}

char *strchr(const char *text, int byte)
{
    for (;; text++) {
        if (*text == (char)byte)
            return (char *)text;
        if (!*text)
            return NULL;
    }
}

char *strrchr(const char *text, int byte)
{
    const char *found = NULL;
    for (;; text++) {
        if (*text == (char)byte)
            found = text;
        if (!*text)
            return (char *)found;
    }
}

size_t strcspn(const char *text, const char *none_of)
{
    size_t size = 0;
    while (text[size] && !strchr(none_of, text[size]))
        size++;
    return size;
}

size_t strspn(const char *text, const char *only)
{
    size_t size = 0;
    while (text[size] && strchr(only, text[size]))
        size++;
    return size;
}

char *strstr(const char *text, const char *wanted)
{
    size_t size = strlen(wanted);
    for (;; text++) {
        if (strncmp(text, wanted, size) == 0)
            return (char *)text;
        if (!*text)
            return NULL;
    }
}
