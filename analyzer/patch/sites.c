/* SPDX-License-Identifier: MIT
 *
 * Finds the instructions of a program's file that make system calls. Go's are few and alike: one or two functions make
 * any call that the program asks for, each `syscall` with the comparison of its result behind it; the runtime's own
 * calls have their number in the instruction before. Reads the file only.
 */
#include "analyzer/patch/patch.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct image {
    const unsigned char *bytes;
    size_t size;
    const Elf64_Ehdr *head;
    const Elf64_Phdr *segments;
};

/* Instructions as they stand one behind another, with the system call in their middle. */
struct form {
    const char *name;
    unsigned char bytes[SITE_BYTES];
    unsigned char size;
    unsigned char first; /* the first byte that is replaced */
    unsigned char last;  /* and the one behind the last */
    unsigned char call;
    short number;
};

/* clang-format off */
static const struct form go_forms[] = {
    /* syscall; cmp $-4095, %rax */
    {"any", {0x0f, 0x05, 0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff}, 8, 0, 8, 0, SITE_ANY_NUMBER},
    /* syscall; push %r12; cmp $-4095, %rax: the child that shares the stack */
    {"vfork", {0x0f, 0x05, 0x41, 0x54, 0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff}, 10, 0, 10, 0, SITE_ANY_NUMBER},
    /* mov 8(%rsp), %edi; mov $exit_group, %eax; syscall; ret */
    {"exit", {0x8b, 0x7c, 0x24, 0x08, 0xb8, 0xe7, 0, 0, 0, 0x0f, 0x05, 0xc3}, 12, 4, 11, 9, SYS_exit_group},
    /* mov $0, %edi; mov $exit, %eax; syscall; int $3 */
    {"exit a thread", {0xbf, 0, 0, 0, 0, 0xb8, 0x3c, 0, 0, 0, 0x0f, 0x05, 0xcd, 0x03}, 14, 5, 12, 10, SYS_exit},
};
/* clang-format on */

static bool image_open(struct image *image, int fd)
{
    struct stat status;
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size < (off_t)sizeof(Elf64_Ehdr))
        return false;
    image->size = (size_t)status.st_size;
    image->bytes = mmap(NULL, image->size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (image->bytes == MAP_FAILED)
        return false;
    const Elf64_Ehdr *head = image->head = (const Elf64_Ehdr *)(const void *)image->bytes;
    image->segments = (const Elf64_Phdr *)(const void *)(image->bytes + head->e_phoff);
    return memcmp(head->e_ident, ELFMAG, SELFMAG) == 0 && head->e_ident[EI_CLASS] == ELFCLASS64 &&
           head->e_machine == EM_X86_64 && head->e_phentsize == sizeof(Elf64_Phdr) && head->e_phoff % 8 == 0 &&
           head->e_phoff < image->size && head->e_phnum <= (image->size - head->e_phoff) / sizeof(Elf64_Phdr);
}

/* Whether all of a segment's bytes are in the file. */
static bool is_whole(const struct image *image, const Elf64_Phdr *segment)
{
    return segment->p_offset <= image->size && segment->p_filesz <= image->size - segment->p_offset;
}

/* The note of Go's linker. */
static bool is_go(const struct image *image)
{
    enum { BUILD_ID = 4 };
    for (unsigned i = 0; i < image->head->e_phnum; i++) {
        const Elf64_Phdr *segment = &image->segments[i];
        if (segment->p_type != PT_NOTE || !is_whole(image, segment))
            continue;
        const unsigned char *notes = image->bytes + segment->p_offset;
        Elf64_Nhdr note;
        for (size_t at = 0; at + sizeof(note) + 4 <= segment->p_filesz;) {
            memcpy(&note, notes + at, sizeof(note));
            if (note.n_type == BUILD_ID && note.n_namesz == 4 && memcmp(notes + at + sizeof(note), "Go\0", 4) == 0)
                return true;
            at +=
                sizeof(note) + (((size_t)note.n_namesz + 3) & ~(size_t)3) + (((size_t)note.n_descsz + 3) & ~(size_t)3);
        }
    }
    return false;
}

