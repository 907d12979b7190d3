/* SPDX-License-Identifier: MIT
 *
 * Finds the instructions of a program's file that make system calls: what kind of program it is, and what sites_go.c
 * and sites_static.c share. Reads the file only.
 */
#include "analyzer/patch/internal.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

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

static bool is_go(const struct image *image)
{
    for (unsigned i = 0; i < image->head->e_phnum; i++) {
        const Elf64_Phdr *segment = &image->segments[i];
        if (segment->p_type == PT_NOTE && is_whole(image, segment) &&
            site_is_go(image->bytes + segment->p_offset, segment->p_filesz))
            return true;
    }
    return false;
}

/* Where it is loaded. False: it makes no sense, or has a loader and is not Go's, whose programs have one without any
 * need of a library too. */
static bool read_layout(const struct image *image, struct sites *sites)
{
    sites->low = UINT64_MAX;
    for (unsigned i = 0; i < image->head->e_phnum; i++) {
        const Elf64_Phdr *segment = &image->segments[i];
        if (segment->p_type == PT_INTERP && !sites->go)
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

enum sockatlas_untraced sites_find(int fd, struct sites *sites)
{
    struct image image = {.bytes = MAP_FAILED};
    *sites = (struct sites){0};
    bool opened = image_open(&image, fd), found = false;
    sites->go = opened && is_go(&image);
    bool known = opened && read_layout(&image, sites);
    if (known)
        found = sites->go ? sites_find_go(&image, sites) : sites_find_static(&image, sites);
    if (image.bytes != MAP_FAILED)
        munmap((void *)image.bytes, image.size);
    return found ? SOCKATLAS_TRACEABLE : known ? SOCKATLAS_UNTRACED_SITES : SOCKATLAS_UNTRACED_STATIC;
}

void sites_free(struct sites *sites)
{
    free(sites->items);
    sites->items = NULL;
    sites->count = 0;
}