/* Where it is loaded. False: it has a loader, which would have to be let by first, or makes no sense. */
static bool read_layout(const struct image *image, struct sites *sites)
{
    sites->low = UINT64_MAX;
    for (unsigned i = 0; i < image->head->e_phnum; i++) {
        const Elf64_Phdr *segment = &image->segments[i];
        if (segment->p_type == PT_INTERP)
            return false;
        if (segment->p_type != PT_LOAD)
            continue;
        if (!is_whole(image, segment))
            return false;
        if (segment->p_offset <= image->head->e_phoff && image->head->e_phoff < segment->p_offset + segment->p_filesz)
            sites->headers = segment->p_vaddr + image->head->e_phoff - segment->p_offset;
        if (segment->p_vaddr < sites->low)
            sites->low = segment->p_vaddr;
        if (segment->p_vaddr + segment->p_memsz > sites->high)
            sites->high = segment->p_vaddr + segment->p_memsz;
    }
    sites->movable = image->head->e_type == ET_DYN;
    return sites->low < sites->high && sites->headers && (sites->movable || image->head->e_type == ET_EXEC);
}

static bool add(struct sites *sites, const struct site *site)
{
    enum { STEP = 16 };
    if (sites->count % STEP == 0) {
        struct site *more = realloc(sites->items, (sites->count + STEP) * sizeof(*more));
        if (!more)
            return false;
        sites->items = more;
    }
    sites->items[sites->count++] = *site;
    return true;
}

/* The number that the instruction in front of `at` sets, SITE_ANY_NUMBER where that is none:
 * mov $number, %eax or mov $number, %rax. */
static long number_before(const unsigned char *bytes, size_t at)
{
    uint32_t number;
    if (at < 7)
        return SITE_ANY_NUMBER;
    memcpy(&number, bytes + at - 4, sizeof(number));
    bool set = bytes[at - 5] == 0xb8 || memcmp(bytes + at - 7, "\x48\xc7\xc0", 3) == 0;
    return set && number < 1024 ? (long)number : SITE_ANY_NUMBER;
}

/* Which of the runtime's own calls is worth it: none of them is made on a socket but this. */
static bool is_wanted(long number)
{
    return number == SITE_ANY_NUMBER || number == SYS_close;
}

static bool add_go(struct sites *sites, const Elf64_Phdr *segment, const unsigned char *bytes, size_t at,
                   unsigned found[])
{
    for (size_t i = 0; i < sizeof(go_forms) / sizeof(*go_forms); i++) {
        const struct form *form = &go_forms[i];
        if (segment->p_filesz - at < form->size || memcmp(bytes + at, form->bytes, form->size) != 0)
            continue;
        if (form->number == SITE_ANY_NUMBER && !is_wanted(number_before(bytes, at + form->call)))
            continue;
        struct site site = {.address = segment->p_vaddr + at + form->first,
                            .size = (unsigned)form->last - form->first,
                            .call = (unsigned)form->call - form->first,
                            .number = form->number};
        memcpy(site.bytes, form->bytes + form->first, site.size);
        /* The one with its number before it is none that any call goes through. */
        found[i] += form->number != SITE_ANY_NUMBER || number_before(bytes, at + form->call) == SITE_ANY_NUMBER;
        if (!add(sites, &site))
            return false;
    }
    return true;
}

/* Any call goes through one function at least, and the program ends in one place. */
static bool find_go(const struct image *image, struct sites *sites)
{
    enum { ANY = 0, EXIT = 2 };
    unsigned found[sizeof(go_forms) / sizeof(*go_forms)] = {0};
    for (unsigned i = 0; i < image->head->e_phnum; i++) {
        const Elf64_Phdr *segment = &image->segments[i];
        if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X))
            continue;
        const unsigned char *bytes = image->bytes + segment->p_offset;
        for (size_t at = 0; at < segment->p_filesz; at++)
            if (!add_go(sites, segment, bytes, at, found))
                return false;
    }
    return found[ANY] > 0 && found[EXIT] == 1;
}

enum sockatlas_untraced sites_find(int fd, struct sites *sites)
{
    struct image image = {.bytes = MAP_FAILED};
    *sites = (struct sites){0};
    sites->go = image_open(&image, fd) && is_go(&image);
    bool found = sites->go && read_layout(&image, sites) && find_go(&image, sites);
    if (image.bytes != MAP_FAILED)
        munmap((void *)image.bytes, image.size);
    return found ? SOCKATLAS_TRACEABLE : sites->go ? SOCKATLAS_UNTRACED_SITES : SOCKATLAS_UNTRACED_STATIC;
}

void sites_free(struct sites *sites)
{
    free(sites->items);
    sites->items = NULL;
    sites->count = 0;
}
